"""The order of work: what may run side by side, what waits, and how all of it ends."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from codeprimer.core.artifact import Artifact
from codeprimer.core.console import Console, StoppedError
from codeprimer.core.settings import Settings
from codeprimer.core.stage import Built, Stage, Stats
from codeprimer.run.schedule import Planned, span, walk
from codeprimer.core.stage import Step

SECONDS = 20.0
"""How long a step of a test waits for what must happen at the same time, before it gives up."""


class _Work(Stage[Settings]):
    name = "work"
    version = 1

    def __init__(self, cores: int | None) -> None:
        self._cores = cores

    def cores(self, settings: Settings) -> int | None:
        del settings
        return self._cores

    def run(self, *arguments: Any) -> Stats:
        raise AssertionError(arguments)


def planned(steps: Mapping[str, tuple[int | None, str]]) -> list[Planned]:
    """Return steps from name -> (cores, names of the steps that are read)."""
    return [
        Planned(Step(number, name, _Work(cores), Settings(), {read: read for read in reads.split()}), name, "to do")
        for number, (name, (cores, reads)) in enumerate(steps.items())
    ]


TRAINING = {"tokens": (None, ""), "control": (1, "tokens"), "base": (1, "tokens"), "tuned": (1, "base")}
BUILT = Built(Artifact(Path(), {}), False, 0.0, "")


def test_what_runs_side_by_side_takes_as_long_as_the_longer_one() -> None:
    seconds = {"tokens": 10.0, "control": 50.0, "base": 20.0, "tuned": 25.0}
    assert span(planned(TRAINING), seconds, 2) == 10 + 50
    assert span(planned(TRAINING), seconds | {"tuned": 45.0}, 2) == 10 + 20 + 45
    assert span(planned(TRAINING), seconds, 1) == sum(seconds.values())


def test_two_models_of_one_thread_train_side_by_side() -> None:
    meeting = threading.Barrier(2)
    order = []

    def make(item: Planned) -> Built:
        order.append(item.step.name)
        if item.step.name in ("control", "base"):
            meeting.wait(SECONDS)
        return BUILT

    done = [item.step.name for item, _ in walk(planned(TRAINING), make, lambda item: None, threading.Event(), 2)]
    assert order[0] == done[0] == "tokens"
    assert set(done) == set(TRAINING)
    assert done.index("base") < done.index("tuned")


@pytest.mark.parametrize("cores", [1, 2])
def test_what_needs_every_core_runs_alone_and_in_order(cores: int) -> None:
    steps = planned(TRAINING if cores == 1 else {name: (None, reads) for name, (_, reads) in TRAINING.items()})
    threads = []

    def make(item: Planned) -> Built:
        del item
        threads.append(threading.current_thread())
        return BUILT

    done = [item.step.name for item, _ in walk(steps, make, lambda item: None, threading.Event(), cores)]
    assert done == list(TRAINING)
    assert set(threads) == {threading.main_thread()}


def test_a_step_without_room_is_not_overtaken() -> None:
    steps = planned({"half": (1, ""), "whole": (None, ""), "other_half": (1, "")})
    started: list[str] = []
    done = [
        item.step.name
        for item, _ in walk(steps, lambda item: BUILT, lambda item: started.append(item.id), threading.Event(), 2)
    ]
    assert started == done == ["half", "whole", "other_half"]


def test_when_one_step_fails_the_one_beside_it_stops_and_nothing_begins() -> None:
    console = Console("quiet")
    base_runs = threading.Event()
    ended: list[str] = []

    def make(item: Planned) -> Built:
        if item.step.name == "control":
            base_runs.wait(SECONDS)
            raise ValueError("control failed")
        if item.step.name == "base":
            base_runs.set()
            with console.task("base") as task:
                try:
                    while console.stop.wait(SECONDS):
                        task.advance()
                except StoppedError:
                    ended.append("base")
                    raise
        return BUILT

    with pytest.raises(ValueError, match="control failed"):
        list(walk(planned(TRAINING), make, lambda item: None, console.stop, 2))
    assert ended == ["base"]


def test_a_caller_that_leaves_stops_what_is_under_way() -> None:
    stop = threading.Event()
    steps = walk(planned(TRAINING), lambda item: BUILT, lambda item: None, stop, 2)
    next(steps)
    steps.close()  # type: ignore[attr-defined]  # a generator
    assert stop.is_set()
