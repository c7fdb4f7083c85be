"""Drops generated files, recognised by the notes that generators write at the top."""

from __future__ import annotations

import re

from codeprimer.corpus.filter import File, Filter

_HEAD_LINES = 60
_COMMENTS = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)
_DOCSTRING = re.compile(r"\A(?:\s*#[^\n]*\n|\s*\n)*[rRuU]?(\"\"\"|''')(.{0,400})", re.DOTALL)
_GENERATED = re.compile(
    r"@generated\b"
    r"|\bauto(?:matically)?[- ]?generated\b"
    r"|\b(?:file|module|code|contents?) (?:is |was |has been )?(?:automatically )?generated (?:by|from|with|using)\b"
    r"|\A[#\W]*generated (?:by|from|content)\b"
    r"|\bgenerated from .{1,80} with \S+\.py\b"
    r"|\bdo not (?:edit|modify)(?: this file| it| directly| manually| by hand)?[ \t]*[.!:*]*\s*\Z",
    re.IGNORECASE | re.DOTALL,
)


class GeneratedFilter(Filter):
    """Drops generated code."""

    def check(self, file: File) -> str | None:
        """Return the generator's note in the comments or docstring at the top of the file, or None."""
        head = "\n".join(file.text.split("\n", _HEAD_LINES)[:_HEAD_LINES])
        docstring = _DOCSTRING.match(head)
        places = [*_COMMENTS.findall(head), docstring.group(2).split("\n\n")[0] if docstring else ""]
        for place in places:
            if (found := _GENERATED.search(place)) is not None:
                return " ".join(found.group(0).split())
        return None
