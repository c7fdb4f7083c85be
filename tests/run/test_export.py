"""Tables as JSON lines: into files, pipes and devices, and never over an artefact."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from codeprimer.core.errors import UserError
from codeprimer.run.export import export_jsonl
from codeprimer.run.folder import RunFolder

LINES = b'{"number":0}\n{"number":1}\n'


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with one table of two rows."""
    folder = RunFolder(tmp_path / "runs" / "mine")
    folder.path.mkdir(parents=True)
    with folder.store.workspace("corpus", "c") as workspace:
        with workspace.table("numbers", pa.schema([("number", pa.int64())])) as table:
            table.write_all({"number": number} for number in range(2))
        manifest = {
            "stage": "corpus",
            "id": "c",
            "version": 1,
            "settings": {},
            "inputs": {},
            "headline": "",
            "facts": {},
        }
        folder.link("10-corpus", folder.store.publish(workspace, manifest, (), {}))
    return folder


def test_a_file_appears_whole_and_one_of_a_like_name_stays(run: RunFolder, tmp_path: Path) -> None:
    target = tmp_path / "numbers.jsonl"
    target.write_text("old")
    (tmp_path / "numbers.jsonl.tmp").write_text("mine")
    assert export_jsonl(run, "corpus/numbers", target) == 2
    assert target.read_bytes() == LINES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["numbers.jsonl", "numbers.jsonl.tmp", "runs"]
    assert (tmp_path / "numbers.jsonl.tmp").read_text() == "mine"


def test_a_pipe_stays_a_pipe_and_a_link_a_link(run: RunFolder, tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    export_jsonl(run, "corpus/numbers", pipe)
    reader.join(timeout=10)
    assert read == [LINES] and pipe.is_fifo()
    link.symlink_to("target")
    export_jsonl(run, "corpus/numbers", link)
    assert link.is_symlink() and (tmp_path / "target").read_bytes() == LINES


def test_nothing_in_the_store_and_no_folder_is_written_over(run: RunFolder) -> None:
    manifest = run.path / "10-corpus" / "manifest.json"
    before = manifest.read_bytes()
    with pytest.raises(UserError, match="lies in the store"):
        export_jsonl(run, "corpus/numbers", manifest)
    assert manifest.read_bytes() == before
    for folder in (run.path, Path()):
        with pytest.raises(UserError, match="is a folder; name a file in it"):
            export_jsonl(run, "corpus/numbers", folder)
