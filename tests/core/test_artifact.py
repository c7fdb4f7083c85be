"""Artefacts: ids, atomic publication, what a crash leaves behind."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import orjson
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.core.artifact import Store, content_id, make_once, open_artifact, out_of_space, write_atomically
from codeprimer.core.errors import StoreError
from codeprimer.core.shards import read_rows
from codeprimer.model.checkpoint import save_tensors

OTHER_KEYS = {"version": 1, "settings": {}, "headline": "", "facts": {}}

SCHEMA = pa.schema([("doc_id", pa.string())])


def fill(folder: Path) -> None:
    (folder / "done").write_text("1")


def publish(store: Store, identity: str = "0" * 16, rows: int = 3) -> Path:
    with store.workspace("corpus", identity) as workspace:
        with workspace.table("documents", SCHEMA) as table:
            table.write_all({"doc_id": str(index)} for index in range(rows))
        (workspace.path / "report.html").write_text("took 3 s")
        manifest = {"stage": "corpus", "id": identity, "inputs": {}, **OTHER_KEYS}
        return store.publish(workspace, manifest, ("report.html",), {"seconds": 1.0}).path


JSON = st.recursive(st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(), lambda x: st.lists(x, max_size=3))


SETTINGS = st.dictionaries(st.text(min_size=1), JSON, max_size=4)
INPUTS = st.dictionaries(st.text(min_size=1), st.text(), max_size=3)


@given(SETTINGS, INPUTS)
def test_an_id_does_not_depend_on_the_order_of_settings_or_inputs(
    settings: dict[str, object], inputs: dict[str, str]
) -> None:
    backwards = dict(reversed(settings.items())), dict(reversed(inputs.items()))
    assert content_id("a", 1, settings, inputs) == content_id("a", 1, *backwards)


def test_an_id_changes_with_everything_that_decides_the_bytes() -> None:
    base = content_id("a", 1, {"x": 1}, {"i": "1"})
    others = [
        content_id("b", 1, {"x": 1}, {"i": "1"}),
        content_id("a", 2, {"x": 1}, {"i": "1"}),
        content_id("a", 1, {"x": 2}, {"i": "1"}),
        content_id("a", 1, {"x": 1}, {"i": "2"}),
        content_id("a", 1, {"y": 1}, {"i": "1"}),
    ]
    assert len({base, *others}) == 6


def test_a_published_artefact_opens_with_its_rows_and_leaves_no_partial_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    artifact = open_artifact(publish(store))
    assert [row["doc_id"] for row in artifact.rows("documents")] == ["0", "1", "2"]
    assert store.partials() == []
    assert store.find("corpus", "0" * 16) == artifact


def test_files_that_carry_times_stay_out_of_the_manifest(tmp_path: Path) -> None:
    artifact = open_artifact(publish(Store(tmp_path)))
    assert sorted(artifact.manifest["files"]) == ["documents/00000.parquet"]
    assert artifact.cost == {"seconds": 1.0}


def test_an_artefact_without_its_manifest_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = publish(Store(tmp_path))
    (path / "manifest.json").unlink()
    with pytest.raises(StoreError, match="is not an artefact"):
        Store(tmp_path).find("corpus", "0" * 16)


def test_a_file_that_was_cut_off_is_noticed_and_named(tmp_path: Path) -> None:
    path = publish(Store(tmp_path))
    shard = path / "documents" / "00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"00000\.parquet has .* remove"):
        Store(tmp_path).find("corpus", "0" * 16)


def test_a_damaged_manifest_is_one_sentence_with_a_remedy(tmp_path: Path) -> None:
    path = publish(Store(tmp_path))
    (path / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match=r"damaged .* remove"):
        open_artifact(path)


@pytest.mark.parametrize("key", ["id", "stage", "version", "settings", "inputs", "headline", "facts", "files"])
def test_a_manifest_that_lacks_a_key_is_one_sentence_with_a_remedy(tmp_path: Path, key: str) -> None:
    path = publish(Store(tmp_path)) / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    for changed in (
        {**manifest, key: None},
        {name: value for name, value in manifest.items() if name != key},
        [manifest],
    ):
        path.write_bytes(orjson.dumps(changed))
        with pytest.raises(StoreError, match=r"manifest\.json is .* remove .* and run again"):
            open_artifact(path.parent)


@pytest.mark.parametrize("content", ["", "[1]", "null", '{"seconds": "long"}'])
def test_a_cost_that_was_changed_by_hand_is_one_sentence_with_a_remedy(tmp_path: Path, content: str) -> None:
    artifact = open_artifact(publish(Store(tmp_path)))
    (artifact.path / "cost.json").write_text(content)
    with pytest.raises(StoreError, match=r"cost\.json .*remove"):
        artifact.cost  # noqa: B018 - reading it is the test


def test_what_is_being_made_is_told_from_what_was_interrupted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(RuntimeError), store.workspace("corpus", "1" * 16) as workspace:
        workspace.table("documents", SCHEMA).write({"doc_id": "half"})
        assert store.is_in_use("corpus", "1" * 16)
        assert not store.is_in_use("corpus", "2" * 16)
        raise RuntimeError
    assert store.has_partial("corpus", "1" * 16)
    assert not store.is_in_use("corpus", "1" * 16)


def test_a_second_attempt_keeps_finished_work_and_drops_half_written_tables(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(RuntimeError), store.workspace("corpus", "1" * 16) as workspace:
        workspace.once("unit", fill)
        workspace.table("documents", SCHEMA).write({"doc_id": "half"})
        raise RuntimeError
    assert store.has_partial("corpus", "1" * 16)
    with store.workspace("corpus", "1" * 16) as workspace:
        assert [path.name for path in workspace.path.iterdir()] == [".work"]
        made_again: list[Path] = []
        workspace.once("unit", made_again.append)
        assert made_again == []


def test_work_that_was_cut_off_is_made_again_from_nothing(tmp_path: Path) -> None:
    leftover = tmp_path / "unit.tmp"
    leftover.mkdir()
    (leftover / "half").write_text("half")
    folder = make_once(tmp_path / "unit", fill)
    assert [path.name for path in folder.iterdir()] == ["done"]


def test_two_processes_cannot_build_the_same_artefact_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    code = (
        "import sys, pathlib\n"
        "from codeprimer.core.artifact import Store\n"
        "from codeprimer.core.errors import StoreError\n"
        "try:\n"
        "    with Store(pathlib.Path(sys.argv[1])).workspace('corpus', '2'): print('entered')\n"
        "except StoreError as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with store.workspace("corpus", "2"):
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "another run is working on corpus-2" in text


def test_a_full_disk_is_one_sentence_that_says_where_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no space left .* free some space and run again"), out_of_space(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_array(path: Path) -> None:
    np.save(path, np.zeros(2**20))


def write_weights(path: Path) -> None:
    save_tensors(path, {"weight": torch.zeros(2**20)})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to mount a small file system")
@pytest.mark.parametrize("write", [write_array, write_weights])
def test_a_full_disk_is_one_sentence_whichever_library_writes(tmp_path: Path, write: Callable[[Path], None]) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=False).returncode != 0:
        pytest.skip("needs root to mount a small file system")
    try:
        with pytest.raises(StoreError, match="no space left"), out_of_space(tmp_path):
            write(tmp_path / "file")
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def test_an_error_that_is_no_full_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), out_of_space(tmp_path):
        write_weights(tmp_path / "missing" / "file")
    with pytest.raises(OSError, match="something else"), out_of_space(tmp_path):
        raise OSError("something else")


def test_a_reader_never_sees_a_half_written_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def killed_at(number: int, act: Callable[[], object]) -> bool:
    """Do something in a child that is killed before its ``number``-th change of the file system; tell whether it was."""
    child = os.fork()
    if child == 0:
        changes = iter(range(number))

        def watch(event: str, _: tuple[object, ...]) -> None:
            if event in {"os.rename", "os.remove", "os.rmdir"} and next(changes, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        act()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_run_killed_anywhere_in_publishing_loses_no_work_and_ends_in_the_same_bytes(tmp_path: Path) -> None:
    manifest = {"stage": "corpus", "id": "4", "inputs": {}, **OTHER_KEYS}
    whole = 0
    for number in range(100):
        store = Store(tmp_path / str(number))
        with store.workspace("corpus", "4") as workspace:
            for name in ("a", "b"):
                workspace.once(name, fill)
            with workspace.table("documents", SCHEMA) as table:
                table.write({"doc_id": "0"})
            killed = killed_at(number, lambda: store.publish(workspace, manifest, (), {"seconds": 1.0}))  # noqa: B023
        if store.find("corpus", "4") is None:
            with store.workspace("corpus", "4") as again:
                assert [(again.work / name / "done").read_text() for name in ("a", "b")] == ["1", "1"]
        else:
            whole += 1
            path = store.path("corpus", "4")
            assert sorted(file.name for file in path.iterdir()) == ["cost.json", "documents", "manifest.json"]
        if not killed:
            break
    assert number >= 5
    assert 1 < whole < number


def remove_all(store: Store, paths: list[Path]) -> None:
    for path in paths:
        store.remove(path)


def test_a_removal_that_is_killed_leaves_nothing_that_looks_whole_or_begun(tmp_path: Path) -> None:
    for number in range(100):
        store = Store(tmp_path / str(number))
        publish(store)
        with pytest.raises(RuntimeError), store.workspace("corpus", "5") as workspace:
            workspace.once("unit", fill)
            raise RuntimeError
        both = [*store.artifacts(), *store.partials()]
        assert len(both) == 2
        killed = killed_at(number, partial(remove_all, store, both))
        for identity in ("0" * 16, "5"):
            found = store.find("corpus", identity)
            assert found is None or found.damage() is None
        if store.has_partial("corpus", "5"):
            assert (store.root / ".partial" / "corpus-5" / ".work" / "unit" / "done").exists()
        remove_all(store, [*store.artifacts(), *store.partials(), *store.leftovers()])
        assert store.artifacts() == store.partials() == store.leftovers() == []
        if not killed:
            break
    assert number >= 5


def test_a_lost_table_is_an_error_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    with pytest.raises(StoreError, match=r"documents holds no table.* run again"):
        list(read_rows(tmp_path / "documents"))


def test_removing_an_artefact_in_use_by_a_running_stage_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.workspace("corpus", "3") as workspace, pytest.raises(StoreError, match="another run"):
        store.remove(workspace.path)
    store.remove(tmp_path / ".partial" / "corpus-3")
    assert store.partials() == []


def test_an_attempt_that_a_run_is_working_on_is_not_listed_as_interrupted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.workspace("corpus", "3"):
        assert store.partials() == store.leftovers() == []
    assert [path.name for path in store.partials()] == ["corpus-3"]


def test_the_lock_of_an_attempt_remains_when_it_is_published_and_can_be_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish(store)
    assert [path.suffix for path in store.leftovers()] == [".lock"]
    remove_all(store, store.leftovers())
    assert list((tmp_path / ".partial").iterdir()) == []
    publish(store, "1" * 16)
    assert len(store.artifacts()) == 2


def test_a_lock_whose_file_is_removed_while_it_is_taken_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    lock = tmp_path / ".partial" / "corpus-3.lock"
    take = fcntl.flock
    removals = iter([lock.unlink])

    def slow(file: IO[str], operation: int) -> None:
        next(removals, lambda: None)()
        take(file, operation)

    monkeypatch.setattr(fcntl, "flock", slow)
    with store.workspace("corpus", "3"):
        assert lock.exists()
        with pytest.raises(StoreError, match="another run"), store.workspace("corpus", "3"):
            pass
