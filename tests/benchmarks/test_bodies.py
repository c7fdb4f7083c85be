"""Where a completion ends: at the first line that leaves the body, and nowhere else."""

from __future__ import annotations

import pytest

from codeprimer.benchmarks.bodies import NO_BODY, cut, has_left, margin_of

METHOD = (
    'class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, x):\n        """Push x."""\n'
)


@pytest.mark.parametrize(
    ("prompt", "margin"),
    [
        ('def f(x):\n    """Doc."""\n', 0),
        ('def f(x):\n    """Doc.\n\ndef g is not the beginning of a function.\n    """\n\n\n', 0),
        ("def f(x):", 0),
        ("def f(\n    x: int,\n) -> int:\n", 0),
        ("def helper(x):\n    return x\n\n\ndef f(x):\n  '''Two spaces.'''\n", 0),
        (METHOD, 4),
        ('class Point:\n    """A point."""\n', 0),
        ('"""Write a function that adds."""\n', NO_BODY),
        ("this is no program (", 0),
    ],
)
def test_the_margin_is_that_of_the_last_definition(prompt: str, margin: int) -> None:
    assert margin_of(prompt) == margin


@pytest.mark.parametrize(
    ("completion", "margin", "body"),
    [
        ("\n    return x\n\n\ndef g(x):\n    return 1\n", 0, "\n    return x"),
        ("\n    y = x\n\n    return y\n", 0, "\n    y = x\n\n    return y"),
        ("\n    return x\nprint(f(1))\n", 0, "\n    return x"),
        ("\n        self.items.append(x)\n\n    def pop(self):\n        pass\n", 4, "\n        self.items.append(x)"),
        (" return x\nassert f(1)\n", 0, " return x"),
        ("\ndef f(a, b):\n    return a + b\n", NO_BODY, "\ndef f(a, b):\n    return a + b"),
        ("", 0, ""),
    ],
)
def test_a_completion_is_cut_where_it_leaves_the_body(completion: str, margin: int, body: str) -> None:
    assert cut(completion, margin) == body
    assert has_left(completion, margin) == (cut(completion, margin) != completion.rstrip())


def test_every_longer_beginning_of_an_answer_that_has_left_has_left_too() -> None:
    text = "\n    if x:\n        return 1\n    return 2\n\nprint(1)\n"
    left = [has_left(text[:size], 0) for size in range(len(text) + 1)]
    assert left == sorted(left)
    assert left.index(True) == text.index("print") + 1
