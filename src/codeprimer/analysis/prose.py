"""Prose around code: what a problem says, and the code blocks inside a text.

Reads text, returns pieces of it. One idea: what counts as a problem's wording, and which runs of words count as
repeating it, is said once, for those who avoid wordings and for those who remove them.
"""

from __future__ import annotations

import ast
import re

from codeprimer.analysis.ngrams import words
from codeprimer.analysis.python_source import NotPythonError, parse

GRAM_WORDS = 13
"""So many words in a row repeat a problem's prose [words], as in the n-gram check of the paper."""

SHORTEST_PROSE = 8
"""Prose shorter than ``GRAM_WORDS`` is compared as a whole if it has so many words; else it is not [words]."""

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def problem_prose(prompt: str, solution: str) -> list[str]:
    """Return the pieces of prose that state a problem: its docstrings without the examples, or else its prompt.

    Code does not count as prose: composed programs share their building blocks by design.
    """
    try:
        tree = parse(prompt + solution)
    except NotPythonError:
        return [prompt]
    docstrings = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, _DOCUMENTED)]
    pieces = [_without_examples(docstring) for docstring in docstrings if docstring]
    return [piece for piece in pieces if words(piece)] or [prompt]


def _without_examples(docstring: str) -> str:
    """Leave out doctest lines and the results that follow them."""
    kept, in_example = [], False
    for line in docstring.splitlines():
        in_example = line.strip().startswith((">>>", "...")) or (in_example and bool(line.strip()))
        if not in_example:
            kept.append(line)
    return "\n".join(kept)


def code_blocks(text: str) -> list[str]:
    """Return the fenced Python blocks of a text in order."""
    return _BLOCK.findall(text)
