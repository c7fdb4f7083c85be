"""Where documents come from."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support import Listener

from codeprimer.core.errors import RecipeError, SourceError
from codeprimer.core.plugins import Tool, load, make, selected
from codeprimer.corpus.sources.base import RawDocument, Source, digest_files_below
from codeprimer.corpus.sources.environment import PACKAGES, PythonEnvironmentSource
from codeprimer.run.loading import parse_recipe

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy"


def source(kind: str, path: Path, **more: Any) -> Source:
    settings = load("source", kind).Settings.model_validate({"kind": kind, "name": "mine", "path": path, **more})
    made: Source = make("source", settings)
    return made


def documents(found: Source, size: int = 10_000, limit: int = 1_000) -> list[RawDocument]:
    # What travels to a worker must survive the journey.
    chunks = [pickle.loads(pickle.dumps(chunk)) for chunk in found.chunks(size)]  # noqa: S301
    return [document for chunk in chunks for document in chunk.documents(limit)]


def write(path: Path, text: str = "x = 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "code"
    for name in ("top.py", "b/two.py", "b/one.py", "b/deep/er.py", "a/mod.py", "a/repo/inner.py", "build/lib/built.py"):
        write(root / name, f"# {name}\n")
    for name in (".hidden/x.py", "venv/x.py", "a/node_modules/x.py", "a/site-packages/x.py", "a/notes.txt"):
        write(root / name)
    write(root / "a/own/pyvenv.cfg", "")
    write(root / "a/own/lib/x.py")
    (root / "a/repo/.git").mkdir()
    write(root / "a/LICENSE", MIT)
    write(tmp_path / "outside.py")
    (root / "b/link.py").symlink_to(tmp_path / "outside.py")
    (root / "b/loop").symlink_to(root, target_is_directory=True)
    return root


def test_a_folder_is_walked_in_order_without_links_environments_and_builds(tree: Path) -> None:
    paths = [document.path for document in documents(source("folder", tree))]
    assert paths == ["top.py", "a/mod.py", "a/repo/inner.py", "b/one.py", "b/two.py", "b/deep/er.py"]


def test_a_name_that_is_not_utf8_is_read_under_a_printable_one(tree: Path, tmp_path: Path) -> None:
    for name in (b"caf\xe9.py", b"na\xefve/mod.py"):
        write(tree / os.fsdecode(name), "# found\n")
    found = source("folder", tree)
    read = {document.path: document for document in documents(found) if document.content == b"# found\n"}
    assert [(path, document.package) for path, document in read.items()] == [
        ("caf\\xe9.py", "code"),
        ("na\\xefve/mod.py", "na\\xefve"),
    ]
    before = found.digest()
    write(tree / os.fsdecode(b"caf\xe9.py"), "# other\n")
    assert source("folder", tree).digest() != before
    lines = write_rows(tmp_path / os.fsdecode(b"caf\xe9") / os.fsdecode(b"caf\xe9.jsonl"), [{"text": "x = 1"}])
    (document,) = documents(source("jsonl", lines.parent))
    assert document.path == "caf\\xe9.jsonl@0"
    assert source("jsonl", lines.parent).digest()


def test_a_tree_of_any_depth_is_walked(tmp_path: Path) -> None:
    deep = tmp_path / "code" / "/".join("d" * 1_500)
    subprocess.run(["mkdir", "-p", deep], check=True)
    try:
        for name in ("end.py", "end.jsonl"):
            write(deep / name, '{"text": "x = 1"}\n')
        assert [document.path[-8:] for document in documents(source("folder", tmp_path / "code"))] == ["d/end.py"]
        assert [document.content for document in documents(source("jsonl", tmp_path / "code"))] == [b"x = 1"]
    finally:
        # pytest's own clean-up fails at this depth.
        subprocess.run(["rm", "-rf", tmp_path / "code"], check=True)


def test_of_a_licence_file_only_the_beginning_is_read(tree: Path) -> None:
    with (tree / "a/LICENSE").open("r+b") as file:
        file.truncate(2**40)
    assert {document.license for document in documents(source("folder", tree)) if document.path == "a/mod.py"} == {
        "MIT"
    }


@pytest.mark.parametrize("kind", ["folder", "jsonl", "parquet"])
def test_a_folder_below_that_cannot_be_read_is_an_error(kind: str, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir
    write(tree / f"data.{kind}")

    def refuse(path: Path | str) -> Any:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    # Permissions do not stop root, who may run the tests.
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match="deep cannot be read"):
        source(kind, tree).digest()


def test_a_package_called_build_is_read(tree: Path) -> None:
    write(tree / "build/__init__.py", "")
    assert "build/lib/built.py" in [document.path for document in documents(source("folder", tree))]


def test_the_package_is_the_repository_or_the_first_folder_or_the_root(tree: Path) -> None:
    packages = {document.path: document.package for document in documents(source("folder", tree))}
    assert packages["top.py"] == "code"
    assert packages["b/deep/er.py"] == "b"
    assert packages["a/mod.py"] == "a"
    assert packages["a/repo/inner.py"] == "a/repo"


def test_the_nearest_licence_file_counts(tree: Path) -> None:
    write(tree / "a/repo/COPYING", "GNU GENERAL PUBLIC LICENSE Version 3")
    licences = {document.path: document.license for document in documents(source("folder", tree))}
    assert licences["a/mod.py"] == "MIT"
    assert licences["a/repo/inner.py"] == "GPL-3.0-only"
    assert licences["b/one.py"] is None


def test_at_most_one_byte_more_than_the_limit_is_read(tree: Path) -> None:
    write(tree / "b/one.py", "x" * 5_000)
    sizes = {document.path: len(document.content) for document in documents(source("folder", tree), limit=100)}
    assert sizes["b/one.py"] == 101


def test_the_cut_into_chunks_changes_no_document(tree: Path) -> None:
    found = source("folder", tree)
    assert len(list(found.chunks(1))) == 6
    assert documents(found, size=1) == documents(found, size=10**6)


def test_a_digest_follows_content_names_and_licences_but_not_the_place(tree: Path, tmp_path: Path) -> None:
    before = source("folder", tree).digest()
    assert source("folder", tree).digest() == before
    write(tree / "b/one.py", "# b/one.pY\n")
    changed = source("folder", tree).digest()
    (tree / "a/LICENSE").unlink()
    unlicensed = source("folder", tree).digest()
    (tree / "b/one.py").rename(tree / "b/other.py")
    renamed = source("folder", tree).digest()
    assert len({before, changed, unlicensed, renamed}) == 4
    (tmp_path / "moved").mkdir()
    moved = tree.rename(tmp_path / "moved" / "code")
    assert source("folder", moved).digest() == renamed


def test_a_digest_of_a_folder_follows_the_files_with_its_suffixes(tree: Path) -> None:
    notes = digest_files_below(tree, ".txt")
    code = digest_files_below(tree, ".py")
    write(tree / "a/notes.txt", "changed\n")
    assert digest_files_below(tree, ".txt") != notes
    assert digest_files_below(tree, ".py") == code


@pytest.mark.parametrize("kind", ["folder", "jsonl", "parquet"])
def test_a_missing_path_is_one_sentence_that_names_it(kind: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"corpus\.sources: mine: .*/nowhere does not exist"):
        source(kind, tmp_path / "nowhere")
    with pytest.raises(RecipeError, match=rf"corpus\.sources\.0\.path: .*missing.*'{kind}'"):
        parse_recipe({"name": "x", "corpus": {"sources": [{"kind": kind, "name": "mine"}]}}, "mine.yaml")


@pytest.mark.parametrize(
    ("kind", "what"), [("folder", "no Python file"), ("jsonl", r"no \.jsonl"), ("parquet", r"no \.parquet")]
)
def test_an_empty_folder_is_an_error(kind: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=what):
        source(kind, tmp_path).digest()


def test_a_file_instead_of_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a file; kind folder needs a folder"):
        source("folder", write(tmp_path / "x.py"))


@pytest.mark.parametrize(("kind", "key"), [("folder", "text_column"), ("python_env", "path")])
def test_a_setting_of_another_kind_is_an_error_that_names_the_key(kind: str, key: str, tree: Path) -> None:
    path = {} if kind == "python_env" else {"path": str(tree)}
    values = {"name": "x", "corpus": {"sources": [{"kind": kind, "name": "mine", key: "code", **path}]}}
    with pytest.raises(RecipeError, match=rf"corpus\.sources\.0\.{key}: unknown key .*source '{kind}'"):
        parse_recipe(values, "mine.yaml")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=3)
    return path


ROWS = [{"content": f"x = {i}  # é\n", "path": f"m{i}.py", "package": f"p{i % 2}", "license": "MIT"} for i in range(10)]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_rows_become_documents_with_chunks_of_any_size(kind: str, tmp_path: Path) -> None:
    found = source(kind, write_rows(tmp_path / f"data.{kind}", ROWS))
    expected = [RawDocument(row["path"], row["package"], "MIT", row["content"].encode()) for row in ROWS]
    assert documents(found, size=50) == documents(found, size=10**6) == expected
    assert len(list(found.chunks(50))) > 1


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_text_column_is_enough_and_a_folder_of_files_too(kind: str, tmp_path: Path) -> None:
    write_rows(tmp_path / f"b.{kind}", [{"body": "x = 1"}, {"body": "y = 2"}])
    write_rows(tmp_path / f"a.{kind}", [{"body": "z = 3"}])
    found = documents(source(kind, tmp_path, text_column="body"))
    assert [document.content for document in found] == [b"z = 3", b"x = 1", b"y = 2"]
    assert len({document.path for document in found}) == 3
    assert {(document.package, document.license) for document in found} == {("mine", None)}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_wrong_column_is_one_sentence_with_the_nearest_name(kind: str, tmp_path: Path) -> None:
    path = write_rows(tmp_path / f"data.{kind}", ROWS)
    with pytest.raises(SourceError, match=r"has no column 'contents'; .*did you mean 'content'\?"):
        documents(source(kind, path, text_column="contents"))


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_column_that_holds_no_text_is_an_error(kind: str, tmp_path: Path) -> None:
    path = write_rows(tmp_path / f"data.{kind}", [{"text": 3}])
    with pytest.raises(SourceError, match="column 'text' holds int, not text"):
        documents(source(kind, path))


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "data.jsonl", ROWS)
    path.write_text(path.read_text() + "x = 1\n")
    with pytest.raises(SourceError, match=r"data\.jsonl: line 11 is not JSON"):
        documents(source("jsonl", path), size=20)
    path.write_text("[1]\n")
    with pytest.raises(SourceError, match=r"line 1 holds a list; kind jsonl needs one JSON object per line"):
        documents(source("jsonl", path))


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    path.write_text("text,path\nx,y\n")
    with pytest.raises(SourceError, match=r"data\.parquet is not a Parquet file"):
        documents(source("parquet", path))


def test_a_text_longer_than_the_limit_is_cut_and_a_list_of_licences_joined(tmp_path: Path) -> None:
    rows = [{"text": "é" * 100, "license": ["MIT", "Apache-2.0"]}]
    (document,) = documents(source("jsonl", write_rows(tmp_path / "data.jsonl", rows)), limit=10)
    assert len(document.content) == 11
    assert document.license == "Apache-2.0 AND MIT"


def test_the_environment_gives_the_standard_library_and_the_listed_packages() -> None:
    console = Listener()
    found: PythonEnvironmentSource = make(
        "source", selected("source", "python_env", name="python"), {"console": Tool(lambda: console)}
    )
    files = found.files()
    by_path = {entry.path: entry for entry in files}
    assert len(by_path) == len(files) > 2_000
    assert by_path["stdlib/json/decoder.py"].package == "stdlib/json"
    assert by_path["stdlib/heapq.py"].license == "PSF-2.0"
    assert by_path["scipy/stats/_entropy.py"].license == "BSD-3-Clause"
    assert by_path["pip/_vendor/requests/api.py"].package == "requests"
    assert by_path["pip/_vendor/requests/api.py"].license == "Apache-2.0"
    assert not any("codeprimer" in entry.path or "torch" in entry.package for entry in files)
    assert found.digest() == found.digest()


def test_the_list_of_packages_is_what_a_plain_install_brings() -> None:
    from importlib import metadata

    from packaging.requirements import Requirement

    brought: set[str] = set()
    waiting = ["codeprimer", "pip", "setuptools"]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in brought:
            continue
        brought.add(name)
        needs = [Requirement(text) for text in metadata.requires(name) or [] if "extra ==" not in text]
        waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    mostly_compiled = {"annotated-doc", "certifi", "hf-xet", "orjson", "vl-convert-python", "xxhash"}
    assert set(PACKAGES) == brought - mostly_compiled - {"codeprimer"}
