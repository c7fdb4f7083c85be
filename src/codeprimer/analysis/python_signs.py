"""Measurable features of clear or unclear code: counts from one walk over a module's syntax tree.

The features measure what the code *does* (computes, decides, loops, delegates, configures) and what it depends on
(itself, built-ins, the standard library, third-party code), not how long it is. ``python_walk.py`` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from codeprimer.analysis.python_imports import Origin


@dataclass
class FunctionSigns:
    """Counts for one function, excluding the bodies of nested functions, which have their own counts."""

    name: str
    documented: bool
    lines: int
    """Number of lines, excluding the docstring."""
    arguments: int
    annotated: int
    method: bool
    statements: int = 0
    depth: int = 0
    """Maximum nesting depth of blocks; 0 if there are no blocks."""
    branches: int = 1
    """Cyclomatic complexity."""
    work: int = 0
    """Number of operations, comparisons, subscripts, loops and comprehensions."""
    short_names: int = 0
    names: int = 0

    @property
    def is_trivial(self) -> bool:
        """Return whether the function only returns, delegates or stores."""
        return self.statements <= 2 and self.work <= 1 and self.branches <= 1


@dataclass
class ModuleSigns:
    """Counts for one module."""

    lines: int
    """Number of lines that contain code."""
    comment_lines: int
    functions: list[FunctionSigns] = field(default_factory=list)
    classes: int = 0
    documented_classes: int = 0
    has_docstring: bool = False
    doctests: int = 0
    top_statements: int = 0
    """Number of statements outside functions, except imports and definitions."""
    literal_lines: int = 0
    """Number of lines in assignments outside functions."""
    imports: dict[str, int] = field(
        default_factory=lambda: {"local": 0, "plain": 0, "plumbing": 0, "foreign": 0, "relative": 0}
    )
    wildcard_imports: int = 0
    uses: dict[Origin, int] = field(
        default_factory=lambda: {"local": 0, "builtin": 0, "plain": 0, "plumbing": 0, "foreign": 0}
    )
    """Number of name loads, by origin."""
    undefined: int = 0
    """Number of distinct names that are loaded but never bound."""
    attributes: int = 0
    self_attributes: int = 0
    """Number of accesses to attributes of ``self`` and ``cls``."""
    basic_attributes: int = 0
    """Number of accesses to attributes that are methods of built-in types or come from a plain standard module."""
    system_imports: int = 0
    dynamic: int = 0
    """Number of uses of ``exec``, ``eval``, ``globals``, ``setattr`` and similar functions."""
    nodes: int = 0
