"""Landlock: a process can read only a few files, and cannot write files, open connections or signal outside processes.

Uses two layers. The first restricts files and ports, once, in the zygote; the second encloses each judge and each
candidate, so that neither can reach the other or the zygote. See landlock(7).
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterator, Sequence

from . import system

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_ALL_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_RIGHTS = 0b11  # bind and connect, TCP
_SCOPES = 0b11  # abstract sockets and signals
_CREATE_VERSION = 1
_RULE_PATH_BENEATH = 1


class _Attributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """Return the kernel's Landlock version, or 0 if it has no Landlock."""
    if not system.IS_KNOWN:
        return 0
    try:
        return system.call(
            "landlock_create_ruleset",
            system.NR_LANDLOCK_CREATE_RULESET,
            None,
            ctypes.c_size_t(0),
            ctypes.c_uint32(_CREATE_VERSION),
        )
    except OSError:
        return 0


def files_ruleset(readable: Sequence[str], hidden: Sequence[str], writable: Sequence[str]) -> int:
    """Return the descriptor of a ruleset that allows reading ``readable`` except for the folders ``hidden``, and reading and
    writing the individual files ``writable``.

    It forbids access to all other files, and binding or connecting to any port. Raises OSError.
    """
    abi = version()
    rights = _ALL_FILE_RIGHTS[max(level for level in _ALL_FILE_RIGHTS if level <= abi)]
    ruleset = _create(_Attributes(rights, _NET_RIGHTS if abi >= 4 else 0, 0), abi)
    for path in readable:
        for inner, rights in _rights(os.path.realpath(path), hidden):
            _allow_path(ruleset, inner, rights)
    for path in writable:
        _allow_path(ruleset, path, _READ_FILE | _WRITE_FILE)
    return ruleset


def _rights(path: str, hidden: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield paths at or below ``path`` with their rights: a folder that contains a hidden one can only be listed."""
    if not any(folder == path or folder.startswith(path + "/") for folder in hidden):
        yield path, _READ_FILE | _READ_DIR
    elif path not in hidden:
        yield path, _READ_DIR
        for name in os.listdir(path):
            yield from _rights(f"{path}/{name}", hidden)


def _allow_path(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        _allow(ruleset, descriptor, rights if is_folder else rights & ~_READ_DIR)
    finally:
        os.close(descriptor)


def scope_ruleset() -> int:
    """Return the descriptor of a ruleset that confines signals and abstract sockets.

    Before version 6, Landlock cannot do that. The ruleset then forbids something that is already forbidden, for the side
    effect that outside processes cannot be traced. Raises OSError.
    """
    abi = version()
    return _create(_Attributes(0, 0, _SCOPES) if abi >= 6 else _Attributes(_EXECUTE, 0, 0), abi)


def has_scope() -> bool:
    """Return whether signals and abstract sockets can be confined (version 6)."""
    return version() >= 6


def restrict(ruleset: int) -> None:
    """Apply a ruleset to this process, permanently. Raises OSError."""
    system.call("landlock_restrict_self", system.NR_LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))


def _create(attributes: _Attributes, abi: int) -> int:
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    return system.call(
        "landlock_create_ruleset",
        system.NR_LANDLOCK_CREATE_RULESET,
        ctypes.byref(attributes),
        ctypes.c_size_t(size),
        ctypes.c_uint32(0),
    )


def _allow(ruleset: int, parent: int, rights: int) -> None:
    rule = _PathBeneath(rights, parent)
    system.call(
        "landlock_add_rule",
        system.NR_LANDLOCK_ADD_RULE,
        ctypes.c_int(ruleset),
        ctypes.c_int(_RULE_PATH_BENEATH),
        ctypes.byref(rule),
        ctypes.c_uint32(0),
    )
