"""A stage whose bytes change has a new version; otherwise old artefacts would be taken for up to date.

``versions.json`` holds, for the stages that are Python alone, the version and a digest of what they make of a tiny
fixture. The digest is of rows and facts, so that another version of the Parquet library does not move it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support import stage_tools

from codeprimer.core.artifact import Artifact, Store, to_json
from codeprimer.core.console import Console
from codeprimer.core.documents import TASKS
from codeprimer.core.settings import Settings
from codeprimer.core.stage import Stage, identify, run_stage
from codeprimer.corpus.settings import CorpusSettings
from codeprimer.corpus.sources.base import PathSettings
from codeprimer.corpus.stage import CorpusStage
from codeprimer.exam.settings import ExamSettings
from codeprimer.exam.stage import ExamStage
from codeprimer.exercises.settings import ExercisesSettings
from codeprimer.exercises.stage import ExercisesStage
from codeprimer.textbooks.settings import TextbooksSettings
from codeprimer.textbooks.stage import TextbooksStage

GOLDEN = Path(__file__).with_name("versions.json")

QUIET = Console("quiet")

PROBLEM = {
    "task_id": "exam/0000",
    "blueprint": "integers>keep_even>total",
    "concepts": ["list_filtering"],
    "entry_point": "total_even",
    "prompt": 'def total_even(numbers: list[int]) -> int:\n    """Keep only the even numbers, then add them up."""\n',
    "solution": "    return sum(x for x in numbers if x % 2 == 0)\n",
    "tests": ["assert total_even([1, 2, 4]) == 6"],
}

FILES = {
    "one/area.py": 'def area(width: int, height: int) -> int:\n    """Return the area."""\n    return width * height\n'
    * 3,
    "one/copy.py": 'def area(width: int, height: int) -> int:\n    """Return the area."""\n    return width * height\n'
    * 3,
    "two/broken.py": "def broken(:\n",
    "two/greeting.py": "def greeting(name: str) -> str:\n    text = 'Hello, ' + name\n    print(text)\n    return text\n"
    * 4,
    "two/LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy\n",
    "three/empty.py": "",
}


def made(folder: Path, stage: Stage[Any], settings: Settings, inputs: dict[str, Artifact]) -> Artifact:
    identity = identify(
        stage, settings, {name: artifact.id for name, artifact in inputs.items()}, stage_tools(QUIET, 1)
    )
    tools = stage_tools(QUIET, 1, 1)
    return run_stage(stage, settings, inputs, identity, Store(folder / "made"), tools).artifact


def sealed(folder: Path) -> Artifact:
    """Return an exam of one problem that no change of the curriculum changes."""
    store = Store(folder / "sealed")
    with store.workspace("exam", "0" * 16) as workspace:
        for name in ("exam", "validation"):
            with workspace.table(name, TASKS) as table:
                table.write(PROBLEM)
        return store.publish(workspace, {"stage": "exam", "id": "0" * 16, "facts": {}, "headline": ""}, (), {})


def exam(folder: Path) -> Artifact:
    return made(folder, ExamStage(), ExamSettings(problems=24, validation=10), {})


def textbooks(folder: Path) -> Artifact:
    return made(folder, TextbooksStage(), TextbooksSettings(sections=80), {"exam": sealed(folder)})


def exercises(folder: Path) -> Artifact:
    return made(folder, ExercisesStage(), ExercisesSettings(count=400), {"exam": sealed(folder)})


def corpus(folder: Path) -> Artifact:
    for name, text in FILES.items():
        (folder / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "code" / name).write_text(text)
    source = PathSettings(kind="folder", name="mine", path=folder / "code")
    return made(folder, CorpusStage(), CorpusSettings(sources=(source,), heldout_fraction=0.2), {})


MAKERS: dict[str, Callable[[Path], Artifact]] = {
    "exam": exam,
    "textbooks": textbooks,
    "exercises": exercises,
    "corpus": corpus,
}


def digest(artifact: Artifact) -> str:
    rows = {table: list(artifact.rows(table)) for table in artifact.tables()}
    return hashlib.sha256(to_json({"rows": rows, "facts": artifact.facts})).hexdigest()[:16]


@pytest.mark.parametrize("name", MAKERS)
def test_a_stage_that_makes_other_bytes_has_a_new_version(name: str, tmp_path: Path) -> None:
    artifact = MAKERS[name](tmp_path)
    known = orjson.loads(GOLDEN.read_bytes())[name]
    now = {"version": artifact.manifest["version"], "digest": digest(artifact)}
    moved = now["digest"] != known["digest"]
    assert not (moved and now["version"] == known["version"]), (
        f"{name} makes other bytes than its version {known['version']} did; raise `version` in the stage of "
        f"src/codeprimer/{name}/stage.py and write the new version with the digest {now['digest']!r} into {GOLDEN.name}"
    )
    assert now == known, f"{name} has a new version; write {now} into {GOLDEN.name}"
