"""A document's life: found by id or path, every text printed once, nothing left to guess."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import CORPUS_DROPPED, DOCUMENTS, KEPT, LABELS, SCORES, document_id
from codeprimer.core.errors import UserError
from codeprimer.core.shards import Row
from codeprimer.run.folder import RunFolder
from codeprimer.run.trace import print_life, trace_document

OTHER_KEYS = {"version": 1, "settings": {}, "headline": "", "facts": {}}

TEXT = "def double(value):\n    return 2 * value\n"
OTHER = "def triple(value):\n    return 3 * value\n"

Tables = dict[str, tuple[pa.Schema, list[Row]]]


def publish(store: Store, stage: str, inputs: dict[str, str], tables: Tables) -> Artifact:
    with store.workspace(stage, stage) as workspace:
        for name, (schema, rows) in tables.items():
            with workspace.table(name, schema) as table:
                table.write_all(rows)
        manifest = {"stage": stage, "id": stage, "inputs": inputs, **OTHER_KEYS}
        return store.publish(workspace, manifest, (), {"seconds": 1.0})


def document(text: str, path: str) -> Row:
    return {"doc_id": document_id(text), "text": text, "source": "code", "path": path}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run until quality: two documents, of which one was judged, and a file that is not text."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    rows = [document(TEXT, "one/double.py"), document(OTHER, "two/triple.py")]
    binary = {"source": "code", "path": "two/binary.py", "reason": "not_utf8", "detail": "byte 0"}
    corpus: Tables = {"documents": (DOCUMENTS, rows), "dropped": (CORPUS_DROPPED, [binary])}
    scores = [{"doc_id": row["doc_id"], "source": "code", "score": 0.5, "kept": True} for row in rows]
    labels = [{"doc_id": rows[0]["doc_id"], "points": 3.0, "label": True}]
    quality: Tables = {
        "kept": (KEPT, [{**row, "score": 0.5} for row in rows]),
        "labels": (LABELS, labels),
        "scores": (SCORES, scores),
    }
    folder.link("10-corpus", publish(folder.store, "corpus", {}, corpus))
    folder.link("20-quality", publish(folder.store, "quality", {"corpus": "corpus"}, quality))
    return folder


def printed(run: RunFolder, word: str, capsys: pytest.CaptureFixture[str]) -> str:
    print_life(Console(), trace_document(run, word))
    return capsys.readouterr().out


def test_a_text_is_printed_once_however_many_tables_hold_it(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(run, document_id(TEXT), capsys)
    assert shown.count("def double") == 1
    assert "as in corpus/documents" in shown


def test_a_document_without_a_label_is_said_not_to_have_been_judged(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "not in the labelled sample" in printed(run, document_id(OTHER), capsys)
    assert "not in the labelled sample" not in printed(run, document_id(TEXT), capsys)


@pytest.mark.parametrize("word", ["one/double.py", "double.py", document_id(TEXT)[:8]])
def test_a_document_is_found_by_its_path_the_end_of_it_or_the_beginning_of_its_id(run: RunFolder, word: str) -> None:
    assert trace_document(run, word)["doc_id"] == document_id(TEXT)


def test_a_file_that_is_no_text_is_found_by_its_path_and_its_reason_told(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "not_utf8" in printed(run, "binary.py", capsys)


def test_a_path_of_several_files_lists_them_and_an_unknown_one_is_named(run: RunFolder) -> None:
    folder = run.path.parent / "again"
    again = RunFolder(folder / "run")
    again.path.mkdir(parents=True)
    rows = [document(TEXT, "one/same.py"), document(OTHER, "two/same.py"), document("x = 1\n", "same.py")]
    tables: Tables = {"documents": (DOCUMENTS, rows), "dropped": (CORPUS_DROPPED, [])}
    again.link("10-corpus", publish(again.store, "corpus", {}, tables))
    assert trace_document(again, "same.py")["doc_id"] == document_id("x = 1\n")
    with pytest.raises(UserError, match="'binary' is neither a document id"):
        trace_document(run, "binary")
    tables["documents"] = (DOCUMENTS, rows[:2])
    other = RunFolder(folder / "other" / "run")
    other.path.mkdir(parents=True)
    other.link("10-corpus", publish(other.store, "corpus", {}, tables))
    with pytest.raises(UserError, match=r"2 files.*: code:one/same\.py, code:two/same\.py"):
        trace_document(other, "same.py")
