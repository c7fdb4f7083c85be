"""Readers of benchmark files: HumanEval and MBPP, as they are distributed.

Reads ``.jsonl``, ``.jsonl.gz`` or ``.json``. Its one idea: the format is recognised by the keys of the records, so a
file may have any name; whatever does not fit is an error that names the file and the line.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from codeprimer.core.console import Console
from codeprimer.core.errors import SourceError
from codeprimer.core.shards import Row

_NOT_A_PROBLEM = (
    AttributeError, KeyError, IndexError, MemoryError, OverflowError, RecursionError, SyntaxError, TypeError, ValueError
)  # fmt: skip
"""What reading a record raises that has no such key, another type in it, or code that no parser takes."""

FOLDER_VARIABLE = "CODEPRIMER_BENCHMARKS"

FILES: Mapping[str, tuple[str, ...]] = {
    "humaneval": ("HumanEval.jsonl.gz", "HumanEval.jsonl"),
    "mbpp": ("mbpp.jsonl", "mbpp.jsonl.gz"),
}
"""The names that the benchmarks are distributed under."""

WHERE: Mapping[str, str] = {
    "humaneval": "https://github.com/openai/human-eval, data/HumanEval.jsonl.gz",
    "mbpp": "https://github.com/google-research/google-research, mbpp/mbpp.jsonl",
}
"""Where they are distributed."""


def find_benchmarks(wanted: tuple[str, ...], console: Console, key: str = "exam.benchmarks") -> list[Path]:
    """Return the files that the words of the recipe's ``key`` stand for, each once.

    Raises SourceError for a file or a benchmark that is not there; for ``auto`` that is only a warning.
    """
    found: list[Path] = []
    for word in wanted:
        if word == "auto":
            found += _whatever_is_there(console, key)
        elif word in FILES:
            found.append(_named(word, key))
        else:
            found.append(_given(word, key))
    return list(dict.fromkeys(found))


def digest_of(paths: list[Path]) -> str:
    """Return a digest of the files' content; empty where there are none."""
    if not paths:
        return ""
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()


def read_benchmark(path: Path) -> Iterator[Row]:
    """Yield the problems of a file as rows of the table ``benchmarks``.

    Raises SourceError, naming the file and the line, where it is not one of the known formats, or holds nothing.
    """
    line = 0
    for line, record in _records(path):
        try:
            yield _reader(record)(record)
        except _NOT_A_PROBLEM as error:
            fault = f"it has no {error}" if isinstance(error, KeyError) else error
            raise SourceError(
                f"{path}, record {line}: not a problem of HumanEval or MBPP: {fault}; "
                "give the file as it is distributed"
            ) from None
    if not line:
        raise SourceError(f"{path} holds no problem at all; give the file as it is distributed")


def _whatever_is_there(console: Console, key: str) -> list[Path]:
    folder = os.environ.get(FOLDER_VARIABLE)
    found = [path for name in FILES if folder and (path := _first(Path(folder), name))]
    if not found:
        where = f"{folder} holds neither" if folder else f"{FOLDER_VARIABLE} is not set, so there is neither"
        console.warn(f"{key}: {where} HumanEval nor MBPP; training data is not checked against them")
    return found


def _named(name: str, key: str) -> Path:
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        raise SourceError(f"{key}: {name!r} is looked for in the folder {FOLDER_VARIABLE}, which is not set")
    if (path := _first(Path(folder), name)) is None:
        raise SourceError(
            f"{key}: {folder} does not hold {' or '.join(FILES[name])}; download it there ({WHERE[name]})"
        )
    return path


def _given(word: str, key: str) -> Path:
    path = Path(word)
    words = ("auto", *FILES) if key != "--on" else tuple(FILES)
    if not path.is_file():
        raise SourceError(f"{key}: {word} is neither a file nor one of {', '.join(words)}")
    return path


def _first(folder: Path, name: str) -> Path | None:
    return next((folder / file for file in FILES[name] if (folder / file).is_file()), None)


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the records of a file with their numbers from 1; lines of JSON, or one JSON array."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} cannot be read ({error}); download it again") from None
    if path.suffix == ".json":
        records = _parsed(path, 1, content)
        if not isinstance(records, list):
            raise SourceError(f"{path} holds a {type(records).__name__}, not a list of problems; download it again")
        yield from enumerate(records, 1)
        return
    for line, text in enumerate(content.splitlines(), 1):
        if text.strip():
            yield line, _parsed(path, line, text)


def _parsed(path: Path, line: int, text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise SourceError(
            f"{path}, line {line}: not JSON ({error}); give HumanEval or MBPP as it is distributed"
        ) from None


def _reader(record: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Row]:
    if not isinstance(record, dict):
        raise TypeError(f"it is a {type(record).__name__}, not an object")
    return _humaneval if "canonical_solution" in record else _mbpp


def _humaneval(record: Mapping[str, Any]) -> Row:
    return {
        "task_id": _text(record, "task_id"),
        "blueprint": None,
        "concepts": [],
        "entry_point": _text(record, "entry_point"),
        "prompt": _text(record, "prompt"),
        "solution": _text(record, "canonical_solution"),
        "tests": [_text(record, "test") + f"\ncheck({record['entry_point']})"],
        "setup": _helpers(_text(record, "prompt")),
    }


def _mbpp(record: Mapping[str, Any]) -> Row:
    tests = [str(test) for test in record["test_list"]]
    prose = _text(record, "text" if "text" in record else "prompt")
    code = _text(record, "code").replace("\r\n", "\n")
    return {
        "task_id": f"MBPP/{int(record['task_id'])}",
        "blueprint": None,
        "concepts": [],
        "entry_point": _called(tests, code),
        "prompt": f'"""{prose}"""\n',
        "solution": code if code.endswith("\n") else code + "\n",
        "tests": tests,
        "setup": str(record.get("test_setup_code") or "\n".join(record.get("test_imports", []))),
    }


def _helpers(prompt: str) -> str:
    """Return what a prompt defines before the function that it asks for; tests may use it too."""
    *helpers, _ = ast.parse(prompt + "    pass\n").body
    return "".join(f"{ast.unparse(helper)}\n" for helper in helpers)


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value


def _called(tests: list[str], code: str) -> str:
    """Return the function of the solution that the first test calls."""
    calls = [node.func for node in ast.walk(ast.parse(tests[0])) if isinstance(node, ast.Call)]
    names = [function.id for function in calls if isinstance(function, ast.Name)]
    defined = {node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return next((name for name in names if name in defined), names[0] if names else "")
