"""Resolves a path given in place of a benchmark: finds the installed benchmark that reads the file or artefact."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from codeprimer.benchmarks.benchmark import Benchmark
from codeprimer.benchmarks.files import FOLDER_VARIABLE, FileBenchmark, records
from codeprimer.core.artifact import MANIFEST, open_artifact, to_json
from codeprimer.core.console import Console
from codeprimer.core.documents import Task
from codeprimer.core.errors import SourceError, UserError, nearest
from codeprimer.core.plugins import PluginSettings, Toolbox, identity, kinds, load, make, selected
from codeprimer.core.settings import NOT_IN_ID


def kind_at(path: Path) -> str:
    """Return the kind of the benchmark that reads a file or an artefact.

    Raises SourceError if the path does not exist, or if not exactly one installed benchmark reads it.
    """
    record = _first_record(path)
    found = [kind for kind in kinds("benchmark") if _reads(kind, record)]
    if len(found) == 1:
        return found[0]
    keys = ", ".join(map(str, list(record)[:8]))
    if found:
        raise SourceError(
            f"{path}: several benchmarks read it ({', '.join(found)}); select one by its kind, and set path: {path}"
        )
    raise SourceError(
        f"{path}: no installed benchmark ({', '.join(kinds('benchmark'))}) reads its records (keys: {keys}); install or "
        "write one"
    )


def _first_record(path: Path) -> Mapping[str, Any]:
    if (path / MANIFEST).is_file():
        return open_artifact(path).manifest
    if not path.is_file():
        raise SourceError(
            f"{path} is neither a file, nor an artefact, nor a benchmark; {nearest(path.name, kinds('benchmark'))}"
        )
    for _, record in records(path):
        return record  # type: ignore[no-any-return]  # JSON
    raise SourceError(f"{path} contains no tasks; download it again")


def _reads(kind: str, record: Mapping[str, Any]) -> bool:
    found: Any = load("benchmark", kind)
    return "path" in found.Settings.model_fields and bool(found.reads(record))


class SeveralBenchmarks(Benchmark):
    """A benchmark that stands for other benchmarks; for ``exam.benchmarks`` only."""

    def __init__(self, settings: PluginSettings, *, toolbox: Toolbox) -> None:
        super().__init__(settings)
        self._toolbox = toolbox

    @abstractmethod
    def members(self) -> list[PluginSettings]:
        """Return the settings of the benchmarks that this benchmark stands for."""

    def tasks(self) -> Iterator[Task]:
        """Yield the tasks of all members."""
        for of in self.members():
            yield from make("benchmark", of, self._toolbox).tasks()

    def asked(self) -> list[Task]:
        """Raise UserError: a model is evaluated on one benchmark at a time."""
        raise UserError(f"benchmark {self.settings.kind!r} cannot be evaluated; give one benchmark's kind or path")

    def digest(self) -> str:
        """Return a digest of the members and of what they read, or an empty string if there are no members."""
        found = [[of.identity(), identity("benchmark", of, self._toolbox)] for of in self.members()]
        return hashlib.sha256(to_json(found)).hexdigest() if found else ""


class PathSettings(PluginSettings):
    """A benchmark selected by its path."""

    path: Path = Field(json_schema_extra=NOT_IN_ID, description="A file, or an exam artefact.")


class PathBenchmark(SeveralBenchmarks):
    """The installed benchmark that reads the file or artefact at a path."""

    Settings = PathSettings

    def members(self) -> list[PluginSettings]:
        """Return the settings of the benchmark that reads the path, as the only member."""
        return [selected("benchmark", kind_at(self.settings.path), path=self.settings.path)]


class AutoBenchmark(SeveralBenchmarks):
    """All benchmarks whose files are in the folder that CODEPRIMER_BENCHMARKS names."""

    may_be_empty: ClassVar[bool] = True

    def __init__(self, settings: PluginSettings, *, console: Console, toolbox: Toolbox) -> None:
        super().__init__(settings, toolbox=toolbox)
        self._console = console

    def members(self) -> list[PluginSettings]:
        """Return the settings of the benchmarks whose files are there, in order of kind."""
        return [selected("benchmark", kind) for kind, of in distributed().items() if of.known()]

    def digest(self) -> str:
        """Return the digest, and warn if there are no files."""
        if not (found := super().digest()):
            self._console.warn(
                f"exam.benchmarks: {FOLDER_VARIABLE} does not name a folder with benchmark files ({', '.join(distributed())}); "
                "training data is not checked against them"
            )
        return found


def distributed() -> dict[str, type[FileBenchmark]]:
    """Return the installed benchmarks, by kind, that are distributed as a file with a known name."""
    found = {kind: load("benchmark", kind) for kind in kinds("benchmark")}
    return {kind: of for kind, of in found.items() if issubclass(of, FileBenchmark) and of.files}
