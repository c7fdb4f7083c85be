"""The textbooks stage: units are written and judged apart, then merged in curriculum order.

Writes ``sections`` and ``rejected``.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from codeprimer.authors.author import COMPARED, Author
from codeprimer.authors.comparing import comparison
from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.console import Console
from codeprimer.core.documents import SECTIONS, SECTIONS_REJECTED
from codeprimer.core.engine import map_here
from codeprimer.core.shards import Row, read_rows
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.sandbox import Tier
from codeprimer.textbooks.guarding import guard_from
from codeprimer.textbooks.plan import left_out
from codeprimer.textbooks.settings import TextbooksSettings
from codeprimer.textbooks.tally import Tally
from codeprimer.textbooks.writing import (
    ASKED_SECTIONS,
    WriteUnit,
    units_for,
    write_sections,
    write_unit,
)


class TextbooksStage(Stage[TextbooksSettings]):
    """From the concept graph to executed sections."""

    name = "textbooks"
    number = 30
    version = 4
    Settings = TextbooksSettings
    runs_programs = True
    reads = ("exam",)
    required_tables = ("sections",)

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the sections."""
        from codeprimer.textbooks.chapter import textbooks_chapter

        return textbooks_chapter(facts, examples)

    def run(self, settings: TextbooksSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the sections."""
        tally = Tally(settings.sections)
        author: Author = tools.make("author", settings.author)
        size = None if author.in_workers else ASKED_SECTIONS
        units = units_for(settings, tools.seed, guard_from(inputs["exam"]), Tier[tools.tier], size)
        with (
            out.table("sections", SECTIONS) as sections,
            out.table("rejected", SECTIONS_REJECTED) as rejected,
            closing(_written(author, settings, units, out.work / "sections", tools)) as written,
        ):
            for folder in written:
                for row in read_rows(folder / "rejected"):
                    tally.reject(row)
                    rejected.write(row)
                for row in read_rows(folder / "sections"):
                    if tally.is_new(row):
                        tally.keep(row)
                        sections.write(row)
                    else:
                        duplicate = row | {"reason": "duplicate", "detail": "another section has the same text"}
                        tally.reject(duplicate)
                        rejected.write(duplicate)
        _warn(settings, tally, tools.console)
        facts = tally.facts()
        if not author.in_workers:
            facts["writing"] = author.facts() | _comparison(author, units[0], out.work, tools)
        headline = f"{tally.kept:,} sections on {facts['concepts']} concepts kept, {tally.rejected:,} drafts rejected"
        return Stats(headline, facts)


def _comparison(author: Author, whole: WriteUnit, work: Path, tools: Tools) -> Row:
    """Return what a second author makes of the first orders; nothing where there is none."""
    unit = replace(whole, stop=min(whole.stop, COMPARED))

    def write(author: Author, folder: Path) -> None:
        write_sections(author, unit, folder)

    def passed(folder: Path) -> int:
        return sum(row["position"] < unit.stop for row in read_rows(folder / "sections", ["position"]))

    [first, *_] = sorted((work / "sections").glob("[0-9]*"))
    return comparison(author, unit.stop, write, passed, first, tools)


def _written(
    author: Author, settings: TextbooksSettings, units: list[WriteUnit], work: Path, tools: Tools
) -> Generator[Path, None, None]:
    """Have units written, by the engine's workers or, where an author keeps requests in flight, in this process."""
    if author.in_workers:
        with closing(tools.engine.map(write_unit, units, work, "textbooks: writing")) as written:
            yield from written
        return
    if estimate := author.estimate_sections(settings.sections, settings.max_words):
        tools.console.say(f"  {estimate}")
    yield from map_here(partial(write_sections, author), units, work)


def _warn(settings: TextbooksSettings, tally: Tally, console: Console) -> None:
    if tally.kept < settings.sections:
        console.warn(
            f"textbooks: only {tally.kept:,} of {settings.sections:,} sections passed within {settings.attempts} "
            f"attempts each (rejected: {tally.reasons()}); the table rejected says why"
        )
    if missing := left_out(settings.sections):
        console.warn(
            f"textbooks: {settings.sections} sections cannot cover all concepts; {len(missing)} have none, such as "
            f"{missing[0]!r}; raise textbooks.sections"
        )
