"""The page: chapters of the stages that ran, the result first, and a layout that fits any window."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support import stage_tools

from codeprimer.core.artifact import Artifact, Store, Workspace
from codeprimer.core.settings import Settings
from codeprimer.core.stage import Stage, Stats, Step, run_stage
from codeprimer.report.page import chapters, render_page
from codeprimer.report.settings import ReportSettings
from codeprimer.report.stage import ReportStage
from codeprimer.reporting.blocks import Chapter, Tile, code, side_by_side, table, text
from codeprimer.reporting.facts import Facts


class CountStage(Stage[Settings]):
    """A stage that the report has never heard of."""

    name = "count"
    number = 15
    version = 1
    Settings = Settings

    def run(self, settings: Any, inputs: Mapping[str, Artifact], out: Workspace, tools: Any) -> Stats:
        return Stats("3 counted", {"counted": 3})

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        counted = facts["count"]["counted"]
        return Chapter("count", "Count", [text(f"{counted} of something.")], [Tile(str(counted), "counted")])


class JudgeStage(CountStage):
    """A stage whose chapter holds the result."""

    name = "judge"
    number = 16

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        return Chapter("judge", "Judge", [], [Tile("1", "judged")], "It is good.")


class SilentStage(CountStage):
    """A stage without a chapter."""

    name = "silent"

    chapter = Stage.chapter


class Named:
    """A recipe of which only the name matters."""

    name = "small"

    def section(self, name: str) -> Any:
        return None


def steps(*stages: type[Stage[Any]]) -> list[Step]:
    return [Step(stage.number, stage.name, stage(), Settings(), {}) for stage in stages]


def report(store: Store, earlier: list[Step]) -> Artifact:
    """Make the report of these steps' artefacts."""
    tools = stage_tools()
    made = {step.name: run_stage(step.stage, step.settings, {}, "1", store, tools).artifact for step in earlier}
    (step,) = ReportStage.steps(ReportSettings(), Named(), earlier)
    return run_stage(step.stage, step.settings, made, "2", store, tools).artifact


def test_a_new_stage_appears_in_the_report_of_a_run_that_has_no_other_step(tmp_path: Path) -> None:
    made = report(Store(tmp_path), steps(CountStage, SilentStage))
    page = (made.path / "report.html").read_text()
    assert '<a href="#count">Count</a><a href="#cost">' in page
    assert "<p>3 of something.</p>" in page
    assert "<b>3</b><span>counted</span>" in page
    assert 'class="lead"' not in page
    assert orjson.loads((made.path / "facts.json").read_bytes())["count"] == {"counted": 3}
    assert sorted(path.name for path in made.path.glob("*.md")) == [], "neither data nor models were made"
    assert "1 chapter" in made.manifest["headline"]


def test_the_result_comes_first_and_its_tiles_too() -> None:
    flow = steps(CountStage, JudgeStage)
    facts = {"count": {"counted": 3}, "judge": {}}
    found = chapters(flow, facts, 1)
    assert [chapter.id for chapter in found] == ["judge", "count"]
    page = render_page("name", 1, {**facts, **NO_FACTS}, found)
    assert '<p class="lead">It is good.</p>' in page
    assert page.index("<span>judged</span>") < page.index("<span>counted</span>")


def test_a_step_without_facts_has_no_chapter() -> None:
    assert [chapter.id for chapter in chapters(steps(CountStage, JudgeStage), {"judge": {}}, 1)] == ["judge"]


NO_FACTS: dict[str, Any] = {"cost": {}, "speed": {}, "footprint": {"steps": {}}, "artefacts": {}}

WIDE = [
    code("caption", "x" * 400),
    side_by_side([code("a", "y = " + "1 + " * 99)], []),
    table(("a",), [("z" * 300,)]),
]
"""Content that is wider than any window."""


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a Chromium")
@pytest.mark.parametrize("width", [500, 1200])
def test_the_page_never_scrolls_sideways(tmp_path: Path, width: int) -> None:
    from playwright.sync_api import sync_playwright

    wide = [Chapter(f"c{number}", f"Chapter {number} of many", WIDE) for number in range(12)]
    file = tmp_path / "page.html"
    file.write_text(render_page("name", 1, NO_FACTS, wide))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": width, "height": 900})
        opened.goto(file.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.evaluate("[...document.querySelectorAll('pre')].every(pre => pre.scrollWidth <= pre.clientWidth)")
        browser.close()
