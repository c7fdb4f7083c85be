"""Small exams, composed by the real author without the exam stage, for the tests of the stages that employ authors."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from codeprimer.authors.offline.compose import compose
from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.documents import TASKS
from codeprimer.curriculum.blueprints import Exercise
from codeprimer.curriculum.sampler import draw_blueprint


def exam_exercises(count: int, seed: int = 5) -> list[Exercise]:
    """Return exercises of two or three operations."""
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
