"""What a stage is, and how one is run.

A stage reads artefacts, writes one artefact, and knows no other stage. It gets everything else handed in: its
settings, its inputs, a workspace, the engine, the seed and the console. ``run_stage`` gives it an id, skips it when
the artefact is there, and publishes it.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from codeprimer.core.artifact import Artifact, Store, Workspace, content_id
from codeprimer.core.console import Console
from codeprimer.core.errors import EmptyOutputError
from codeprimer.core.shards import count_rows

PLACE: JsonDict = {"place": True}
"""Pass as ``Field(json_schema_extra=PLACE)`` for a path: moving files must not make an artefact stale; their content
is hashed."""

LATER: JsonDict = {"later": True}
"""Pass as ``Field(json_schema_extra=LATER)`` for a setting that came after artefacts had been made: left at its default,
which must change nothing, it leaves their ids as they are."""


class Settings(BaseModel):
    """The base of every stage's settings: strict, frozen, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    def identity(self) -> dict[str, Any]:
        """Return the settings that decide the bytes of an artefact, as JSON values.

        A field marked with ``PLACE`` says where something lies or how much of the machine to use; it is left out. One
        marked with ``LATER`` is left out while it has its default.
        """
        facts = self.model_dump(mode="json")
        return {
            name: _identity(getattr(self, name), facts[name])
            for name, field in type(self).model_fields.items()
            if field.json_schema_extra != PLACE
            and not (field.json_schema_extra == LATER and getattr(self, name) == field.default)
        }


def _identity(value: Any, dumped: Any) -> Any:
    if isinstance(value, Settings):
        return value.identity()
    if isinstance(value, tuple):
        return [_identity(item, dumped_item) for item, dumped_item in zip(value, dumped, strict=True)]
    return dumped


@dataclass(frozen=True)
class Stats:
    """What a stage reports: one line for people, and figures for the manifest.

    Both must be equal for equal artefacts: no times, no paths, no memory.
    """

    headline: str
    facts: dict[str, Any] = dataclass_field(default_factory=dict)


Unit = TypeVar("Unit")


class Engine(Protocol):
    """Map a stage over units of work."""

    def map(
        self, function: Callable[[Unit, Path], None], units: Iterable[Unit], work: Path, title: str
    ) -> Generator[Path, None, None]:
        """Call ``function(unit, folder)`` exactly once per unit and yield the folders in the order of the units.

        Whoever may not take every folder closes the generator (``contextlib.closing``): what is left to the garbage
        collector swallows an interrupt that comes meanwhile.

        ``function`` must be importable (a module-level function or a ``functools.partial`` of one). A folder that an
        earlier attempt finished is not made again. Folders are ``work/00000``, ``work/00001``, ...; the caller may
        remove one after reading it.
        """
        ...


def map_here(function: Callable[[Unit, Path], None], units: Iterable[Unit], work: Path) -> Generator[Path, None, None]:
    """Call ``function(unit, folder)`` for each unit in this process, and yield the folders.

    For work that talks to somebody and keeps its own record of what was said: what an attempt that was killed had begun
    is made anew.
    """
    for number, unit in enumerate(units):
        folder = work / f"{number:05d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        function(unit, folder)
        yield folder


Element = TypeVar("Element")


@contextmanager
def ending(elements: Iterator[Element]) -> Generator[Iterator[Element], None, None]:
    """Hand an iterator over, and close it at the end where it can be closed.

    For those that hold somebody who is asked: left to the garbage collector, answers that are paid for would be lost when
    a run is interrupted.
    """
    try:
        yield elements
    finally:
        if isinstance(elements, Generator):
            elements.close()


@dataclass(frozen=True)
class Tools:
    """What the assembly hands to every stage."""

    engine: Engine
    console: Console
    seed: int
    step: str = ""
    """The name of the step in the flow, for messages: one stage may be several steps."""
    logs: Path | None = None
    """Where somebody may write who only watches, outside the store; None: beside the work."""


SettingsType = TypeVar("SettingsType", bound=Settings)


class Stage(ABC, Generic[SettingsType]):
    """One step from artefacts to an artefact."""

    name: ClassVar[str]
    """The word that also names the folder, the recipe's section, the command and the run's folder."""
    version: ClassVar[int]
    """Raised whenever the same settings and inputs would give other bytes."""
    reads: tuple[str, ...] = ()
    """The inputs, by the names under which ``run`` finds them; an instance may read more (training that starts from a
    model)."""
    seeded: ClassVar[bool] = True
    """False where the recipe's seed changes nothing, so that runs with other seeds share the artefact."""
    volatile: ClassVar[tuple[str, ...]] = ()
    """Files whose bytes carry times; they are kept out of the manifest."""
    required_tables: ClassVar[tuple[str, ...]] = ()
    """Tables that must not be empty."""

    def source_digest(self, settings: SettingsType, console: Console) -> str:
        """Return a digest of everything outside the store that ``run`` will read."""
        del settings, console
        return ""

    def cores(self, settings: SettingsType) -> int | None:
        """Return how many cores ``run`` keeps busy; None means all, so that nothing runs beside it."""
        del settings
        return None

    @abstractmethod
    def run(self, settings: SettingsType, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the artefact into ``out`` and report."""


@dataclass(frozen=True)
class Built:
    """The outcome of ``run_stage``."""

    artifact: Artifact
    reused: bool
    seconds: float
    headline: str


def identify(stage: Stage[Any], settings: Settings, input_ids: Mapping[str, str], seed: int, console: Console) -> str:
    """Return the id of the artefact that these settings and inputs lead to, without making it."""
    facts = settings.identity()
    if stage.seeded:
        facts["seed"] = seed
    return content_id(stage.name, stage.version, facts, input_ids, stage.source_digest(settings, console))


def run_stage(
    stage: Stage[Any], settings: Settings, inputs: Mapping[str, Artifact], identity: str, store: Store, tools: Tools
) -> Built:
    """Return the artefact ``identity``, making it unless it is complete in the store.

    Raises EmptyOutputError when a required table comes out empty, StoreError when the store cannot be written.
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
                f"{stage.name} would publish an empty table {name!r}: nothing passed its checks; see {workspace.path} "
                f"and the recipe's section {stage.name!r}"
            )


def peak_memory() -> int:
    """Return the largest resident set of this process or any finished child [bytes]."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
