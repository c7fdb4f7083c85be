"""Namespaces: a root file system that contains only Python, and no access to other processes, networks or users.

Bind-mounts the paths that Python needs, read-only, into a new root. The process that enters the namespaces is mapped to
a user that owns nothing outside, so even root inside has no privileges on the host. See namespaces(7), pivot_root(2).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from . import system

NEW_MOUNTS, NEW_CGROUP, NEW_UTS, NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEW_USER, NEW_PIDS, NEW_NET = 0x10000000, 0x20000000, 0x40000000
HOST_NAME = "jail"
EMPTY = "/empty"
"""The working directory of every program."""
NOBODY = 65534
"""The host user to which the only user inside is mapped when root creates the namespaces."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_BIND, _RECURSIVE, _PRIVATE, _NO_SUID, _NO_DEVICES = 0x1000, 0x4000, 1 << 18, 2, 4
_DETACH = 2
_AT_RECURSIVE, _AT_FDCWD = 0x8000, -100
_ATTRIBUTES = 0x1 | 0x2  # read only, no set-user-id


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


def enter(readable: Sequence[str], hidden: Sequence[str], root: str, canary: str) -> None:
    """Move this process, which must be single-threaded, into new namespaces; its next child is the first process there.

    Within ``readable``, the folders ``hidden`` appear empty. ``root`` is an empty folder for the new root, ``canary`` the
    name of a file in it that no process may read. Raises OSError if the system does not allow it.
    """
    rest = NEW_PIDS | NEW_NET | NEW_IPC | NEW_UTS | NEW_CGROUP
    if os.geteuid() == 0:
        proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
        unshare(NEW_MOUNTS)
        _build(readable, hidden, root, canary)
        _become(NEW_USER | rest, NOBODY if _is_open_to_all(readable) else 0, proc)
        os.close(proc)
    else:
        user, group = os.getuid(), os.getgid()
        unshare(NEW_USER)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")
        unshare(NEW_MOUNTS)
        _build(readable, hidden, root, canary)
        unshare(rest)
    system.call("sethostname", system.NR_SETHOSTNAME, HOST_NAME.encode(), len(HOST_NAME))


def unshare(kinds: int) -> None:
    """Move this process into new namespaces. Raises OSError."""
    if system.unshare(kinds):
        raise system.failure("unshare")


class FreshPids:
    """Gives each child its own process namespace, in which it is alone."""

    def __init__(self) -> None:
        self._own = os.pidfd_open(os.getpid())

    def begin(self) -> None:
        """Make the next child the first process of a new namespace. Raises OSError."""
        unshare(NEW_PIDS)

    def end(self) -> None:
        """Return to this process's own namespace, as the next ``begin`` requires. Raises OSError."""
        if system.setns(self._own, NEW_PIDS):
            raise system.failure("setns")


def _become(kinds: int, outside: int, proc: int) -> None:
    """Unshare as root, while a helper process that stays outside maps the new user to the user ``outside``."""
    ask_read, ask_write = os.pipe()
    parent = os.getpid()
    helper = os.fork()
    if helper == 0:
        status = 1
        try:
            os.close(ask_write)
            os.read(ask_read, 1)
            for name, text in (("uid_map", f"0 {outside} 1"), ("gid_map", f"0 {outside} 1")):
                _write(f"{parent}/{name}", text, proc)
            status = 0
        finally:
            os._exit(status)
    unshare(kinds)
    os.write(ask_write, b"1")
    _, status = os.waitpid(helper, 0)
    for descriptor in (ask_read, ask_write):
        os.close(descriptor)
    if status:
        raise OSError(1, "the user could not be mapped to one outside the namespace")
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _write(path: str, text: str, folder: int | None = None) -> None:
    descriptor = os.open(path, os.O_WRONLY, dir_fd=folder)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _is_open_to_all(readable: Sequence[str]) -> bool:
    """Return whether a user who owns nothing can read the files; their parent folders are recreated in the root."""
    return all(os.stat(path).st_mode & 0o004 for path in (*readable, os.__file__))


def _build(readable: Sequence[str], hidden: Sequence[str], root: str, canary: str) -> None:
    _mount("none", "/", None, _RECURSIVE | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NO_SUID | _NO_DEVICES, "size=64k,nr_inodes=1k,mode=755")
    with open(root + "/" + canary, "w") as file:
        file.write("seen")
    os.chmod(root + "/" + canary, 0o444)
    os.mkdir(root + EMPTY, 0o555)
    for path in (*readable, *DEVICES):
        _bind(path, root)
    for path in hidden:
        if os.path.isdir(root + path):
            _mount("none", root + path, "tmpfs", _NO_SUID | _NO_DEVICES, "size=4k,nr_inodes=1,mode=555")
    attributes = _MountAttributes(_ATTRIBUTES, 0, 0, 0)
    system.call(
        "mount_setattr",
        system.NR_MOUNT_SETATTR,
        ctypes.c_int(_AT_FDCWD),
        root.encode(),
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    os.chdir(root)
    system.call("pivot_root", system.NR_PIVOT_ROOT, b".", b".")
    system.call("umount2", system.NR_UMOUNT2, b".", ctypes.c_int(_DETACH))
    os.chdir(EMPTY)


def _bind(path: str, root: str) -> None:
    """Mount a host file or folder in the new root, under both its name and its real path."""
    real = os.path.realpath(path)
    target = root + real
    if not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        if os.path.isdir(real):
            os.mkdir(target, 0o755)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(real, target, None, _BIND | _RECURSIVE)
    if real != path and not os.path.lexists(root + path):
        os.makedirs(os.path.dirname(root + path), 0o755, exist_ok=True)
        os.symlink(real, root + path)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    system.call(
        "mount",
        system.NR_MOUNT,
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
