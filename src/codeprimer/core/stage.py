"""The interface of stages, and how a stage is run.

A stage reads artefacts, writes one artefact, and does not know any other stage. Everything else is passed to it: its
settings, its inputs, a workspace, the engine, the seed and the console. ``run_stage`` skips the stage if its artefact
already exists; otherwise it runs the stage and publishes the artefact.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from codeprimer.core.artifact import Artifact, Store, Workspace, content_id
from codeprimer.core.console import Console
from codeprimer.core.engine import Engine
from codeprimer.core.errors import EmptyOutputError
from codeprimer.core.plugins import PluginSettings, Toolbox, identity, make, plugins_in
from codeprimer.core.settings import Settings
from codeprimer.core.shards import count_rows


@dataclass(frozen=True)
class Stats:
    """What a stage reports: one human-readable line, and figures for the manifest.

    Both must be equal for equal artefacts: no times, no paths, no memory.
    """

    headline: str
    facts: dict[str, Any] = dataclass_field(default_factory=dict)


@dataclass(frozen=True)
class Tools:
    """What the assembly passes to every stage."""

    engine: Engine
    console: Console
    seed: int
    toolbox: Toolbox = dataclass_field(default_factory=dict)
    """The tools that plug-ins can request."""
    tier: str = "jailed"
    """The tier of the sandbox that programs run in."""
    step: str = ""
    """The name of the step in the flow, for messages: one stage can have several steps."""
    ingredients: Mapping[str, Any] = dataclass_field(default_factory=dict)
    """Everything that affects the bytes of the step's artefact, for its manifest; see the function ``ingredients``."""
    logs: Path | None = None
    """Where loggers may write, outside the store; if None, next to the work."""

    def make(self, role: str, settings: PluginSettings) -> Any:
        """Return the plug-in that settings select."""
        return make(role, settings, self.toolbox)


SettingsType = TypeVar("SettingsType", bound=Settings)


class Sections(Protocol):
    """A recipe, as stages see it."""

    @property
    def name(self) -> str:
        """The name of the run."""
        ...

    def section(self, name: str) -> Any:
        """Return the settings of a stage, or None if the recipe leaves the stage out."""
        ...


class Stage(ABC, Generic[SettingsType]):
    """Reads artefacts and writes one artefact.

    A stage declares what the assembly must know about it: its name, number, settings, inputs, whether it needs torch, whether
    it runs programs, and its chapter of the report.
    """

    name: ClassVar[str]
    """The stage's name, shared by its folder, its section in recipes, its step and its link in run folders."""
    number: ClassVar[int]
    """Its place in the flow, and in the names of the run's links."""
    version: ClassVar[int]
    """Incremented whenever the same settings and inputs would give different bytes."""
    Settings: ClassVar[type[Settings]]
    """The recipe's section."""
    default: ClassVar[bool] = True
    """False for a stage that a run has only if its recipe has the section."""
    reads: tuple[str, ...] = ()
    """The names under which ``run`` finds its inputs; by default, each is also the name of a step."""
    needs_torch: ClassVar[bool] = False
    runs_programs: bool = False
    """Whether it runs programs, so that the sandbox's tier goes into the id."""
    seeded: ClassVar[bool] = True
    """False if the recipe's seed changes nothing, so that runs with different seeds share the artefact."""
    volatile: ClassVar[tuple[str, ...]] = ()
    """Files that contain times; they are kept out of the manifest."""
    required_tables: ClassVar[tuple[str, ...]] = ()
    """Tables that must not be empty."""
    outside: ClassVar[str] = "what it reads outside the store"
    """What ``reads_outside`` reads, for messages."""

    @classmethod
    def steps(cls, settings: Any, recipe: Sections, earlier: Sequence[Step]) -> Iterable[Step]:
        """Yield this stage's steps in the flow; ``earlier`` are the steps before them."""
        del recipe, earlier
        yield Step(cls.number, cls.name, cls(), settings, {name: name for name in cls.reads})

    @classmethod
    def contradictions(cls, settings: Any, recipe: Sections) -> Iterable[str]:
        """Yield contradictions within the section, or with other sections: sentences that start with the key."""
        del settings, recipe
        return ()

    @classmethod
    def chapter(cls, facts: Mapping[str, Any], examples: int) -> Any:
        """Return the stage's chapter of the report (``reporting.blocks.Chapter``), or None if it has none.

        ``facts`` maps each step's name to its facts; ``examples`` is how many examples to show per list.
        """
        del facts, examples

    def reads_outside(self, settings: SettingsType, tools: Tools) -> str:
        """Return a digest of everything outside the store that ``run`` will read, apart from its plug-ins."""
        del settings, tools
        return ""

    def cores(self, settings: SettingsType) -> int | None:
        """Return how many cores ``run`` keeps busy; None means all, so that nothing runs in parallel with it."""
        del settings
        return None

    @abstractmethod
    def run(self, settings: SettingsType, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the artefact into ``out`` and return its figures."""


@dataclass(frozen=True)
class Step:
    """One stage at its place in the flow."""

    number: int
    name: str
    stage: Stage[Any]
    settings: Settings
    inputs: Mapping[str, str]
    """The stage's name for an input -> the step that produces it."""

    @property
    def link(self) -> str:
        """The name of the artefact's link in the run folder."""
        return f"{self.number:02d}-{self.name}"


@dataclass(frozen=True)
class Built:
    """The outcome of ``run_stage``."""

    artifact: Artifact
    reused: bool
    seconds: float
    headline: str


def ingredients(stage: Stage[Any], settings: Settings, tools: Tools) -> dict[str, Any]:
    """Return everything, except the inputs, that affects an artefact's bytes, as JSON values."""
    found: dict[str, Any] = {"settings": settings.identity(), "outside": stage.reads_outside(settings, tools)}
    if stage.seeded:
        found["seed"] = tools.seed
    if stage.runs_programs:
        found["tier"] = tools.tier
    plugins = {key: of for key, role, chosen in plugins_in(settings) if (of := identity(role, chosen, tools.toolbox))}
    return found | ({"plugins": plugins} if plugins else {})


def identify(stage: Stage[Any], settings: Settings, input_ids: Mapping[str, str], tools: Tools) -> str:
    """Return the id of the artefact that these settings and inputs lead to, without producing it."""
    return content_id(stage.name, stage.version, ingredients(stage, settings, tools), input_ids)


def run_stage(
    stage: Stage[Any], settings: Settings, inputs: Mapping[str, Artifact], identity: str, store: Store, tools: Tools
) -> Built:
    """Return the artefact ``identity``, producing it unless it is complete in the store.

    Raises EmptyOutputError if a required table is empty, StoreError if the store cannot be written to.
    """
    assert set(inputs) == set(stage.reads), f"{stage.name} reads {stage.reads}, got {sorted(inputs)}"
    if (artifact := store.find(stage.name, identity, stage.volatile)) is not None:
        return Built(artifact, True, 0.0, artifact.manifest["headline"])
    started = time.monotonic()
    with store.workspace(stage.name, identity) as workspace:
        try:
            stats = stage.run(settings, inputs, workspace, tools)
            _refuse_empty(stage, workspace)
        except BaseException:
            workspace.spend(time.monotonic() - started)
            raise
        seconds = time.monotonic() - started
        manifest = {
            "stage": stage.name,
            "version": stage.version,
            "id": identity,
            "settings": settings.identity(),
            "seed": tools.seed if stage.seeded else None,
            "ingredients": {name: of for name, of in tools.ingredients.items() if name not in ("settings", "seed")},
            "inputs": {name: artifact.id for name, artifact in inputs.items()},
            "headline": stats.headline,
            "facts": stats.facts,
        }
        artifact = store.publish(
            workspace,
            manifest,
            stage.volatile,
            {
                "seconds": workspace.spent + seconds,
                "ended": time.time(),
                "peak_memory": peak_memory(),
                "cores": min(stage.cores(settings) or available_cores(), available_cores()),
            },
        )
    return Built(artifact, False, seconds, stats.headline)


def _refuse_empty(stage: Stage[Any], workspace: Workspace) -> None:
    for name in stage.required_tables:
        if not count_rows(workspace.path / name):
            raise EmptyOutputError(
                f"{stage.name} would publish an empty table {name!r}: no row passed the checks; see {workspace.path} "
                f"and the recipe's section {stage.name!r}"
            )


def peak_memory() -> int:
    """Return the largest resident set of this process or any finished child [bytes]."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
