"""The built-in benchmarks ask as the known harnesses do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from codeprimer.benchmarks.jsonl import JsonlBenchmark, JsonlSettings
from codeprimer.benchmarks.mbpp import MbppBenchmark, MbppSettings
from codeprimer.core.errors import UserError
from codeprimer.sandbox import Sandbox

HUMANEVAL = {
    "task_id": "HumanEval/9",
    "entry_point": "twice_each",
    "prompt": 'def twice(x):\n    return 2 * x\n\n\ndef twice_each(values):\n    """Return each value doubled."""\n',
    "canonical_solution": "    return [twice(value) for value in values]\n",
    "test": "def check(candidate):\n    assert candidate([1, 2]) == [twice(1), 4]\n",
}


def mbpp_record(number: int) -> dict[str, Any]:
    return {
        "task_id": number,
        "text": f"Write a function for task {number}.",
        "code": "def sum(a, b):\n    return a + b",
        "test_list": [f"assert sum({number}, 1) == {number + 1}", "assert sum(0, 0) == 0"],
        "test_setup_code": "",
    }


NUMBERS = (2, 3, 4, 10, 11, 510, 511)


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


@pytest.fixture
def humaneval(tmp_path: Path) -> JsonlBenchmark:
    return JsonlBenchmark(JsonlSettings(kind="jsonl", path=write(tmp_path / "humaneval.jsonl", HUMANEVAL)))


def mbpp(folder: Path, numbers: tuple[int, ...] = NUMBERS, **settings: Any) -> MbppBenchmark:
    path = write(folder / "mbpp.jsonl", *map(mbpp_record, numbers))
    return MbppBenchmark(MbppSettings(kind="mbpp", path=path, **settings))


def test_humaneval_is_completed_and_ends_where_the_function_does(humaneval: JsonlBenchmark) -> None:
    [task] = humaneval.asked()
    assert humaneval.question(task).prompt == HUMANEVAL["prompt"]
    assert humaneval.cut(task, "\n    return 1\n\n    # more\n    x = 2\ndef other():\n    pass") == (
        "\n    return 1\n\n    # more\n    x = 2"
    )
    assert humaneval.cut(task, "\n    return 1") == "\n    return 1"


def test_mbpp_is_asked_on_its_test_split_unless_all_of_it_is_wanted(tmp_path: Path) -> None:
    assert [task["task_id"] for task in mbpp(tmp_path).asked()] == ["MBPP/11", "MBPP/510"]
    assert len(mbpp(tmp_path, whole=True).asked()) == len(list(mbpp(tmp_path).tasks())) == len(NUMBERS)


def test_mbpp_without_examples_shows_the_task_and_its_first_test_as_a_docstring(tmp_path: Path) -> None:
    benchmark = mbpp(tmp_path)
    task = benchmark.asked()[0]
    assert benchmark.prompt(task) == '"""\nWrite a function for task 11.\nassert sum(11, 1) == 12\n"""\n'
    completion = "\ndef sum(a, b):\n    return a + b\n\nprint(sum(1, 2))"
    assert benchmark.cut(task, completion) == "\ndef sum(a, b):\n    return a + b\n"


def test_mbpp_with_three_examples_shows_tasks_2_3_and_4_solved(tmp_path: Path) -> None:
    benchmark = mbpp(tmp_path, shots=3)
    task = benchmark.asked()[0]
    question = benchmark.question(task)
    assert (question.stops, question.shows_form) == (("[DONE]",), True)
    shown = question.prompt.split("[BEGIN]\n")
    assert len(shown) == 5
    assert "task 2. Your code should pass these tests:\n\nassert sum(2, 1) == 3\nassert sum(0, 0) == 0\n" in shown[0]
    assert shown[1].startswith("def sum(a, b):\n    return a + b\n[DONE]\n\nYou are an expert")
    assert "task 11." in shown[3]
    assert question.prompt.endswith("[BEGIN]\n")
    completion = "def sum(a, b):\n    return a + b\n[DONE]\nYou are"
    assert benchmark.cut(task, completion) == "def sum(a, b):\n    return a + b\n"


def test_mbpp_that_lacks_what_is_asked_for_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lacks MBPP/2.*shots: 0"):
        mbpp(tmp_path, (4, 11), shots=3).asked()
    with pytest.raises(UserError, match=r"no task of MBPP's test split.*whole"):
        mbpp(tmp_path, (4,)).asked()


def test_solutions_pass_and_a_redefined_helper_of_the_prompt_is_not_used(
    humaneval: JsonlBenchmark, tmp_path: Path
) -> None:
    forged = "    return [1, 4]\n\n\ndef twice(x):\n    return 1\n"
    [task] = humaneval.asked()
    programs = [
        benchmark.program(task, benchmark.reference(task))
        for benchmark in (humaneval, mbpp(tmp_path, whole=True))
        for task in benchmark.asked()
    ]
    with Sandbox(workers=1) as sandbox:
        assert all(verdict.passed for verdict in sandbox.run(programs))
        assert not any(verdict.passed for verdict in sandbox.run([humaneval.program(task, forged)]))


def test_only_files_by_their_known_name_have_trusted_tests(humaneval: JsonlBenchmark, tmp_path: Path) -> None:
    assert not humaneval.trusted_tests
    assert not mbpp(tmp_path).trusted_tests
    assert MbppBenchmark(MbppSettings(kind="mbpp")).trusted_tests
