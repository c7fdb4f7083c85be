"""Stages: reuse, staleness, empty output, and settings that say where rather than what."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import Field
from tests.support import stage_tools

from codeprimer.core.artifact import Artifact, Store, Workspace
from codeprimer.core.console import Console
from codeprimer.core.errors import EmptyOutputError, Interrupted
from codeprimer.core.settings import NOT_IN_ID, OMIT_DEFAULT_FROM_ID, Settings
from codeprimer.core.stage import Stage, Stats, Tools, available_cores, identify, run_stage

SCHEMA = pa.schema([("number", pa.int64())])
QUIET = Console("quiet")


class SquaresSettings(Settings):
    count: int = 3
    folder: Path = Field(default=Path("here"), json_schema_extra=NOT_IN_ID)


class SquaresStage(Stage[SquaresSettings]):
    name = "squares"
    version = 1
    required_tables = ("squares",)

    def run(self, settings: SquaresSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        with out.table("squares", SCHEMA) as table:
            table.write_all({"number": number**2} for number in range(settings.count))
        return Stats(f"{settings.count} squares", {"count": settings.count})


def tools(seed: int = 1) -> Tools:
    return stage_tools(QUIET, seed, 1)


def identity(settings: SquaresSettings, seed: int = 1) -> str:
    return identify(SquaresStage(), settings, {}, stage_tools(QUIET, seed))


def test_a_stage_runs_once_and_is_found_again(tmp_path: Path) -> None:
    settings, store = SquaresSettings(), Store(tmp_path)
    first = run_stage(SquaresStage(), settings, {}, identity(settings), store, tools())
    second = run_stage(SquaresStage(), settings, {}, identity(settings), store, tools())
    assert (first.reused, second.reused) == (False, True)
    assert second.headline == "3 squares"
    assert second.artifact.facts == {"count": 3}
    assert first.artifact.cost["seconds"] >= 0
    assert first.artifact.cost["cores"] == available_cores(), "a stage that does not say less keeps all"


def test_a_changed_setting_or_seed_is_another_artefact() -> None:
    assert len({identity(SquaresSettings()), identity(SquaresSettings(count=4)), identity(SquaresSettings(), 2)}) == 3


def test_a_path_in_the_settings_does_not_make_an_artefact_stale() -> None:
    assert identity(SquaresSettings()) == identity(SquaresSettings(folder=Path("there")))


def test_an_empty_required_table_is_an_error_not_a_silent_success(tmp_path: Path) -> None:
    settings, store = SquaresSettings(count=0), Store(tmp_path)
    with pytest.raises(EmptyOutputError, match="empty table 'squares'"):
        run_stage(SquaresStage(), settings, {}, identity(settings), store, tools())
    assert store.artifacts() == []


class StubbornStage(SquaresStage):
    """Is stopped twice before it makes anything."""

    def run(self, settings: SquaresSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        time.sleep(0.05)
        attempts = out.work / "attempts"
        attempts.write_bytes((attempts.read_bytes() if attempts.exists() else b"") + b"x")
        if len(attempts.read_bytes()) < 3:
            raise Interrupted("stopped")
        return super().run(settings, inputs, out, tools)


def test_the_cost_of_an_artefact_counts_the_attempts_that_were_stopped(tmp_path: Path) -> None:
    settings, store = SquaresSettings(), Store(tmp_path)
    for _ in range(2):
        with pytest.raises(Interrupted):
            run_stage(StubbornStage(), settings, {}, identity(settings), store, tools())
    built = run_stage(StubbornStage(), settings, {}, identity(settings), store, tools())
    assert built.artifact.cost["seconds"] >= built.seconds + 2 * 0.05
    assert built.artifact.manifest["files"].keys() == {"squares/00000.parquet"}


class PageStage(SquaresStage):
    volatile = ("page.html",)

    def run(self, settings: SquaresSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        (out.path / "page.html").write_text("took 3 s")
        return super().run(settings, inputs, out, tools)


def test_an_artefact_that_lost_a_file_outside_its_manifest_is_made_again(tmp_path: Path) -> None:
    settings, store = SquaresSettings(), Store(tmp_path)
    made = [run_stage(PageStage(), settings, {}, identity(settings), store, tools()) for _ in range(2)]
    (made[0].artifact.path / "page.html").unlink()
    again = run_stage(PageStage(), settings, {}, identity(settings), store, tools())
    assert [built.reused for built in (*made, again)] == [False, True, False]
    assert (again.artifact.path / "page.html").exists()
    assert store.artifacts() == [again.artifact.path]


class _Nested(Settings):
    parts: tuple[SquaresSettings, ...] = (SquaresSettings(),)
    one: SquaresSettings = SquaresSettings()


def test_places_are_left_out_of_nested_settings_too() -> None:
    assert _Nested().identity() == {"parts": [{"count": 3}], "one": {"count": 3}}


class _Grown(SquaresSettings):
    step: int = Field(default=1, json_schema_extra=OMIT_DEFAULT_FROM_ID)


def test_a_setting_that_came_later_leaves_ids_alone_until_it_is_used() -> None:
    assert _Grown().identity() == SquaresSettings().identity()
    assert _Grown(step=2).identity() == {"count": 3, "step": 2}
