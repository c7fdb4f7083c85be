"""A jail opens only if every one of its walls holds; the error names the missing wall."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from tests.sandbox.hostile import escape
from tests.sandbox.hostile.programs import GOOD, unexpected
from tests.sandbox.test_escape import Host
from tests.sandbox.watch import descendants, descriptors, need, wait_until

from codeprimer.sandbox import JailError, Limits, Sandbox, Tier, jail
from codeprimer.sandbox.inside import landlock
from codeprimer.sandbox.jail import open_jail

START = (
    "import sys; sys.path.insert(0, {folder!r}); "
    "from inside import landlock, namespaces, seccomp, system, walls; CHANGE; "
    "from inside.zygote import main; sys.path.pop(0); main()"
)
"""The start of a zygote with sabotaged walls."""

_WITHOUT = (
    "namespaces.unshare = (lambda real: lambda kinds: real(kinds & ~{flag}) if kinds & ~{flag} else None)"
    "(namespaces.unshare)"
)
_NO_CALL = "system.call = (lambda real: lambda name, *rest: 0 if name == {name!r} else real(name, *rest))(system.call)"
_NO_PRCTL = (
    "system.prctl = (lambda real: lambda name, *rest: 0 if name == {name!r} else real(name, *rest))(system.prctl)"
)
_NO_LIMIT = (
    "walls._set_limit = (lambda real: lambda which, value: None if which == walls.resource.{name} else real(which, value))"
    "(walls._set_limit)"
)

WITH_NAMESPACES = {
    "network namespace": (_WITHOUT.format(flag="namespaces.NEW_NET"), "network"),
    "host name namespace": (
        _WITHOUT.format(flag="namespaces.NEW_UTS") + "; " + _NO_CALL.format(name="sethostname"),
        "host name",
    ),
    "shared memory namespace": (_WITHOUT.format(flag="namespaces.NEW_IPC"), "shared memory"),
    "process namespace": (
        "namespaces.FreshPids.begin = namespaces.FreshPids.end = lambda self: None",
        "process",
    ),
    "mount namespace": (
        "namespaces._build = lambda *_: None; namespaces.EMPTY = '/'; namespaces._is_open_to_all = lambda paths: False",
        "mount",
    ),
    "user namespace": (
        "namespaces._become = lambda kinds, *_: namespaces.unshare(kinds & ~namespaces.NEW_USER)",
        "user",
    ),
}
"""Walls of the namespaces: how to remove each, and a word of its name."""

EVERYWHERE = {
    "landlock of files": ("landlock.files_ruleset = lambda *_: landlock.scope_ruleset()", "landlock reading"),
    "landlock of everything to read": (
        "landlock.files_ruleset = (lambda real: lambda readable, hidden, writable: real(['/'], [], writable))"
        "(landlock.files_ruleset)",
        "landlock reading",
    ),
    "landlock at all": ("landlock.restrict = lambda ruleset: None", "landlock"),
    "scope of abstract sockets": ("landlock._SCOPES = 0b10", "landlock scope"),
    "scope of signals": ("landlock._SCOPES = 0b01", "landlock"),
    "no new privileges": (_NO_PRCTL.format(name="no_new_privs"), "no new privileges|Operation not permitted"),
    "capabilities": ("system.drop_capabilities = lambda: None", "capabilities"),
    "memory limit": (_NO_LIMIT.format(name="RLIMIT_AS"), "memory limit"),
    "descriptor limit": (_NO_LIMIT.format(name="RLIMIT_NOFILE"), "descriptor limit"),
    "seccomp": ("seccomp.Filter.install = lambda self, pid: None", "seccomp"),
    "seccomp's list": ("seccomp._list_of_allowed = lambda: iter([seccomp._Step(0x06, 0x7FFF0000)])", "seccomp socket"),
    "seccomp's second filter": ("seccomp._list_of_taken = lambda: iter([seccomp._Step(0x06, 0x7FFF0000)])", "seccomp"),
    "seccomp's call": (_NO_CALL.format(name="seccomp"), "seccomp"),
    "seccomp for forks": ("seccomp._CLONE_THREAD = 0xffffffff", "seccomp fork"),
    "seccomp for programs": ("seccomp._ALLOWED['execve'] = (59, 221)", "seccomp exec"),
    "seccomp for sockets": ("seccomp._ALLOWED['socket'] = (41, 198)", "seccomp socket"),
    "seccomp for traces": ("seccomp._ALLOWED['ptrace'] = (101, 117)", "seccomp trace"),
    "seccomp for namespaces": (
        "del seccomp._ZYGOTE_ONLY['unshare']; seccomp._ALLOWED['unshare'] = (272, 97)",
        "seccomp unshare",
    ),
}

ONLY_JAILED = {
    "seccomp for signals": (
        "seccomp._KILL_CALLS = seccomp._KILL_CALLS[1:]; seccomp._ALLOWED['kill'] = (62, 129)",
        "seccomp signal",
    ),
}
"""Without namespaces, Landlock hides that this wall is missing."""

ONLY_CONFINED = {
    "landlock for writing": (
        "landlock._allow = (lambda real: lambda ruleset, parent, rights: real(ruleset, parent, rights | (1 << 1 | 1 << 8)"
        " if landlock.stat.S_ISDIR(landlock.os.fstat(parent).st_mode) else rights))(landlock._allow)",
        "landlock writing",
    ),
}
"""With namespaces, the read-only mounts hide that this wall is missing."""


def broken(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    monkeypatch.setattr(jail, "START", START.replace("CHANGE", change.replace("{", "{{").replace("}", "}}")))


@pytest.mark.parametrize("tier", [Tier.jailed, Tier.confined], ids=lambda tier: tier.name)
def test_the_start_script_of_these_tests_opens_a_good_jail(tier: Tier, monkeypatch: pytest.MonkeyPatch) -> None:
    need(tier)
    broken(monkeypatch, "pass")
    open_jail(tier, tier).close()


CASES = [
    *((Tier.jailed, name, *facts) for name, facts in (WITH_NAMESPACES | EVERYWHERE | ONLY_JAILED).items()),
    *((Tier.confined, name, *facts) for name, facts in (EVERYWHERE | ONLY_CONFINED).items()),
]


@pytest.mark.parametrize(
    ("tier", "change", "wall"),
    [pytest.param(tier, change, wall, id=f"{tier.name}-{name}") for tier, name, change, wall in CASES],
)
def test_a_jail_without_one_of_its_walls_is_not_opened(
    tier: Tier, change: str, wall: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    need(tier)
    before = descriptors()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    broken(monkeypatch, change)
    with pytest.raises(JailError, match=wall):
        open_jail(tier, tier).close()
    assert list(tmp_path.iterdir()) == []
    assert descriptors() == before


def test_a_jail_above_what_is_allowed_is_an_error_with_the_remedy() -> None:
    with pytest.raises(JailError, match=r"user namespaces.*Landlock.*--allow-weak-sandbox"):
        open_jail(minimum=Tier.jailed, maximum=Tier.confined)


@pytest.mark.parametrize("tier", [Tier.jailed, Tier.confined, Tier.weak], ids=lambda tier: tier.name)
def test_a_sandbox_opens_the_strongest_tier_that_is_allowed(tier: Tier) -> None:
    need(tier)
    opened = open_jail(Tier.weak, tier)
    opened.close()
    assert opened.tier is tier


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("tier", [Tier.jailed, Tier.confined], ids=lambda tier: tier.name)
def test_a_kernel_with_an_older_landlock_has_a_jail_that_holds(
    tier: Tier, version: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    need(tier)
    if landlock.version() < version:
        pytest.skip(f"this machine has no sandbox with version {version} of Landlock")
    broken(monkeypatch, f"landlock.version = lambda: {version}")
    host = Host(tmp_path)
    try:
        with Sandbox(Limits(3.0, 9.0), workers=1, tier=tier) as sandbox:
            families = ("reading", "writing", "signals", "signals that the kernel sends")
            assert unexpected(sandbox, escape.programs(host.outside, families)) == {}
        assert host.touched() == []
    finally:
        signals = host.close()
    assert signals == []


def test_an_interpreter_that_ends_at_once_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Sandbox(workers=1) as sandbox, pytest.raises(JailError, match="at once"):
        list(sandbox.run([GOOD]))


def test_an_interpreter_that_is_missing_is_a_sentence_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = descriptors()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/missing/python")
    with Sandbox(workers=1) as sandbox, pytest.raises(JailError, match="No such file"):
        list(sandbox.run([GOOD]))
    assert list(tmp_path.iterdir()) == []
    assert descriptors() == before


def test_closing_a_jail_ends_its_processes_and_removes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened = open_jail(Tier.weak)
    below = descendants({opened._process.pid}) | {opened._process.pid}
    opened.close()
    assert wait_until(lambda: not below & descendants({1}))
    assert list(tmp_path.iterdir()) == []
