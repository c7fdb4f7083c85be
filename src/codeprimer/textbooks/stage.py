"""The textbooks stage: an author writes sections in units, and the stage merges them in curriculum order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from codeprimer.authors.author import Author, cannot_write
from codeprimer.authors.writing import COMPARED, compare, write_units
from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.console import Console
from codeprimer.core.documents import SECTIONS, SECTIONS_REJECTED, RejectedSection, SectionRow
from codeprimer.core.shards import TableWriter, read_rows
from codeprimer.core.stage import Sections, Stage, Stats, Tools
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.sandbox import Tier
from codeprimer.textbooks.heldout_index import HeldOutIndex
from codeprimer.textbooks.plan import missing_concepts
from codeprimer.textbooks.settings import TextbooksSettings
from codeprimer.textbooks.tally import SectionTally
from codeprimer.textbooks.writing import passed, units_for, write_sections


class TextbooksStage(Stage[TextbooksSettings]):
    """Turns the concept graph into executed sections."""

    name = "textbooks"
    number = 30
    version = 5
    Settings = TextbooksSettings
    runs_programs = True
    reads = ("exam",)
    required_tables = ("sections",)

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the sections."""
        from codeprimer.textbooks.chapter import textbooks_chapter

        return textbooks_chapter(facts, examples)

    @classmethod
    def contradictions(cls, settings: TextbooksSettings, recipe: Sections) -> Iterator[str]:
        """Yield a sentence if the author does not write sections."""
        del recipe
        yield from cannot_write("sections", settings.author, "textbooks.author")

    def run(self, settings: TextbooksSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the ``sections`` and ``rejected`` tables."""
        tally = SectionTally(settings.sections)
        author: Author = tools.make("author", settings.author)
        index = HeldOutIndex.by(inputs["exam"])
        units = units_for(settings, tools.seed, index, Tier[tools.tier], author.in_workers)
        work = out.work / "sections"
        if estimate := author.estimate_sections(settings.sections, settings.max_words):
            tools.console.say(f"  {estimate}")
        with (
            out.table("sections", SECTIONS) as kept,
            out.table("rejected", SECTIONS_REJECTED) as rejected,
            closing(write_units(author, write_sections, units, work, "textbooks: writing", tools)) as folders,
        ):
            for folder in folders:
                _merge(folder, tally, kept, rejected)
        _warn(settings, tally, tools.console)
        facts = tally.facts() | {"author": author.about}
        if not author.in_workers:
            first = replace(units[0], stop=min(units[0].stop, COMPARED))
            if written := author.facts() | compare(author, write_sections, first, passed, work, tools):
                facts["writing"] = written
        headline = f"{tally.kept:,} sections on {facts['concepts']} concepts kept, {tally.rejected:,} drafts rejected"
        return Stats(headline, facts)


def _merge(folder: Path, tally: SectionTally, kept: TableWriter, rejected: TableWriter) -> None:
    """Append a unit's rows; a section whose text was already kept is rejected."""
    for draft in read_rows(folder / "rejected", None, RejectedSection):
        tally.reject(draft["reason"])
        rejected.write(draft)
    for row in read_rows(folder / "sections", None, SectionRow):
        if tally.is_new(row["text"]):
            tally.keep(row)
            kept.write(row)
        else:
            tally.reject("duplicate")
            rejected.write({**row, "reason": "duplicate", "detail": "another section has the same text"})


def _warn(settings: TextbooksSettings, tally: SectionTally, console: Console) -> None:
    if tally.kept < settings.sections:
        console.warn(
            f"textbooks: only {tally.kept:,} of {settings.sections:,} sections passed within {settings.attempts} "
            f"attempts each (rejected: {tally.main_reasons()}); see the `rejected` table"
        )
    if missing := missing_concepts(settings.sections):
        console.warn(
            f"textbooks: {settings.sections} sections cannot cover all concepts; {len(missing)} have no section, such as "
            f"{missing[0]!r}; raise textbooks.sections"
        )
