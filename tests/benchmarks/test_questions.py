"""Asking as the known harnesses do."""

from __future__ import annotations

from codeprimer.benchmarks.questions import questions
from codeprimer.core.shards import Row
from codeprimer.sandbox import Sandbox

HUMANEVAL: Row = {
    "task_id": "HumanEval/9",
    "entry_point": "twice_each",
    "prompt": 'def twice(x):\n    return 2 * x\n\n\ndef twice_each(values):\n    """Return each value doubled."""\n',
    "solution": "    return [twice(value) for value in values]\n",
    "tests": ["def check(candidate):\n    assert candidate([1, 2]) == [twice(1), 4]\n\ncheck(twice_each)"],
    "setup": "def twice(x):\n    return 2 * x\n",
}


def mbpp(number: int) -> Row:
    return {
        "task_id": f"MBPP/{number}",
        "entry_point": "sum",
        "prompt": f'"""Write a function for task {number}."""\n',
        "solution": "def sum(a, b):\n    return a + b\n",
        "tests": [f"assert sum({number}, 1) == {number + 1}", "assert sum(0, 0) == 0"],
        "setup": "",
    }


MBPP = [mbpp(number) for number in (2, 3, 4, 10, 11, 510, 511)]


def test_humaneval_is_completed_and_ends_where_the_function_does() -> None:
    [question] = questions([HUMANEVAL], 0, False)
    assert question.prompt == HUMANEVAL["prompt"]
    assert question.cut("\n    return 1\n\n    # more\n    x = 2\ndef other():\n    pass") == (
        "\n    return 1\n\n    # more\n    x = 2"
    )
    assert question.cut("\n    return 1") == "\n    return 1"


def test_mbpp_is_asked_on_its_test_split_unless_all_of_it_is_wanted() -> None:
    assert [question.task_id for question in questions(MBPP, 0, False)] == ["MBPP/11", "MBPP/510"]
    assert len(questions(MBPP, 0, True)) == len(MBPP)


def test_mbpp_without_examples_shows_the_task_and_its_first_test_as_a_docstring() -> None:
    question = questions(MBPP, 0, False)[0]
    assert question.prompt == '"""\nWrite a function for task 11.\nassert sum(11, 1) == 12\n"""\n'
    assert (
        question.cut("\ndef sum(a, b):\n    return a + b\n\nprint(sum(1, 2))") == "\ndef sum(a, b):\n    return a + b\n"
    )


def test_mbpp_with_three_examples_shows_tasks_2_3_and_4_solved() -> None:
    question = questions(MBPP, 3, False)[0]
    shown = question.prompt.split("[BEGIN]\n")
    assert len(shown) == 5
    assert "task 2. Your code should pass these tests:\n\nassert sum(2, 1) == 3\nassert sum(0, 0) == 0\n" in shown[0]
    assert shown[1].startswith("def sum(a, b):\n    return a + b\n[DONE]\n\nYou are an expert")
    assert "task 11." in shown[3]
    assert question.prompt.endswith("[BEGIN]\n")
    assert question.cut("def sum(a, b):\n    return a + b\n[DONE]\nYou are") == "def sum(a, b):\n    return a + b\n"


def test_solutions_pass_and_a_redefined_helper_of_the_prompt_fools_nobody() -> None:
    asked = [*questions([HUMANEVAL], 0, False), *questions(MBPP, 0, True)]
    forged = "    return [1, 4]\n\n\ndef twice(x):\n    return 1\n"
    with Sandbox(workers=1) as sandbox:
        assert all(verdict.passed for verdict in sandbox.run(q.program(q.solution) for q in asked))
        assert not any(verdict.passed for verdict in sandbox.run([asked[0].program(forged)]))
