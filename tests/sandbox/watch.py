"""What a sandbox could leave behind: processes, files, descriptors."""

from __future__ import annotations

import functools
import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from codeprimer.sandbox import JailError, Limits, Sandbox, Tier
from codeprimer.sandbox.jail import open_jail

LIMITS = Limits(seconds=0.5, wall_seconds=1.5, memory_bytes=256 * 2**20)
SHORT = Limits(seconds=0.2, wall_seconds=0.6, memory_bytes=LIMITS.memory_bytes)
"""For programs that use up their time."""

PATIENCE_SECONDS = 10.0


def wait_until(condition: Callable[[], bool]) -> bool:
    """Return whether the condition came true within some seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@dataclass(frozen=True)
class Process:
    """One line of /proc."""

    number: int
    parent: int
    session: int
    state: str
    command: str


def processes() -> dict[int, Process]:
    """Return every visible process."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        number = int(folder.name)
        found[number] = Process(number, int(parent), int(session), state, command)
    return found


def descendants(roots: set[int]) -> set[int]:
    """Return the processes below ``roots``, and those that left them but kept their session."""
    everything = processes()
    found = set(roots)
    while True:
        more = {
            each.number
            for each in everything.values()
            if each.number not in found and (each.parent in found or each.session in found)
        }
        if not more:
            return (found - roots) & everything.keys()
        found |= more


def marked(mark: str) -> set[int]:
    """Return the processes with a mark in their command line; forks of a zygote have its folder there."""
    return {each.number for each in processes().values() if mark in each.command}


def descriptors() -> list[str]:
    """Return the open descriptors of this process."""
    gc.collect()
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(f"{entry.name}: {entry.readlink()}")
        except OSError:
            continue  # the listing's own
    return sorted(found)


def zygotes(sandbox: Sandbox) -> set[int]:
    """Return the processes that a sandbox has started itself."""
    return {worker.jail._process.pid for worker in sandbox._pool}


def is_idle(sandbox: Sandbox) -> bool:
    """Return whether only the zygotes run, each with the process that waits for it."""
    return len(descendants(zygotes(sandbox)) | zygotes(sandbox)) == 2 * len(sandbox._pool)


@functools.cache
def reason_to_skip(tier: Tier) -> str:
    """Return why this machine cannot open a jail of this tier, "" if it can; found out once."""
    try:
        open_jail(tier, tier).close()
    except JailError as error:
        if "is available here" not in str(error):
            raise
        return f"this machine has no sandbox of the tier {tier.name}: {error}"
    return ""


def need(tier: Tier) -> None:
    """Skip the test if this machine cannot open a jail of this tier."""
    if reason := reason_to_skip(tier):
        pytest.skip(reason)


_alive: list[Sandbox] = []
"""Sandboxes that are being watched: fixtures of one module can overlap, in an order that is pytest's."""


def _all_zygotes() -> list[set[int]]:
    return [zygotes(sandbox) for sandbox in _alive]


@contextmanager
def watched(tier: Tier, folder: Path, workers: int = 2, limits: Limits = LIMITS) -> Iterator[Sandbox]:
    """Yield a sandbox of exactly this tier; afterwards nothing of it may be left, in the system or in ``folder``."""
    need(tier)
    kept, tempfile.tempdir = tempfile.tempdir, str(folder)
    before = descriptors()
    children = descendants({os.getpid()})
    others = _all_zygotes()
    try:
        with Sandbox(limits, workers, tier=tier) as sandbox:
            _alive.append(sandbox)
            yield sandbox
            assert sandbox.tier is tier
            assert wait_until(lambda: is_idle(sandbox)), "something still runs beside the zygotes"
            below = descendants(zygotes(sandbox)) | zygotes(sandbox)
    finally:
        tempfile.tempdir = kept
        _alive.remove(sandbox)
    assert not below & processes().keys(), "a process of the sandbox has survived it"
    is_alone = _all_zygotes() == others  # else some of what has changed is theirs
    assert not is_alone or not descendants({os.getpid()}) - children, "a child has survived the sandbox"
    assert wait_until(lambda: not marked(str(folder))), "a process that left its family has survived the sandbox"
    assert list(folder.iterdir()) == [], "a file has been left in the temporary folder"
    assert not is_alone or descriptors() == before, "a descriptor has been left open"
