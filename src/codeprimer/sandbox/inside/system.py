"""System calls that Python does not provide, and their numbers.

Every call either succeeds or raises OSError with its name, so failing to build a wall never goes unnoticed.
"""

from __future__ import annotations

import ctypes
import os
import sys

MACHINE = os.uname().machine
IS_LINUX = sys.platform == "linux"
IS_KNOWN = IS_LINUX and MACHINE in ("x86_64", "aarch64") and sys.maxsize > 2**32
"""Whether the system call tables cover this architecture."""

_x86 = MACHINE == "x86_64"
NR_SECCOMP = 317 if _x86 else 277
NR_PIVOT_ROOT = 155 if _x86 else 41
NR_CAPSET = 126 if _x86 else 91
NR_MOUNT = 165 if _x86 else 40
NR_UMOUNT2 = 166 if _x86 else 39
NR_PTRACE = 101 if _x86 else 117
NR_SHMGET = 29 if _x86 else 194
NR_SHMCTL = 31 if _x86 else 195
NR_SETHOSTNAME = 170 if _x86 else 161
NR_MOUNT_SETATTR = 442
NR_LANDLOCK_CREATE_RULESET, NR_LANDLOCK_ADD_RULE, NR_LANDLOCK_RESTRICT_SELF = 444, 445, 446

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 38, 39


def _missing(*_: int) -> int:
    return -1


_libc = ctypes.CDLL(None, use_errno=True) if IS_LINUX else None
_libc_fork = ctypes.PyDLL(None, use_errno=True).fork if IS_LINUX else os.fork
unshare = _libc.unshare if _libc is not None else _missing
setns = _libc.setns if _libc is not None else _missing
"""Functions in libc, for a fast fork; they return a non-zero value on failure."""


def call(name: str, number: int, *arguments: object) -> int:
    """Make a system call and return its result. Raises OSError, naming the call."""
    assert _libc is not None
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise failure(name)
    return result


def failure(name: str) -> OSError:
    """Return the error of the call that has just failed."""
    code = ctypes.get_errno()
    return OSError(code, f"{name}: {os.strerror(code)}")


def fork() -> int:
    """Fork this process, which must be single-threaded; return the child's id, or 0 in the child. Raises OSError.

    This calls libc's fork, because ``os.fork`` also reinitializes locks for other threads in the child. That touches 70
    memory pages, each of which then has to be copied.
    """
    pid: int = _libc_fork()
    if pid < 0:
        raise failure("fork")
    return pid


def prctl(name: str, option: int, value: int = 0) -> int:
    """Set or get one property of this process. Raises OSError, naming it."""
    assert _libc is not None
    result: int = _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
    if result < 0:
        raise failure(f"prctl {name}")
    return result


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


_no_capabilities = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice
_capability_header = _CapabilityHeader(0x20080522, 0)


def drop_capabilities() -> None:
    """Drop every capability. Raises OSError."""
    call("capset", NR_CAPSET, ctypes.byref(_capability_header), ctypes.byref(_no_capabilities))
