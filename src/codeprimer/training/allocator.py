"""What becomes of memory between two steps.

Changes how the C library of the whole process hands memory out, and puts it back. Its one idea: a step frees what the next
one asks for again, in the same sizes, so the library had better keep it; given back to the kernel, every page of it has to be
cleared and mapped again, which took a tenth of a step.
"""

from __future__ import annotations

import ctypes
import os
import sys

# The parameters of glibc's mallopt.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4

_KEEPING = {_TRIM_THRESHOLD: -1, _MMAP_MAX: 0, _TOP_PAD: 2**26}
"""Nothing is given back, large tensors come from the heap like small ones, and a thread's heap outlives its last tensor."""

_USUAL = {_TRIM_THRESHOLD: 2**26, _MMAP_MAX: 2**16, _TOP_PAD: 2**17, _MMAP_THRESHOLD: 2**25}
"""How glibc is by itself, once a program has freed large tensors; from the first change on it adapts no more."""


def keep_freed_memory() -> None:
    """Have the C library keep what is freed, where it is glibc and whoever started the process has not decided that."""
    _set(_KEEPING)


def give_back_freed_memory() -> None:
    """Have the C library give back what is freed, as it usually does, and what it has kept until now."""
    if library := _set(_USUAL):
        library.malloc_trim(0)


def _set(parameters: dict[int, int]) -> ctypes.CDLL | None:
    """Set the library's parameters and return it, where it is one that has them."""
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return None
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return None
    for parameter, value in parameters.items():
        library.mallopt(parameter, value)
    return library
