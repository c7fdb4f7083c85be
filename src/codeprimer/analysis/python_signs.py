"""What can be counted in one walk over a module's syntax tree: the measurable signs of clear or unclear code.

Reads a text and its tree, gives counts by function and for the module. Its one idea: look at what the code *does*
(computes, decides, loops, delegates, configures) and at what it leans on (itself, built-ins, the standard library,
somebody else's code), not at how long it is. The walk keeps its own stack, so depth of nesting cannot break it.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from codeprimer.analysis.python_imports import Origin, is_about_system, origin_of

_BUILTINS = frozenset((*dir(builtins), "__file__", "__path__", "__all__", "__class__", "__module__", "__qualname__"))
_BASIC_METHODS = frozenset(
    name
    for kind in (str, bytes, list, dict, set, tuple, int, float, complex, frozenset)
    for name in dir(kind)
    if not name.startswith("_")
) | {"popleft", "appendleft", "most_common", "group", "groups", "match", "search", "finditer", "findall", "sub"}
_DYNAMIC = frozenset(("__import__", "compile", "delattr", "eval", "exec", "globals", "locals", "setattr", "vars"))


@dataclass
class FunctionSigns:
    """Counts of one function; what is inside a nested function counts there."""

    name: str
    documented: bool
    lines: int
    """Without the docstring."""
    arguments: int
    annotated: int
    method: bool
    statements: int = 0
    depth: int = 0
    """The deepest nesting of blocks; 0 where there are none."""
    branches: int = 1
    """Cyclomatic complexity."""
    work: int = 0
    """Operations, comparisons, subscripts, loops and comprehensions."""
    short_names: int = 0
    names: int = 0

    @property
    def is_trivial(self) -> bool:
        """Tell whether it merely returns, delegates or stores."""
        return self.statements <= 2 and self.work <= 1 and self.branches <= 1


@dataclass
class ModuleSigns:
    """Counts of one module."""

    lines: int
    """Lines that hold code."""
    comment_lines: int
    functions: list[FunctionSigns] = field(default_factory=list)
    classes: int = 0
    documented_classes: int = 0
    has_docstring: bool = False
    doctests: int = 0
    top_statements: int = 0
    """Statements outside functions, imports and definitions apart."""
    literal_lines: int = 0
    """Lines of statements outside functions that only hold values."""
    imports: dict[str, int] = field(
        default_factory=lambda: {"local": 0, "plain": 0, "plumbing": 0, "foreign": 0, "relative": 0}
    )
    wildcard_imports: int = 0
    uses: dict[Origin, int] = field(
        default_factory=lambda: {"local": 0, "builtin": 0, "plain": 0, "plumbing": 0, "foreign": 0}
    )
    """Loads of names by what the names stand for."""
    undefined: int = 0
    """Distinct names that are loaded and bound nowhere."""
    attributes: int = 0
    self_attributes: int = 0
    """Attributes of ``self`` and ``cls``."""
    basic_attributes: int = 0
    """Attributes that are methods of built-in types, or come from a plain standard module."""
    system_imports: int = 0
    dynamic: int = 0
    """Uses of exec, eval, globals, setattr and the like."""
    nodes: int = 0


_BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith, ast.Match, ast.TryStar)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BRANCHES = (ast.If, ast.For, ast.While, ast.IfExp, ast.ExceptHandler, ast.AsyncFor, ast.comprehension, ast.match_case)
_WORK = (ast.BinOp, ast.Compare, ast.Subscript, ast.For, ast.While, ast.comprehension, ast.AugAssign, ast.BoolOp)
_COMMENT = re.compile(r"^[ \t]*#", re.MULTILINE)
_DOCTEST = re.compile(r"^\s*>>> ", re.MULTILINE)
_USUAL_SHORT = frozenset((*"abcdefghijklmnpqrstuvwxyz_", "x1", "x2", "y1", "y2", "fn", "hi", "id", "lo", "ok", "op", "to"))


def look_at(text: str, tree: ast.Module) -> ModuleSigns:
    """Return the signs of a module."""
    signs = ModuleSigns(
        lines=sum(1 for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")),
        comment_lines=len(_COMMENT.findall(text)),
        has_docstring=ast.get_docstring(tree, clean=False) is not None,
    )
    _Walk(signs).walk(tree)
    return signs


class _Walk:
    """One walk; ``_stack`` holds what is still to be seen: node, the function around it, the depth of blocks."""

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
        if isinstance(node, ast.Name):
            self._name(node, function)
            return
        if isinstance(node, _FUNCTIONS):
            self._function(node)
            return
        if isinstance(node, ast.ClassDef):
            self._class(node, function)
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node)
        elif isinstance(node, ast.Attribute):
            self._attribute(node)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            self.bound.add(node.name)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            self.bound.update(node.names)
        elif isinstance(node, ast.Lambda):
            self.bound.update(argument.arg for argument in _arguments(node.args))
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            self.bound.add(node.name)
        self._count(node, function, depth)
        self._push_children(node, function, depth)

    def _count(self, node: ast.AST, function: FunctionSigns | None, depth: int) -> None:
        if function is None:
            return
        if isinstance(node, ast.stmt):
            function.statements += 1
            function.depth = max(function.depth, depth)
        if isinstance(node, _WORK):
            function.work += 1
        if isinstance(node, _BRANCHES):
            function.branches += 1
        elif isinstance(node, ast.BoolOp):
            function.branches += len(node.values) - 1

    def _push_children(self, node: ast.AST, function: FunctionSigns | None, depth: int) -> None:
        inner = depth + 1 if isinstance(node, _BLOCKS) else depth
        chained = node.orelse if isinstance(node, ast.If) and _is_elif(node) else []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr_context | ast.operator | ast.cmpop | ast.boolop | ast.unaryop):
                continue
            # An elif is no deeper than its if.
            self.stack.append((child, function, depth if chained and child is chained[0] else inner))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
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

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.ImportFrom):
            module, relative = node.module or "", node.level > 0
            # A standard module's fast twin is often pulled in whole (``from _heapq import *``); that hides nothing.
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
        if isinstance(node.ctx, ast.Load):
            self.loaded[node.id] = self.loaded.get(node.id, 0) + 1
        else:
            self.bound.add(node.id)
            if function is not None:
                _weigh_name(node.id, function)

    def _attribute(self, node: ast.Attribute) -> None:
        self.signs.attributes += 1
        base = node.value.id if isinstance(node.value, ast.Name) else None
        if base in {"self", "cls"}:
            self.signs.self_attributes += 1
        elif node.attr in _BASIC_METHODS:
            self.signs.basic_attributes += 1
        elif base is not None:
            self.attributed[base] = self.attributed.get(base, 0) + 1

    def _settle_names(self) -> None:
        """Decide at the end what each loaded name stands for, so that the order of definitions does not matter."""
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


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return named + [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]


def _weigh_name(name: str, function: FunctionSigns) -> None:
    function.names += 1
    function.short_names += len(name) <= 2 and name not in _USUAL_SHORT


def _is_elif(node: ast.If) -> bool:
    return len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)


def _count_top_level(body: list[ast.stmt], signs: ModuleSigns) -> None:
    """Count statements that are neither imports nor definitions, and the lines of those that hold only values."""
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        signs.top_statements += 1
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            signs.literal_lines += (statement.end_lineno or statement.lineno) - statement.lineno + 1
