"""Real code as input: the reference solutions of HumanEval and MBPP pass their own tests."""

from __future__ import annotations

import ast
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeprimer.benchmarks.files import FOLDER_VARIABLE
from codeprimer.sandbox import Limits, Program, Sandbox, Tier

LIMITS = Limits(seconds=10, wall_seconds=40)
TOGETHER = (367, 601, 927, 596, 533)
"""Problems of MBPP whose tests need the program's classes, or its objects as they are."""
BUILTIN_NAMES = {126: "sum"}


@pytest.fixture(scope="module")
def folder() -> Path:
    if FOLDER_VARIABLE not in os.environ:
        pytest.skip(f"{FOLDER_VARIABLE} is not set")
    return Path(os.environ[FOLDER_VARIABLE])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, workers=2, minimum=Tier.weak) as sandbox:
        yield sandbox


def helpers(prompt: str, entry_point: str) -> str:
    """Return what a prompt defines besides the function that is asked for."""
    nodes = ast.parse(prompt + "    pass").body
    kept = [node for node in nodes if not (isinstance(node, ast.FunctionDef) and node.name == entry_point)]
    return "\n".join(map(ast.unparse, kept))


def humaneval(folder: Path) -> dict[str, Program]:
    rows = map(json.loads, gzip.decompress((folder / "HumanEval.jsonl.gz").read_bytes()).splitlines())
    return {
        row["task_id"]: Program(
            row["prompt"] + row["canonical_solution"],
            (f"{row['test']}\ncheck({row['entry_point']})",),
            setup=helpers(row["prompt"], row["entry_point"]),
        )
        for row in rows
    }


def mbpp(folder: Path) -> dict[str, Program]:
    rows = map(json.loads, (folder / "mbpp.jsonl").read_text().splitlines())
    return {
        f"MBPP/{row['task_id']}": Program(
            row["code"],
            tuple(row["test_list"]),
            setup=row["test_setup_code"],
            entry_point=BUILTIN_NAMES.get(row["task_id"], ""),
            together=row["task_id"] in TOGETHER,
        )
        for row in rows
    }


def wrong(sandbox: Sandbox, programs: dict[str, Program]) -> dict[str, str]:
    verdicts = sandbox.run(programs.values())
    return {
        name: f"{verdict.kind}: {verdict.detail}"
        for name, verdict in zip(programs, verdicts, strict=True)
        if not verdict.passed
    }


def test_the_reference_solutions_of_humaneval_pass(folder: Path, sandbox: Sandbox) -> None:
    programs = humaneval(folder)
    assert len(programs) == 164
    assert wrong(sandbox, programs) == {}


def test_the_reference_solutions_of_mbpp_pass(folder: Path, sandbox: Sandbox) -> None:
    programs = mbpp(folder)
    assert len(programs) == 974
    assert wrong(sandbox, programs) == {}


def test_solutions_of_humaneval_that_return_nothing_do_not_pass(folder: Path, sandbox: Sandbox) -> None:
    programs = humaneval(folder)
    empty = {
        name: Program(
            f"def {program.tests[0].rpartition('check(')[2][:-1]}(*_, **__): pass", program.tests, program.setup
        )
        for name, program in programs.items()
    }
    assert len(wrong(sandbox, empty)) == 164
