"""The evaluation stage: three models, one exam, two sets of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from codeprimer.benchmarks.grading import Sample, grade, limits_of, verdict_columns
from codeprimer.benchmarks.texts import HELDOUT, TEXTS, choose_texts, text_facts, was_watched, watched_ids
from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.console import Console
from codeprimer.core.documents import BITS_PER_BYTE, SAMPLES, SCORE_ROWS
from codeprimer.core.extras import require_torch
from codeprimer.core.seeds import derive_seed
from codeprimer.core.shards import Row, TableWriter, read_rows
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.evaluation.comparison import bits_value, compare_bits, compare_scores, concept_scores, score_row
from codeprimer.evaluation.settings import EvaluationSettings
from codeprimer.evaluation.units import Unit, work
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.sandbox import Sandbox, Tier

MODELS = ("control", "base", "tuned")
SCORE_PAIRS = (("base", "control"), ("tuned", "base"), ("tuned", "control"))
EXAMPLES = 3
"""Answers shown per model and outcome."""


class EvaluationStage(Stage[EvaluationSettings]):
    """Models in, scores with intervals out."""

    name = "evaluation"
    number = 80
    version = 5
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
        """Let every model answer and measure every text, then grade and compare.

        Raises MissingExtraError without torch.
        """
        require_torch("evaluation")
        texts = out.once("texts", lambda folder: _write_texts(inputs, settings, tools.seed, folder)) / "texts"
        units = list(_units(inputs, settings, texts))
        folders = list(tools.engine.map(work, units, out.work / "units", "examining the models"))
        rows = {(unit.kind, unit.model): folder / "rows" for unit, folder in zip(units, folders, strict=True)}
        samples = _grade(
            Tier[tools.tier], settings, inputs["exam"], {model: rows["answers", model] for model in MODELS}
        )
        bits = {model: list(read_rows(path)) for (kind, model), path in rows.items() if kind == "bits"}
        _write_tables(out, samples, bits)
        scores = [score_row(model, samples[model]) for model in MODELS]
        facts = {
            "scores": scores,
            "verdicts": {model: _verdicts(samples[model]) for model in MODELS},
            "comparisons": [compare_scores(first, second, samples) for first, second in SCORE_PAIRS],
            "concepts": concept_scores(samples),
            "bits_per_byte": _bits_facts(bits, list(read_rows(texts)), inputs, tools),
            "examples": [example for model in MODELS for example in _examples(model, samples[model])],
        }
        headline = ", ".join(f"{row['model']} {100 * row['value']:.1f} %" for row in reversed(scores))
        return Stats(f"{headline} of {scores[0]['total']:,} exam problems", facts)


def _grade(
    tier: Tier, settings: EvaluationSettings, exam: Artifact, answers: Mapping[str, Path]
) -> dict[str, list[Sample]]:
    tasks = list(exam.rows("exam"))
    limits = limits_of(settings.seconds)
    with Sandbox(required=tier, most=tier, trust_tests=True) as sandbox:
        return {
            model: grade(tasks, [row["completion"] for row in read_rows(path)], sandbox, limits)
            for model, path in answers.items()
        }


def _write_texts(inputs: Mapping[str, Artifact], settings: EvaluationSettings, seed: int, folder: Path) -> None:
    with TableWriter(folder / "texts", TEXTS) as table:
        table.write_all(choose_texts(inputs, settings.heldout_bytes, settings.document_bytes, seed))


def _units(inputs: Mapping[str, Artifact], settings: EvaluationSettings, texts: Path) -> Iterator[Unit]:
    """Yield the work: the exam for the three models, the texts for these and for the control half way."""
    exam = inputs["exam"].table("exam")
    for model in MODELS:
        yield Unit("answers", model, inputs[model].path, exam, settings.new_tokens)
    for model, checkpoint in measured_models(inputs).items():
        yield Unit("bits", model, checkpoint, texts, settings.new_tokens)


def measured_models(inputs: Mapping[str, Artifact]) -> dict[str, Path]:
    """Return the checkpoints that are measured in bits per byte, by name.

    Where the control has seen as many tokens as base, it is called ``control/<phase>``.
    """
    found = {"base": inputs["base"].path}
    early = _early_control(inputs)
    if early is not None:
        found[f"control/{early.name}"] = early
    return {**found, "control": inputs["control"].path, "tuned": inputs["tuned"].path}


def _early_control(inputs: Mapping[str, Artifact]) -> Path | None:
    """Return the control at the end of the phase with which base ends."""
    phases = inputs["base"].manifest["settings"]["phases"]
    folder = inputs["control"].path / "phases" / str(phases[-1]["name"])
    return folder if folder.is_dir() else None


def _write_tables(out: Workspace, samples: Mapping[str, Sequence[Sample]], bits: Mapping[str, Sequence[Row]]) -> None:
    with out.table("samples", SAMPLES) as table:
        for model, graded in samples.items():
            table.write_all(_sample_row(model, sample) for sample in graded)
    with out.table("scores", SCORE_ROWS) as table:
        table.write_all(score_row(model, graded) for model, graded in samples.items())
    with out.table("bits_per_byte", BITS_PER_BYTE) as table:
        for rows in bits.values():
            table.write_all(rows)


def _sample_row(model: str, sample: Sample) -> Row:
    facts = {"model": model, "task_id": sample.task_id, "sample": 0}
    return facts | {"prompt": sample.prompt, "completion": sample.completion} | verdict_columns(sample.verdict)


def _verdicts(samples: Sequence[Sample]) -> dict[str, int]:
    return dict(sorted(Counter(sample.verdict.kind.value for sample in samples).items()))


def _examples(model: str, samples: Sequence[Sample]) -> Iterator[Row]:
    """Yield the first right and the first wrong answers."""
    for outcome in (True, False):
        for sample in [sample for sample in samples if sample.passed is outcome][:EXAMPLES]:
            yield {**_sample_row(model, sample), "passed": outcome}


def _bits_facts(
    bits: Mapping[str, Sequence[Row]], texts: Sequence[Row], inputs: Mapping[str, Artifact], tools: Tools
) -> list[dict[str, Any]]:
    """Return, per set of texts, every model's bits per byte and the paired comparisons with base first."""
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


def _warn_of_gaps(texts: Sequence[Row], inputs: Mapping[str, Artifact], console: Console) -> None:
    if not any(row["text_set"] == HELDOUT for row in texts):
        what = (
            "every held-out document was looked at while a model trained"
            if was_watched(inputs) and watched_ids(inputs["quality"], 0)
            else "no held-out document was kept"
        )
        console.warn(f"{what}, so bits per byte is not measured on held-out code; raise corpus.heldout_fraction")
    if _early_control(inputs) is None:
        console.warn("the control has one phase only, so it is not compared with base at the same number of tokens")
