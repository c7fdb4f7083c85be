"""Digests of masked syntax trees, to check whether two pieces of code are equal up to renaming.

One walk serialises a tree and replaces every name that the mask covers with a variable number, in order of first
occurrence, scope by scope. Equal digests then mean equal code up to renaming. Docstrings, annotations, imports and the
decorators of the outermost function are left out, because they do not change what the code computes.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import xxhash

from codeprimer.analysis.outlines import functions_of, outline
from codeprimer.analysis.python_source import NotPythonError, is_docstring, parse
from codeprimer.analysis.scopes import COMPREHENSIONS, Bindings, Comprehension, FunctionNode, Scopes, bindings, owner_of

Names = Literal["bound", "all", "none"]
"""The names that a mask covers: the names that the program binds itself, all identifiers, or none."""

MAX_DEPTH = 150
"""Maximum depth of a tree that is compared. The limit is fixed, so that results do not depend on the caller's stack."""

_SKIPPED_FIELDS = frozenset({"ctx", "type_comment", "kind", "annotation", "returns", "type_ignores", "type_params"})
_WITH_DOCSTRING = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SKIPPED_NODES = (ast.Import, ast.ImportFrom)
_BUILTIN_ATTRIBUTES = frozenset(
    itertools.chain.from_iterable(dir(kind) for kind in (list, dict, set, frozenset, tuple, str, bytes, int, float))
)


class TreeTooDeepError(Exception):
    """The tree is nested deeper than ``MAX_DEPTH``."""


class FunctionTree(NamedTuple):
    """A function in a file."""

    name: str
    nodes: int
    """Number of compared syntax-tree nodes, excluding the docstring, annotations and contexts."""
    digest: str
    outline: str
    """See ``analysis.outlines``."""
    line: int
    """The line of the ``def``, counted from 1."""
    nested: bool
    """Whether the function is inside another function."""


def masked_tree(code: str | ast.AST, names: Names, literals: bool) -> str:
    """Return the digest (32 hex digits) of a program or of a single node.

    ``names`` is "bound" for equality up to renaming (names that the program binds are numbered; built-ins, imported names
    and foreign attributes are unchanged), "all" to compare only the shape, or "none" to compare the exact names.
    ``literals`` replaces constants with their type. Raises NotPythonError if ``code`` is a string that is not Python, and
    TreeTooDeepError if it is nested too deeply.
    """
    tree = parse(code) if isinstance(code, str) else code
    return _digest(_Writer(names, literals, bindings(tree)).write_out(tree))


def function_trees(code: str | ast.Module, outlines: Container[str] | None = None) -> list[FunctionTree]:
    """Return the name, size and digest (names "bound", literals kept) of every function in a file, in order.

    Includes methods and nested functions. Names that the file binds around a function (helpers, module constants) are
    treated as bound. If ``outlines`` is given, functions with other outlines are skipped, which saves most of the time.
    Text that is not Python gives an empty list; a function nested deeper than ``MAX_DEPTH`` is skipped.
    """
    try:
        tree = parse(code) if isinstance(code, str) else code
    except NotPythonError:
        return []
    outlined = {node: outline(node) for node in functions_of(tree)}
    wanted = {node for node, text in outlined.items() if outlines is None or text in outlines}
    if not wanted:
        return []
    bound = bindings(tree)
    found = [_function_tree(node, scopes, bound, outlined[node]) for node, scopes in bound.functions if node in wanted]
    return [tree for tree in found if tree is not None]


def _function_tree(node: FunctionNode, scopes: Scopes, bound: Bindings, outlined: str) -> FunctionTree | None:
    writer = _Writer("bound", False, bound, scopes)
    try:
        digest = _digest(writer.write_out(node))
    except TreeTooDeepError:
        return None
    nested = any(isinstance(scope, FunctionNode) for scope in scopes)
    return FunctionTree(node.name, writer.nodes, digest, outlined, node.lineno, nested)


def _digest(text: str) -> str:
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))


@dataclass
class _Scope:
    """The variables in one scope, numbered in order of first occurrence."""

    names: set[str]
    numbers: dict[str, int] = field(default_factory=dict)
    owner: str = ""
    """The name of the first parameter, if the scope is a method."""
    is_class: bool = False


class _Writer:
    """Serialises one tree using one mask."""

    def __init__(self, names: Names, literals: bool, bound: Bindings, around: Scopes = ()) -> None:
        self.nodes = 0
        self._names = names
        self._literals = literals
        self._bound = bound
        self._scopes: list[_Scope] = []
        for scope in around:
            self._enter(scope)
        self._parts: list[str] = []
        self._next = itertools.count()
        self._attribute_numbers: dict[str, int] = {}
        self._keyword_numbers: dict[str | None, int] = {}
        self._depth = 0

    def write_out(self, node: ast.AST) -> str:
        """Return the whole tree as a string. Raises TreeTooDeepError if it is nested too deeply."""
        if isinstance(node, FunctionNode):
            if not any(node.name in scope.names for scope in self._scopes):
                self._scopes.append(_Scope({node.name}))
            self.nodes += 1
            self._function(node, decorated=False)
        else:
            self._node(node)
        return "".join(self._parts)

    def _node(self, node: ast.AST) -> None:
        self._depth += 1
        self.nodes += 1
        if self._depth > MAX_DEPTH:
            raise TreeTooDeepError
        _HANDLERS.get(type(node), _Writer._fields)(self, node)
        self._depth -= 1

    def _fields(self, node: ast.AST) -> None:
        self._parts.append(f"({type(node).__name__}")
        for name in node._fields:
            if name not in _SKIPPED_FIELDS:
                self._value(node, name, getattr(node, name, None))
        self._parts.append(")")

    def _value(self, node: ast.AST, part: str, value: Any) -> None:
        if isinstance(value, ast.AST):
            self._node(value)
        elif isinstance(value, list):
            self._parts.append("[")
            for item in _without_docstring(node, value) if part == "body" else value:
                if not isinstance(item, _SKIPPED_NODES):
                    self._value(node, part, item)
            self._parts.append("]")
        elif isinstance(value, str):
            self._parts.append(f" {self._identifier(node, value)}")
        else:
            self._parts.append(f" {value}")

    def _identifier(self, node: ast.AST, value: str) -> str:
        # A keyword in a call to a foreign function belongs to that function.
        foreign = isinstance(node, ast.keyword | ast.MatchClass)
        return self._mask_all(value) if foreign else self._name(value)

    def _constant(self, node: ast.Constant) -> None:
        self._literal(node.value)

    def _literal(self, value: object) -> None:
        kind = type(value).__name__
        self._parts.append(f"({kind})" if self._literals else f"({kind} {value!r})")

    def _unary(self, node: ast.UnaryOp) -> None:
        """Write a negative number as a constant."""
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                self._literal(-value)
            case _:
                self._fields(node)

    def _annotated(self, node: ast.AnnAssign) -> None:
        """Write an annotated assignment like a plain one, because the annotation does not change what is computed."""
        self._fields(ast.Assign([node.target], node.value) if node.value is not None else ast.Pass())

    def _call(self, node: ast.Call) -> None:
        """Write a call; keywords in a call to one of the program's own functions are names of its parameters."""
        if not (node.keywords and isinstance(node.func, ast.Name) and self._is_bound(node.func.id)):
            self._fields(node)
            return
        self._parts.append("(Call")
        self._node(node.func)
        self._value(node, "args", node.args)
        for keyword in node.keywords:
            number = self._keyword_numbers.setdefault(keyword.arg, len(self._keyword_numbers))
            self._parts.append(f"(keyword k{number}")
            self._node(keyword.value)
            self._parts.append(")")
        self._parts.append(")")

    def _variable(self, node: ast.Name) -> None:
        self._parts.append(f"(Name {self._name(node.id)})")

    def _name(self, name: str) -> str:
        if self._names != "bound":
            return self._mask_all(name)
        for index in range(len(self._scopes) - 1, -1, -1):
            scope = self._scopes[index]
            # A class's names are visible in its body, but not in its methods.
            if name in scope.names and (not scope.is_class or index == len(self._scopes) - 1):
                if name not in scope.numbers:
                    scope.numbers[name] = next(self._next)
                return f"v{scope.numbers[name]}"
        return name

    def _is_bound(self, name: str) -> bool:
        return self._names == "bound" and any(name in scope.names for scope in self._scopes)

    def _mask_all(self, name: str) -> str:
        return "_" if self._names == "all" else name

    def _attribute(self, node: ast.Attribute) -> None:
        self._parts.append(f"(Attribute {self._attribute_name(node.value, node.attr)}")
        self._node(node.value)
        self._parts.append(")")

    def _attribute_name(self, value: ast.AST, attribute: str) -> str:
        if self._names != "bound" or attribute not in self._bound.attributes:
            return self._mask_all(attribute)
        own = isinstance(value, ast.Name) and any(scope.owner == value.id for scope in self._scopes)
        if not own and attribute in _BUILTIN_ATTRIBUTES:
            return attribute
        return self._attribute_number(attribute)

    def _attribute_number(self, attribute: str) -> str:
        return f"a{self._attribute_numbers.setdefault(attribute, len(self._attribute_numbers))}"

    def _enter(self, node: ast.AST) -> None:
        owner = owner_of(node) if isinstance(node, FunctionNode) else ""
        self._scopes.append(_Scope(self._bound.names[node], owner=owner, is_class=isinstance(node, ast.ClassDef)))

    def _function(self, node: FunctionNode, decorated: bool = True) -> None:
        in_class = bool(self._scopes) and self._scopes[-1].is_class
        name = node.name
        if in_class and self._names == "bound":
            name = self._attribute_number(name) if name in self._bound.attributes else name
        else:
            name = self._name(name)
        self._parts.append(f"({type(node).__name__} {name}")
        if decorated:
            self._value(node, "decorator_list", node.decorator_list)
        self._enter(node)
        self._node(node.args)
        self._value(node, "body", node.body)
        self._scopes.pop()
        self._parts.append(")")

    def _scope(self, node: ast.Module | ast.ClassDef | ast.Lambda) -> None:
        self._parts.append(f"({type(node).__name__}")
        if isinstance(node, ast.ClassDef):
            self._parts.append(f" {self._name(node.name)}")
            for part in ("bases", "keywords", "decorator_list"):
                self._value(node, part, getattr(node, part))
        self._enter(node)
        if isinstance(node, ast.Lambda):
            self._node(node.args)
        self._value(node, "body", node.body)
        self._scopes.pop()
        self._parts.append(")")

    def _comprehension(self, node: Comprehension) -> None:
        self._enter(node)
        self._fields(node)
        self._scopes.pop()


_HANDLERS: dict[type, Callable[[_Writer, Any], None]] = {
    ast.Name: _Writer._variable,
    ast.Constant: _Writer._constant,
    ast.UnaryOp: _Writer._unary,
    ast.Attribute: _Writer._attribute,
    ast.Call: _Writer._call,
    ast.AnnAssign: _Writer._annotated,
    ast.FunctionDef: _Writer._function,
    ast.AsyncFunctionDef: _Writer._function,
    ast.Module: _Writer._scope,
    ast.ClassDef: _Writer._scope,
    ast.Lambda: _Writer._scope,
    **dict.fromkeys(COMPREHENSIONS, _Writer._comprehension),
}


def _without_docstring(node: ast.AST, body: Sequence[Any]) -> Iterable[Any]:
    if body and is_docstring(body[0]) and isinstance(node, _WITH_DOCSTRING):
        return body[1:]
    return body
