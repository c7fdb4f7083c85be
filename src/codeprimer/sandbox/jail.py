"""Opens the strongest jail that the system allows and that is proven to hold.

Starts a bare Python that runs ``inside.zygote`` behind the walls of each tier in turn. If a tier is unavailable, the next
one is tried; if a wall was set up but does not hold, that is an error, because then nothing can be trusted.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from codeprimer.core.errors import UserError
from codeprimer.sandbox.cgroups import ControlGroups
from codeprimer.sandbox.inside import landlock, system
from codeprimer.sandbox.programs import Tier

START = "import sys; sys.path.insert(0, {folder!r}); from inside.zygote import main; sys.path.pop(0); main()"
FOLDER = Path(__file__).parent

REFERENCE_SECONDS = 0.004
"""Time of the probe's fixed workload on the reference machine, for which the time limits are defined [s]."""

MAX_FACTOR = 10.0
"""Upper bound on a slow machine's time factor; beyond it, something other than its speed must be wrong."""

HOME_PREFIX = "codeprimer-sandbox-"
CLAIM_SECONDS = 10.0
"""A folder that is older than this and unlocked was left behind by a killed process [s]."""

OPEN_TIMEOUT = 60.0
"""A jail that takes longer to open is given up; opening normally takes a quarter of a second [s]."""

_CLAIM = "claim"
_REPORT_BYTES = 2**16
_CREATE, _REMOVE = 0o1000 | 0o600, 0


@dataclass(frozen=True)
class _Walls:
    """The walls of a tier."""

    tier: Tier
    namespaces: bool
    landlock: bool
    seccomp: bool


def _possible_walls() -> Iterator[_Walls]:
    """Yield the combinations of walls to try on this system, strongest first."""
    has_landlock = landlock.version() > 0
    if system.IS_KNOWN:
        if has_landlock:
            yield _Walls(Tier.jailed, True, True, True)
        else:
            yield _Walls(Tier.confined, True, False, True)
        if has_landlock:
            yield _Walls(Tier.confined, False, True, True)
    yield _Walls(Tier.weak, False, False, False)


class JailError(UserError):
    """No jail of the required tier is available, or its walls do not hold."""


class Jail:
    """A zygote behind walls: ``tier``, ``time_factor`` (this machine's time relative to the reference), ``socket``."""

    def __init__(self, walls: _Walls, core: int | None) -> None:
        self.tier = walls.tier
        self.time_factor = 1.0
        self._walls = walls
        self._core = core
        self._cgroups = ControlGroups()
        self._home, self._claim = _make_home()
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, _decoys(self._home) as decoys:
            try:
                self._process = self._start(theirs, decoys)
            except OSError as error:
                self._release()
                raise JailError(f"the sandbox cannot start {sys.executable}: {error.strerror or error}") from None
            theirs.close()
            try:
                self._read_report()
            except BaseException:
                self.close()
                raise
        if walls.namespaces:
            # The new root is mounted and no longer needs the folder in which it was built.
            self._remove_home()

    def _start(self, theirs: socket.socket, decoys: dict[str, object]) -> subprocess.Popen[bytes]:
        root = self._home / "root"
        root.mkdir(mode=0o755)
        configuration = {
            "namespaces": self._walls.namespaces,
            "landlock": self._walls.landlock,
            "seccomp": self._walls.seccomp,
            "root": str(root),
            "canary": "canary",
            "cgroups": self._cgroups.entries,
            "core": self._core,
            **decoys,
        }
        # -I is not used: it would ignore the hash seed, and verdicts would then depend on the order of sets.
        command = [sys.executable, "-P", "-s", "-S", "-X", "utf8", "-c", START.format(folder=str(FOLDER))]
        return subprocess.Popen(
            [*command, json.dumps(configuration)],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._home,
            # Symbols are bound once, at the start, instead of on first use in every child.
            env={"PYTHONHASHSEED": "0", "LD_BIND_NOW": "1"},
            start_new_session=True,
        )

    def _read_report(self) -> None:
        """Read the probe's report. Raises OSError if the jail did not start, JailError if a wall does not hold."""
        self.socket.settimeout(OPEN_TIMEOUT)
        content = self.socket.recv(_REPORT_BYTES)
        self.socket.settimeout(None)
        if not content:
            raise OSError(self.last_words() or "the zygote exited at once")
        report = json.loads(content)
        broken = [wall for wall, holds in report["held"].items() if not holds]
        if broken or not report["held"]:
            raise JailError(
                f"the sandbox's walls do not hold here ({', '.join(broken) or 'the probe did not answer'}), so nothing "
                "is run; please report this with the output of `codeprimer doctor`"
            )
        self.time_factor = min(MAX_FACTOR, max(1.0, report["seconds"] / REFERENCE_SECONDS))

    def last_words(self) -> str:
        """Return the last line that the zygote, which has closed its socket, wrote to standard error."""
        self._process.kill()
        assert self._process.stderr is not None
        return self._process.stderr.read().decode(errors="replace").strip().rpartition("\n")[2]

    def close(self) -> None:
        """End the zygote and everything that it runs."""
        self.socket.close()
        with suppress(subprocess.TimeoutExpired):
            # The zygote notices the closed socket, ends its children and exits.
            self._process.wait(2.0)
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._release()

    def _release(self) -> None:
        self.socket.close()
        self._remove_home()
        self._cgroups.close()

    def _remove_home(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        self._claim.close()


def open_jail(minimum: Tier, maximum: Tier = Tier.jailed, core: int | None = None) -> Jail:
    """Return the strongest jail available between two tiers; ``core``, if given, pins all its processes to that core.

    Raises JailError if none is available, or if a wall does not hold.
    """
    reasons = []
    for walls in _possible_walls():
        if not minimum <= walls.tier <= maximum:
            continue
        try:
            return Jail(walls, core)
        except OSError as error:
            reasons.append(f"{walls.tier.name}: {error.strerror or error}")
    raise JailError(
        f"no sandbox of the tier {minimum.name!r} is available here ({'; '.join(reasons) or _missing()}), so no program "
        "is run; on Linux allow user namespaces or use a kernel with Landlock, or accept a sandbox that stops "
        "accidents but not attacks with --allow-weak-sandbox"
    )


def _missing() -> str:
    return "the sandbox does not support this system" if not system.IS_KNOWN else "the kernel has no Landlock"


def _make_home() -> tuple[Path, IO[bytes]]:
    """Return a new folder and a file whose lock claims it while this process lives; remove unclaimed folders."""
    for left in Path(tempfile.gettempdir()).glob(f"{HOME_PREFIX}*"):
        with suppress(OSError):
            facts = left.lstat()
            if facts.st_uid == os.geteuid() and time.time() - facts.st_mtime > CLAIM_SECONDS:
                with (left / _CLAIM).open("rb") as old_claim:
                    fcntl.flock(old_claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left, ignore_errors=True)
    home = Path(tempfile.mkdtemp(prefix=HOME_PREFIX))
    claim = (home / _CLAIM).open("wb")
    fcntl.flock(claim, fcntl.LOCK_EX)
    return home, claim


@contextmanager
def _decoys(home: Path) -> Iterator[dict[str, object]]:
    """Set up resources that the probe must not reach from inside the jail: a file, a port and shared memory."""
    outside = home / "outside"
    outside.write_text("seen")
    with socket.socket(type=socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", 0))
        key = secrets.randbits(30) | 1
        memory = _shared_memory(key)
        try:
            yield {"outside": str(outside), "port": port.getsockname()[1], "memory_key": key}
        finally:
            if memory >= 0:
                system.call("shmctl", system.NR_SHMCTL, ctypes.c_int(memory), _REMOVE, None)


def _shared_memory(key: int) -> int:
    if not system.IS_KNOWN:
        return -1
    with suppress(OSError):
        return system.call("shmget", system.NR_SHMGET, ctypes.c_int(key), ctypes.c_size_t(1), _CREATE)
    return -1
