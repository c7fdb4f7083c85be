"""The textbooks stage: units are written and judged apart, then merged in curriculum order.

Writes ``sections`` and ``rejected``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.console import Console
from codeprimer.core.documents import SECTIONS, SECTIONS_REJECTED
from codeprimer.core.shards import read_rows
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.curriculum.sections import digest
from codeprimer.sandbox import Tier
from codeprimer.textbooks.guarding import guard_from
from codeprimer.textbooks.plan import left_out
from codeprimer.textbooks.settings import TextbooksSettings
from codeprimer.textbooks.tally import Tally
from codeprimer.textbooks.writing import author_named, units_for, write_unit


class TextbooksStage(Stage[TextbooksSettings]):
    """From the concept graph to executed sections."""

    name = "textbooks"
    version = 3
    reads = ("exam",)
    required_tables = ("sections",)

    def __init__(self, tier: Tier = Tier.jailed) -> None:
        """Run the code of sections in a sandbox of ``tier``."""
        self._tier = tier

    def source_digest(self, settings: TextbooksSettings, console: Console) -> str:
        """Return a digest of the lessons, which are text files beside the code; raises RecipeError early."""
        author_named(settings.author)
        return digest()

    def run(self, settings: TextbooksSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the sections."""
        tally = Tally(settings.sections)
        units = units_for(settings, tools.seed, guard_from(inputs["exam"]), self._tier)
        with (
            out.table("sections", SECTIONS) as sections,
            out.table("rejected", SECTIONS_REJECTED) as rejected,
            closing(tools.engine.map(write_unit, units, out.work / "sections", "textbooks: writing")) as written,
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
        headline = f"{tally.kept:,} sections on {facts['concepts']} concepts kept, {tally.rejected:,} drafts rejected"
        return Stats(headline, facts)


def _warn(settings: TextbooksSettings, tally: Tally, console: Console) -> None:
    if tally.kept < settings.sections:
        console.warn(
            f"textbooks: only {tally.kept:,} of {settings.sections:,} sections passed within {settings.attempts} "
            "attempts each; the table rejected says why"
        )
    if missing := left_out(settings.sections):
        console.warn(
            f"textbooks: {settings.sections} sections cannot cover all concepts; {len(missing)} have none, such as "
            f"{missing[0]!r}; raise textbooks.sections"
        )
