"""Opening a jail: the strongest that the system allows and that is shown to hold.

Starts a bare Python, ``inside.zygote``, behind the walls of one tier after another. One idea: a tier that cannot be had
leads to the next one; a wall that was raised and does not hold is an error, because then nothing is known any longer.
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
from codeprimer.sandbox.groups import Group
from codeprimer.sandbox.inside import landlock, system
from codeprimer.sandbox.programs import Tier

START = "import sys; sys.path.insert(0, {folder!r}); from inside.zygote import main; sys.path.pop(0); main()"
FOLDER = Path(__file__).parent

REFERENCE_SECONDS = 0.004
"""What the zygote's fixed piece of work takes on the machine that time limits are written for [s]."""

MOST_FACTOR = 10.0
"""A slower machine than this gets no more time: something else must be wrong with it."""

HOME_PREFIX = "codeprimer-sandbox-"
CLAIM_SECONDS = 10.0
"""A folder that is older and claimed by nobody was left by a process that was killed [s]."""

MOST_SECONDS_TO_OPEN = 60.0
"""A jail that is not open by then is given up [s]; it takes a quarter of one."""

_CLAIM = "claim"
_REPORT_BYTES = 2**16
_CREATE, _REMOVE = 0o1000 | 0o600, 0


@dataclass(frozen=True)
class _Walls:
    """Which walls a tier raises."""

    tier: Tier
    namespaces: bool
    landlock: bool
    seccomp: bool


def _possible_walls() -> Iterator[_Walls]:
    """Yield what may be tried here, the strongest first."""
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
    """No jail of the wanted tier can be had, or one does not hold."""


class Jail:
    """A zygote behind walls: ``tier``, ``time_factor`` (this machine's time against the reference), ``socket``."""

    def __init__(self, walls: _Walls, core: int | None) -> None:
        self.tier = walls.tier
        self.time_factor = 1.0
        self._walls = walls
        self._core = core
        self._group = Group()
        self._home, self._claim = _make_home()
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, _bait(self._home) as bait:
            try:
                self._process = self._start(theirs, bait)
            except OSError as error:
                self.socket.close()
                self._remove_home()
                self._group.close()
                raise JailError(f"the sandbox cannot start {sys.executable}: {error.strerror or error}") from None
            theirs.close()
            try:
                self._examine()
            except BaseException:
                self.close()
                raise
        if walls.namespaces:
            # The world has been built and no longer needs the folder that it was built in.
            self._remove_home()

    def _start(self, theirs: socket.socket, bait: dict[str, object]) -> subprocess.Popen[bytes]:
        root = self._home / "root"
        root.mkdir(mode=0o755)
        configuration = {
            "namespaces": self._walls.namespaces,
            "landlock": self._walls.landlock,
            "seccomp": self._walls.seccomp,
            "root": str(root),
            "canary": "canary",
            "groups": self._group.doors,
            "core": self._core,
            **bait,
        }
        # Not -I: it would ignore the hash seed, and with it verdicts would depend on the order of sets.
        command = [sys.executable, "-P", "-s", "-S", "-X", "utf8", "-c", START.format(folder=str(FOLDER))]
        return subprocess.Popen(
            [*command, json.dumps(configuration)],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._home,
            # Symbols are bound at the start, once, rather than at first use, in every child anew.
            env={"PYTHONHASHSEED": "0", "LD_BIND_NOW": "1"},
            start_new_session=True,
        )

    def _examine(self) -> None:
        """Read the probe's report. Raises OSError where the jail did not start, JailError where it does not hold."""
        self.socket.settimeout(MOST_SECONDS_TO_OPEN)
        content = self.socket.recv(_REPORT_BYTES)
        self.socket.settimeout(None)
        if not content:
            raise OSError(self.last_words() or "it ended at once")
        report = json.loads(content)
        broken = [wall for wall, holds in report["held"].items() if not holds]
        if broken or not report["held"]:
            raise JailError(
                f"the sandbox's walls do not hold here ({', '.join(broken) or 'the probe did not answer'}), so nothing "
                "is run; please report this with the output of `codeprimer doctor`"
            )
        self.time_factor = min(MOST_FACTOR, max(1.0, report["seconds"] / REFERENCE_SECONDS))

    def last_words(self) -> str:
        """Return why a zygote that has closed its socket ended, as far as it could say."""
        self._process.kill()
        assert self._process.stderr is not None
        return self._process.stderr.read().decode(errors="replace").strip().rpartition("\n")[2]

    def close(self) -> None:
        """End the zygote and whatever it runs."""
        self.socket.close()
        with suppress(subprocess.TimeoutExpired):
            # It sees the closed socket, ends what it runs and leaves.
            self._process.wait(2.0)
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._remove_home()
        self._group.close()

    def _remove_home(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        self._claim.close()


def open_jail(required: Tier, most: Tier = Tier.jailed, core: int | None = None) -> Jail:
    """Return the strongest jail that can be had, not above ``most``; all that it runs stays on ``core``, if one is given.

    Raises JailError where it would be below ``required``, or where a wall does not hold.
    """
    reasons = []
    for walls in _possible_walls():
        if walls.tier > most or walls.tier < required:
            continue
        try:
            return Jail(walls, core)
        except OSError as error:
            reasons.append(f"{walls.tier.name}: {error.strerror or error}")
    raise JailError(
        f"no sandbox of the tier {required.name!r} can be had here ({'; '.join(reasons) or _why_not()}), so no program "
        "is run; on Linux allow user namespaces or use a kernel with Landlock, or accept a sandbox that only stops "
        "mistakes with --allow-weak-sandbox"
    )


def _why_not() -> str:
    return "the walls of this system are not known" if not system.IS_KNOWN else "the kernel has no Landlock"


def _make_home() -> tuple[Path, IO[bytes]]:
    """Return a new folder and what claims it for as long as this process lives; remove those that nobody claims."""
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
def _bait(home: Path) -> Iterator[dict[str, object]]:
    """Lay out what a jailed process must not reach: a file, a port, shared memory."""
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
                system.call("shmctl", 31 if system.MACHINE == "x86_64" else 195, ctypes.c_int(memory), _REMOVE, None)


def _shared_memory(key: int) -> int:
    if not system.IS_KNOWN:
        return -1
    with suppress(OSError):
        return system.call("shmget", system.NR_SHMGET, ctypes.c_int(key), ctypes.c_size_t(1), _CREATE)
    return -1
