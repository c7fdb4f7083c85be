"""Every fact of a run as plain JSON: the one source of every figure in the report, the cards and the terminal.

``collect_facts`` reads the manifests of the artefacts that a run links to. A run that stopped early has fewer sections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table

from codeprimer.core.artifact import Artifact, open_artifact
from codeprimer.core.errors import StoreError
from codeprimer.report.footprint import footprint
from codeprimer.report.settings import CostSettings
from codeprimer.report.wording import megabytes, named_counts, percent

VOLATILE = ("cost", "speed", "footprint")
"""Facts that differ between equal runs, because they carry times."""

_ESTIMATES = CostSettings()


def collect_facts(links: Mapping[str, Path], cost: CostSettings = _ESTIMATES) -> dict[str, Any]:
    """Return the facts of every step in ``links`` (step -> folder), with ``artefacts`` and ``VOLATILE`` beside them."""
    return facts_of({step: open_artifact(path) for step, path in links.items()}, cost)


def facts_of(artifacts: Mapping[str, Artifact], cost: CostSettings = _ESTIMATES) -> dict[str, Any]:
    """Return the facts of these artefacts, by step; ``cost`` says what an hour is worth."""
    facts: dict[str, Any] = {step: artifact.facts for step, artifact in artifacts.items()}
    facts["artefacts"] = {
        step: {
            "id": artifact.id,
            "stage": artifact.stage,
            "version": artifact.manifest["version"],
            "seed": artifact.manifest["seed"],
            "inputs": artifact.manifest["inputs"],
            "settings": artifact.manifest["settings"],
            "headline": artifact.manifest["headline"],
        }
        for step, artifact in artifacts.items()
    }
    facts["cost"] = {step: artifact.cost for step, artifact in artifacts.items()}
    speeds = {step: _speed(artifact) for step, artifact in artifacts.items()}
    facts["speed"] = {step: speed for step, speed in speeds.items() if speed}
    facts["footprint"] = footprint(facts["cost"], facts["speed"], cost)
    return facts


def _speed(artifact: Artifact) -> dict[str, Any]:
    """Return what a step that trained tells of its speed; nothing of any other step."""
    path = artifact.path / "speed.json"
    if not path.exists():
        return {}
    try:
        speed = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        speed = None
    if not isinstance(speed, dict):
        raise StoreError(f"{path} is damaged; remove {artifact.path} and run again to rebuild it")
    return speed


SCORE_HEADINGS = ("model", "problems", "solved", "pass@1, greedy", "95 % interval (Wilson)")


def score_rows(facts: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the scores as people read them: a row per model and set of problems, under ``SCORE_HEADINGS``."""
    return [
        (
            score["model"],
            score["task_set"],
            f"{score['passed']} of {score['total']}",
            percent(score["value"]),
            f"{percent(score['low'])} to {percent(score['high'])}",
        )
        for score in facts["evaluation"]["scores"]
    ]


def score_table(facts: Mapping[str, Any]) -> Table:
    """Return the scores for a terminal, with the words of the report."""
    table = Table(*SCORE_HEADINGS, title="Scores")
    for row in score_rows(facts):
        table.add_row(*row)
    return table


def corpus_table(facts: Mapping[str, Any]) -> Table:
    """Return for a terminal what became of every source's files: a row per source, with the reasons of the drops."""
    table = Table("source", "files", "kept", "dropped", "for these reasons", title="Corpus")
    for name, of in facts["corpus"]["sources"].items():
        dropped = dict(sorted(of["dropped"].items(), key=lambda item: -item[1]))
        table.add_row(
            name, f"{of['found']:,}", f"{of['kept']:,}", f"{sum(dropped.values()):,}", named_counts(dropped, most=99)
        )
    return table


def progress(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence per step that is done: what it made."""
    for step, of in facts["artefacts"].items():
        if step == "quality":
            kept, dropped = facts[step]["kept"], facts[step]["dropped"]
            yield (
                f"quality: {kept['documents']:,} documents kept ({megabytes(kept['bytes'])}) and {dropped['documents']:,} "
                f"dropped ({megabytes(dropped['bytes'])}), at a score of {facts[step]['threshold']:.3f}"
            )
        else:
            yield f"{step}: {of['headline']}"
