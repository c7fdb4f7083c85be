"""The contamination stage: compare, list the pairs, remove what matched, pass the rest on as plain texts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import ClassVar

from codeprimer.contamination.counting import Count
from codeprimer.contamination.references import Task, read_references, reference_facts, write_references
from codeprimer.contamination.scanning import TRAINING_SETS, Unit, scan, stretches
from codeprimer.contamination.settings import ContaminationSettings
from codeprimer.contamination.writing import Writing
from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts


class ContaminationStage(Stage[ContaminationSettings]):
    """Training sets in, clean training texts out."""

    name = "contamination"
    number = 50
    version = 2
    Settings = ContaminationSettings
    seeded = False
    reads = ("exam", "corpus", "quality", "textbooks", "exercises")
    required_tables: ClassVar[tuple[str, ...]] = ("raw", "code", "textbooks", "exercises")

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the training texts that were removed."""
        from codeprimer.contamination.chapter import contamination_chapter

        return contamination_chapter(facts, examples)

    def run(
        self, settings: ContaminationSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools
    ) -> Stats:
        """Scan the training sets in units, then write the pairs and the clean tables in order."""
        folder = out.once("references", lambda path: write_references(inputs["exam"], settings, path))
        cut = [
            stretch
            for training_set in TRAINING_SETS.values()
            for stretch in stretches(training_set.name, inputs[training_set.stage].table(training_set.table))
        ]
        units = [Unit(stretch, folder) for stretch in cut if not TRAINING_SETS[stretch.training_set].part_of]
        scanned = tools.engine.map(scan, units, out.work / "matches", "comparing with the exam and benchmarks")
        writing = Writing(read_references(folder))
        with contextlib.closing(scanned), contextlib.ExitStack() as tables:
            writing.open(out, tables)
            for stretch in cut:
                writing.stretch(stretch, None if TRAINING_SETS[stretch.training_set].part_of else next(scanned))
        return _stats(writing.counts, writing.references.tasks, settings)


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
