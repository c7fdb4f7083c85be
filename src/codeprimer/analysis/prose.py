"""Prose around code: a problem's wording, and the code blocks in a text.

Defines what a problem's wording is and how many consecutive words count as repeating it, both for the authors, which avoid
this wording, and for decontamination, which removes texts that contain it.
"""

from __future__ import annotations

import ast
import re

from codeprimer.analysis.ngrams import words
from codeprimer.analysis.python_source import NotPythonError, parse

GRAM_WORDS = 13
"""Number of consecutive words that count as repeating a problem's prose, as in the paper's n-gram check [words]."""

SHORTEST_PROSE = 8
"""Minimum length at which prose shorter than ``GRAM_WORDS`` is compared as a whole [words]."""

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def problem_prose(prompt: str, solution: str) -> list[str]:
    """Return a problem's prose: its docstrings without examples, or else its prompt.

    Code is not treated as prose, because composed programs have building blocks in common by design.
    """
    try:
        tree = parse(prompt + solution)
    except NotPythonError:
        return [prompt]
    docstrings = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, _DOCUMENTED)]
    pieces = [_without_examples(docstring) for docstring in docstrings if docstring]
    return [piece for piece in pieces if words(piece)] or [prompt]


def _without_examples(docstring: str) -> str:
    """Return a docstring without doctest lines and their results."""
    kept, in_example = [], False
    for line in docstring.splitlines():
        in_example = line.strip().startswith((">>>", "...")) or (in_example and bool(line.strip()))
        if not in_example:
            kept.append(line)
    return "\n".join(kept)


def code_blocks(text: str) -> list[str]:
    """Return the contents of a text's fenced Python blocks, in order."""
    return _BLOCK.findall(text)
