"""Scores a model, or a file of answers, on a benchmark.

Writes a folder with the ``samples`` table and ``scores.json``. The benchmark's own solutions are graded first, so that tasks
that cannot be passed on this machine are known.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table

from codeprimer.benchmarks.backends.backend import ModelBackend, SamplingOptions
from codeprimer.benchmarks.backends.endpoint import EndpointBackend, EndpointOptions
from codeprimer.benchmarks.backends.file import AnswerFile
from codeprimer.benchmarks.benchmark import Benchmark, Question
from codeprimer.benchmarks.grader import Grader
from codeprimer.benchmarks.grading import Sample, check_references, grade
from codeprimer.benchmarks.passing import pass_rates, verdict_counts
from codeprimer.core.artifact import to_json, write_atomically
from codeprimer.core.console import Console
from codeprimer.core.documents import SAMPLES, Task
from codeprimer.core.errors import UserError
from codeprimer.core.plugins import Tool, Toolbox, make
from codeprimer.core.shards import TableWriter
from codeprimer.run.backends import AUTO, BackendName, Target, journal_folder, open_target
from codeprimer.run.options import select_benchmark, select_grader
from codeprimer.sandbox import Sandbox, Tier

SCORES_FILE = "scores.json"
SHOWN_TASKS = 5


@dataclass(frozen=True)
class EvaluationRequest:
    """What to evaluate on which benchmark, and how."""

    what: str
    on: str
    model: str | None = None
    backend: BackendName = AUTO
    shots: int | None = None
    whole: bool = False
    overrides: Sequence[str] = ()
    """Benchmark settings as KEY=VALUE, and grader settings as grader.KEY=VALUE."""
    grader: str = "tests"
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    endpoint: EndpointOptions = field(default_factory=EndpointOptions)
    output: Path | None = None
    runs: Path = Path("runs")
    allow_weak_sandbox: bool = False

    @property
    def target(self) -> Target:
        """The target that answers."""
        return Target(self.what, self.model, self.backend)

    @property
    def short_forms(self) -> dict[str, Any]:
        """The benchmark settings that were given by separate options."""
        given = {"shots": self.shots, "whole": self.whole or None}
        return {name: value for name, value in given.items() if value is not None}


def evaluate_benchmark(request: EvaluationRequest, console: Console) -> dict[str, Any]:
    """Answer, grade and score; return the facts that ``scores.json`` contains.

    Raises UserError if an input cannot be read, JailError if the machine has no sandbox.
    """
    _check_sampling(request)
    benchmark, grader = _plugins(request, console)
    if not (tasks := benchmark.asked()):
        raise UserError(f"--on {request.on}: no task is left with these settings; change them (-s KEY=VALUE)")
    _refuse_repeated_ids(request.on, tasks)
    target = open_target(request.target, request.on, request.endpoint, request.runs, console)
    output = _output(request, target.output)
    settings = {name: value for name, value in benchmark.settings.identity().items() if name != "kind"}
    if differences := _replaced(request, settings, output):
        console.warn(
            f"{output} contains an evaluation with {differences}, which is replaced; give another --output to keep both"
        )
    with grader:
        together, failing = check_references(benchmark, grader, tasks)
        questions = [benchmark.question(task) for task in tasks]
        _warn(request, benchmark, questions, failing, target.backend, console)
        answers = list(_answered(target.backend, questions, request.sampling, console))
        _warn_of_answers(request, target.backend, questions, answers, console)
        completions = [(task, text) for task, texts in zip(tasks, answers, strict=True) for text in texts]
        with console.task("grading", len(completions)) as progress:
            graded = grade(benchmark, grader, completions, target.backend.gives_answers, together)
            progress.advance(len(completions))
    _warn_of_markdown(graded, console)
    samples = [graded[start : start + len(answers[0])] for start in range(0, len(graded), len(answers[0]))]
    facts = {
        "model": target.name,
        "benchmark": request.on,
        "settings": settings,
        "shots": settings.get("shots", 0),
        "grader": grader.settings.identity(),
        "asking": asdict(request.sampling),
        "answered_by": target.backend.facts(),
        "judged_together": sorted(together),
        "references_that_fail": sorted(failing),
        "prompts_too_long": target.backend.too_long(questions),
        "output": str(output),
        **_scores(samples, request.sampling.seed),
    }
    _write(output, target.name, graded, facts)
    return facts


def _refuse_repeated_ids(on: str, tasks: Sequence[Task]) -> None:
    counts = Counter(task["task_id"] for task in tasks)
    if repeated := [task_id for task_id, count in counts.items() if count > 1]:
        raise UserError(
            f"--on {on}: {len(repeated)} task ids occur more than once, such as {repeated[0]}; make them distinct"
        )


def _check_sampling(request: EvaluationRequest) -> None:
    sampling = request.sampling
    if sampling.samples > 1 and not sampling.temperature and not request.target.is_file:
        raise UserError("--samples: greedy answers are all identical; give --temperature too, such as 0.2")
    if not 0 < sampling.top_p <= 1:
        raise UserError(f"--top-p {sampling.top_p:g}: give a probability above 0 and up to 1")


def _plugins(request: EvaluationRequest, console: Console) -> tuple[Benchmark, Grader]:
    required = Tier.weak if request.allow_weak_sandbox else Tier.confined
    toolbox: Toolbox = {
        "sandbox": Tool(lambda: partial(Sandbox, minimum=required)),
        "seed": Tool(lambda: request.sampling.seed),
        "console": Tool(lambda: console),
    }
    benchmark = select_benchmark(request.on, request.short_forms, request.overrides)
    grader = select_grader(request.grader, request.overrides)
    return make("benchmark", benchmark, toolbox), make("grader", grader, toolbox)


def _output(request: EvaluationRequest, default: Path | None) -> Path:
    """Return the folder to write to. Raises UserError if this would overwrite something else."""
    if (output := request.output or default) is None:
        raise UserError(f"{request.what} is in a store, which never changes; name a folder with --output")
    target = request.target
    if target.is_file and output.resolve() in target.path.resolve().parents:
        raise UserError(f"--output {output} contains {request.what} and would be overwritten; give another folder")
    if output.is_symlink() or not _can_be_folder(output):
        raise UserError(f"--output {output} is a link or is below a file; give a folder")
    if output.exists() and any(output.iterdir()) and not (output / SCORES_FILE).exists():
        raise UserError(f"--output {output} is not empty and contains no evaluation; give another folder")
    return output


def _can_be_folder(path: Path) -> bool:
    """Return whether a path is a folder, or could become one."""
    there = next((one for one in (path, *path.parents) if one.exists()), None)
    return there is None or there.is_dir()


def _replaced(request: EvaluationRequest, settings: dict[str, Any], output: Path) -> str:
    """Return the options that differ from those of an existing evaluation in the folder, with the old values; empty if none."""
    try:
        before = orjson.loads((output / SCORES_FILE).read_bytes())
        known = {"shots": before["shots"], **before["asking"], **before.get("settings", {})}
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    now = {"shots": 0, **asdict(request.sampling), **settings}
    return ", ".join(f"{name} {known[name]}" for name in now if name in known and known[name] != now[name])


def _ignored(request: EvaluationRequest, benchmark: Benchmark) -> list[str]:
    """Return the given options that have no effect, as spelt on the command line."""
    usual, given = SamplingOptions(), request.sampling
    unset, endpoint, target = EndpointOptions(), request.endpoint, request.target
    has_model, has_setting = not target.is_file, type(benchmark.settings).model_fields
    is_elsewhere = not target.is_address
    ignored = {
        "--model": request.model is not None and is_elsewhere and not target.is_run,
        "--chat": endpoint.chat and is_elsewhere,
        "--api-key-env": endpoint.api_key_env is not None and is_elsewhere,
        "--in-flight": endpoint.in_flight != unset.in_flight and is_elsewhere,
        "--budget-tokens": endpoint.budget_tokens is not None and is_elsewhere,
        "--samples": given.samples != usual.samples and not has_model,
        "--max-new-tokens": given.new_tokens != usual.new_tokens and not has_model,
        "--temperature": given.temperature != usual.temperature and not has_model,
        "--top-p": given.top_p != usual.top_p and not (has_model and given.temperature),
        "--shots": bool(request.shots) and not (has_model and "shots" in has_setting),
        "--whole": request.whole and "whole" not in has_setting,
    }
    return [option for option, is_ignored in ignored.items() if is_ignored]


def _warn(
    request: EvaluationRequest,
    benchmark: Benchmark,
    questions: Sequence[Question],
    failing: frozenset[str],
    backend: ModelBackend,
    console: Console,
) -> None:
    if failing:
        shown = ", ".join(sorted(failing)[:SHOWN_TASKS])
        console.warn(f"{len(failing):,} reference solutions (such as {shown}) do not pass their own tests here")
    if too_long := backend.too_long(questions):
        console.warn(
            f"{too_long:,} of {len(questions):,} prompts fill the model's context, get no answer, and count as wrong"
        )
    if ignored := _ignored(request, benchmark):
        console.warn(f"{', '.join(ignored)}: ignored, no effect here")


def _answered(
    backend: ModelBackend, questions: Sequence[Question], sampling: SamplingOptions, console: Console
) -> Iterator[list[str]]:
    with console.task("answering", len(questions)) as progress:
        for answers in backend.completions(questions, sampling):
            yield answers
            progress.advance()


def _warn_of_answers(
    request: EvaluationRequest,
    backend: ModelBackend,
    questions: Sequence[Question],
    answers: Sequence[list[str]],
    console: Console,
) -> None:
    if isinstance(backend, EndpointBackend):
        for remark in backend.remarks():
            console.warn(remark)
        if backend.known:
            console.say(
                f"{backend.known:,} of these answers were in {journal_folder(request.runs)}; use another --seed to ask again"
            )
    if isinstance(backend, AnswerFile) and (others := backend.others(questions)):
        console.warn(f"{request.what}: {others:,} lines answer none of {request.on}'s evaluated tasks and are ignored")


def _warn_of_markdown(samples: Sequence[Sample], console: Console) -> None:
    fenced = sum(any(line.strip().startswith("```") for line in one.completion.splitlines()) for one in samples)
    if fenced:
        console.warn(
            f"{fenced:,} answers have lines that begin with ``` and are run as they are; if these mark code in Markdown, give "
            "the code alone"
        )


def _scores(samples: Sequence[Sequence[Sample]], seed: int) -> dict[str, Any]:
    """Return the scores, the verdicts and the sandbox's tier; ``samples`` lists each task's samples."""
    verdicts = [[sample.verdict for sample in row] for row in samples]
    tiers = [verdict.tier for row in verdicts for verdict in row if verdict.tier]
    tier = min(tiers, default=Tier.none).name
    return {"scores": pass_rates(verdicts, seed), "verdicts": verdict_counts(verdicts), "tier": tier}


def _write(output: Path, name: str, samples: Sequence[Sample], facts: dict[str, Any]) -> None:
    """Rewrite the folder; the scores are written last, so that a folder with scores is complete."""
    shutil.rmtree(output, ignore_errors=True)
    with TableWriter(output / "samples", SAMPLES) as table:
        table.write_all(sample.row(name) for sample in samples)
    write_atomically(output / SCORES_FILE, to_json(facts))


def score_table(facts: dict[str, Any]) -> Table:
    """Return the scores as a table for the terminal."""
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
