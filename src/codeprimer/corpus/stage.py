"""The corpus stage: reads, filters, parses and deduplicates files, and writes the tables.

The stage first reads the files and applies the filters that need no syntax tree, then finds exact duplicates. It parses
each distinct text once, applies the other filters and computes the text's signature. It then finds and verifies
near-duplicates, and writes the ``documents``, ``duplicates`` and ``dropped`` tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from codeprimer.core.artifact import Artifact, Workspace, make_once
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.corpus.decisions import Decisions, decide, take_census, write_distinct
from codeprimer.corpus.parsing import ParseUnit, parse_unit
from codeprimer.corpus.reading import ReadUnit, read_unit
from codeprimer.corpus.settings import CorpusSettings
from codeprimer.corpus.splits import choose_heldout
from codeprimer.corpus.tally import Tally
from codeprimer.corpus.writing import write_tables
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts


class CorpusStage(Stage[CorpusSettings]):
    """Turns sources into distinct, parsed, clean documents."""

    name = "corpus"
    number = 10
    version = 3
    Settings = CorpusSettings
    seeded = False
    required_tables = ("documents",)

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the contents of the sources."""
        from codeprimer.corpus.chapter import corpus_chapter

        return corpus_chapter(facts)

    def run(self, settings: CorpusSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the corpus."""
        decisions = _decide(settings, out, tools)
        census = take_census(decisions)
        heldout = choose_heldout(census.package_bytes, settings.heldout_fraction)
        if not heldout and settings.heldout_fraction > 0:
            tools.console.warn(
                f"corpus: nothing is held out: that takes at least three packages, and there are {len(census.package_bytes)}; "
                "the report will lack comparisons on held-out code"
            )
        if decisions.near.truncated:
            tools.console.warn(
                f"corpus: {decisions.near.truncated} files had more candidates than corpus.near_duplicates.max_candidates "
                f"({settings.near_duplicates.max_candidates}); some near-duplicates may remain"
            )
        tally = write_tables(decisions, census, set(heldout), out)
        return _report(settings, tally, decisions, heldout)


def _decide(settings: CorpusSettings, out: Workspace, tools: Tools) -> Decisions:
    """Run both passes over the units and return the decisions about all rows."""
    units = [
        ReadUnit(source, chunk, settings.max_bytes, settings.filters)
        for source in settings.sources
        for chunk in tools.make("source", source).chunks(settings.unit_bytes)
    ]
    # An interrupted attempt may have used a different unit size, which does not change the artefact's bytes.
    work = out.work / f"units-of-{settings.unit_bytes}"
    read = list(tools.engine.map(read_unit, units, work / "read", "corpus: reading"))
    exact = make_once(work / "exact", partial(write_distinct, read))
    parse_units = [
        ParseUnit(folder, exact / f"{index:05d}.npy", settings.filters, settings.near_duplicates)
        for index, folder in enumerate(read)
    ]
    parsed: list[Path] = list(tools.engine.map(parse_unit, parse_units, work / "parsed", "corpus: parsing"))
    return decide(read, parsed, exact, settings.near_duplicates)


def _report(settings: CorpusSettings, tally: Tally, decisions: Decisions, heldout: list[str]) -> Stats:
    facts = tally.facts([source.name for source in settings.sources])
    facts["heldout"] = {"documents": tally.heldout, "bytes": tally.heldout_bytes, "packages": heldout}
    facts["near_duplicate_pairs_compared"] = decisions.near.compared
    headline = (
        f"{facts['kept']:,} documents kept of {facts['found']:,} files, {facts['kept_bytes'] / 1e6:.1f} MB; "
        f"{tally.heldout:,} of them held out"
    )
    return Stats(headline, facts)
