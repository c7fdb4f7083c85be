"""The tally of exercises."""

from __future__ import annotations

from typing import Any

from codeprimer.exercises.tally import EXAMPLES, Tally


def row(prompt: str, style: str = "steps", blueprint: str = "integers>keep_even>total") -> dict[str, Any]:
    return {
        "prompt": prompt,
        "solution": "    x = 1\n    return x\n",
        "style": style,
        "blueprint": blueprint,
        "concepts": ["lists"],
        "tests": ["assert True"],
    }


def test_the_same_prompt_is_new_only_once() -> None:
    tally = Tally()
    assert tally.is_new(row("def f():"))
    tally.keep(row("def f():"), "tree")
    assert not tally.is_new(row("def f():", "loop"))
    assert tally.is_new(row("def g():"))


def test_figures_count_compositions_trees_and_reasons() -> None:
    tally = Tally()
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
    tally = Tally()
    for number in range(20):
        tally.keep(row(f"def f{number}():", style=f"style{number % 9}"), "tree")
    styles = [example["style"] for example in tally.facts()["examples"]]
    assert len(styles) == len(set(styles)) == EXAMPLES


def test_an_empty_tally_has_figures_too() -> None:
    assert Tally().facts()["rarest_operation"] == 0
