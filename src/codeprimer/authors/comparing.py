"""Two authors on the same orders: how many texts of each pass.

Reads what the first one's work has come to; has the second one do the same work. Its one idea: the second is judged like the
first and only compared, so whatever happens to it is a warning and ends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from codeprimer.authors.author import Author
from codeprimer.core.engine import map_here
from codeprimer.core.errors import UserError
from codeprimer.core.shards import Row
from codeprimer.core.stage import Tools


def comparison(
    author: Author,
    orders: int,
    write: Callable[[Author, Path], None],
    passed: Callable[[Path], int],
    first: Path,
    tools: Tools,
) -> Row:
    """Return the figures of a second author for the report; nothing where there is none, or where it cannot be asked.

    ``write`` has an author write the first ``orders`` texts into a folder, ``passed`` counts in such a folder those of them
    that passed; ``first`` is the folder of the first author.
    """
    second = author.second
    if second is None:
        return {}
    try:
        [folder] = map_here(write, [second], first.parent / "second")
    except UserError as error:
        tools.console.warn(f"{tools.step}: the second teacher is not compared: {error}")
        return {}
    compared = {"orders": orders, "first": passed(first), "second": passed(folder)}
    return {"second": second.facts() | {"compared": compared}}
