"""Teacher throughput: the fraction of the endpoint's capacity that codeprimer and two common clients reach.

``scripts/bench teachers`` needs no network beyond loopback and the package index; it installs the peers, the openai
package and bespokelabs-curator, into separate environments below ``build/bench`` and writes
``benchmarks/results/teachers.json``. The endpoint is ``python -m codeprimer.teachers.mock`` in its own process, on the
same cores, with 200 ms latency.

The targets are medians over the rounds; ours and the peers alternate. The maximum throughput of any client is the number
of requests in flight divided by the latency.

- Ours reaches at least 0.90 of this maximum with 64 requests in flight, 0.85 with 256 and 0.75 with 512, including the
  journal and the validation of every answer.
- It uses at most 0.7 ms of CPU time per request with 256 in flight.
- It gets at least 2 times as many answers per second as either peer with 256 in flight.
- With faults (10 % refused with Retry-After, 5 % errors, 1 % cut-off answers, 1 % truncated bodies, 1 % that never arrive;
  6,000 questions, 128 in flight), every answer is valid and no cut-off answer is accepted. Ours gets at least 1.5 times as
  many valid answers per second as the openai package, and at least 0.75 of the maximum that the faults allow.
- With a rate limit of 300 requests per second, it reaches at least 0.75 of the limit, and every answer is valid.
- A separate process that asks 40,000 questions and drops the replies, with 256 in flight, grows by at most 8 MB after the
  first 10,000.

Timed region. For ours, it lasts from the first question to the last reply, with an open journal. For the peers, it lasts from
the first question to the last answer, excluding imports; they neither validate nor store answers. The maximum that the faults
allow is the number of requests in flight divided by the time that a slot is occupied per valid answer, assuming that a refusal
takes no time and every other fault takes only the latency.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import BaseModel, Field
from tools.machine import machine
from tools.peers import make_environment
from tools.results import publish

from codeprimer.core.errors import UserError
from codeprimer.teachers import Message, Request, StructuredQuestion, Teacher, TeacherSettings
from codeprimer.teachers.mock import default_script
from codeprimer.teachers.questions import strict_schema

RESULT = Path(__file__).parent / "results" / "teachers.json"
SCRATCH = Path(__file__).parents[1] / "build"
"""Folder for the journals; it is on a real disk, unlike some temporary folders."""
LATENCY = 0.2
SHARES = {64: 0.90, 256: 0.85, 512: 0.75}
QUESTIONS = {64: 1920, 256: 7680, 512: 12800}
PROCESSOR_MS, RATIO = 0.7, 2.0
FAULTS = {"refused": 0.10, "error": 0.05, "cut_off": 0.01, "broken": 0.01, "hang": 0.01}
FAULTY_QUESTIONS, FAULTY_IN_FLIGHT, FAULTY_SHARE, FAULTY_RATIO = 6000, 128, 0.75, 1.5
TIMEOUT = 3.0
"""The openai package's timeout per attempt in the run with faults [s]; its default is ten minutes."""
LIMIT, LIMITED_QUESTIONS, LIMITED_SHARE = 300, 3000, 0.75
LONG_QUESTIONS, LONG_IN_FLIGHT, LONG_STEP, GROWTH_MB = 40_000, 256, 10_000, 8.0
PEERS = ("openai", "curator")
PACKAGES = ("codeprimer", "aiohttp", "orjson", "pydantic")
OURS = "codeprimer"

Result = dict[str, Any]


class Judgement(BaseModel):
    """The schema of an answer."""

    why: str
    points: int = Field(ge=0, le=5)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, nargs="+", default=list(SHARES))
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--without-faults", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULT)
    parser.add_argument("--grow", metavar="URL", help=argparse.SUPPRESS)  # ``memory`` starts this
    given = parser.parse_args()
    if given.grow:
        print(json.dumps(list(resident_megabytes(given.grow))))
        return 0
    SCRATCH.mkdir(exist_ok=True)
    try:
        python = {} if given.without_peers else {peer: make_environment(peer, (peer,)) for peer in PEERS}
        rows = [speed(in_flight, given.rounds, python) for in_flight in given.in_flight]
        faulty = [] if given.without_faults else [with_faults(given.rounds, python), limited(given.rounds)]
        long = memory()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    targets = {name: met for row in [*rows, *faulty, long] for name, met in row["targets"].items()}
    result = {
        "machine": machine(PACKAGES),
        "latency_s": LATENCY,
        "speed": rows,
        "faults": faulty,
        "memory": long,
    }
    return publish(given.output, targets, result)


def speed(in_flight: int, rounds: int, python: Mapping[str, Path]) -> Result:
    """Return answers per second without faults."""
    questions = [f"question {n} of {in_flight}" for n in range(QUESTIONS.get(in_flight, 30 * in_flight))]
    runs: dict[str, list[Result]] = {}
    for _ in range(rounds):
        with endpoint() as url:
            runs.setdefault(OURS, []).append(ask_ours(url, questions, in_flight))
        for peer, interpreter in python.items():
            with endpoint() as url:
                runs.setdefault(peer, []).append(ask_peer(interpreter, peer, url, questions, in_flight, 60.0))
    limit = in_flight / LATENCY
    row: Result = {"in_flight": in_flight, "questions": len(questions), "rounds": rounds, "each_round": runs}
    row["median"] = {name: medians(found) for name, found in runs.items()}
    row["share_of_limit"] = {name: round(of["answers_per_s"] / limit, 3) for name, of in row["median"].items()}
    row["ratio_to_faster_peer"] = ratio(runs, "answers_per_s")
    targets: dict[str, bool | None] = {}
    if in_flight in SHARES:
        name = f"{in_flight} in flight: at least {SHARES[in_flight]:.2f} of in flight / latency"
        targets[name] = row["share_of_limit"][OURS] >= SHARES[in_flight]
    if in_flight == 256:
        name = f"{in_flight} in flight: at most {PROCESSOR_MS} ms of processor time per request"
        targets[name] = row["median"][OURS]["processor_ms"] <= PROCESSOR_MS
        name = f"{in_flight} in flight: at least {RATIO} times the faster peer"
        targets[name] = row["ratio_to_faster_peer"] >= RATIO if python else None
    row["targets"] = targets
    print(f"{in_flight} in flight, {len(questions):,} questions, n = {rounds}, medians")
    show(row)
    return row


def with_faults(rounds: int, python: Mapping[str, Path]) -> Result:
    """Return valid answers per second with every kind of fault."""
    questions = [f"question {n} with faults" for n in range(FAULTY_QUESTIONS)]
    runs: dict[str, list[Result]] = {}
    shares = ",".join(f"{kind}={share}" for kind, share in FAULTS.items())
    for seed in range(rounds):
        arguments = ["--faults", shares, "--seed", str(seed)]
        with endpoint(*arguments) as url:
            runs.setdefault(OURS, []).append(ask_ours(url, questions, FAULTY_IN_FLIGHT))
        if python:
            with endpoint(*arguments) as url:
                found = ask_peer(python["openai"], "openai", url, questions, FAULTY_IN_FLIGHT, TIMEOUT)
            runs.setdefault("openai", []).append(found)
    held = (1 - FAULTS["refused"]) * LATENCY / (1 - sum(FAULTS.values()))
    limit = FAULTY_IN_FLIGHT / held
    row: Result = {"faults": FAULTS, "questions": len(questions), "in_flight": FAULTY_IN_FLIGHT, "rounds": rounds}
    row["each_round"], row["limit_per_s"] = runs, round(limit, 1)
    row["median"] = {name: medians(found) for name, found in runs.items()}
    row["share_of_limit"] = {name: round(of["valid_per_s"] / limit, 3) for name, of in row["median"].items()}
    row["ratio_to_faster_peer"] = ratio(runs, "valid_per_s")
    ours = runs[OURS]
    row["targets"] = {
        "faults: every answer valid": all(one["valid"] == len(questions) for one in ours),
        "faults: no cut-off answer accepted": all(not one["cut_off_taken"] for one in ours),
        f"faults: at least {FAULTY_SHARE} of what they leave possible": row["share_of_limit"][OURS] >= FAULTY_SHARE,
        f"faults: at least {FAULTY_RATIO} times the openai package's valid answers/s": (
            row["ratio_to_faster_peer"] >= FAULTY_RATIO if python else None
        ),
    }
    print(f"faults {FAULTS}, {FAULTY_IN_FLIGHT} in flight, {len(questions):,} questions, n = {rounds}, medians")
    show(row)
    return row


def limited(rounds: int) -> Result:
    """Return valid answers per second with a rate limit."""
    questions = [f"question {n} with a limit" for n in range(LIMITED_QUESTIONS)]
    runs: dict[str, list[Result]] = {OURS: []}
    for _ in range(rounds):
        with endpoint("--per-second", str(LIMIT)) as url:
            runs[OURS].append(ask_ours(url, questions, FAULTY_IN_FLIGHT))
    row: Result = {"per_second": LIMIT, "questions": len(questions), "in_flight": FAULTY_IN_FLIGHT, "rounds": rounds}
    row["each_round"], row["median"] = runs, {OURS: medians(runs[OURS])}
    row["share_of_limit"] = {OURS: round(row["median"][OURS]["valid_per_s"] / LIMIT, 3)}
    row["ratio_to_faster_peer"] = None
    row["targets"] = {
        f"limited to {LIMIT}/s: at least {LIMITED_SHARE} of that": row["share_of_limit"][OURS] >= LIMITED_SHARE,
        f"limited to {LIMIT}/s: every answer valid": all(one["valid"] == len(questions) for one in runs[OURS]),
    }
    print(
        f"limited to {LIMIT} requests/s, {FAULTY_IN_FLIGHT} in flight, {len(questions):,} questions, n = {rounds}, medians"
    )
    show(row)
    return row


def memory() -> Result:
    """Return the resident set of a process that asks many questions."""
    command = [sys.executable, __file__, "--grow"]
    with endpoint() as url:
        finished = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    sizes = json.loads(finished.stdout)
    name = f"{LONG_QUESTIONS:,} questions: at most {GROWTH_MB:g} MB more after the first {LONG_STEP:,}"
    print(f"{LONG_QUESTIONS:,} questions, {LONG_IN_FLIGHT} in flight: {sizes} MB after each {LONG_STEP:,}", flush=True)
    return {
        "questions": LONG_QUESTIONS,
        "in_flight": LONG_IN_FLIGHT,
        "resident_MB_after_each_10000": sizes,
        "targets": {name: max(sizes[1:]) - sizes[0] <= GROWTH_MB},
    }


def resident_megabytes(url: str) -> Iterator[float]:
    """Ask many questions; yield the resident set after each step [MB]."""
    settings = settings_for(url, LONG_IN_FLIGHT)
    asked = (question(f"question {n} of many", settings) for n in range(LONG_QUESTIONS))
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder, Teacher(settings, Path(folder), "bench") as teacher:
        for number, _ in enumerate(teacher.ask(asked, LONG_QUESTIONS), 1):
            if number % LONG_STEP == 0:
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                yield round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def show(row: Result) -> None:
    """Print the medians as a small table."""
    for name, found in row["median"].items():
        print(
            f"  {name:<12} {found['answers_per_s']:8.1f} answers/s  {found['valid_per_s']:8.1f} valid/s  "
            f"{row['share_of_limit'][name]:5.2f} of the limit  {found['processor_ms']:6.3f} ms CPU per request  "
            f"{found['refusals']:,.0f} refused"
        )
    if row["ratio_to_faster_peer"] is not None:
        print(f"  ours to the faster peer: {row['ratio_to_faster_peer']}", flush=True)


@contextmanager
def endpoint(*arguments: str) -> Iterator[str]:
    """Run the mock in its own process; yield its URL."""
    command = [sys.executable, "-m", "codeprimer.teachers.mock", "--latency", str(LATENCY), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def facts_of(url: str) -> Result:
    """Return the mock's counts of requests and outcomes."""
    import urllib.request

    with urllib.request.urlopen(url.replace("/v1", "/mock/facts")) as response:
        found: Result = json.loads(response.read())
    return found


def settings_for(url: str, in_flight: int) -> TeacherSettings:
    """Return the settings of a teacher that costs nothing."""
    return TeacherSettings(
        base_url=url, model="mock", price="free", max_in_flight=in_flight, max_tokens=512, timeout_seconds=60.0
    )


def question(text: str, settings: TeacherSettings) -> StructuredQuestion[Judgement]:
    """Return a question whose answer is validated."""
    return StructuredQuestion(Request((Message("user", text),), "bench/1"), settings, Judgement)


def ask_ours(url: str, questions: Sequence[str], in_flight: int) -> Result:
    """Ask all questions with a fresh journal."""
    settings = settings_for(url, in_flight)
    asked = [question(text, settings) for text in questions]
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder, Teacher(settings, Path(folder), "bench") as teacher:
        started, used = time.perf_counter(), time.process_time()
        replies = list(teacher.ask(asked, len(asked)))
        seconds, processor = time.perf_counter() - started, time.process_time() - used
    texts = [reply.answers[-1].text if not reply.reason else None for reply in replies]
    return outcome(url, questions, texts, seconds, processor)


def ask_peer(python: Path, peer: str, url: str, questions: Sequence[str], in_flight: int, timeout: float) -> Result:
    """Ask all questions through a peer, in a fresh process."""
    schema = {"name": "answer", "schema": strict_schema(Judgement), "strict": True}
    given = {
        "url": url,
        "questions": questions,
        "in_flight": in_flight,
        "timeout": timeout,
        "response_format": {"type": "json_schema", "json_schema": schema},
    }
    with tempfile.TemporaryDirectory() as scratch:
        source, output = Path(scratch) / "input.json", Path(scratch) / "output.json"
        source.write_text(json.dumps(given))
        script = Path(__file__).parent / "peers" / "ask_teachers.py"
        command = [str(python), str(script), peer, str(source), str(output)]
        finished = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise UserError(f"{peer} failed: {finished.stderr.strip().rpartition(chr(10))[2]}")
        found = json.loads(output.read_text())
    return outcome(url, questions, found["texts"], found["seconds"], found["processor_seconds"])


def outcome(
    url: str, questions: Sequence[str], texts: Sequence[str | None], seconds: float, processor: float
) -> Result:
    """Return one pass's figures; an answer is valid if it is the script's complete text."""
    wanted = {text: expected(text) for text in questions}
    valid = sum(text == wanted[question] for question, text in zip(questions, texts, strict=True))
    taken = sum(text is not None and text != wanted[question] for question, text in zip(questions, texts, strict=True))
    outcomes = facts_of(url)["outcomes"]
    return {
        "answers_per_s": round(sum(text is not None for text in texts) / seconds, 2),
        "valid_per_s": round(valid / seconds, 2),
        "valid": valid,
        "cut_off_taken": taken,
        "seconds": round(seconds, 3),
        "processor_ms": round(1000 * processor / len(questions), 4),
        "refusals": outcomes.get("refused", 0) + outcomes.get("limited", 0),
    }


def expected(question: str) -> str:
    """Return the endpoint's answer."""
    schema = {"schema": strict_schema(Judgement)}
    form = {"type": "json_schema", "json_schema": schema}
    return default_script({"messages": [{"content": question}], "response_format": form})


def medians(runs: Sequence[Result]) -> Result:
    """Return every figure's median."""
    return {figure: round(median(run[figure] for run in runs), 3) for figure in runs[0]}


def ratio(runs: dict[str, list[Result]], figure: str) -> float | None:
    """Return the median, over the rounds, of our figure divided by the faster peer's."""
    others = [found for name, found in runs.items() if name != OURS]
    if not others:
        return None
    ratios: list[float] = []
    for ours, *those in zip(runs[OURS], *others, strict=True):
        ratios.append(ours[figure] / max(other[figure] for other in those))
    return round(median(ratios), 3)


if __name__ == "__main__":
    sys.exit(main())
