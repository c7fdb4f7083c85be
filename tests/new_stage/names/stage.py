"""The names stage: counts the names in the kept code. Writes the ``names`` table."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypedDict

from pydantic import Field

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import KeptDocument, schema_of
from codeprimer.core.settings import Settings
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Chapter


class NameCount(TypedDict):
    """A row of the ``names`` table: a name and how often it occurs."""

    name: str
    count: int


class NamesSettings(Settings):
    """Which names are counted."""

    shortest: int = Field(default=3, ge=1, description="Shorter names are not counted [characters].")


class NamesStage(Stage[NamesSettings]):
    """Counts the names in kept documents."""

    name = "names"
    number = 25
    version = 1
    Settings = NamesSettings
    reads = ("quality",)
    seeded = False
    required_tables = ("names",)

    def run(self, settings: NamesSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Count the names and write them, most frequent first."""
        counts: Counter[str] = Counter()
        for row in inputs["quality"].rows("kept", ["text"], KeptDocument):
            counts.update(name for name in re.findall(r"[A-Za-z_]\w*", row["text"]) if len(name) >= settings.shortest)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        with out.table("names", schema_of(NameCount)) as table:
            table.write_all({"name": name, "count": count} for name, count in ranked)
        return Stats(f"{len(counts):,} names", {"names": len(counts), "first": dict(ranked[:20])})

    @classmethod
    def chapter(cls, facts: Mapping[str, Any], examples: int) -> Chapter:
        """Show the most frequent names."""
        found = facts["names"]
        content = [
            blocks.text(f"{found['names']:,} names."),
            blocks.table(("name", "count"), list(found["first"].items())),
        ]
        return Chapter("names", "Names", content)
