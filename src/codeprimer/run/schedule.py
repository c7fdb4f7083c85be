"""The schedule: which steps run when.

Does not know any stage by name. Key idea: steps begin in the order of the flow, as soon as their inputs exist and
enough cores are free; steps that need every core run alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from codeprimer.core.interrupts import first_done
from codeprimer.core.stage import Built, Step, available_cores

State = Literal["up to date", "running", "interrupted", "to do"]


@dataclass(frozen=True)
class Planned:
    """A step with the id of its artefact and the state of that artefact in the store."""

    step: Step
    id: str
    state: State
    ingredients: Mapping[str, Any] = field(default_factory=dict)
    """Everything, except the inputs, that affects the artefact's bytes."""

    def cores(self, available: int) -> int:
        """Return how many of the available cores the step needs to itself."""
        return min(self.step.stage.cores(self.step.settings) or available, available)


def walk(
    planned: list[Planned],
    make: Callable[[Planned], Built],
    start: Callable[[Planned], None],
    stop: threading.Event,
    cores: int | None = None,
) -> Iterator[tuple[Planned, Built]]:
    """Run every step and yield it with its outcome when it is done; ``start`` is called before each begins.

    If a step fails or the caller stops iterating, ``stop`` is set, and the steps under way are waited for.
    """
    available = cores or available_cores()
    waiting, done = list(planned), set[str]()
    running: dict[Future[Built], Planned] = {}
    with ThreadPoolExecutor(available, "step") as pool:
        try:
            while waiting or running:
                for item in _ready(waiting, done, available, list(running.values())):
                    waiting.remove(item)
                    start(item)
                    if item.cores(available) == available:
                        # It runs in this thread, so that the processes it starts end with it and interrupts reach it.
                        built = make(item)
                        done.add(item.step.name)
                        yield item, built
                    else:
                        running[pool.submit(make, item)] = item
                for future in first_done(running) if running else ():
                    item = running.pop(future)
                    done.add(item.step.name)
                    yield item, future.result()
        except BaseException:
            stop.set()
            raise


def span(planned: list[Planned], seconds: Mapping[str, float], cores: int) -> float:
    """Return how long a walk takes, given the duration of each step by name [s]."""
    waiting, done, now = list(planned), set[str](), 0.0
    ends: dict[str, float] = {}
    while waiting or ends:
        running = [item for item in planned if item.step.name in ends]
        for item in _ready(waiting, done, cores, running):
            waiting.remove(item)
            ends[item.step.name] = now + seconds[item.step.name]
        name = min(ends, key=lambda name: ends[name])
        now = ends.pop(name)
        done.add(name)
    return now


def _ready(waiting: list[Planned], done: set[str], available: int, running: list[Planned]) -> list[Planned]:
    """Return the steps that may begin now, in the order of the flow; a step that must wait for cores blocks later ones."""
    free = available - sum(item.cores(available) for item in running)
    ready: list[Planned] = []
    for item in waiting:
        if not done.issuperset(item.step.inputs.values()):
            continue
        if item.cores(available) > free:
            break
        free -= item.cores(available)
        ready.append(item)
    return ready
