"""A run's facts as plain JSON: the only source of the figures in the report, in the cards and on the terminal.

``collect_facts`` reads the manifests of the artefacts to which a run links. A run that stopped early has facts about
fewer steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table

from codeprimer.core.artifact import Artifact, open_artifact, to_json
from codeprimer.core.errors import StoreError
from codeprimer.evaluation.chapter import SCORE_HEADINGS, score_rows
from codeprimer.report.footprint import footprint
from codeprimer.report.settings import CostSettings
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import megabytes, named_counts

VOLATILE = ("cost", "speed", "footprint")
"""Facts that differ between equal runs, because they contain times."""

_ESTIMATES = CostSettings()


def collect_facts(links: Mapping[str, Path], cost: CostSettings = _ESTIMATES) -> dict[str, Any]:
    """Return the facts of every step in ``links`` (step -> folder), together with ``artefacts`` and ``VOLATILE``."""
    return facts_of({step: open_artifact(path) for step, path in links.items()}, cost)


def facts_of(artifacts: Mapping[str, Artifact], cost: CostSettings = _ESTIMATES) -> dict[str, Any]:
    """Return the artefacts' facts, by step; ``cost`` sets the assumed prices and power."""
    # In the key order of the manifest file, so that a new artefact and a reused artefact give the same report.
    facts: dict[str, Any] = {step: orjson.loads(to_json(artifact.facts)) for step, artifact in artifacts.items()}
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
    """Return the throughput facts that a training step recorded; empty for any other step."""
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


def score_table(facts: Facts) -> Table:
    """Return the scores as a terminal table, under the report's headings."""
    table = Table(*SCORE_HEADINGS, title="Scores")
    for row in score_rows(facts):
        table.add_row(*row)
    return table


def corpus_table(facts: Facts) -> Table:
    """Return a terminal table of the sources: files found, files kept, and files dropped with the reasons."""
    table = Table("source", "files", "kept", "dropped", "for these reasons", title="Corpus")
    for name, of in facts["corpus"]["sources"].items():
        dropped = of["dropped"]
        table.add_row(
            name, f"{of['found']:,}", f"{of['kept']:,}", f"{sum(dropped.values()):,}", named_counts(dropped, most=99)
        )
    return table


def progress(facts: Facts) -> Iterator[str]:
    """Yield one sentence per completed step that says what the step produced."""
    for step, of in facts["artefacts"].items():
        if step == "quality":
            kept, dropped = facts[step]["kept"], facts[step]["dropped"]
            yield (
                f"quality: {kept['documents']:,} documents kept ({megabytes(kept['bytes'])}) and {dropped['documents']:,} "
                f"dropped ({megabytes(dropped['bytes'])}), at a score threshold of {facts[step]['threshold']:.3f}"
            )
        else:
            yield f"{step}: {of['headline']}"
