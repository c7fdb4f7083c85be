"""A small exam, composed by the real author, for the tests of the textbooks stage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.support import stage_tools

from codeprimer.authors.offline.compose import compose
from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import TASKS
from codeprimer.core.stage import Built, identify, run_stage
from codeprimer.curriculum.blueprints import Exercise
from codeprimer.curriculum.sampler import draw_blueprint
from codeprimer.textbooks.settings import TextbooksSettings
from codeprimer.textbooks.stage import TextbooksStage


def exam_exercises(count: int, seed: int = 5) -> list[Exercise]:
    """Return exercises of two or three steps."""
    random = Random(seed)
    found: list[Exercise] = []
    while len(found) < count:
        exercise = compose(draw_blueprint(random, (2, 2, 3)))
        if exercise is not None:
            found.append(exercise)
    return found


def publish_exam(store: Store, tables: Mapping[str, list[Exercise]]) -> Artifact:
    """Return an exam artefact with these problems."""
    with store.workspace("exam", "0" * 16) as workspace:
        for name in ("exam", "validation"):
            with workspace.table(name, TASKS) as table:
                for number, exercise in enumerate(tables.get(name, [])):
                    table.write(
                        {
                            "task_id": f"{name}/{number:04d}",
                            "blueprint": exercise.blueprint,
                            "concepts": list(exercise.concepts),
                            "entry_point": exercise.entry_point,
                            "prompt": exercise.prompt,
                            "solution": exercise.solution,
                            "tests": list(exercise.tests),
                        }
                    )
        return store.publish(workspace, {"stage": "exam", "id": "0" * 16, "facts": {}, "headline": ""}, (), {})


def build(root: Path, exam: Artifact, settings: TextbooksSettings, processes: int = 1, seed: int = 1) -> Built:
    """Run the stage in a store of its own."""
    console = Console("quiet")
    tools = stage_tools(console, seed, processes)
    identity = identify(TextbooksStage(), settings, {"exam": exam.id}, stage_tools(console, seed))
    return run_stage(TextbooksStage(), settings, {"exam": exam}, identity, Store(root), tools)
