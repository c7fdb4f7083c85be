"""The evaluation stage: three models, one exam, two sets of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from codeprimer.benchmarks.exam import ExamBenchmark
from codeprimer.benchmarks.grading import Sample, grade
from codeprimer.benchmarks.texts import HELDOUT, TEXTS, TextRow, choose_texts, text_facts, was_watched, watched_ids
from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.console import Console
from codeprimer.core.documents import BITS_PER_BYTE, MODELS, SAMPLES, SCORE_ROWS, BitsRow
from codeprimer.core.extras import require_torch
from codeprimer.core.seeds import derive_seed
from codeprimer.core.shards import TableWriter, read_rows
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.evaluation.comparison import bits_value, compare_bits, compare_scores, concept_scores, score_row
from codeprimer.evaluation.settings import EvaluationSettings
from codeprimer.evaluation.units import CompletionRow, Job, work
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts

SCORE_PAIRS = (("base", "control"), ("tuned", "base"), ("tuned", "control"))
EXAMPLES = 3
"""Number of answers shown per model and outcome."""


class EvaluationStage(Stage[EvaluationSettings]):
    """Evaluates the models and writes scores with intervals."""

    name = "evaluation"
    number = 80
    version = 6
    Settings = EvaluationSettings
    needs_torch = True
    runs_programs = True
    reads = ("exam", "quality", "control", "base", "tuned")
    required_tables: ClassVar[tuple[str, ...]] = ("samples", "scores")

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the result."""
        from codeprimer.evaluation.chapter import result_chapter

        return result_chapter(facts, examples)

    def run(self, settings: EvaluationSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Have every model take the exam, measure its bits per byte on the texts, then grade and compare.

        Raises MissingExtraError if torch is not installed.
        """
        require_torch("evaluation")
        texts = out.once("texts", lambda folder: _write_texts(inputs, settings, tools.seed, folder)) / "texts"
        jobs = list(_jobs(inputs, settings, texts))
        folders = list(tools.engine.map(work, jobs, out.work / "units", "evaluating the models"))
        rows = {(job.kind, job.model): folder / "rows" for job, folder in zip(jobs, folders, strict=True)}
        samples = _grade(settings, inputs["exam"], {model: rows["answers", model] for model in MODELS}, tools)
        bits = {model: list(read_rows(path, None, BitsRow)) for (kind, model), path in rows.items() if kind == "bits"}
        _write_tables(out, samples, bits)
        scores = [score_row(model, samples[model]) for model in MODELS]
        facts = {
            "scores": scores,
            "verdicts": {model: _verdicts(samples[model]) for model in MODELS},
            "comparisons": [compare_scores(first, second, samples) for first, second in SCORE_PAIRS],
            "concepts": concept_scores(samples),
            "bits_per_byte": _bits_facts(bits, list(read_rows(texts, None, TextRow)), inputs, tools),
            "examples": [example for model in MODELS for example in _examples(model, samples[model])],
        }
        headline = ", ".join(f"{row['model']} {100 * row['value']:.1f} %" for row in reversed(scores))
        return Stats(f"{headline} of {scores[0]['total']:,} exam problems", facts)


def _grade(
    settings: EvaluationSettings, artifact: Artifact, completions: Mapping[str, Path], tools: Tools
) -> dict[str, list[Sample]]:
    """Return every model's graded answers; ``completions`` maps each model to its table."""
    exam = ExamBenchmark.of(artifact)
    tasks = list(exam.tasks())
    with tools.make("grader", settings.grader) as grader:
        samples = {}
        for model, path in completions.items():
            texts = [row["completion"] for row in read_rows(path, None, CompletionRow)]
            samples[model] = grade(exam, grader, zip(tasks, texts, strict=True))
        return samples


def _write_texts(inputs: Mapping[str, Artifact], settings: EvaluationSettings, seed: int, folder: Path) -> None:
    with TableWriter(folder / "texts", TEXTS) as table:
        table.write_all(choose_texts(inputs, settings.heldout_bytes, settings.document_bytes, seed))


def _jobs(inputs: Mapping[str, Artifact], settings: EvaluationSettings, texts: Path) -> Iterator[Job]:
    """Yield the jobs: the exam for the three models, and the texts for these models and the control's early checkpoint."""
    exam = inputs["exam"].table("exam")
    for model in MODELS:
        yield Job("answers", model, inputs[model].path, exam, settings.new_tokens)
    for model, checkpoint in measured_models(inputs).items():
        yield Job("bits", model, checkpoint, texts, settings.new_tokens)


def measured_models(inputs: Mapping[str, Artifact]) -> dict[str, Path]:
    """Return the checkpoints for which bits per byte are measured, by name.

    The control's checkpoint after as many tokens as base, if there is one, is called ``control/<phase>``.
    """
    found = {"base": inputs["base"].path}
    early = _early_control(inputs)
    if early is not None:
        found[f"control/{early.name}"] = early
    return {**found, "control": inputs["control"].path, "tuned": inputs["tuned"].path}


def _early_control(inputs: Mapping[str, Artifact]) -> Path | None:
    """Return the control's checkpoint at the end of base's last phase, if there is one."""
    phases = inputs["base"].manifest["settings"]["phases"]
    folder = inputs["control"].path / "phases" / str(phases[-1]["name"])
    return folder if folder.is_dir() else None


def _write_tables(
    out: Workspace, samples: Mapping[str, Sequence[Sample]], bits: Mapping[str, Sequence[BitsRow]]
) -> None:
    with out.table("samples", SAMPLES) as table:
        for model, graded in samples.items():
            table.write_all(sample.row(model) for sample in graded)
    with out.table("scores", SCORE_ROWS) as table:
        table.write_all(score_row(model, graded) for model, graded in samples.items())
    with out.table("bits_per_byte", BITS_PER_BYTE) as table:
        for rows in bits.values():
            table.write_all(rows)


def _verdicts(samples: Sequence[Sample]) -> dict[str, int]:
    return dict(sorted(Counter(sample.verdict.kind.value for sample in samples).items()))


def _examples(model: str, samples: Sequence[Sample]) -> Iterator[dict[str, Any]]:
    """Yield the first answers that pass and the first that fail."""
    for outcome in (True, False):
        for sample in [sample for sample in samples if sample.passed is outcome][:EXAMPLES]:
            yield {**sample.row(model), "passed": outcome}


def _bits_facts(
    bits: Mapping[str, Sequence[BitsRow]], texts: Sequence[TextRow], inputs: Mapping[str, Artifact], tools: Tools
) -> list[dict[str, Any]]:
    """Return, for each set of texts, every model's bits per byte and the paired comparisons of base with the others."""
    _warn_of_gaps(texts, inputs, tools.console)
    seed = derive_seed(tools.seed, "bits per byte")
    facts = []
    for text_set in dict.fromkeys(row["text_set"] for row in texts):
        by_model = {model: [row for row in rows if row["text_set"] == text_set] for model, rows in bits.items()}
        others = [model for model in by_model if model != "base"]
        facts.append(
            {
                "text_set": text_set,
                **text_facts([row for row in texts if row["text_set"] == text_set]),
                "models": [bits_value(rows, seed) for rows in by_model.values()],
                "comparisons": [compare_bits(by_model["base"], by_model[other], seed) for other in others],
            }
        )
    return facts


def _warn_of_gaps(texts: Sequence[TextRow], inputs: Mapping[str, Artifact], console: Console) -> None:
    if not any(row["text_set"] == HELDOUT for row in texts):
        what = (
            "every held-out document was used to measure the held-out loss during training"
            if was_watched(inputs) and watched_ids(inputs["quality"], 0)
            else "no held-out document was kept"
        )
        console.warn(f"{what}, so bits per byte are not measured on held-out code; raise corpus.heldout_fraction")
    if _early_control(inputs) is None:
        console.warn("the control has one phase only, so it is not compared with base at the same number of tokens")
