"""Prose around code: the wording of a problem, and the code blocks of a text.

Defines once what counts as a problem's wording and how many words repeat it, for the writers that avoid such wording and
for the decontamination that removes it.
"""

from __future__ import annotations

import ast
import re

from codeprimer.analysis.ngrams import words
from codeprimer.analysis.python_source import NotPythonError, parse

GRAM_WORDS = 13
"""Consecutive words that count as repeating a problem's prose [words], as in the n-gram check of the paper."""

SHORTEST_PROSE = 8
"""Minimum length of prose shorter than ``GRAM_WORDS`` that is compared as a whole [words]."""

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def problem_prose(prompt: str, solution: str) -> list[str]:
    """Return the prose of a problem: its docstrings without examples, or else its prompt.

    Code does not count as prose: composed programs have building blocks in common by design.
    """
    try:
        tree = parse(prompt + solution)
    except NotPythonError:
        return [prompt]
    docstrings = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, _DOCUMENTED)]
    pieces = [_without_examples(docstring) for docstring in docstrings if docstring]
    return [piece for piece in pieces if words(piece)] or [prompt]


def _without_examples(docstring: str) -> str:
    """Remove doctest lines and their results."""
    kept, in_example = [], False
    for line in docstring.splitlines():
        in_example = line.strip().startswith((">>>", "...")) or (in_example and bool(line.strip()))
        if not in_example:
            kept.append(line)
    return "\n".join(kept)


def code_blocks(text: str) -> list[str]:
    """Return the fenced Python blocks of a text, in order."""
    return _BLOCK.findall(text)
