"""Seccomp: which system calls a judge or a candidate may make.

An allow-list: Python may compute, wait, start threads and read modules. Calls that can do more are allowed only
with harmless arguments; every other call fails with EPERM, and calls for a different architecture kill it. The zygote
installs the list once; a child inherits it, and a second filter removes the calls that only the zygote needs. See seccomp(2).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from . import system

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_ALLOW, _DENY, _UNKNOWN, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # EPERM, ENOSYS
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_SET_MODE_FILTER = 1
_CLONE_THREAD = 0x10000
_AF_UNIX = 1

# name: number on x86_64, number on aarch64; None if the architecture has no such call.
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # computing and memory
    "brk": (12, 214), "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216),
    "madvise": (28, 233), "mincore": (27, 232), "msync": (26, 227), "mlock": (149, 228), "munlock": (150, 229),
    "arch_prctl": (158, None), "membarrier": (324, 283), "rseq": (334, 293), "getrandom": (318, 278),
    # files: Landlock decides which; no call here creates, removes or changes one
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "lseek": (8, 62), "close": (3, 57), "close_range": (436, 436),
    "fstat": (5, 80), "stat": (4, None), "lstat": (6, None), "newfstatat": (262, 79),
    "statx": (332, 291), "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439),
    "readlink": (89, None), "readlinkat": (267, 78), "getdents64": (217, 61), "getcwd": (79, 17), "chdir": (80, 49),
    "fchdir": (81, 50), "fadvise64": (221, 223), "umask": (95, 166), "dup": (32, 23), "dup2": (33, None),
    "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59),
    # waiting
    "select": (23, None), "pselect6": (270, 72), "poll": (7, None), "ppoll": (271, 73), "epoll_create": (213, None),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441), "eventfd": (284, None), "eventfd2": (290, 19), "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115), "pause": (34, None), "timerfd_create": (283, 85), "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87), "getitimer": (36, 102), "setitimer": (38, 103), "alarm": (37, None),
    # threads
    "futex": (202, 98), "set_robust_list": (273, 99), "get_robust_list": (274, 100), "set_tid_address": (218, 96),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120), "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126),
    "getcpu": (309, 168), "exit": (60, 93), "exit_group": (231, 94), "restart_syscall": (219, 128),
    # the process's own signal handlers
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132),
    # time, and ids
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None),
    "times": (100, 153), "getrusage": (98, 165), "getrlimit": (97, 163), "sysinfo": (99, 179), "uname": (63, 160),
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getpgrp": (111, None), "getpgid": (121, 155),
    "getsid": (124, 156), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "getgroups": (115, 158), "getresuid": (118, 148), "getresgid": (120, 150),
    # the only open socket
    "recvfrom": (45, 207), "recvmsg": (47, 212), "shutdown": (48, 210), "getsockopt": (55, 209), "getsockname": (51, 204),
    "getpeername": (52, 205),
}  # fmt: skip

_UNKNOWN_CALLS: dict[str, tuple[int | None, int | None]] = {"clone3": (435, 435)}
"""Reported as missing (ENOSYS): libraries then use an older call, whose arguments a filter can read."""

_ZYGOTE_ONLY: dict[str, tuple[int | None, int | None]] = {
    "wait4": (61, 260), "unshare": (272, 97), "setns": (308, 268), "setsid": (112, 157), "capset": (126, 91),
    "seccomp": (317, 277), "landlock_restrict_self": (446, 446), "sendmsg": (46, 211), "setsockopt": (54, 208),
}  # fmt: skip
"""Calls with which the zygote starts, encloses and kills its children."""

_CLONE, _FCNTL, _IOCTL, _SOCKETPAIR, _SENDTO = (56, 220), (72, 25), (16, 29), (53, 199), (44, 206)
_OPEN, _OPENAT, _TRUNCATING = (2, None), (257, 56), 0o1000
"""O_TRUNC empties a file even when it is opened for reading; Landlock prevents that only from version 3."""

_KILL_CALLS, _TGKILL, _PRLIMIT, _PRCTL = ((62, 129), (200, 130)), (234, 131), (302, 261), (157, 167)
_HARMLESS_IOCTLS = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # TCGETS, window size, FIONREAD, FIONBIO, (no)cloexec
_HARMLESS_FCNTLS = (0, 1, 2, 3, 4, 1030, 1032)
"""Duplicating descriptors, and accessing their flags or a pipe's size; not setting their owner, who would receive signals."""

_HARMLESS_PRCTLS = (15, 16)  # the thread's name


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.c_void_p))


class _Step(NamedTuple):
    code: int
    k: int
    if_true: int = 0
    if_false: int = 0


class Filter:
    """A filter that a process can install."""

    def __init__(self, steps: Iterable[_Step]) -> None:
        steps = list(steps)
        self._instructions = (_Instruction * len(steps))(
            *(_Instruction(step.code, step.if_true, step.if_false, step.k) for step in steps)
        )
        self._own_pid = [place for place, step in enumerate(steps) if step.k == _OWN_PID]
        self._program = _Program(len(steps), ctypes.addressof(self._instructions))

    def install(self, pid: int) -> None:
        """Install the filter in this process, whose id is ``pid``, permanently. Raises OSError."""
        for place in self._own_pid:
            self._instructions[place].k = pid
        system.call(
            "seccomp",
            system.NR_SECCOMP,
            ctypes.c_uint(_SET_MODE_FILTER),
            ctypes.c_uint(0),
            ctypes.byref(self._program),
        )


_OWN_PID = 0xFFFFFFFE
"""Placeholder for the process id until the filter is installed."""

_COLUMN = 0 if system.MACHINE == "x86_64" else 1


def of_zygote() -> Filter:
    """Return the allow-list for the zygote and its children."""
    return Filter(_list_of_allowed())


def of_child() -> Filter:
    """Return a child's second filter; the kernel runs all filters, and the strictest result applies.

    It is short, because every child installs it: a filter with the whole list would take 0.1 ms longer.
    """
    return Filter(_list_of_taken())


def _list_of_allowed() -> Iterator[_Step]:
    yield _Step(_LOAD, _ARCHITECTURE_AT)
    yield _Step(_EQUAL, _ARCHITECTURE[system.MACHINE], 1, 0)
    yield _Step(_RETURN, _KILL)
    yield _Step(_LOAD, _NUMBER_AT)
    if _COLUMN == 0:
        yield _Step(_AT_LEAST, _X32_BIT, 0, 1)
        yield _Step(_RETURN, _KILL)
    free = (*_ALLOWED.values(), *_ZYGOTE_ONLY.values(), _CLONE, *_KILL_CALLS, _TGKILL, _PRLIMIT, _PRCTL)
    yield from _allowed_ranges(sorted({number for row in free if (number := row[_COLUMN]) is not None}))
    for row in _UNKNOWN_CALLS.values():
        yield from _answer(row, [_Step(_RETURN, _UNKNOWN)])
    yield from _answer(_FCNTL, _if_one_of(1, _HARMLESS_FCNTLS))
    yield from _answer(_IOCTL, _if_one_of(1, _HARMLESS_IOCTLS))
    yield from _answer(_SOCKETPAIR, _if_one_of(0, (_AF_UNIX,)))
    yield from _answer(_SENDTO, _if_null(4))
    yield from _answer(_OPEN, _unless_bit(1, _TRUNCATING))
    yield from _answer(_OPENAT, _unless_bit(2, _TRUNCATING))
    yield _Step(_RETURN, _DENY)


def _list_of_taken() -> Iterator[_Step]:
    yield _Step(_LOAD, _NUMBER_AT)
    for row in _ZYGOTE_ONLY.values():
        yield from _answer(row, [_Step(_RETURN, _DENY)])
    yield from _answer(_CLONE, _if_bit(0, _CLONE_THREAD))
    for row in (*_KILL_CALLS, _TGKILL):
        yield from _answer(row, _if_one_of(0, (_OWN_PID,)))
    yield from _answer(_PRLIMIT, _if_one_of(0, (0, _OWN_PID)))
    yield from _answer(_PRCTL, _if_one_of(0, _HARMLESS_PRCTLS))
    yield _Step(_RETURN, _ALLOW)


def _allowed_ranges(numbers: list[int]) -> Iterator[_Step]:
    """Yield steps that allow these numbers, with consecutive numbers compared as one range."""
    start = previous = numbers[0]
    for number in [*numbers[1:], -1]:
        if number == previous + 1:
            previous = number
            continue
        if start == previous:
            yield from (_Step(_EQUAL, start, 0, 1), _Step(_RETURN, _ALLOW))
        else:
            yield from (_Step(_AT_LEAST, start, 0, 2), _Step(_AT_LEAST, previous + 1, 1, 0), _Step(_RETURN, _ALLOW))
        start = previous = number


def _answer(row: tuple[int | None, int | None], steps: list[_Step]) -> list[_Step]:
    """Return steps that decide one call; ``steps`` must end in a decision."""
    number = row[_COLUMN]
    return [] if number is None else [_Step(_EQUAL, number, 0, len(steps)), *steps]


def _low(argument: int) -> _Step:
    """Load the lower half of an argument; both architectures are little-endian."""
    return _Step(_LOAD, _ARGUMENTS_AT + 8 * argument)


def _high(argument: int) -> _Step:
    return _Step(_LOAD, _ARGUMENTS_AT + 8 * argument + 4)


def _if_bit(argument: int, bit: int) -> list[_Step]:
    return [_low(argument), _Step(_ANY_BIT, bit, 0, 1), _Step(_RETURN, _ALLOW), _Step(_RETURN, _DENY)]


def _unless_bit(argument: int, bit: int) -> list[_Step]:
    return [_low(argument), _Step(_ANY_BIT, bit, 1, 0), _Step(_RETURN, _ALLOW), _Step(_RETURN, _DENY)]


def _if_null(argument: int) -> list[_Step]:
    return [
        *(_low(argument), _Step(_EQUAL, 0, 0, 3)),
        *(_high(argument), _Step(_EQUAL, 0, 0, 1)),
        *(_Step(_RETURN, _ALLOW), _Step(_RETURN, _DENY)),
    ]


def _if_one_of(argument: int, values: tuple[int, ...]) -> list[_Step]:
    """Allow these values; the kernel reads these arguments as 32 bits, so only those are compared."""
    tests = [_Step(_EQUAL, value, len(values) - place, 0) for place, value in enumerate(values)]
    return [_low(argument), *tests, _Step(_RETURN, _DENY), _Step(_RETURN, _ALLOW)]
