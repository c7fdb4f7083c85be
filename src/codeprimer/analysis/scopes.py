"""Finds the names that a Python program binds: parameters, assignments, definitions, attributes of its own classes.

One walk over the tree tracks the scopes around each node, as the compiler's symbol table does, and records every binding
in its scope. Imported names are excluded.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = frozenset({ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *COMPREHENSIONS})

OWNERS = ("self", "cls")
"""Names of a method's first parameter, through which it accesses attributes of its own class."""

_SKIPPED_FIELDS = frozenset({"ctx", "annotation", "returns", "decorator_list", "op", "ops"})

Scopes = tuple[ast.AST, ...]
"""The scopes around a node, outermost first."""


@dataclass
class Bindings:
    """Everything that a tree binds."""

    names: defaultdict[ast.AST, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Scope -> the names that it binds."""
    attributes: set[str] = field(default_factory=set)
    """Attributes and methods of the program's own classes, except double-underscore names."""
    functions: list[tuple[FunctionNode, Scopes]] = field(default_factory=list)
    """All functions, with the scopes around them, in source order."""


def owner_of(function: FunctionNode) -> str:
    """Return the name through which a method accesses the attributes of its class, or "" for other functions."""
    first = function.args.args[0].arg if function.args.args else ""
    return first if first in OWNERS else ""


def bindings(tree: ast.AST) -> Bindings:
    """Return everything that ``tree`` binds, scope by scope."""
    found = Bindings()
    foreign: defaultdict[ast.AST, set[str]] = defaultdict(set)
    waiting: list[tuple[ast.AST, Scopes]] = [(tree, ())]
    while waiting:
        node, scopes = waiting.pop()
        _bind(node, scopes, found)
        _disown(node, scopes, foreign)
        inner = (*scopes, node) if type(node) in SCOPES else scopes
        waiting.extend((child, inner) for child in reversed(children_of(node)))
    for scope, names in foreign.items():
        found.names[scope] -= names
    _collect_class_attributes(found)
    return found


def children_of(node: ast.AST) -> list[ast.AST]:
    """Return a node's children in order, excluding annotations, decorators, contexts and operators."""
    children: list[ast.AST] = []
    for name in node._fields:
        if name in _SKIPPED_FIELDS:
            continue
        value = getattr(node, name, None)
        if isinstance(value, list):
            children.extend(item for item in value if isinstance(item, ast.AST))
        elif isinstance(value, ast.AST):
            children.append(value)
    return children


def _bind(node: ast.AST, scopes: Scopes, found: Bindings) -> None:
    if isinstance(node, ast.Name):
        if scopes and not isinstance(node.ctx, ast.Load):
            found.names[scopes[-1]].add(node.id)
    elif type(node) in _BINDERS:
        _bind_rarer(node, scopes, found)


def _bind_rarer(node: ast.AST, scopes: Scopes, found: Bindings) -> None:
    """Record the bindings of all nodes except plain names."""
    here = found.names[scopes[-1]] if scopes else set()
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            here.add(name)
            found.functions.append((node, scopes))
        case ast.ClassDef(name=name) | ast.arg(arg=name):
            here.add(name)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            here.add(name)
        case ast.MatchMapping(rest=str(name)):
            here.add(name)
        case ast.NamedExpr(target=ast.Name(id=name)):
            # An assignment expression in a comprehension binds its target in the scope outside the comprehension.
            outer = [scope for scope in scopes if not isinstance(scope, COMPREHENSIONS)]
            for scope in outer[-1:]:
                found.names[scope].add(name)
        case ast.Attribute(value=ast.Name(id=owner), attr=attribute, ctx=ast.Store()):
            methods = [scope for scope in scopes if isinstance(scope, FunctionNode)]
            if any(owner_of(method) == owner for method in methods) and not attribute.startswith("__"):
                found.attributes.add(attribute)


_BINDERS = frozenset(
    {
        *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.arg, ast.ExceptHandler),
        *(ast.MatchAs, ast.MatchStar, ast.MatchMapping, ast.NamedExpr, ast.Attribute),
    }
)


def _disown(node: ast.AST, scopes: Scopes, foreign: defaultdict[ast.AST, set[str]]) -> None:
    """Record the names that a scope uses but does not own: imported, global and nonlocal names."""
    match node:
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            foreign[scopes[-1]].update(names)
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases) if scopes:
            foreign[scopes[-1]].update((alias.asname or alias.name).partition(".")[0] for alias in aliases)


def _collect_class_attributes(found: Bindings) -> None:
    for scope, names in found.names.items():
        if isinstance(scope, ast.ClassDef):
            found.attributes.update(name for name in names if not name.startswith("__"))
