"""A section's code as one program that also checks the output claimed in the text."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence

from codeprimer.authors.claims import OUTPUT, is_print
from codeprimer.sandbox import Program

_PRELUDE = """\
_printed = []


def print(*values, sep=" ", end="\\n"):
    _printed.extend((sep.join(map(str, values)) + end).splitlines())


def _claim(*lines):
    shown = [line.strip() for line in _printed[-len(lines):]]
    assert shown == list(lines), f"the text says {list(lines)}, it prints {shown}"
"""


def program_of(blocks: Sequence[str]) -> Program:
    """Return one program that runs the blocks in order and checks every claim.

    Raises SyntaxError if a block is not Python.
    """
    return Program("\n\n".join([_PRELUDE, *(with_claims(block) for block in blocks)]))


def with_claims(block: str) -> str:
    """Return the block with a call to ``_claim`` after each claim.

    Raises SyntaxError if the block is not Python.
    """
    lines = block.splitlines()
    for line, claimed in sorted(_claims(block), reverse=True):
        lines.insert(line, f"_claim({', '.join(map(repr, claimed))})")
    return "\n".join(lines) + "\n"


def _claims(block: str) -> Iterator[tuple[int, list[str]]]:
    """Yield, for each claim, the line number (from 1) after which it can be checked, and the claimed lines."""
    comments = _comments(block)
    printing = {statement.end_lineno for statement in ast.parse(block).body if is_print(statement)}
    for row, (column, comment) in comments.items():
        if column and row in printing:
            yield row, [comment]
        elif not column and f"# {comment}" == OUTPUT:
            claimed = list(_following(comments, row))
            if claimed:
                yield row + len(claimed), claimed


def _comments(block: str) -> dict[int, tuple[int, str]]:
    """Return the column and text of each comment, keyed by line number (from 1)."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(block).readline))
    except tokenize.TokenError as error:
        raise SyntaxError(str(error)) from None
    return {
        token.start[0]: (token.start[1], token.string.lstrip("#").strip())
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _following(comments: dict[int, tuple[int, str]], row: int) -> Iterator[str]:
    """Yield the comments directly below ``row`` that start at the beginning of their line."""
    while (row := row + 1) in comments and comments[row][0] == 0:
        yield comments[row][1]
