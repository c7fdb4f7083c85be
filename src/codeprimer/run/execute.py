"""Plans a run's steps, and runs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from codeprimer.core.artifact import Artifact, Store, content_id
from codeprimer.core.stage import Built, Stage, Step, Tools, ingredients, run_stage
from codeprimer.run.folder import RunFolder
from codeprimer.run.schedule import Planned, State, walk

LOGS = "logs"
"""The folder inside the run folder that loggers write to."""


def plan(steps: list[Step], store: Store, tools: Tools) -> list[Planned]:
    """Return every step's id and state without running anything."""
    ids: dict[str, str] = {}
    planned = []
    for step in steps:
        inputs = {name: ids[source] for name, source in step.inputs.items()}
        made_of = ingredients(step.stage, step.settings, tools)
        identity = ids[step.name] = content_id(step.stage.name, step.stage.version, made_of, inputs)
        planned.append(Planned(step, identity, _state(store, step.stage, identity), made_of))
    return planned


def _state(store: Store, stage: Stage[Any], identity: str) -> State:
    if store.find(stage.name, identity, stage.volatile) is not None:
        return "up to date"
    if store.is_in_use(stage.name, identity):
        return "running"
    return "interrupted" if store.has_partial(stage.name, identity) else "to do"


def run(planned: list[Planned], folder: RunFolder, tools: Tools) -> Iterator[tuple[Step, Built]]:
    """Produce the missing artefacts, and link every artefact into the run folder once it is complete.

    Steps begin in the order of the flow; a step that needs only some of the cores runs in parallel with others.
    """
    artifacts: dict[str, Artifact] = {}

    def make(item: Planned) -> Built:
        step = item.step
        inputs = {name: artifacts[source] for name, source in step.inputs.items()}
        here = replace(tools, step=step.name, logs=folder.path / LOGS, ingredients=item.ingredients)
        return run_stage(step.stage, step.settings, inputs, item.id, folder.store, here)

    def start(item: Planned) -> None:
        tools.console.event("step_started", step=item.step.name, id=item.id)

    for item, built in walk(planned, make, start, tools.console.stop):
        artifacts[item.step.name] = built.artifact
        folder.link(item.step.link, built.artifact)
        yield item.step, built
