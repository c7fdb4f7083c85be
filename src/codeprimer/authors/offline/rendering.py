"""The input to renderers: the bound chain, the names, and methods that turn an operation into source text.

Only this module nests expressions, and it adds the necessary parentheses.
"""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass

from codeprimer.authors.offline.naming import Names
from codeprimer.curriculum.binding import Applied, Argument
from codeprimer.curriculum.operation import Operation, fill
from codeprimer.curriculum.values import TYPES

_LOOSE = (ast.BinOp, ast.BoolOp, ast.Compare, ast.UnaryOp, ast.IfExp, ast.Lambda)
_PLACED = re.compile(r"(?<=\()\$v(?=[,)])|(?<=, )\$v(?=[,)])")
_TAKES_GENERATOR = re.compile(r"(sum|set|sorted|any|all|dict|tuple|list)\(\$v\)")


@dataclass(frozen=True)
class Scene:
    """One exercise to be rendered."""

    source: str
    chain: tuple[Applied, ...]
    names: Names
    arguments: tuple[Argument, ...]
    start: str
    """The input as source text: the parameter, or an attribute of ``self``."""
    clauses: tuple[str, ...]
    """The specification, clause by clause."""

    def holes(self, applied: Applied, value: str, out: str = "") -> dict[str, str]:
        """Return the values for the holes in an operation's templates."""
        return {
            **applied.holes,
            "v": value,
            "x": self.element(applied.operation),
            "c": self.names.character,
            "out": out,
        }

    def element(self, operation: Operation) -> str:
        """Return the loop variable for the elements of an operation's input."""
        return self.names.word if operation.source == "words" else self.names.element

    def inline(self, applied: Applied, value: str) -> str:
        """Return an operation as an expression of ``value``, which can itself be an expression."""
        template = applied.operation.inline
        if not is_atom(value):
            if _TAKES_GENERATOR.fullmatch(template) and _kind(value) is ast.ListComp:
                return template.replace("$v", value[1:-1])
            template = _PLACED.sub(lambda _: value, template)
            value = parenthesized(value)
        return fill(template, self.holes(applied, value))

    def variable(self, operation: Operation, unlike: str = "") -> str:
        """Return the variable for a result; it differs from ``unlike``, which the statements still read."""
        name = "result" if self.names.plain else operation.result
        return name if name != unlike else "output"


def uses(template: str, hole: str) -> int:
    """Return how often a hole occurs in a template."""
    return len(re.findall(rf"\${hole}\b", template))


def is_atom(text: str) -> bool:
    """Return whether an expression is a name, possibly with attributes."""
    return text.replace(".", "").isidentifier()


def parenthesized(expression: str) -> str:
    """Return an expression, in parentheses if it would otherwise be unsafe as an operand."""
    return f"({expression})" if issubclass(_kind(expression), _LOOSE) else expression


@functools.lru_cache(maxsize=4096)
def _kind(expression: str) -> type[ast.expr]:
    return type(ast.parse(expression, mode="eval").body)


def indented(text: str, levels: int = 1) -> str:
    """Return statements indented by four spaces per level; blank lines stay blank."""
    margin = "    " * levels
    return "\n".join(margin + line if line else line for line in text.split("\n"))


def signature(scene: Scene, target: str) -> str:
    """Return the ``def`` line."""
    first = "self" if scene.start.startswith("self.") else f"{scene.names.parameter}: {TYPES[scene.source].annotation}"
    rest = "".join(f", {argument.name}: {argument.parameter.annotation}" for argument in scene.arguments)
    return f"def {scene.names.function}({first}{rest}) -> {TYPES[target].annotation}:"
