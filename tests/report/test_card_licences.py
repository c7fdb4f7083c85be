"""Licences are counted over what is published, not over what was found."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from codeprimer.core.artifact import Artifact, Store
from codeprimer.report.licenses import published_licenses

KEPT = pa.schema([("doc_id", pa.string()), ("license", pa.string())])
CODE = pa.schema([("doc_id", pa.string())])


def artifact(store: Store, stage: str, table: str, schema: pa.Schema, rows: list[dict[str, str | None]]) -> Artifact:
    with store.workspace(stage, "1") as workspace:
        with workspace.table(table, schema) as writer:
            writer.write_all(rows)
        return store.publish(workspace, {"id": "1", "stage": stage, "facts": {}}, (), {})


def test_only_documents_of_the_clean_code_count(tmp_path: Path) -> None:
    store = Store(tmp_path)
    licenses = {"a": "MIT", "b": "GPL-3.0-only", "c": None, "d": "MIT"}
    kept = artifact(store, "quality", "kept", KEPT, [{"doc_id": one, "license": of} for one, of in licenses.items()])
    clean = artifact(store, "contamination", "code", CODE, [{"doc_id": one} for one in "acd"])
    assert published_licenses(kept, clean) == {"MIT": 2, "none found": 1}


def test_a_clean_document_that_was_never_kept_is_a_bug(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = artifact(store, "quality", "kept", KEPT, [{"doc_id": "a", "license": "MIT"}])
    clean = artifact(store, "contamination", "code", CODE, [{"doc_id": "z"}])
    with pytest.raises(AssertionError, match="holds z"):
        published_licenses(kept, clean)
