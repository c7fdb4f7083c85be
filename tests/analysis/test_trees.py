"""Masked syntax trees: equal up to renaming, and no further."""

from __future__ import annotations

import ast
import itertools
import keyword
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.analysis.python_source import NotPythonError
from codeprimer.analysis.trees import MAX_DEPTH, Names, TreeTooDeepError, function_trees, masked_tree


def equal(first: str, second: str, names: Names = "bound", literals: bool = False) -> bool:
    return masked_tree(first, names, literals) == masked_tree(second, names, literals)


ORIGINAL = '''
def total(prices: list[int], limit: int = 3) -> int:
    """Add the prices up to a limit."""
    result: int = 0
    for index, price in enumerate(prices):
        if index < limit:
            result += price
    return sum([price for price in prices if price > 1]) + result
'''

RENAMED = """
def add(values, most=3):
    out = 0
    for i, value in enumerate(values):
        if i < most:
            out += value
    return sum([v for v in values if v > 1]) + out
"""


def test_renaming_what_the_program_binds_changes_nothing() -> None:
    assert equal(ORIGINAL, RENAMED)
    assert not equal(ORIGINAL, RENAMED, names="none")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def f(a, b): return a - b", "def f(a, b): return b - a"),
        ("def f(a): return len(a)", "def f(a): return sum(a)"),
        ("def f(a): return a.lower()", "def f(a): return a.upper()"),
        ("import math\ndef f(a): return math.sqrt(a)", "import cmath\ndef f(a): return cmath.sqrt(a)"),
        ("def f(a): return a + 1", "def f(a): return a + 2"),
        ("def f(a): return sorted(a, key=len)", "def f(a): return sorted(a, reverse=len)"),
        ("def f(a, g): return f(a - 1)", "def f(a, g): return g(a - 1)"),
        ("def f(a): return 1", "def f(a): return True"),
    ],
)
def test_what_changes_the_meaning_changes_the_tree(first: str, second: str) -> None:
    assert not equal(first, second)


def test_variables_of_separate_scopes_may_share_a_name() -> None:
    shared = "def f(a):\n    return [i for i in a], {i for i in a}"
    apart = "def f(a):\n    return [i for i in a], {j for j in a}"
    assert equal(shared, apart)


def test_the_programs_own_attributes_and_methods_are_renamed_too() -> None:
    first = "class Stack:\n  def __init__(self): self.items = []\n  def push(self, x):\n    self.items.append(x)"
    second = "class Pile:\n  def __init__(self): self.data = []\n  def put(self, y):\n    self.data.append(y)"
    other = "class Pile:\n  def __init__(self): self.data = []\n  def put(self, y):\n    self.data.remove(y)"
    assert equal(first, second)
    assert not equal(first, other)
    assert [tree.digest for tree in function_trees(first)] == [tree.digest for tree in function_trees(second)]


def test_keywords_of_the_programs_own_functions_are_renamed_too() -> None:
    assert equal("def f(a):\n  return a\nx = f(a=1)", "def g(b):\n  return b\ny = g(b=1)")


def test_masking_all_names_leaves_the_shape() -> None:
    assert equal("def f(a): return a.lower(1)", "def g(b): return b.count(1)", names="all")
    assert not equal("def f(a): return a.lower(1)", "def g(b): return b(1)", names="all")


def test_masked_literals_keep_their_type() -> None:
    assert equal("x = 1 - 2", "x = 7 - 9", literals=True)
    assert equal("x = f(-1)", "x = f(5)", literals=True)
    assert not equal("x = 1", "x = 'a'", literals=True)
    assert not equal("x = f(-1)", "x = f(1)")


def test_imports_around_a_function_do_not_count_but_the_imported_name_does() -> None:
    inside = "def f(a):\n    from math import sqrt\n    return sqrt(a)"
    outside = "from math import sqrt\ndef f(a):\n    return sqrt(a)"
    assert equal(inside, outside)
    assert not equal(outside, "def sqrt(a): return a\ndef f(a):\n    return sqrt(a)")


def test_every_function_of_a_file_is_listed_in_order_with_its_size() -> None:
    source = "def f():\n  def g():\n    return 1\n  return g\nclass A:\n  def h(self): pass\nasync def k(): pass"
    trees = function_trees(source)
    assert [tree.name for tree in trees] == ["f", "g", "h", "k"]
    assert [tree.nested for tree in trees] == [False, True, False, False]
    assert trees[0].nodes > trees[1].nodes


def test_docstrings_and_decorators_do_not_count_towards_a_function() -> None:
    plain = function_trees("def f(a): return a")[0]
    dressed = function_trees('@cache\ndef f(a: int) -> int:\n  """Doc."""\n  return a')[0]
    assert plain._replace(line=2) == dressed


def test_text_that_is_not_python_has_no_functions() -> None:
    assert function_trees("def f(:") == []
    assert function_trees("x = '\0'") == []
    with pytest.raises(NotPythonError):
        masked_tree("def f(:", "bound", False)


def test_a_function_nested_too_deeply_is_left_out_and_its_neighbour_stays() -> None:
    deep = "def f(a):\n    return " + " + ".join("a" * (MAX_DEPTH + 1))
    assert [tree.name for tree in function_trees(deep + "\ndef g(): return 1")] == ["g"]
    with pytest.raises(TreeTooDeepError):
        masked_tree(deep, "bound", False)


def test_functions_of_other_outlines_are_left_out() -> None:
    source = "def f(a): return a + 1\ndef g(a): return len(a)\ndef h(a): return sum(a)"
    wanted = function_trees("def any_name(x): return max(x)")[0].outline
    assert [tree.name for tree in function_trees(source, {wanted})] == ["g", "h"]
    assert function_trees(source, {wanted}) == function_trees(source)[1:]


def test_equal_trees_have_equal_outlines_in_all_of_the_standard_library() -> None:
    outlines: dict[str, set[str]] = {}
    for path in sorted(Path(ast.__file__).parent.glob("[a-f]*.py")):
        for tree in function_trees(path.read_text(encoding="utf-8")):
            outlines.setdefault(tree.digest, set()).add(tree.outline)
    assert len(outlines) > 1000
    assert all(len(found) == 1 for found in outlines.values())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def f(a):\n  b: int = a\n  return b", "def f(a):\n  b = a\n  return b"),
        ("def f(a):\n  import os\n  return -1", "def f(a):\n  'doc'\n  return -1"),
        ("def f(a):\n  if a:\n    b: int = 1\n    import os", "def f(a):\n  if a:\n    b = 1"),
        ("def f(a):\n  def g(x: int): return x", "def f(a):\n  @cache\n  def g(x): return x"),
    ],
)
def test_what_does_not_count_in_a_tree_does_not_count_in_its_outline(first: str, second: str) -> None:
    one, two = function_trees(first)[0], function_trees(second)[0]
    assert (one.digest == two.digest, one.outline == two.outline) in {(True, True), (False, True)}


def test_odd_corners_of_the_language_can_be_written_down() -> None:
    source = """
def f(a, /, b, *c, d=1, **e):
    global g
    match a:
        case {"x": y, **rest} | [y, *rest] if (z := y):
            return lambda q: (yield q)
        case int(real=r) as whole:
            del r
    try:
        with open(a) as file, b: pass
    except* ValueError as error:
        raise error from None
    return f"{a!r:>{b}}" if any((w := i) for i in c) else w
"""
    assert masked_tree(source, "bound", False)
    assert function_trees(source)
    assert masked_tree(ast.parse("[(y := x) for x in z]", mode="eval").body, "bound", True)


NAMES = st.text("abcxyz", min_size=1, max_size=3).filter(lambda name: not keyword.iskeyword(name))


@given(st.lists(NAMES, min_size=7, max_size=7, unique=True))
def test_any_consistent_renaming_gives_the_same_tree(names: list[str]) -> None:
    spots = ["total", "prices", "limit", "result", "index", "price"]
    renames = dict(zip(spots, itertools.islice(names, len(spots)), strict=True))

    class Renamer(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return ast.Name(renames.get(node.id, node.id), node.ctx)

        def visit_arg(self, node: ast.arg) -> ast.arg:
            return ast.arg(renames[node.arg])

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
            self.generic_visit(node)
            node.name = renames[node.name]
            return node

    renamed = ast.unparse(ast.fix_missing_locations(Renamer().visit(ast.parse(ORIGINAL))))
    assert equal(ORIGINAL, renamed)
