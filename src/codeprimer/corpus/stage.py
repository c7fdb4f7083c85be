"""The corpus stage: read and filter in units, find copies on a few numbers per document, write.

Writes ``documents``, ``duplicates`` and ``dropped``. The order: files are read and filtered; exact copies are found;
each distinct text is parsed once and gets its signature; near copies are found and verified; the tables are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from codeprimer.core.artifact import Artifact, Workspace, make_once
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.corpus.ledger import Ledger, find_exact, open_ledger, take_census
from codeprimer.corpus.parsing import ParseUnit, parse_unit
from codeprimer.corpus.reading import ReadUnit, read_unit
from codeprimer.corpus.settings import CorpusSettings
from codeprimer.corpus.splits import choose_heldout
from codeprimer.corpus.tally import Tally
from codeprimer.corpus.writing import write_tables
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts


class CorpusStage(Stage[CorpusSettings]):
    """From sources to distinct, parsed, clean documents."""

    name = "corpus"
    number = 10
    version = 3
    Settings = CorpusSettings
    seeded = False
    required_tables = ("documents",)

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on what the sources held."""
        from codeprimer.corpus.chapter import corpus_chapter

        return corpus_chapter(facts)

    def run(self, settings: CorpusSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the corpus."""
        ledger = _build_ledger(settings, out, tools)
        census = take_census(ledger)
        heldout = choose_heldout(census.package_bytes, settings.heldout_fraction)
        if not heldout and settings.heldout_fraction > 0:
            tools.console.warn(
                f"corpus: nothing is held out, because there are only {len(census.package_bytes)} packages (three are "
                "needed); comparisons on held-out code will be missing"
            )
        if ledger.near.cut:
            tools.console.warn(
                f"corpus: {ledger.near.cut} files had more possible copies than corpus.near_duplicates.max_candidates "
                f"({settings.near_duplicates.max_candidates}); some near duplicates may remain"
            )
        tally = write_tables(ledger, census, set(heldout), out)
        return _report(settings, tally, ledger, heldout)


def _build_ledger(settings: CorpusSettings, out: Workspace, tools: Tools) -> Ledger:
    """Run both passes over the units and return what became of every row."""
    units = [
        ReadUnit(source, chunk, settings.filters)
        for source in settings.sources
        for chunk in tools.make("source", source).chunks(settings.unit_bytes)
    ]
    # Where the units begin may have changed since an interrupted attempt; it decides no byte of the artefact.
    work = out.work / f"units-of-{settings.unit_bytes}"
    read = list(tools.engine.map(read_unit, units, work / "read", "corpus: reading"))
    exact = make_once(work / "exact", partial(find_exact, read))
    parse_units = [
        ParseUnit(folder, exact / f"{index:05d}.npy", settings.filters, settings.near_duplicates)
        for index, folder in enumerate(read)
    ]
    parsed: list[Path] = list(tools.engine.map(parse_unit, parse_units, work / "parsed", "corpus: parsing"))
    return open_ledger(read, parsed, exact, settings.near_duplicates)


def _report(settings: CorpusSettings, tally: Tally, ledger: Ledger, heldout: list[str]) -> Stats:
    facts = tally.facts([source.name for source in settings.sources])
    facts["heldout"] = {"documents": tally.heldout, "bytes": tally.heldout_bytes, "packages": heldout}
    facts["near_duplicate_pairs_compared"] = ledger.near.compared
    headline = (
        f"{facts['kept']:,} documents kept of {facts['found']:,} files, {facts['kept_bytes'] / 1e6:.1f} MB; "
        f"{tally.heldout:,} of them held out"
    )
    return Stats(headline, facts)
