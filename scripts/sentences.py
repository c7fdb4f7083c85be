"""Draw random sentences from help, settings, errors, docs and docstrings, for wording reviews.

``.venv/bin/python scripts/sentences.py 200 --seed 1`` prints one sentence per line, with its location.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTENT = ("/lessons/", "/operations/", "backdrops", "audiences.md")
"""Texts that models are trained on, not documentation."""


def in_code(path: Path) -> Iterator[tuple[str, str]]:
    """Yield a module's docstrings and messages with their locations."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value
        elif isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def in_page(path: Path) -> Iterator[tuple[str, str]]:
    """Yield a page's paragraphs and table cells with their locations; code blocks are omitted."""
    text = re.sub(r"(`{3,})\w*\n.*?\n\1", "", path.read_text(), flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n|\n(?=[|#-])", text):
        for cell in paragraph.split(" | "):
            yield str(path.relative_to(ROOT)), cell


def sentences() -> list[tuple[str, str]]:
    """Return every distinct sentence with its location."""
    places = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    found: dict[str, str] = {}
    for path in sorted(path for path in places if not any(mark in str(path) for mark in CONTENT)):
        for place, text in in_code(path) if path.suffix == ".py" else in_page(path):
            for sentence in re.split(r"(?<=[.;:!?])\s+(?=[A-Z`*])", " ".join(text.split())):
                if len(sentence.split()) >= 5:
                    found.setdefault(sentence.strip("| -#*"), place)
    return [(place, sentence) for sentence, place in found.items()]


def main() -> None:
    """Print the drawn sentences."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("count", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    listed = sentences()
    drawn = random.Random(options.seed).sample(listed, min(options.count, len(listed)))
    for number, (place, sentence) in enumerate(drawn, 1):
        print(f"{number}. [{place}] {sentence}")  # noqa: T201 - a program


if __name__ == "__main__":
    main()
