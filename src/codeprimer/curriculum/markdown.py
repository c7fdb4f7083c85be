"""A reader for the Markdown in lessons and audiences: headings, paragraphs, programs."""

from __future__ import annotations

from collections.abc import Iterator

FENCE = "```"


def parts(text: str, mark: str) -> Iterator[tuple[str, str]]:
    """Yield the heading and body of every part that starts with ``mark`` (such as ``"# "``), except inside programs."""
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
    """Return a text's paragraphs, each on one line, and its programs, in order."""
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
