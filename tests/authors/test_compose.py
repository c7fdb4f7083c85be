"""Composed exercises: right, complete, reproducible, and written in the style that was ordered."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeprimer.authors.offline.compose import CUES, RENDERERS, compose, specification
from codeprimer.curriculum.blueprints import STYLES, Blueprint, Exercise
from codeprimer.curriculum.cases import settle
from codeprimer.curriculum.sampler import balanced_blueprints, draw_blueprint


def run(exercise: Exercise) -> None:
    """Run an exercise and its tests."""
    space: dict[str, Any] = {}
    exec(exercise.program, space)
    for test in exercise.tests:
        exec(test, space)


def written(operations: tuple[str, ...], style: str, where: Callable[[Exercise], bool] = lambda _: True) -> Exercise:
    """Return the first exercise on a chain in a style that fulfils a wish."""
    source = "words" if operations[0] in ("upper_each", "lengths") else "integers"
    for seed in range(200):
        exercise = compose(Blueprint(source, operations, style, seed=seed))
        if exercise is not None and where(exercise):
            return exercise
    raise AssertionError("no such exercise")


def parameter(exercise: Exercise) -> str:
    """Return the name of a function's first parameter."""
    return exercise.prompt.partition("(")[2].partition(":")[0]


@settings(max_examples=150, deadline=None)
@given(st.integers(min_value=0, max_value=2**40))
def test_every_composed_exercise_passes_its_tests(seed: int) -> None:
    exercise = compose(draw_blueprint(Random(seed)))
    if exercise is not None:
        run(exercise)
        assert len(exercise.tests) >= 5
        assert len(set(exercise.tests)) == len(exercise.tests)


def test_a_forgotten_step_fails_the_tests() -> None:
    for blueprint in islice(balanced_blueprints(Random(5), lengths=(2, 3)), 60):
        exercise = compose(blueprint)
        assert exercise is not None
        if blueprint.operations[0] == "keep_even" and exercise.style == "steps":
            forgetful = exercise.program.replace("% 2 == 0", "% 1 == 0")
            with pytest.raises(AssertionError):
                exec(forgetful + "\n".join(exercise.tests), {})


def test_equal_blueprints_give_equal_exercises_in_any_process() -> None:
    blueprint = Blueprint("integers", ("keep_even", "square_each", "total"), "loop", seed=12)
    code = (
        "from codeprimer.curriculum.blueprints import Blueprint\n"
        "from codeprimer.authors.offline.compose import compose\n"
        f"exercise = compose({blueprint!r})\n"
        "print(exercise.program + ''.join(exercise.tests), end='')"
    )
    exercise = compose(blueprint)
    assert exercise is not None
    for hash_seed in ("1", "2"):
        printed = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": hash_seed}
        ).stdout
        assert printed == exercise.program + "".join(exercise.tests)


def test_checking_a_blueprint_before_composing_it_changes_nothing() -> None:
    blueprint = draw_blueprint(Random(77))
    settle.cache_clear()
    first = compose(blueprint)
    settle(blueprint)
    assert compose(blueprint) == first


def test_prompt_and_solution_join_to_a_documented_and_annotated_function() -> None:
    exercise = written(("keep_even", "total"), "steps")
    assert exercise.prompt.endswith('"""\n') and exercise.solution.endswith("\n")
    function = ast.parse(exercise.program).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert function.name == exercise.entry_point
    assert ast.get_docstring(function)
    assert function.returns is not None and all(argument.annotation for argument in function.args.args)
    assert 4 <= len(specification(exercise).split()) <= 30


@pytest.mark.parametrize("style", STYLES)
def test_every_style_can_be_ordered(style: str) -> None:
    exercise = written(("keep_even", "square_each"), style, lambda found: found.style == style)
    run(exercise)


def test_each_style_is_what_its_name_says() -> None:
    chain = ("keep_even", "total")
    name = written(chain, "recursion").entry_point
    assert f"{name}(" in written(chain, "recursion").solution
    assert written(chain, "expression", lambda found: found.style == "expression").solution.count("\n") == 1
    assert "for x in" in written(chain, "loop").solution.split("\n")[1]
    assert written(chain, "guard").solution.startswith("    if not ")
    assert "def fits(x: int) -> bool:" in written(chain, "helper").solution
    plain = written(chain, "steps", lambda found: "result = [" in found.solution)
    assert plain.solution.splitlines()[1] == f"    result = [x for x in {parameter(plain)} if x % 2 == 0]"


def test_stepwise_solutions_repeat_each_clause_of_the_specification_as_a_comment() -> None:
    exercise = written(("keep_even", "square_each", "total"), "steps")
    comments = [line.strip(" #") for line in exercise.solution.split("\n") if line.strip().startswith("#")]
    assert len(comments) == 3 and comments[-1].startswith("return ")
    text = " ".join(exercise.prompt.split('"""')[1].split()).lower()
    assert all(comment in text for comment in comments)
    assert written(("total",), "steps").solution.count("# return ") == 1


def test_loops_over_several_steps_carry_the_same_comments() -> None:
    exercise = written(("dedupe", "count_inversions"), "loop", lambda found: found.style == "loop")
    assert exercise.solution.count("    # ") == 2


def test_what_is_combined_recursively_keeps_its_parentheses() -> None:
    for chain in (("add_each", "product"), ("zero_negatives", "total")):
        exercise = written(chain, "recursion", lambda found: found.style == "recursion")
        assert "return (" in exercise.solution
        run(exercise)


def test_a_style_that_does_not_fit_becomes_steps() -> None:
    exercise = compose(Blueprint("integer", ("add", "multiply"), "recursion", seed=3))
    assert exercise is not None and exercise.style == "steps"
    assert set(RENDERERS) == set(STYLES)


def does(exercise: Exercise, wish: str) -> bool:
    """Tell whether a solution does what a prompt may ask for."""
    inside = list(ast.walk(ast.parse(exercise.program)))
    functions = [node for node in inside if isinstance(node, ast.FunctionDef) and node.name != "__init__"]
    match wish:
        case "Use a loop.":
            return any(isinstance(node, ast.For | ast.While) for node in inside)
        case "Use recursion.":
            return any(calls(function, function.name) for function in functions)
        case "Use a helper function.":
            return len(functions) == 2
        case "Use one expression.":
            return exercise.solution.count("\n") == 1
    raise AssertionError(f"nobody checks {wish!r}")


def calls(function: ast.FunctionDef, name: str) -> bool:
    """Tell whether a function calls ``name``."""
    found = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Name) and called.id == name for called in found)


def test_a_prompt_asks_for_a_way_only_where_its_solution_goes_that_way() -> None:
    asked: Counter[str] = Counter()
    for seed in range(900):
        drawn = draw_blueprint(Random(seed))
        exercise = compose(replace(drawn, style=STYLES[seed % len(STYLES)]))
        if exercise is None:
            continue
        for wish in re.findall(r"Use (?:a|one) [a-z ]+\.|Use recursion\.", " ".join(exercise.prompt.split())):
            asked[wish] += 1
            assert does(exercise, wish), exercise.program
    assert set(asked) == {cue for cue, _ in CUES.values()}
    assert min(asked.values()) >= 5


def test_a_solution_without_a_loop_is_not_called_one() -> None:
    chains = (draw_blueprint(Random(seed)) for seed in range(300))
    exercises = [compose(replace(blueprint, style="loop")) for blueprint in chains]
    found = [exercise for exercise in exercises if exercise is not None and exercise.style == "loop"]
    assert len(found) > 100
    assert all(does(exercise, "Use a loop.") for exercise in found)


def test_steps_pair_a_clause_with_its_code() -> None:
    exercise = written(("keep_even", "square_each", "total"), "steps")
    assert len(exercise.steps) == 3
    assert "even" in exercise.steps[0].phrase or "odd" in exercise.steps[0].phrase
    assert exercise.steps[-1].code.startswith("return ")
    assert not any("#" in step.code for step in exercise.steps)


def test_a_method_completes_a_class_whose_init_is_given() -> None:
    blueprint = Blueprint("integers", ("keep_even", "total"), "steps", "method", 4)
    exercise = compose(blueprint)
    assert exercise is not None
    assert exercise.prompt.startswith(f"class {exercise.entry_point}:\n    def __init__(self, ")
    assert exercise.solution.startswith(" " * 8)
    assert all(test.startswith(f"assert {exercise.entry_point}(") for test in exercise.tests)
    run(exercise)


def test_methods_may_change_the_object() -> None:
    exercise = compose(Blueprint("stack", ("push", "stack_top"), "expression", "method", 4))
    assert exercise is not None
    assert exercise.style == "steps"
    assert "self.items.append(" in exercise.solution
    run(exercise)


def test_recursion_is_a_concept_of_what_is_written_recursively() -> None:
    recursive = written(("keep_even", "total"), "recursion", lambda found: found.style == "recursion")
    assert "recursion_on_lists" in recursive.concepts
    assert "recursion_on_lists" not in written(("keep_even", "total"), "steps").concepts
