"""The sandbox benchmark itself: it measures, it describes, and its mutants are what they say."""

from __future__ import annotations

import ast
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tools import mutants
from tools.humaneval import Problem, record_calls

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "sandbox.py"

FUNCTION = '''\
def middle(values, wanted=False):
    """Return values inside, 1 of them at least."""
    found = values[1:]
    for n in range(3):
        if n > 1 and not wanted:
            found = found + [n]
    return found
'''

OTHERS = {
    "comparison": [("n > 1", "n >= 1"), ("n > 1", "n < 1")],
    "arithmetic": [("found + [n]", "found - [n]")],
    "constant": [
        ("wanted=False", "wanted=True"),
        ("[1:]", "[2:]"),
        ("[1:]", "[0:]"),
        ("range(3)", "range(4)"),
        ("range(3)", "range(2)"),
        ("n > 1", "n > 2"),
        ("n > 1", "n > 0"),
    ],
    "and, or": [("n > 1 and not wanted", "n > 1 or not wanted")],
    "removed not": [("not wanted", "wanted")],
    "slice": [("[1:]", "[1 + 1:]"), ("[1:]", "[1:-1]")],
    "condition": [("n > 1 and not wanted", "not (n > 1 and not wanted)")],
    "return": [("return found", "return None")],
    "range": [("range(3)", "range(3 + 1)"), ("range(3)", "range(3 - 1)")],
}
"""What each operator makes of the function: which text it puts in the place of which."""

POWER = Problem(
    task_id="HumanEval/0",
    prompt="def half(n):\n    return n // 2\n\n\ndef power(n):\n",
    entry_point="power",
    canonical_solution="    if n <= 0:\n        return [1]\n    return power(n - 1) + [2 ** n]\n",
    test="def check(candidate):\n    assert candidate(0) == [1]\n    assert candidate(half(4)) == [1, 2, 4]\n",
)
LONGEST = Problem(
    task_id="HumanEval/1",
    prompt="def longest(words):\n",
    entry_point="longest",
    canonical_solution="    return max(words, key=len) if words else None\n",
    test="def check(candidate):\n    assert candidate([]) is None\n    assert candidate(['a', 'bb']) == 'bb'\n",
)


def fields_of(problem: Problem) -> dict[str, str]:
    return {name: getattr(problem, name) for name in Problem.__dataclass_fields__}


def write_problems(folder: Path) -> None:
    with gzip.open(folder / "HumanEval.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(fields_of(problem)) + "\n" for problem in (POWER, LONGEST))


def run(*arguments: str | Path, folder: Path | str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    variables = os.environ | {"CODEPRIMER_BENCHMARKS": str(folder)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)


def test_it_measures_speed_overhead_and_mutants_without_peers_too(tmp_path: Path) -> None:
    write_problems(tmp_path)
    output = tmp_path / "sandbox.json"
    options = ("--without-peers", "--rounds", "1", "--samples", "1", "2", "--mutants", "6", "--output", output)
    finished = run(*options, folder=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    result: dict[str, Any] = json.loads(output.read_text())
    assert result["passed"] and result["machine"]["cores"] >= 1
    assert [row["programs"] for row in result["speed"]] == [20, 4]
    for row in result["speed"]:
        speed = row["median"]["codeprimer"]
        assert speed["passed"] == row["programs"] and speed["programs_per_s"] > 0
        assert 0 < speed["p50_ms"] <= speed["p99_ms"]
        assert set(row["targets"].values()) == {None}
    assert result["overhead"].keys() == {"bare_fork", "in_place", "ours_1_per_problem", "ours_2_per_problem"}
    assert all(cost["wall_ms"] > 0 for cost in result["overhead"].values())
    found = result["mutants"]
    assert found["killed_in_process"] == found["not_passed"] == sum(found["verdicts"].values()) == 6
    assert not found["passed"] and not found["living_not_passed"]


@pytest.mark.parametrize("folder", ["", "there is no such folder"])
def test_without_the_benchmark_s_file_it_says_so_in_one_sentence(folder: str) -> None:
    finished = run("--without-peers", folder=folder)
    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1 and "CODEPRIMER_BENCHMARKS" in finished.stderr


def test_each_operator_makes_its_mistakes_and_no_others() -> None:
    made: dict[str, list[str]] = {}
    for mutant in mutants.mutants_of(FUNCTION, "middle"):
        made.setdefault(mutant.operator, []).append(mutant.source)
    wanted = {
        operator: [ast.unparse(ast.parse(FUNCTION.replace(old, new))) for old, new in changes]
        for operator, changes in OTHERS.items()
    }
    assert {operator: sorted(sources) for operator, sources in made.items()} == {
        operator: sorted(sources) for operator, sources in wanted.items()
    }


def test_the_same_source_has_the_same_mutants_each_once() -> None:
    first, second = (list(mutants.mutants_of(FUNCTION, "middle")) for _ in range(2))
    assert first == second
    assert len({mutant.source for mutant in first}) == len(first)


def test_only_the_function_that_is_asked_for_is_changed() -> None:
    assert all("return n // 2" in mutant.source for mutant in mutants.mutants_of(POWER.source, "power"))


@pytest.mark.parametrize(
    ("program", "fate"),
    [
        ("def f(): return 1", mutants.PASSED),
        ("def f(): return 2", mutants.KILLED),
        ("def f(): raise SystemExit(0)", mutants.KILLED),
        ("def f(): return [0] * 10**10", mutants.UNFINISHED),
    ],
)
def test_a_plain_python_tells_what_the_tests_decide_from_what_they_do_not(program: str, fate: str) -> None:
    given = json.dumps([[program, "assert f() == 1"]])
    command = [sys.executable, mutants.__file__]
    finished = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(finished.stdout) == [fate]


def test_the_recorded_calls_are_those_of_the_tests_and_not_those_of_a_recursion() -> None:
    calls = record_calls(POWER)
    assert calls.arguments == [[0], [2]]
    assert calls.answers == [[1], [1, 2, 4]]
    assert len(calls.seconds) == 2


def test_a_helper_of_the_prompt_is_trusted_where_the_tests_use_it() -> None:
    assert "def half" in POWER.setup and "def power" not in POWER.setup
    assert not LONGEST.setup
