"""The contamination stage: compares training texts with problems, lists matches, and passes on only clean texts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from codeprimer.contamination.counting import Count
from codeprimer.contamination.references import Reference, read_references, reference_facts, write_references
from codeprimer.contamination.scanning import SOURCES, ScanUnit, chunks, scan_unit
from codeprimer.contamination.settings import ContaminationSettings
from codeprimer.contamination.writing import Writing
from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import TRAINING_SETS
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts


class ContaminationStage(Stage[ContaminationSettings]):
    """Removes from the training sets all documents that repeat a problem."""

    name = "contamination"
    number = 50
    version = 2
    Settings = ContaminationSettings
    seeded = False
    reads = ("exam", "corpus", "quality", "textbooks", "exercises")
    required_tables = TRAINING_SETS

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the training texts that were removed."""
        from codeprimer.contamination.chapter import contamination_chapter

        return contamination_chapter(facts, examples)

    def run(
        self, settings: ContaminationSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools
    ) -> Stats:
        """Scan the training sets in units, then write the ``matches`` table and the clean tables in order."""
        folder = out.once("references", lambda path: write_references(inputs["exam"], settings, path))
        listed = [
            chunk for source in SOURCES.values() for chunk in chunks(source, inputs[source.stage].table(source.table))
        ]
        units = [ScanUnit(chunk, folder) for chunk in listed if not chunk.training_set.subset_of]
        scanned = tools.engine.map(scan_unit, units, out.work / "matches", "contamination: comparing with problems")
        writing = Writing(read_references(folder))
        with contextlib.closing(scanned), contextlib.ExitStack() as tables:
            writing.open(out, tables)
            for chunk in listed:
                writing.chunk(chunk, None if chunk.training_set.subset_of else next(scanned))
        return _stats(writing.counts, writing.references.listed, settings)


def _stats(counts: Mapping[str, Count], references: list[Reference], settings: ContaminationSettings) -> Stats:
    documents = sum(count.documents for count in counts.values())
    removed = sum(count.removed for count in counts.values())
    facts = {
        "training_sets": {name: count.facts() for name, count in counts.items()},
        "task_sets": reference_facts(references),
        "tasks": len(references),
        "gram_words": settings.gram_words,
        "shortest_prose": settings.shortest_prose,
        "min_nodes": settings.min_nodes,
    }
    return Stats(
        f"{removed:,} of {documents:,} training texts removed: they repeat one of {len(references):,} problems", facts
    )
