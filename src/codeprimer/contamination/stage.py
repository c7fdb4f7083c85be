"""The contamination stage: compare, list the pairs, remove what matched, pass the rest on as plain texts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from codeprimer.contamination.counting import Count
from codeprimer.contamination.references import Task, read_references, reference_facts, write_references
from codeprimer.contamination.scanning import TRAINING_SETS, Stretch, TrainingSet, Unit, scan, stretches
from codeprimer.contamination.settings import ContaminationSettings
from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import MATCHES, TRAINING_TEXTS
from codeprimer.core.shards import Row, TableWriter, read_rows
from codeprimer.core.stage import Stage, Stats, Tools


class ContaminationStage(Stage[ContaminationSettings]):
    """Training sets in, clean training texts out."""

    name = "contamination"
    version = 1
    seeded = False
    reads = ("exam", "corpus", "quality", "textbooks", "exercises")
    required_tables: ClassVar[tuple[str, ...]] = ("raw", "code", "textbooks", "exercises")

    def run(
        self, settings: ContaminationSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools
    ) -> Stats:
        """Scan every training set in units, then write the pairs and the clean tables in order."""
        folder = out.once("references", lambda path: write_references(inputs["exam"], settings, path))
        units = [
            Unit(stretch, folder)
            for training_set in TRAINING_SETS.values()
            for stretch in stretches(training_set.name, inputs[training_set.stage].table(training_set.table))
        ]
        scanned = tools.engine.map(scan, units, out.work / "matches", "comparing with the exam and benchmarks")
        counts = self._write(zip(units, scanned, strict=True), read_references(folder).tasks, out)
        return _stats(counts, read_references(folder).tasks, settings)

    def _write(self, scanned: Iterator[tuple[Unit, Path]], tasks: list[Task], out: Workspace) -> dict[str, Count]:
        """Write every table of the artefact; the rows of a stretch are read again, so nothing is held."""
        counts = {name: Count() for name in TRAINING_SETS}
        task_sets = {task.task_id: task.task_set for task in tasks}
        with contextlib.ExitStack() as tables:
            matches = tables.enter_context(out.table("matches", MATCHES))
            clean = {name: tables.enter_context(out.table(name, TRAINING_TEXTS)) for name in TRAINING_SETS}
            for unit, folder in scanned:
                name = unit.stretch.training_set
                matched = set()
                for pair in read_rows(folder / "matches"):
                    matches.write(pair)
                    matched.add(pair["doc_id"])
                    counts[name].pair(pair, task_sets[pair["task_id"]])
                _write_clean(unit.stretch, matched, clean[name], counts[name])
        return counts


def _write_clean(stretch: Stretch, matched: set[str], writer: TableWriter, count: Count) -> None:
    training_set: TrainingSet = TRAINING_SETS[stretch.training_set]
    row: Row
    for row in stretch.rows():
        text = training_set.text(row)
        removed = row["doc_id"] in matched
        count.document(text, removed)
        if not removed:
            writer.write({"doc_id": row["doc_id"], "text": text})


def _stats(counts: Mapping[str, Count], tasks: list[Task], settings: ContaminationSettings) -> Stats:
    documents = sum(count.documents for count in counts.values())
    removed = sum(count.removed for count in counts.values())
    facts = {
        "training_sets": {name: count.facts() for name, count in counts.items()},
        "task_sets": reference_facts(tasks),
        "tasks": len(tasks),
        "gram_words": settings.gram_words,
        "shortest_prose": settings.shortest_prose,
        "min_nodes": settings.min_nodes,
    }
    return Stats(
        f"{removed:,} of {documents:,} training texts removed: they repeat one of {len(tasks):,} problems", facts
    )
