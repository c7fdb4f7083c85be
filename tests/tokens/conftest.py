"""What the tokens stage's tests share: real inputs, made of the standard library's own code."""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest
from tests.support import stage_tools
from tests.tokens.token_inputs import EXERCISES, Publish, Rows, tasks, texts

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.stage import Tools


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def publish(store: Store, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Publish an artefact with the given tables, in small row groups; each call makes another one."""
    monkeypatch.setattr("codeprimer.core.shards.GROUP_ROWS", 7)
    made: list[str] = []

    def make(stage: str, tables: Mapping[str, tuple[pa.Schema, Rows]]) -> Artifact:
        identity = f"{len(made):016x}"
        made.append(identity)
        with store.workspace(stage, identity) as workspace:
            for name, (schema, rows) in tables.items():
                with workspace.table(name, schema) as table:
                    table.write_all(rows)
            manifest = {"stage": stage, "id": identity, "facts": {}, "headline": ""}
            return store.publish(workspace, manifest, (), {})

    return make


@pytest.fixture
def contamination(publish: Publish) -> Artifact:
    library = Path(sysconfig.get_path("stdlib"))
    code = [path.read_text() for name in ("json", "email") for path in sorted((library / name).glob("*.py"))]
    return publish(
        "contamination",
        {
            "raw": texts(code),
            "code": texts(code[::3]),
            "textbooks": texts([f"# Lists\n\n{text}" for text in EXERCISES[:10]]),
            "exercises": texts(EXERCISES),
        },
    )


@pytest.fixture
def exam(publish: Publish) -> Artifact:
    return publish(
        "exam", {"exam": tasks("exam", 6), "validation": tasks("validation", 3), "benchmarks": tasks("HumanEval", 0)}
    )


@pytest.fixture
def tools() -> Tools:
    console = Console("quiet")
    return stage_tools(console, 1, 1)
