"""What becomes of memory between two steps.

Changes how the C library of the whole process hands memory out. Its one idea: a step frees what the next one asks for
again, in the same sizes, so the library had better keep it; given back to the kernel, every page of it has to be cleared and
mapped again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator

# The parameters of glibc's mallopt.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4

_KEEPING = {_TRIM_THRESHOLD: -1, _MMAP_MAX: 0, _TOP_PAD: 2**26}
"""Nothing is given back, large tensors come from the heap like small ones, and a thread's heap outlives its last tensor.

The heaps of a thread that is not the first hold 64 MB each: what does not fit in there is still given back.
"""

_USUAL = {_TRIM_THRESHOLD: 2**26, _MMAP_MAX: 2**16, _TOP_PAD: 2**17, _MMAP_THRESHOLD: 2**25}
"""How glibc is by itself once a program has freed a tensor of 32 MB; from the first change on it adapts no more."""

_NAMES = ("trim_threshold", "top_pad", "mmap_threshold", "mmap_max")
"""What the same are called in the environment: as variables MALLOC_NAME_, as tunables glibc.malloc.name."""

_lock = threading.Lock()
_users = 0


@contextlib.contextmanager
def keeping_freed_memory() -> Iterator[None]:
    """Have the C library keep what is freed, where it is glibc and whoever started the process has not decided that.

    Models may train side by side: the last to leave has the library give back what the first heap still holds.
    """
    global _users
    library = _library()
    with _lock:
        if library is not None and not _users:
            _set(library, _KEEPING)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if library is not None and not _users:
                _set(library, _USUAL)
                library.malloc_trim(0)


def _library() -> ctypes.CDLL | None:
    """Return the C library, where it is one that can be told."""
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    is_decided = any(f"MALLOC_{name.upper()}_" in os.environ or f"glibc.malloc.{name}=" in tunables for name in _NAMES)
    if sys.platform != "linux" or is_decided:
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


def _set(library: ctypes.CDLL, parameters: dict[int, int]) -> None:
    for parameter, value in parameters.items():
        library.mallopt(parameter, value)
