"""The tally of exercises."""

from __future__ import annotations

from codeprimer.core.documents import ExerciseRow, document_id
from codeprimer.exercises.tally import EXAMPLES, ExerciseTally


def row(prompt: str, style: str = "steps", blueprint: str = "integers>keep_even>total") -> ExerciseRow:
    return {
        "doc_id": document_id(prompt),
        "blueprint": blueprint,
        "concepts": ["lists"],
        "style": style,
        "entry_point": "f",
        "prompt": prompt,
        "solution": "    x = 1\n    return x\n",
        "tests": ["assert True"],
        "verdict": "passed",
        "tier": "jailed",
        "request_id": None,
    }


def test_the_same_prompt_is_new_only_once() -> None:
    tally = ExerciseTally()
    assert tally.is_new("def f():")
    assert not tally.is_new("def f():")
    assert tally.is_new("def g():")


def test_figures_count_compositions_trees_and_reasons() -> None:
    tally = ExerciseTally()
    tally.keep(row("def f():"), "one")
    tally.keep(row("class A:", blueprint="integers>total"), "two")
    tally.keep(row("def h():"), "one")
    tally.reject("duplicate")
    tally.reject("duplicate")
    facts = tally.facts()
    assert (facts["exercises"], facts["distinct_trees"], facts["compositions"]) == (3, 2, 2)
    assert facts["rejected"] == {"duplicate": 2}
    assert facts["operations"] == {"keep_even": 2, "total": 3}
    assert facts["rarest_operation"] == 2
    assert facts["steps"] == {"1": 1, "2": 2}
    assert facts["frames"] == {"function": 2, "method": 1}
    assert facts["solution_lines"] == {"02": 3}
    assert facts["concepts"] == {"lists": 3}


def test_one_example_is_shown_per_style() -> None:
    tally = ExerciseTally()
    for number in range(20):
        tally.keep(row(f"def f{number}():", style=f"style{number % 9}"), "tree")
    styles = [example["style"] for example in tally.facts()["examples"]]
    assert len(styles) == len(set(styles)) == EXAMPLES


def test_an_empty_tally_has_figures_too() -> None:
    assert ExerciseTally().facts()["rarest_operation"] == 0
