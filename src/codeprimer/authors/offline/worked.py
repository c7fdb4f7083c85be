"""A prose explanation of a composed exercise: one sentence per step, with the intermediate result for one example."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from random import Random
from string import Template

from codeprimer.authors.offline.showing import results_of
from codeprimer.curriculum.blueprints import Exercise

_DULL = frozenset(("[]", "''", "{}", "set()", "0", "False", "True", "None", "-1"))
"""Uninformative results."""

LONGEST = 110
"""Maximum length of an example's call and result [characters]."""

_SHORT = (
    "$phrase: `$code`. That gives `$value`.",
    "$phrase. In Python this is `$code`, and now `$name` is `$value`.",
    "$phrase with `$code`. In the example `$name` becomes `$value`.",
    "$phrase: `$code`. Now we have `$value`.",
)
_LONG = (
    "$phrase. It takes a few lines of code; in the example they lead to `$value`.",
    "$phrase. The code for it needs more than one line. Afterwards `$name` is `$value`.",
)
_SILENT = ("$phrase. The function below shows the code for it.", "$phrase; see the code below.")
_LAST_SHORT = (
    "$phrase: `$code`. The answer is `$value`.",
    "$phrase: `$code`. So the result is `$value`.",
    "$phrase. That is `$code`, and for the example it gives `$value`.",
)
_LAST_LONG = ("$phrase. The answer is `$value`.", "$phrase. That leads to the result, `$value`.")
_SAMPLES = (
    "Take `$call` as an example.",
    "We follow the call `$call`.",
    "As an example, what happens in `$call`?",
    "Let the call be `$call`.",
)
_ORDINALS = ("First", "Then", "Next", "After that")
_ONLY_SHORT = (
    "There is only one step: $phrase. That is `$code`, and the answer is `$value`.",
    "One step is enough: $phrase, with `$code`. So the result is `$value`.",
)
_ONLY_LONG = (
    "There is only one step: $phrase. The answer is `$value`.",
    "All we have to do is this: $phrase. It gives `$value`.",
)
_STYLES: Mapping[str, tuple[str, ...]] = {
    "expression": (
        "In the finished version, one expression does several steps.",
        "The steps can share one expression.",
    ),
    "loop": (
        "The finished version does it with an explicit loop.",
        "Written with a loop, it can be followed item by item.",
    ),
    "recursion": (
        "The finished version is recursive: it calls itself for the smaller part.",
        "The same can be done recursively, and that is how it is written here.",
    ),
    "guard": ("The finished version treats the special case first.", "Note how the special case leaves at once."),
    "helper": (
        "In the finished version a helper function takes over one step.",
        "One step has become a helper function.",
    ),
}


def signature(exercise: Exercise) -> str:
    """Return the form of a call, such as ``total(numbers, limit)``; ``Scores.total(limit)`` for a method."""
    function = _function(exercise)
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    owner = f"{exercise.entry_point}." if exercise.entry_point != function.name else ""
    return f"{owner}{function.name}({', '.join(names)})"


def choose_example(exercise: Exercise, random: Random, other_than: str = "") -> tuple[str, str]:
    """Return an informative call and its result that fit on a line; the call differs from ``other_than``."""
    others = [pair for pair in exercise.examples if pair[0] != other_than]
    fitting = [pair for pair in others if len(pair[0]) + len(pair[1]) <= LONGEST]
    telling = [pair for pair in fitting if pair[1] not in _DULL]
    ordered = sorted(telling or fitting or others, key=lambda pair: len(pair[0]))
    # The shortest inputs are the edge cases, which go through the steps unchanged.
    return random.choice(ordered[len(ordered) // 2 :])


def assertion(example: tuple[str, str]) -> str:
    """Return an example as an idiomatic assert statement."""
    call, result = example
    if result in ("True", "False"):
        return f"assert {'not ' if result == 'False' else ''}{call}"
    return f"assert {call} == {result}"


def walk_through(exercise: Exercise, example: tuple[str, str], random: Random) -> str:
    """Return the steps of an exercise as sentences, for one example (a call and its result)."""
    call, result = example
    values = [*intermediate(exercise, call), ("", result)]
    opening = Template(random.choice(_SAMPLES)).substitute(call=call)
    sentences = []
    for index, step in enumerate(exercise.steps):
        last = index == len(exercise.steps) - 1
        name, value = values[-1] if last else values[index] if values[1:] else ("", "")
        template = random.choice(_bank(step.code, value, last, len(exercise.steps) == 1))
        sentences.append(Template(template).substitute(phrase=step.phrase, code=step.code, name=name, value=value))
    if len(sentences) == 1:
        return f"{opening} {sentences[0]}"
    if random.random() < 0.5:
        return "\n".join([opening, "", *(f"{n}. {_capital(text)}" for n, text in enumerate(sentences, 1))])
    ordinals = [_ORDINALS[min(n, 3)] for n in range(len(sentences) - 1)] + ["Finally"]
    return " ".join([opening, *(f"{word}, {text}" for word, text in zip(ordinals, sentences, strict=True))])


def trace(exercise: Exercise, example: tuple[str, str]) -> str:
    """Return a sentence with the intermediate results of an example."""
    call, result = example
    values = intermediate(exercise, call)
    if not values:
        return f"It is `{result}`."
    before = ", then ".join(f"`{value}`" for _, value in values)
    return f"On the way there is {before}, and the answer is `{result}`."


def remark_on_style(exercise: Exercise, random: Random) -> str:
    """Return a sentence about the solution's style; empty for ``steps``."""
    if exercise.style == "expression" and len(exercise.steps) == 1:
        return ""
    return random.choice(_STYLES.get(exercise.style, ("",)))


def intermediate(exercise: Exercise, call: str) -> list[tuple[str, str]]:
    """Return the name and value of each intermediate result as source text.

    The list is empty for a method, and if a result is a set of strings, because its order is not stable.
    """
    if exercise.entry_point != _function(exercise).name:
        return []
    values = results_of([step.code for step in exercise.steps], inputs(exercise, call))
    if any(isinstance(value, set) and not all(isinstance(item, int) for item in value) for _, value in values):
        return []
    return [(name, repr(value)) for name, value in values]


def inputs(exercise: Exercise, call: str) -> dict[str, str]:
    """Return a call's arguments as source text, keyed by parameter name."""
    parsed = ast.parse(call, mode="eval").body
    assert isinstance(parsed, ast.Call)
    names = [argument.arg for argument in _function(exercise).args.args]
    return {name: ast.unparse(value) for name, value in zip(names, parsed.args, strict=True)}


def _bank(code: str, value: str, last: bool, only: bool) -> Sequence[str]:
    one_line = "\n" not in code
    if only:
        return _ONLY_SHORT if one_line else _ONLY_LONG
    if last:
        return _LAST_SHORT if one_line else _LAST_LONG
    if not value:
        return _SILENT
    return _SHORT if one_line else _LONG


def _function(exercise: Exercise) -> ast.FunctionDef:
    """Return the function or method that the exercise asks for."""
    tree = ast.parse(exercise.program)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == exercise.entry_point:
            return node
        if isinstance(node, ast.ClassDef) and node.name == exercise.entry_point:
            method = node.body[-1]
            assert isinstance(method, ast.FunctionDef)
            return method
    raise AssertionError(f"{exercise.entry_point} is not defined in its program")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
