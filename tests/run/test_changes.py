"""What a run will replace: said with its cause, and only where something later is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support import stage_tools

from codeprimer.core.console import Console
from codeprimer.run.changes import replaced
from codeprimer.run.execute import plan
from codeprimer.run.flow import steps_until
from codeprimer.run.folder import RunFolder
from codeprimer.run.loading import parse_recipe
from codeprimer.run.recipe import Recipe

CONSOLE = Console("quiet")


def recipe(folder: Path, **more: Any) -> Recipe:
    source = {"kind": "folder", "name": "code", "path": str(folder / "code")}
    return parse_recipe({"name": "run", "corpus": {"sources": [source]}, **more}, "test")


def warning(folder: RunFolder, recipe: Recipe, until: str = "quality") -> str | None:
    return replaced(folder, plan(steps_until(recipe, until), folder.store, stage_tools(CONSOLE, recipe.seed)))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run folder that holds the exam, the corpus, and what is made from both."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("x = 1\n")
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    made = recipe(tmp_path)
    ids: dict[str, str] = {}
    for item in plan(steps_until(made, "contamination"), folder.store, stage_tools(CONSOLE, made.seed)):
        step = item.step
        ids[step.name] = item.id
        manifest = {
            "stage": step.stage.name,
            "version": step.stage.version,
            "id": item.id,
            "settings": step.settings.identity(),
            "seed": made.seed if step.stage.seeded else None,
            "ingredients": item.ingredients,
            "inputs": {name: ids[source] for name, source in step.inputs.items()},
            "facts": {},
            "headline": "",
        }
        with folder.store.workspace(step.stage.name, item.id) as workspace:
            folder.link(step.link, folder.store.publish(workspace, manifest, (), {"seconds": 1.0}))
    return folder


def test_a_run_that_changes_nothing_has_nothing_to_say(run: RunFolder) -> None:
    assert warning(run, recipe(run.path.parent), "contamination") is None


def test_changed_sources_are_named_with_every_later_step_that_loses_its_link(run: RunFolder) -> None:
    (run.path.parent / "code" / "a.py").write_text("x = 2\n")
    said = warning(run, recipe(run.path.parent))
    assert said is not None
    assert said.startswith("corpus is not ")
    assert "(corpus.sources.0: the files that it reads changed)" in said
    assert "links of quality, contamination are removed" in said
    assert str(run.store.root) in said and "`codeprimer clean --yes`" in said


def test_other_benchmarks_are_named_with_the_variable_that_leads_to_them(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = run.path.parent / "mine.jsonl"
    mine.write_text('{"task_id": "a/0", "prompt": "def f():\\n", "canonical_solution": "    return 1\\n"}\n')
    said = warning(run, recipe(run.path.parent, exam={"benchmarks": [str(mine)]}), "textbooks")
    assert said is not None
    assert "benchmarks" in said
    assert "links of textbooks, exercises, contamination are removed" in said


def test_a_changed_setting_and_a_changed_seed_are_named(run: RunFolder) -> None:
    said = warning(run, recipe(run.path.parent, quality={"keep_fraction": 0.5}))
    assert said is not None and "settings: keep_fraction)" in said
    said = warning(run, recipe(run.path.parent, seed=3))
    assert said is not None and "(seed: 3, not 1)" in said


def test_a_step_that_nothing_was_made_from_is_replaced_without_a_word(run: RunFolder) -> None:
    assert warning(run, recipe(run.path.parent, contamination={"min_nodes": 20}), "contamination") is None
