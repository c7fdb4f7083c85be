"""A reader for the Markdown of lessons and audiences: headings, paragraphs, programs."""

from __future__ import annotations

from collections.abc import Iterator

FENCE = "```"


def parts(text: str, mark: str) -> Iterator[tuple[str, str]]:
    """Yield heading and body of every part that starts with ``mark`` (``"# "``), except inside programs."""
    heading, lines, in_code = "", [""], False
    for line in text.splitlines():
        in_code ^= line.startswith(FENCE)
        if line.startswith(mark) and not in_code:
            if heading:
                yield heading, "\n".join(lines)
            heading, lines = line.removeprefix(mark).strip(), []
        else:
            lines.append(line)
    if heading:
        yield heading, "\n".join(lines)


def blocks(text: str) -> list[str]:
    """Return the paragraphs, each on one line, and the programs of a text, in order."""
    found: list[str] = []
    for index, piece in enumerate(text.split(FENCE)):
        if index % 2:
            found.append(piece.removeprefix("python").strip("\n") + "\n")
        else:
            found.extend(" ".join(paragraph.split()) for paragraph in piece.split("\n\n") if paragraph.strip())
    return found


def fenced(program: str) -> str:
    """Return a program as a Markdown code block."""
    return f"{FENCE}python\n{program.rstrip()}\n{FENCE}"
