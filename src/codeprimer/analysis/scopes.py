"""What a scope of a Python program binds: parameters, assignments, definitions, attributes of its own classes.

Reads ``ast`` nodes. One idea: a scope's own nodes are walked without those of the scopes inside it, as the compiler's
symbol table does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound_in(scope: ast.AST) -> frozenset[str]:
    """Return the names that a scope binds itself: parameters, assignments, definitions; not what it imports."""
    found: set[str] = set()
    foreign: set[str] = set()
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        found.update(argument.arg for argument in _arguments(scope.args))
    for node in _own_nodes(scope):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.MatchMapping(rest=str(name)):
                found.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                foreign.update(names)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                foreign.update((alias.asname or alias.name).partition(".")[0] for alias in aliases)
    return frozenset(found - foreign)


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    stars = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope without those of the scopes inside it (whose own nodes are yielded as one)."""
    waiting = _inner(scope)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, COMPREHENSIONS):
            # Only a walrus inside a comprehension binds outside of it.
            yield from (inner.target for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        elif not isinstance(node, SCOPES):
            waiting.extend(ast.iter_child_nodes(node))


def _inner(scope: ast.AST) -> list[ast.AST]:
    if isinstance(scope, COMPREHENSIONS):
        return [generator.target for generator in scope.generators]
    if isinstance(scope, ast.Lambda):
        return [scope.body]
    return list(getattr(scope, "body", ()))


def own_attributes(tree: ast.AST) -> frozenset[str]:
    """Return the attributes that the program's own classes bind: on ``self``, or in the class body."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found |= bound_in(node)
            for method in node.body:
                if isinstance(method, FunctionNode) and method.args.args:
                    found.update(_stored_on(method, method.args.args[0].arg))
    return frozenset(name for name in found if not name.startswith("__"))


def _stored_on(method: ast.AST, owner: str) -> Iterator[str]:
    for node in ast.walk(method):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute, ctx=ast.Store()) if name == owner:
                yield attribute
