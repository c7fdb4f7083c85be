"""The signs that one walk over a syntax tree counts."""

from __future__ import annotations

import ast
import sys

import pytest

from codeprimer.analysis.python_imports import is_about_system, origin_of
from codeprimer.analysis.python_signs import ModuleSigns
from codeprimer.analysis.python_walk import count_signs, signs_of

CODE = '''
"""A module."""
import math
import os, numpy as np
from . import sibling
from heapq import *

LIMIT = 10
NAMES = [
    "a",
    "b",
]


class Stack:
    """A stack of things."""

    size: int = 0

    def push(self, thing, *more):
        """Put a thing on the stack.

        >>> Stack().push(1)
        """
        self.items.append(thing)
        for one in more:
            if one is None:
                continue
            elif one:
                self.items.append(one)
            else:
                raise ValueError(missing)
        return math.sqrt(len(self.items) * 2) + np.pi + os.getpid()

    def top(self):
        return self.items[-1]


def short(aa: int, bb: int) -> int:
    return aa + bb if aa and bb else helper(lambda zz: zz)


def helper(f):
    """Calls f for you."""
    return f(1)
'''


@pytest.fixture(scope="module")
def signs() -> ModuleSigns:
    return signs_of(CODE)


def test_functions_are_counted_one_by_one(signs: ModuleSigns) -> None:
    push, top, short, helper = sorted(signs.functions, key=lambda f: ["push", "top", "short", "helper"].index(f.name))
    assert (push.documented, push.lines, push.arguments, push.method) == (True, 9, 2, True)
    assert (push.statements, push.depth, push.branches) == (8, 2, 4)
    assert (push.work, top.work) == (5, 1)  # for, is, *, +, +; the subscript
    assert (short.branches, short.annotated, short.documented) == (3, 3, False)
    assert (short.names, short.short_names) == (2, 2)
    assert helper.is_trivial
    assert not push.is_trivial


def test_an_elif_is_no_deeper_than_its_if() -> None:
    chain = "def f(x):\n    if x == 0:\n        return 0\n" + "".join(
        f"    elif x == {i}:\n        return {i}\n" for i in range(1, 30)
    )
    assert signs_of(chain).functions[0].depth == 1
    nested = "def f(x):\n    if x:\n        pass\n    else:\n        if x:\n            return 1\n        return 2\n"
    assert signs_of(nested).functions[0].depth == 2


def test_names_are_classified_by_origin(signs: ModuleSigns) -> None:
    assert signs.uses["plain"] == 1  # math
    assert signs.uses["plumbing"] == 1  # os
    assert signs.uses["foreign"] == 1  # np
    assert signs.uses["builtin"] == 3  # len, ValueError, and int in the annotation of a statement
    assert signs.undefined == 1  # missing
    assert signs.imports == {"local": 0, "plain": 2, "plumbing": 1, "foreign": 0, "relative": 1}


def test_a_wildcard_counts_only_where_it_hides_something(signs: ModuleSigns) -> None:
    assert signs.wildcard_imports == 0
    assert signs_of("from numpy import *\nfrom .base import *\n").wildcard_imports == 2


def test_attributes_are_classified_by_owner(signs: ModuleSigns) -> None:
    assert signs.self_attributes == 4
    assert signs.basic_attributes == 3  # append twice, math.sqrt
    assert signs.attributes == 9


def test_the_module_s_own_counts(signs: ModuleSigns) -> None:
    assert signs.has_docstring
    assert (signs.classes, signs.documented_classes, signs.doctests) == (1, 1, 1)
    assert signs.top_statements == 3  # two constants and the class's own
    assert signs.literal_lines == 6
    assert signs_of("eval('1')\nsetattr(x, 'y', 2)\n").dynamic == 2
    assert signs_of("import tkinter\n").system_imports == 1


def test_a_deep_tree_does_not_break_the_walk() -> None:
    text = "x = " + " + ".join(["1"] * 900)
    assert count_signs(text, ast.parse(text)).nodes > 1_500
    deep = "y = " + "[" * 90 + "]" * 90
    assert sys.getrecursionlimit() > 100
    assert count_signs(deep, ast.parse(deep)).nodes == 92


def test_every_name_that_python_can_bind_counts_as_bound() -> None:
    text = """
def f(a, /, b, *c, d, **e):
    global g
    with open(a) as h, open(b) as (i, j):
        for k, *l in c: pass
    try: pass
    except OSError as m: m
    match d:
        case [n, *o] if (p := n): o
        case {"q": r, **s}: s
        case t: t
    [u for u in e if (lambda v, w=u: v or w)]
    return a, b, c, d, e, f, g, h, i, j, k, l, n, p, r
"""
    found = signs_of(text)
    assert found.undefined == 0
    assert found.uses["builtin"] == 3


def test_modules_are_classified_by_purpose() -> None:
    assert origin_of("math") == "plain"
    assert origin_of("os.path") == "plumbing"
    assert origin_of("numpy.linalg") == "foreign"
    assert origin_of("typing") == "local"
    assert is_about_system("concurrent.futures")
    assert not is_about_system("collections")
