"""Filters and sources of another package: found as entry points, run in worker processes, named in errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import plugin_package, stage_tools

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.errors import PluginError, RecipeError, UserError
from codeprimer.core.stage import identify, run_stage
from codeprimer.corpus.stage import CorpusStage
from codeprimer.run.loading import parse_recipe

MODULE = """
import ast
from dataclasses import dataclass

from pydantic import Field

from codeprimer.core.plugins import Plugin, PluginSettings
from codeprimer.corpus.filter import Filter
from codeprimer.corpus.sources.base import RawDocument, Source


class WordSettings(PluginSettings):
    word: str = Field(default="secret", description="The word.")


class WordFilter(Filter):
    Settings = WordSettings

    def check(self, file):
        if file.path == "fatal.py":
            raise KeyError("no such thing")
        if file.path == "answers_true.py":
            return True
        place = file.text.find(self.settings.word)
        return None if place < 0 else f"at {place} in {file.package}/{file.path} ({file.license})"


class ClassesFilter(Filter):
    needs_tree = True

    def check(self, file):
        found = [node.name for node in ast.walk(file.tree) if isinstance(node, ast.ClassDef)]
        return ", ".join(found) or None


class GreedyFilter(Filter):
    def __init__(self, settings, *, teacher):
        super().__init__(settings)

    def check(self, file):
        return None


class NoFilter(Plugin):
    pass


class CountingSource(Source):
    def digest(self):
        return ""

    def chunks(self, size):
        yield Chunk(1)
        yield Chunk(0)


@dataclass(frozen=True)
class Chunk:
    step: int

    def documents(self, limit):
        if self.step == 2:
            raise RuntimeError("before the first row")
        for number in range(0, 3, self.step):
            yield RawDocument(f"{number}.py", "counted", None, b"x = %d\\n" % number)
"""
FILTERS = "word:WordFilter classes:ClassesFilter greedy:GreedyFilter unrelated:NoFilter empty:ClassesFilter"


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[None]:
    """A package with filters and a source of its own."""
    (tmp_path / "site").mkdir()
    with plugin_package(tmp_path / "site", MODULE, filter=FILTERS, source="counting:CountingSource"):
        yield


FILES = {
    "one.py": "x = 'secret'\n",
    "two.py": "y = 'public'\n",
    "three.py": "# a class in a comment\nclass Thing:\n    pass\n",
}


def build(folder: Path, filters: list[Any], processes: int = 1, more: str = "", sources: Any = None) -> Artifact:
    code = folder / "code"
    code.mkdir(exist_ok=True)
    for name, text in {**FILES, **({more: "z = 1\n"} if more else {})}.items():
        (code / name).write_text(text)
    values: dict[str, Any] = {
        "sources": sources or [{"kind": "folder", "name": "mine", "path": str(code)}],
        "filters": filters,
        "unit_bytes": 10_000,
        "heldout_fraction": 0.0,
    }
    settings = parse_recipe({"name": "x", "corpus": values}, "mine.yaml").corpus
    stage, tools = CorpusStage(), stage_tools(processes=processes)
    return run_stage(stage, settings, {}, identify(stage, settings, {}, tools), Store(folder / "store"), tools).artifact


def dropped(artifact: Artifact) -> dict[str, tuple[str, str]]:
    return {row["path"]: (row["reason"], row["detail"]) for row in artifact.rows("dropped")}


@pytest.mark.usefixtures("installed")
def test_a_filter_drops_files_under_its_own_name(tmp_path: Path) -> None:
    assert dropped(build(tmp_path, ["word", "classes"])) == {
        "one.py": ("word", "at 5 in code/one.py (None)"),
        "three.py": ("classes", "Thing"),
    }


@pytest.mark.usefixtures("installed")
def test_a_filter_follows_its_settings(tmp_path: Path) -> None:
    first, second = build(tmp_path, ["word"]), build(tmp_path, [{"kind": "word", "word": "public"}])
    assert list(dropped(first)) == ["one.py"]
    assert list(dropped(second)) == ["two.py"]
    assert first.id != second.id


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("processes", [1, 2])
def test_an_exception_names_the_filter_and_its_line(processes: int, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/long.py").write_text("long = 1\n" * 2_000)  # so that there are two units, and so two processes
    with pytest.raises(PluginError, match=r"'word' \(toy_plugins\).*KeyError.*no such thing.*toy_plugins\.py:"):
        build(tmp_path, ["word"], processes, more="fatal.py")


@pytest.mark.usefixtures("installed")
def test_an_answer_that_is_no_text_names_the_filter_and_the_file(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"'word'.*True.*answers_true\.py"):
        build(tmp_path, ["word"], more="answers_true.py")


@pytest.mark.usefixtures("installed")
def test_a_setting_that_it_does_not_have_is_named_with_key_and_plugin() -> None:
    values = {"name": "x", "corpus": {"filters": ["tests", {"kind": "word", "wrod": "x"}]}}
    with pytest.raises(
        RecipeError, match=r"mine\.yaml: corpus\.filters\.1\.wrod: .*'word'.*package toy-plugins 1\.2.*'word'\?"
    ):
        parse_recipe(values, "mine.yaml")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("kind", "fact"), [("greedy", "teacher"), ("unrelated", "derived from codeprimer's Filter"), ("empty", "reason")]
)
def test_a_plugin_that_cannot_be_a_filter_is_named_before_anything_runs(kind: str, fact: str) -> None:
    with pytest.raises(UserError, match=rf"corpus\.filters.*'{kind}' \(.*package toy-plugins 1\.2\).*{fact}"):
        parse_recipe({"name": "x", "corpus": {"filters": [kind]}}, "mine.yaml")


@pytest.mark.usefixtures("installed")
def test_a_row_that_fails_in_a_source_names_the_source(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"'counting' \(toy_plugins\).*ValueError.*toy_plugins\.py:"):
        build(tmp_path, [], sources=[{"kind": "counting", "name": "numbers"}])


def test_a_filter_is_listed_once() -> None:
    with pytest.raises(RecipeError, match=r"mine\.yaml: corpus: .*'tests'"):
        parse_recipe({"name": "x", "corpus": {"filters": ["tests", "minified", {"kind": "tests"}]}}, "mine.yaml")


def test_the_former_keys_are_errors() -> None:
    with pytest.raises(RecipeError, match=r"mine\.yaml: corpus\.filters"):
        parse_recipe({"name": "x", "corpus": {"filters": {"max_bytes": 5_000}}}, "mine.yaml")
