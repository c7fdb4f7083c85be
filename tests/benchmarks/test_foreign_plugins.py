"""A benchmark and a grader of another package: installed, evaluated from a file of answers, and named where they fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import given, plugin_package

from codeprimer.core import plugins
from codeprimer.core.console import Console
from codeprimer.core.errors import CodeprimerError, PluginError, RecipeError, UserError
from codeprimer.run.evaluate import EvaluationRequest, evaluate_benchmark
from codeprimer.run.loading import parse_recipe

PUZZLES = '''
from codeprimer.benchmarks.benchmark import make_task
from codeprimer.benchmarks.files import FileBenchmark


class Puzzles(FileBenchmark):
    """Puzzles with checks."""

    files = ("puzzles.jsonl",)

    @classmethod
    def reads(cls, record):
        return "checks" in record

    def task(self, record):
        return make_task(
            f"Puzzle/{record['number']}", record["name"], record["start"], record["end"], record["checks"]
        )
'''

LENGTH = '''
from pydantic import Field

from codeprimer.benchmarks.grader import Grader
from codeprimer.core.plugins import PluginSettings
from codeprimer.sandbox import Verdict, VerdictKind


class LengthSettings(PluginSettings):
    most: int = Field(default=100, ge=1)


class Length(Grader):
    """Passes short answers."""

    Settings = LengthSettings

    def grade(self, benchmark, answers):
        return [self.verdict(answer.text) for answer in answers]

    def verdict(self, text):
        if "crash" in text:
            raise ZeroDivisionError("crashed")
        kind = VerdictKind.passed if len(text) <= self.settings.most else VerdictKind.failed
        return Verdict(kind, f"{len(text)} characters")
'''

RECORDS = [
    {
        "number": number,
        "name": f"add_{number}",
        "start": f"def add_{number}(x):\n",
        "end": f"    return x + {number}\n",
        "checks": [f"assert add_{number}(1) == {1 + number}"],
    }
    for number in range(3)
]


@pytest.fixture(autouse=True)
def package(tmp_path: Path) -> Iterator[None]:
    """Install a package with both, as pip would."""
    site = tmp_path / "site"
    site.mkdir()
    with plugin_package(site, PUZZLES + LENGTH, benchmark="puzzles:Puzzles", grader="length:Length"):
        yield


@pytest.fixture
def puzzles(tmp_path: Path) -> Path:
    path = tmp_path / "given.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return path


def evaluate(folder: Path, on: object, answers: list[str], **changes: object) -> dict[str, object]:
    path = folder / "answers.jsonl"
    lines = [{"task_id": f"Puzzle/{number}", "completion": text} for number, text in enumerate(answers)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return evaluate_benchmark(EvaluationRequest(str(path), str(on), **changes), Console("quiet"))  # type: ignore[arg-type]


def test_a_foreign_benchmark_is_found_by_its_file_and_evaluated(tmp_path: Path, puzzles: Path) -> None:
    right, wrong = RECORDS[0]["end"], "    return 0\n"
    facts = evaluate(tmp_path, puzzles, [str(right), wrong, wrong])
    assert facts["verdicts"] == {"failed": 2, "passed": 1}
    assert facts["references_that_fail"] == []


def test_a_foreign_grader_grades_with_its_own_settings(tmp_path: Path, puzzles: Path) -> None:
    answers = ["x" * 30, "x" * 50, "x" * 70]
    assert evaluate(tmp_path, puzzles, answers, grader="length")["verdicts"] == {"passed": 3}
    few = evaluate(tmp_path, puzzles, answers, grader="length", overrides=("grader.most=60",))
    assert few["verdicts"] == {"failed": 1, "passed": 2}
    assert few["grader"] == {"kind": "length", "most": 60}


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("grader.most=0",), ("most", "grader 'length'", "toy-plugins 1.2")),
        (("grader.mots=3",), ("mots", "grader 'length'", "did you mean 'most'")),
        (("sots=3",), ("sots", "benchmark 'puzzles'", "toy-plugins 1.2", "path")),
    ],
)
def test_a_wrong_setting_names_the_plug_in(
    tmp_path: Path, puzzles: Path, overrides: tuple[str, ...], named: tuple[str, ...]
) -> None:
    with pytest.raises(UserError) as caught:
        evaluate(tmp_path, puzzles, ["", "", ""], grader="length", overrides=overrides)
    assert [word for word in named if word not in str(caught.value)] == []


def test_a_wrong_setting_in_a_recipe_names_the_plug_in() -> None:
    with pytest.raises(RecipeError, match=r"evaluation\.grader\.most: .*grader 'length'.*package toy-plugins 1\.2"):
        parse_recipe({"name": "x", "evaluation": {"grader": {"kind": "length", "most": 0}}}, "recipe")
    with pytest.raises(RecipeError, match=r"exam\.benchmarks\.0\.sots: .*benchmark 'puzzles'.*package toy-plugins"):
        parse_recipe({"name": "x", "exam": {"benchmarks": [{"kind": "puzzles", "sots": 3}]}}, "recipe")


def test_an_exception_of_a_plug_in_names_it(tmp_path: Path, puzzles: Path) -> None:
    with pytest.raises(PluginError, match=r"'length' \(toy_plugins\) failed with ZeroDivisionError: crashed"):
        evaluate(tmp_path, puzzles, ["crash", "", ""], grader="length")
    puzzles.write_text(json.dumps(RECORDS[0]) + "\n" + json.dumps({"checks": []}) + "\n")
    with pytest.raises(CodeprimerError, match=r"given\.jsonl, record 2: .*'puzzles' .*KeyError: 'number'"):
        evaluate(tmp_path, puzzles, ["", "", ""])


def test_auto_finds_a_foreign_benchmarks_file(tmp_path: Path, puzzles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    puzzles.rename(tmp_path / "puzzles.jsonl")
    monkeypatch.setenv("CODEPRIMER_BENCHMARKS", str(tmp_path))
    toolbox = {"console": plugins.Tool(lambda: Console("quiet"))}
    auto = plugins.make("benchmark", plugins.selected("benchmark", "auto"), toolbox)
    assert [task["task_id"] for task in auto.tasks()] == ["Puzzle/0", "Puzzle/1", "Puzzle/2"]


def test_a_word_in_a_recipe_is_a_kind_or_a_path_beside_the_recipe(tmp_path: Path, puzzles: Path) -> None:
    values = {"name": "x", "exam": {"benchmarks": ["auto", "given.jsonl", {"kind": "puzzles", "path": "given.jsonl"}]}}
    recipe = parse_recipe(values, "recipe", tmp_path)
    auto, by_path, by_kind = recipe.exam.benchmarks
    assert (auto.kind, by_path.kind, by_path.path, by_kind.path) == ("auto", "file", puzzles, puzzles)


READER = """
    from codeprimer.benchmarks.benchmark import make_task
    from codeprimer.benchmarks.files import FileBenchmark

    class Reader(FileBenchmark):
        def __init__(self, settings, *, seed):
            super().__init__(settings)
            assert seed == 7

        @classmethod
        def reads(cls, record):
            return "riddle" in record

        def task(self, record):
            return make_task(f"Riddle/{record['riddle']}", "f", "def f():\\n", "    pass\\n", ["assert True"])
"""


def test_a_benchmark_by_its_path_has_its_tools_and_its_code_is_part_of_the_id(tmp_path: Path) -> None:
    file = tmp_path / "riddles.jsonl"
    file.write_text('{"riddle": 1}\n')
    found = []
    for number, code in enumerate((READER, READER.replace("pass", "return"))):
        (tmp_path / str(number)).mkdir()
        with plugin_package(tmp_path / str(number), code, benchmark="riddles:Reader"):
            by_path = plugins.selected("benchmark", "file", path=file)
            toolbox = {"seed": given(7), "console": given(Console("quiet"))}
            assert [task["task_id"] for task in plugins.make("benchmark", by_path, toolbox).tasks()] == ["Riddle/1"]
            found.append(plugins.identity("benchmark", by_path, toolbox))
    assert found[0] != found[1]
