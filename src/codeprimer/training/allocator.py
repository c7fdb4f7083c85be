"""Make glibc keep freed memory between steps.

Changes the allocator's parameters for the whole process. Key idea: each step allocates the same sizes that the previous step
freed, so the allocator should keep the memory; pages returned to the kernel would have to be zeroed and mapped again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

from codeprimer.training.shared_context import SharedContext

# The parameters of glibc's mallopt.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4

_KEEPING = {_TRIM_THRESHOLD: -1, _MMAP_MAX: 0, _TOP_PAD: 2**26}
"""Return nothing to the kernel, allocate large tensors from the heap, and keep a thread's heap after its last tensor is freed.

Except in the first thread, a heap holds at most 64 MB; larger allocations are still returned to the kernel.
"""

_USUAL = {_TRIM_THRESHOLD: 2**26, _MMAP_MAX: 2**16, _TOP_PAD: 2**17, _MMAP_THRESHOLD: 2**25}
"""The values that glibc adapts to after a program has freed a 32 MB tensor; setting any of them turns this adaptation off."""

_NAMES = ("trim_threshold", "top_pad", "mmap_threshold", "mmap_max")
"""The parameters' names in the environment: MALLOC_<NAME>_, or the tunable glibc.malloc.<name>."""


@SharedContext
@contextlib.contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Have glibc keep freed memory, unless the environment sets its parameters; on exit, trim the first heap."""
    library = _library()
    if library is None:
        yield
        return
    _set(library, _KEEPING)
    try:
        yield
    finally:
        _set(library, _USUAL)
        library.malloc_trim(0)


def _library() -> ctypes.CDLL | None:
    """Return the C library; None if it is not glibc, or if the environment sets its parameters."""
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    is_decided = any(f"MALLOC_{name.upper()}_" in os.environ or f"glibc.malloc.{name}=" in tunables for name in _NAMES)
    if sys.platform != "linux" or is_decided:
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


def _set(library: ctypes.CDLL, parameters: dict[int, int]) -> None:
    for parameter, value in parameters.items():
        library.mallopt(parameter, value)
