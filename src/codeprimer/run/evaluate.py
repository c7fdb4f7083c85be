"""Scoring a model, or a file of answers, on a benchmark.

Reads a run, a checkpoint, a file or what a server answers, and a benchmark's file; writes a folder with the table
``samples`` and ``scores.json``. One idea: the benchmark's own solutions are judged first, so that a task that cannot be
passed here is known before a model is blamed for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table

from codeprimer.benchmarks.answering import Answerer, AnswerFile, Asking
from codeprimer.benchmarks.endpoint import EndpointAnswerer, Reach
from codeprimer.benchmarks.files import FILES, find_benchmarks, read_benchmark
from codeprimer.benchmarks.grading import judge, limits_of, verdict_columns
from codeprimer.benchmarks.passing import pass_rates, verdict_counts
from codeprimer.benchmarks.questions import SHOTS, Question, questions
from codeprimer.core.artifact import to_json, write_atomically
from codeprimer.core.console import Console
from codeprimer.core.documents import SAMPLES
from codeprimer.core.errors import UserError
from codeprimer.core.shards import TableWriter
from codeprimer.run.answerers import AUTO, Backend, Named, find_answerer, journal_folder
from codeprimer.run.folder import RECIPE
from codeprimer.sandbox import Limits, Sandbox, Tier, Verdict, VerdictKind

REFERENCE_LIMITS = Limits(seconds=10.0, wall_seconds=40.0)
"""What a benchmark's own solutions may use; a few of MBPP's compute for seconds."""

ANSWER_SECONDS = 5.0
"""Processor time per answer [s]; one that runs out of it is run again, alone, with twice as much."""

_APART = (VerdictKind.refused, VerdictKind.raised, VerdictKind.failed)
"""How a solution that needs its tests in its own process ends without them."""

SCORES_FILE = "scores.json"
SHOWN_TASKS = 5


@dataclass(frozen=True)
class Order:
    """What is to be evaluated on what, and how."""

    what: str
    on: str
    model: str | None
    shots: int
    whole: bool
    asking: Asking
    output: Path | None
    allow_weak_sandbox: bool
    runs: Path
    backend: Backend = AUTO
    reach: Reach = field(default_factory=Reach)

    @property
    def named(self) -> Named:
        """What answers."""
        return Named(self.what, self.model, self.backend)


def evaluate_benchmark(order: Order, console: Console) -> dict[str, Any]:
    """Answer, judge and score; return the facts that ``scores.json`` holds.

    Raises UserError for what cannot be read, JailError where nothing may be run.
    """
    asked = _questions(order)
    found = find_answerer(order.named, order.on, order.reach, order.runs, console)
    name, answerer = found.name, found.answerer
    if (output := order.output or found.output) is None:
        raise UserError(f"{order.what}: lies in a store, where nothing is added; name a folder with --output")
    if order.named.is_file and output.resolve() in order.named.path.resolve().parents:
        raise UserError(f"--output {output}: holds {order.what}, and would be written anew; give another folder")
    if output.is_symlink() or not _can_be_folder(output):
        raise UserError(f"--output {output}: is a link or lies below a file; give a folder")
    if output.exists() and any(output.iterdir()) and not (output / SCORES_FILE).exists():
        raise UserError(f"--output {output}: is no folder of an evaluation and is not empty; give another one")
    if differences := _replaced(order, output):
        console.warn(
            f"{output} holds an evaluation with {differences}, which is replaced; with another --output both are kept"
        )
    required = Tier.weak if order.allow_weak_sandbox else Tier.confined
    # The tests of the benchmarks that are known by name do no harm to a judge, so their problems may share one.
    with Sandbox(minimum=required, trust_tests=order.on in FILES) as sandbox:
        together, failing = _check_references(asked, sandbox)
        _warn(asked, failing, answerer, console)
        if ignored := _ignored(order, asked):
            console.warn(f"{', '.join(ignored)}: without effect here, and ignored")
        answers = list(_answered(answerer, asked, order.asking, console))
        if isinstance(answerer, EndpointAnswerer):
            _tell_of_server(answerer, order.runs, console)
        if isinstance(answerer, AnswerFile) and (others := answerer.others(asked)):
            console.warn(
                f"{order.what}: {others:,} lines answer no task of {order.on} that was asked, and are left out"
            )
        if fenced := sum("```" in (line.strip()[:3] for line in text.splitlines()) for row in answers for text in row):
            console.warn(
                f"{fenced:,} answers hold lines that begin with ``` and are run as they are; where these mark code in "
                "Markdown, give the code alone"
            )
        verdicts = _judged(asked, answers, together, sandbox, console)
        facts = {
            "model": name,
            "benchmark": order.on,
            "shots": order.shots,
            "asking": asdict(order.asking),
            "answered_by": answerer.facts(),
            "scores": pass_rates(verdicts, order.asking.seed),
            "verdicts": verdict_counts(verdicts),
            "tier": sandbox.tier.name,
            "judged_together": sorted(together),
            "references_that_fail": sorted(failing),
            "prompts_too_long": answerer.too_long(asked),
            "output": str(output),
        }
    _write(output, name, asked, answers, verdicts, facts)
    return facts


def _replaced(order: Order, output: Path) -> str:
    """Return in what the evaluation that a folder holds was asked otherwise; nothing where there is none, or it was not."""
    path = output / SCORES_FILE
    try:
        before = orjson.loads(path.read_bytes())
        asked = {**before["asking"], "shots": before["shots"]}
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    now = {**asdict(order.asking), "shots": order.shots}
    return ", ".join(f"{name} {asked[name]}" for name in now if name in asked and asked[name] != now[name])


def _can_be_folder(path: Path) -> bool:
    """Tell whether a path is a folder, or could become one."""
    there = next((one for one in (path, *path.parents) if one.exists()), None)
    return there is None or there.is_dir()


def _questions(order: Order) -> list[Question]:
    if order.shots not in SHOTS:
        raise UserError(f"--shots {order.shots}: choose one of {', '.join(map(str, SHOTS))}")
    if order.asking.samples > 1 and not order.asking.temperature and not order.named.is_file:
        raise UserError("--samples: greedy answers are all alike; give --temperature too, such as 0.2")
    if order.on == "auto":
        raise UserError("--on auto: one benchmark at a time; give humaneval, mbpp or a file")
    [path] = find_benchmarks((order.on,), console=Console("quiet"), key="--on")
    asked = questions(list(read_benchmark(path)), order.shots, order.whole)
    if not asked:
        raise UserError(
            f"--on {order.on}: holds no task of MBPP's test split (11 - 510); --whole takes all that there are"
        )
    if not 0 < order.asking.top_p <= 1:
        raise UserError(f"--top-p {order.asking.top_p:g}: give a share above 0 and up to 1")
    return asked


def _ignored(order: Order, asked: Sequence[Question]) -> list[str]:
    """Return the options that were given and change nothing, as they are spelt."""
    usual, given = Asking(), order.asking
    reach, named = order.reach, order.named
    has_model = not named.is_file
    changed = {
        "--model": order.model is not None and not named.is_address and not (named.path / RECIPE).is_file(),
        "--chat": reach.chat and not named.is_address,
        "--api-key-env": reach.api_key_env is not None and not named.is_address,
        "--in-flight": reach.in_flight != Reach().in_flight and not named.is_address,
        "--budget-tokens": reach.budget_tokens is not None and not named.is_address,
        "--samples": given.samples != usual.samples and not has_model,
        "--max-new-tokens": given.new_tokens != usual.new_tokens and not has_model,
        "--temperature": given.temperature != usual.temperature and not has_model,
        "--top-p": given.top_p != usual.top_p and not (has_model and given.temperature),
        "--shots": bool(order.shots) and not (has_model and any(question.is_mbpp for question in asked)),
        "--whole": order.whole and not any(question.is_mbpp for question in asked),
    }
    return [option for option, is_ignored in changed.items() if is_ignored]


def _tell_of_server(answerer: EndpointAnswerer, runs: Path, console: Console) -> None:
    for remark in answerer.remarks():
        console.warn(remark)
    if answerer.known:
        console.say(
            f"{answerer.known:,} of these answers were known from {journal_folder(runs)}; another --seed asks anew"
        )


def _check_references(asked: Sequence[Question], sandbox: Sandbox) -> tuple[set[str], set[str]]:
    """Judge the benchmark's own solutions; return the tasks that must run together with their tests, and the failing.

    Some tests build objects of classes of their own for the program, so that the two cannot be apart.
    """
    apart = sandbox.run((question.program(question.solution) for question in asked), REFERENCE_LIMITS)
    failed = {
        question.task_id: verdict for question, verdict in zip(asked, list(apart), strict=True) if not verdict.passed
    }
    # What ran out of time or was killed says nothing about whether the two can be apart.
    rest = [question for question in asked if question.task_id in failed and failed[question.task_id].kind in _APART]
    joined = sandbox.run((question.program(question.solution, together=True) for question in rest), REFERENCE_LIMITS)
    together = {question.task_id for question, verdict in zip(rest, list(joined), strict=True) if verdict.passed}
    return together, failed.keys() - together


def _warn(asked: Sequence[Question], failing: set[str], answerer: Answerer, console: Console) -> None:
    if failing:
        shown = ", ".join(sorted(failing)[:SHOWN_TASKS])
        console.warn(f"{len(failing)} reference solutions do not pass their own tests here, such as {shown}")
    if too_long := answerer.too_long(asked):
        console.warn(
            f"{too_long:,} of {len(asked):,} prompts fill the model's context and get no answer; they count as wrong"
        )


def _answered(answerer: Answerer, asked: Sequence[Question], asking: Asking, console: Console) -> Iterator[list[str]]:
    with console.task("answering", len(asked)) as task:
        for answers in answerer.answers(asked, asking):
            yield answers
            task.advance()


def _judged(
    asked: Sequence[Question], answers: Sequence[list[str]], together: set[str], sandbox: Sandbox, console: Console
) -> list[list[Verdict]]:
    programs = [
        question.program(text, question.task_id in together)
        for question, texts in zip(asked, answers, strict=True)
        for text in texts
    ]
    with console.task("judging", len(programs)) as task:
        verdicts = judge(programs, sandbox, limits_of(ANSWER_SECONDS))
        task.advance(len(programs))
    samples = len(answers[0])
    return [verdicts[start : start + samples] for start in range(0, len(verdicts), samples)]


def _write(
    output: Path,
    name: str,
    asked: Sequence[Question],
    answers: Sequence[list[str]],
    verdicts: Sequence[list[Verdict]],
    facts: dict[str, Any],
) -> None:
    """Write the folder anew; the scores come last, so that a folder with scores is whole."""
    shutil.rmtree(output, ignore_errors=True)
    with TableWriter(output / "samples", SAMPLES) as table:
        for question, texts, row in zip(asked, answers, verdicts, strict=True):
            for number, (text, verdict) in enumerate(zip(texts, row, strict=True)):
                facts_of_sample = {"model": name, "task_id": question.task_id, "sample": number}
                shown = {"prompt": question.prompt, "completion": text}
                table.write(facts_of_sample | shown | verdict_columns(verdict))
    write_atomically(output / SCORES_FILE, to_json(facts))


def score_table(facts: dict[str, Any]) -> Table:
    """Return the scores for people."""
    table = Table(
        "measure", "problems", "samples", "value", "95 % interval", title=f"{facts['model']} on {facts['benchmark']}"
    )
    for row in facts["scores"]:
        limits = (row["low"], row["high"])
        interval = "too few problems" if None in limits else " - ".join(f"{100 * limit:.1f} %" for limit in limits)
        table.add_row(
            f"pass@{row['k']}", f"{row['problems']:,}", f"{row['samples']:,}", f"{100 * row['value']:.1f} %", interval
        )
    verdicts = ", ".join(f"{kind} {count:,}" for kind, count in facts["verdicts"].items())
    table.caption = f"{verdicts}; sandbox: {facts['tier']}"
    return table
