"""Counts a module's features (``python_signs.ModuleSigns``) in one walk over its syntax tree.

The walk keeps its own stack, so that deep nesting cannot overflow Python's stack, and dispatches on node types, so it
takes about as long as parsing.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from codeprimer.analysis.python_imports import Origin, is_about_system, origin_of
from codeprimer.analysis.python_signs import FunctionSigns, ModuleSigns
from codeprimer.analysis.python_source import parse

_BUILTINS = frozenset((*dir(builtins), "__file__", "__path__", "__all__", "__class__", "__module__", "__qualname__"))
_BASIC_METHODS = frozenset(
    name
    for kind in (str, bytes, list, dict, set, tuple, int, float, complex, frozenset)
    for name in dir(kind)
    if not name.startswith("_")
) | {"popleft", "appendleft", "most_common", "group", "groups", "match", "search", "finditer", "findall", "sub"}
_DYNAMIC = frozenset(("__import__", "compile", "delattr", "eval", "exec", "globals", "locals", "setattr", "vars"))

_BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith, ast.Match, ast.TryStar)
_BRANCHES = (ast.If, ast.For, ast.While, ast.IfExp, ast.ExceptHandler, ast.AsyncFor, ast.comprehension, ast.match_case)
_WORK = (ast.BinOp, ast.Compare, ast.Subscript, ast.For, ast.While, ast.comprehension, ast.AugAssign, ast.BoolOp)
_COMMENT = re.compile(r"^[ \t]*#", re.MULTILINE)
_DOCTEST = re.compile(r"^\s*>>> ", re.MULTILINE)
_USUAL_SHORT = frozenset((*"abcdefghijklmnpqrstuvwxyz_", "x1", "x2", "y1", "y2", "fn", "hi", "id", "lo", "ok", "op"))


@lru_cache(maxsize=64)
def signs_of(text: str) -> ModuleSigns:
    """Return a module's features; the last few are cached, because the scorer and the rubric read the same text.

    Raises NotPythonError if the text is not Python 3.
    """
    return count_signs(text, parse(text))


def count_signs(text: str, tree: ast.Module) -> ModuleSigns:
    """Return the features of a parsed module."""
    signs = ModuleSigns(
        lines=sum(1 for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")),
        comment_lines=len(_COMMENT.findall(text)),
        has_docstring=ast.get_docstring(tree, clean=False) is not None,
    )
    _Walk(signs).walk(tree)
    return signs


class _Walk:
    """One walk; ``stack`` holds the nodes to visit, each with its enclosing function and block depth."""

    def __init__(self, signs: ModuleSigns) -> None:
        self.signs = signs
        self.imported: dict[str, Origin] = {}
        self.bound: set[str] = set()
        self.loaded: dict[str, int] = {}
        self.attributed: dict[str, int] = {}
        self.stack: list[tuple[ast.AST, FunctionSigns | None, int]] = []

    def walk(self, tree: ast.Module) -> None:
        _count_top_level(tree.body, self.signs)
        self._docstring(tree)
        self.stack = [(node, None, 0) for node in tree.body]
        while self.stack:
            node, function, depth = self.stack.pop()
            self.signs.nodes += 1
            self._see(node, function, depth)
        self._settle_names()

    def _see(self, node: ast.AST, function: FunctionSigns | None, depth: int) -> None:
        kind = type(node)
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, node, function)
            if kind in _WHOLE:
                return
        traits = _TRAITS[kind]
        if function is not None:
            if traits.statement:
                function.statements += 1
                function.depth = max(function.depth, depth)
            function.work += traits.work
            function.branches += traits.branches
        self._push_children(node, function, depth + traits.block)

    def _push_children(self, node: ast.AST, function: FunctionSigns | None, depth: int) -> None:
        push = self.stack.append
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                # An elif is not deeper than its if.
                chained = name == "orelse" and type(node) is ast.If and len(value) == 1 and type(value[0]) is ast.If
                for item in value:
                    if isinstance(item, ast.AST) and type(item) not in _MARKS:
                        push((item, function, depth - 1 if chained else depth))
            elif isinstance(value, ast.AST) and type(value) not in _MARKS:
                push((value, function, depth))

    def _bind(
        self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping, function: FunctionSigns | None
    ) -> None:
        del function
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self.bound.add(name)

    def _declare(self, node: ast.Global | ast.Nonlocal, function: FunctionSigns | None) -> None:
        del function
        self.bound.update(node.names)

    def _lambda(self, node: ast.Lambda, function: FunctionSigns | None) -> None:
        del function
        self.bound.update(argument.arg for argument in _arguments(node.args))

    def _boolean(self, node: ast.BoolOp, function: FunctionSigns | None) -> None:
        if function is not None:
            function.branches += len(node.values) - 1

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, around: FunctionSigns | None) -> None:
        del around
        documented = self._docstring(node)
        body = node.body[1:] if documented else node.body
        arguments = _arguments(node.args)
        own = [argument for argument in arguments if argument.arg not in {"self", "cls"}]
        function = FunctionSigns(
            name=node.name,
            documented=documented,
            lines=(node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0,
            arguments=len(own),
            annotated=sum(argument.annotation is not None for argument in own) + (node.returns is not None),
            method=len(own) < len(arguments),
        )
        self.bound.add(node.name)
        for argument in arguments:
            self.bound.add(argument.arg)
            _weigh_name(argument.arg, function)
        self.signs.functions.append(function)
        self.stack += [(child, function, 0) for child in body]
        defaults = [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
        outside = [*node.decorator_list, *defaults]
        self.stack += [(child, None, 0) for child in outside]

    def _class(self, node: ast.ClassDef, function: FunctionSigns | None) -> None:
        self.signs.classes += 1
        self.signs.documented_classes += self._docstring(node)
        self.bound.add(node.name)
        _count_top_level(node.body, self.signs)
        self.stack += [(child, None, 0) for child in (*node.body, *node.bases, *node.decorator_list)]
        self.stack += [(keyword.value, function, 0) for keyword in node.keywords]

    def _docstring(self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        docstring = ast.get_docstring(node, clean=False)
        if docstring is None:
            return False
        self.signs.doctests += len(_DOCTEST.findall(docstring))
        return len(docstring.split()) >= 3

    def _import(self, node: ast.Import | ast.ImportFrom, function: FunctionSigns | None) -> None:
        del function
        if isinstance(node, ast.ImportFrom):
            module, relative = node.module or "", node.level > 0
            # Not counted: wildcard imports of a standard module's C version (``from _heapq import *``).
            hidden = relative or origin_of(module) == "foreign"
            self.signs.wildcard_imports += hidden and any(alias.name == "*" for alias in node.names)
            modules = [module]
            origins: Iterator[tuple[str, Origin]] = (
                (alias.asname or alias.name, "foreign" if relative else origin_of(module)) for alias in node.names
            )
            kind = "relative" if relative else origin_of(module)
        else:
            origins = ((alias.asname or alias.name.split(".")[0], origin_of(alias.name)) for alias in node.names)
            kind = origin_of(node.names[0].name)
            modules = [alias.name for alias in node.names]
        self.signs.system_imports += kind != "relative" and any(map(is_about_system, modules))
        self.signs.imports[kind] += 1
        self.imported.update(origins)

    def _name(self, node: ast.Name, function: FunctionSigns | None) -> None:
        if type(node.ctx) is ast.Load:
            self.loaded[node.id] = self.loaded.get(node.id, 0) + 1
        else:
            self.bound.add(node.id)
            if function is not None:
                _weigh_name(node.id, function)

    def _attribute(self, node: ast.Attribute, function: FunctionSigns | None) -> None:
        del function
        self.signs.attributes += 1
        base = node.value.id if isinstance(node.value, ast.Name) else None
        if base in {"self", "cls"}:
            self.signs.self_attributes += 1
        elif node.attr in _BASIC_METHODS:
            self.signs.basic_attributes += 1
        elif base is not None:
            self.attributed[base] = self.attributed.get(base, 0) + 1

    def _settle_names(self) -> None:
        """Classify the loaded names at the end, so that the order of definitions does not matter."""
        for name, count in self.loaded.items():
            if name in self.imported:
                origin = self.imported[name]
            elif name in self.bound:
                origin = "local"
            elif name in _BUILTINS:
                origin = "builtin"
                self.signs.dynamic += count if name in _DYNAMIC else 0
            else:
                origin = "local"
                self.signs.undefined += 1
            self.signs.uses[origin] += count
            if origin == "plain":
                self.signs.basic_attributes += self.attributed.get(name, 0)


_HANDLERS: dict[type[ast.AST], Any] = {
    ast.Name: _Walk._name,
    ast.Attribute: _Walk._attribute,
    ast.FunctionDef: _Walk._function,
    ast.AsyncFunctionDef: _Walk._function,
    ast.ClassDef: _Walk._class,
    ast.Import: _Walk._import,
    ast.ImportFrom: _Walk._import,
    ast.ExceptHandler: _Walk._bind,
    ast.MatchAs: _Walk._bind,
    ast.MatchStar: _Walk._bind,
    ast.MatchMapping: _Walk._bind,
    ast.Global: _Walk._declare,
    ast.Nonlocal: _Walk._declare,
    ast.Lambda: _Walk._lambda,
    ast.BoolOp: _Walk._boolean,
}
_WHOLE = frozenset((ast.Name, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
"""Node types whose handler visits the children itself."""

_MARKS = frozenset(
    kind
    for family in (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
    for kind in family.__subclasses__()
)
"""Node types that are not counted."""


@dataclass(frozen=True)
class _Traits:
    """How a node type is counted."""

    statement: bool
    work: bool
    branches: bool
    block: bool


class _TraitsByKind(dict[type[ast.AST], _Traits]):
    """The traits of every node type, computed on first use."""

    def __missing__(self, kind: type[ast.AST]) -> _Traits:
        traits = _Traits(issubclass(kind, ast.stmt), kind in _WORK, kind in _BRANCHES, kind in _BLOCKS)
        self[kind] = traits
        return traits


_TRAITS = _TraitsByKind()


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return named + [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]


def _weigh_name(name: str, function: FunctionSigns) -> None:
    function.names += 1
    function.short_names += len(name) <= 2 and name not in _USUAL_SHORT


def _count_top_level(body: list[ast.stmt], signs: ModuleSigns) -> None:
    """Count statements that are neither imports nor definitions, and the lines in assignments."""
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        signs.top_statements += 1
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            signs.literal_lines += (statement.end_lineno or statement.lineno) - statement.lineno + 1
