"""A script for the mock that grades code and writes functions, tests and sections: usually right, sometimes wrong.

``python -m codeprimer.teachers.mock --script codeprimer.teachers.scripted:answer``. Key idea: a dry run of a recipe
exercises every step, with rejections for every reason. Other requests get the mock's default answers.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson

from codeprimer.teachers.mock import default_script

FILLER = "A value that has a name can be used again, and whoever reads the code later knows what it stands for. "


def answer(fields: dict[str, Any]) -> str:
    """Return an answer to a known prompt."""
    if len(fields["messages"]) < 2 or fields["messages"][0]["role"] != "system":
        return default_script(fields)
    system = fields["messages"][0]["content"]
    content = fields["messages"][1]["content"]
    drawn = int.from_bytes(hashlib.sha256(content.encode()).digest()[:4], "big")
    if "You write short Python exercises" in system:
        return _json({"program": _program(content, drawn)})
    if "You write tests" in system:
        return _json({"tests": _tests(content, drawn)})
    if "You write sections" in system:
        return _section(content, drawn)
    return _json({"why": "it is so", "faults": ["trivial"] if drawn % 3 == 0 else [], "points": drawn % 6})


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _program(content: str, drawn: int) -> str:
    """Return a function; every twentieth has no docstring, and every tenth contradicts its docstring."""
    found = re.search(r"Name of the function: (\w+)\.$", content)
    name = found.group(1) if found and found.group(1).isidentifier() else "compute"
    offset = drawn % 97
    text = f'    """Return the sum of the numbers and {offset}; {offset} for an empty list ({drawn})."""\n'
    docstring = "" if drawn % 20 == 0 else text
    wrong = 1 if drawn % 10 == 1 else 0
    return f"def {name}(numbers: list[int]) -> int:\n{docstring}    return sum(numbers) + {offset + wrong}\n"


def _tests(content: str, drawn: int) -> list[str]:
    name, offset = re.findall(r"def (\w+)\(", content)[-1], int(re.findall(r"numbers and (\d+)", content)[-1])
    del drawn
    inputs = [[], [1], [2, 3], [-5, 5, 7]]
    return [f"assert {name}({numbers}) == {sum(numbers) + offset}" for numbers in inputs]


def _section(content: str, drawn: int) -> str:
    """Return a section; every tenth claims a wrong output."""
    shown = drawn % 1000 + (1 if drawn % 10 == 1 else 0)
    subject = content.partition("Subject: ")[2].partition(":")[0]
    text = f"# {subject} {drawn}\n\n" + FILLER * 9
    return f"{text}\n\n```python\nvalue = {drawn % 1000}\nprint(value)  # {shown}\n```\n\nThat is number {drawn}.\n"
