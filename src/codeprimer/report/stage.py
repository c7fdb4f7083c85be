"""The report stage: one page about all steps, cards for the data set and the models, and the facts.

Writes ``report.html`` (whose bytes differ between runs because it shows times), ``facts.json`` and, if the run produced a
data set or models, ``dataset_card.md`` and ``model_card.md`` (equal for equal runs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from codeprimer.core.artifact import Artifact, Workspace, to_json, write_atomically
from codeprimer.core.plugins import code_digest
from codeprimer.core.stage import Sections, Stage, Stats, Step, Tools
from codeprimer.report.facts import VOLATILE, facts_of
from codeprimer.report.licenses import published_licenses
from codeprimer.report.settings import ReportSettings
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import percent


class ReportStage(Stage[ReportSettings]):
    """Turns all artefacts into the report page, the data set and model cards, and ``facts.json``."""

    name = "report"
    version = 3
    seeded = False
    number = 90
    Settings = ReportSettings
    volatile = ("report.html",)

    def __init__(self, earlier: Sequence[Step]) -> None:
        """Create a stage that reads and reports on all these steps."""
        self._earlier = earlier
        self.reads = tuple(step.name for step in earlier)

    @classmethod
    def steps(cls, settings: ReportSettings, recipe: Sections, earlier: Sequence[Step]) -> Iterator[Step]:
        """Yield one step, which reads all earlier steps."""
        stage = cls(earlier)
        titled = settings.model_copy(update={"title": settings.title or recipe.name})
        yield Step(cls.number, cls.name, stage, titled, {name: name for name in stage.reads})

    def reads_outside(self, settings: ReportSettings, tools: Tools) -> str:
        """Return a digest of the code, which includes every chapter, and of the templates."""
        return code_digest(__name__)

    def run(self, settings: ReportSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the page, the facts, and cards for the data set and the models that the run produced."""
        from codeprimer.report.page import chapters, render_cards, render_page, result_of

        facts = facts_of(inputs, settings.cost)
        if {"quality", "contamination"} <= inputs.keys():
            facts["published_licenses"] = published_licenses(inputs["quality"], inputs["contamination"])
        found = chapters(self._earlier, facts, settings.examples)
        write_atomically(out.path / "report.html", render_page(settings.title, tools.seed, facts, found).encode())
        stable = {name: value for name, value in facts.items() if name not in VOLATILE}
        write_atomically(out.path / "facts.json", to_json(stable))
        folders = {step.name: step.link for step in self._earlier}
        for name, card in render_cards(settings.title, facts, result_of(found), folders):
            write_atomically(out.path / name, card.encode())
        return Stats(_headline(facts, found))


def _headline(facts: Facts, found: Sequence[Chapter]) -> str:
    if "evaluation" not in facts:
        return f"{len(found)} {'chapter' if len(found) == 1 else 'chapters'}"
    scores = [score for score in facts["evaluation"]["scores"] if score["task_set"] == "exam"]
    return "exam pass@1: " + ", ".join(f"{score['model']} {percent(score['value'])}" for score in scores)
