"""Mutants: programs with one small mistake, and the results of their tests outside the sandbox.

``mutants_of`` changes a syntax tree in one place at a time: comparisons, arithmetic, constants, ``and`` and ``or``,
``not``, slice bounds, conditions, returned values, ranges. The same source gives the same mutants, in the same order.

``python mutants.py`` reads ``[[program, tests], ...]`` as JSON from standard input and writes each program's fate as
JSON. Each program is executed, followed by its tests, in a forked child of this plain Python process, which imports only
the standard library.
"""

from __future__ import annotations

import ast
import copy
import json
import os
import random
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

SECONDS = 5
"""CPU time limit for one program and its tests [s]."""

MEMORY_BYTES = 512 * 2**20
PASSED, KILLED, UNFINISHED = "passed", "killed", "unfinished"
"""The tests pass; an assert fails or an exception ends them; or time or memory runs out before the tests decide."""

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv, ast.Add),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult, ast.Div),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
}
_ONE = 1


@dataclass(frozen=True)
class Mutant:
    """A program with one mistake, the operator that introduced it, and its line in the original program."""

    source: str
    operator: str
    line: int


def mutants_of(source: str, name: str) -> Iterator[Mutant]:
    """Yield the distinct mutants of a program's function ``name``."""
    tree = ast.parse(source)
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    seen = {ast.unparse(tree)}
    for owner, field, place, node in _places(function):
        for operator, other in _alternatives(node):
            text = _with(tree, (owner, field, place), other)
            if text not in seen:
                seen.add(text)
                yield Mutant(text, operator, getattr(node, "lineno", getattr(owner, "lineno", 0)))


def _places(root: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Yield the owner, field and index of every node below ``root``, and the node itself."""
    for owner in ast.walk(root):
        for field, content in ast.iter_fields(owner):
            if isinstance(content, list):
                yield from ((owner, field, n, part) for n, part in enumerate(content) if isinstance(part, ast.AST))
            elif isinstance(content, ast.AST):
                yield owner, field, None, content


def _with(tree: ast.AST, place: tuple[ast.AST, str, int | None], other: ast.AST) -> str:
    """Return the tree's source with another node in one place; the tree itself is left unchanged."""
    owner, field, index = place
    content = getattr(owner, field)
    changed = other if index is None else [*content[:index], other, *content[index + 1 :]]
    setattr(owner, field, changed)
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    finally:
        setattr(owner, field, content)


def _alternatives(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield replacements for a node, each with the mutation operator's name."""
    match node:
        case ast.Compare(ops=operators):
            for n, old in enumerate(operators):
                for kind in _COMPARISONS[type(old)]:
                    yield "comparison", _changed(node, ops=[*operators[:n], kind(), *operators[n + 1 :]])
        case ast.BinOp(op=old) | ast.AugAssign(op=old):
            yield from (("arithmetic", _changed(node, op=kind())) for kind in _ARITHMETIC.get(type(old), ()))
        case ast.Constant(value=bool() as value):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield from (("constant", ast.Constant(value + step)) for step in (1, -1))
        case ast.BoolOp(op=old):
            yield "and, or", _changed(node, op=ast.Or() if isinstance(old, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "removed not", operand
        case ast.Slice():
            yield from (("slice", other) for other in _other_slices(node))
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield "condition", _changed(node, test=_negated(test))
        case ast.comprehension(ifs=[first, *others]):
            yield "condition", _changed(node, ifs=[_negated(first), *others])
        case ast.Return(value=value) if value is not None:
            yield "return", _changed(node, value=ast.Constant(None))
        case ast.Call(func=ast.Name(id="range"), args=bounds) if bounds:
            stop = 0 if len(bounds) == 1 else 1
            for operator in (ast.Add(), ast.Sub()):
                moved = ast.BinOp(bounds[stop], operator, ast.Constant(_ONE))
                yield "range", _changed(node, args=[*bounds[:stop], moved, *bounds[stop + 1 :]])


def _other_slices(node: ast.Slice) -> Iterator[ast.Slice]:
    one = ast.Constant(_ONE)
    lower, upper = node.lower, node.upper
    yield _changed(node, lower=one if lower is None else ast.BinOp(lower, ast.Add(), one))
    yield _changed(node, upper=ast.Constant(-_ONE) if upper is None else ast.BinOp(upper, ast.Sub(), one))


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _changed(node: Any, **fields: object) -> Any:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def fate_of(program: str, tests: str) -> str:
    """Execute a program and its tests in a forked child and return the program's fate."""
    pid = os.fork()
    if pid == 0:
        _be_child(program, tests)
    _, status = os.waitpid(pid, 0)
    return {0: PASSED, 1: KILLED}.get(os.waitstatus_to_exitcode(status), UNFINISHED)


def _be_child(program: str, tests: str) -> NoReturn:
    leave, out_of_memory, status = os._exit, MemoryError, 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        random.seed(0)
        exec(compile(f"{program}\n{tests}", "<mutant>", "exec", dont_inherit=True), {"__name__": "__mutant__"})
        status = 0
    except out_of_memory:
        status = 2
    finally:
        leave(status)


if __name__ == "__main__":
    json.dump([fate_of(program, tests) for program, tests in json.load(sys.stdin)], sys.stdout)
