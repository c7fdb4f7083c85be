"""The report stage: every artefact in, one page, two cards and the facts out.

Writes ``report.html`` (it shows seconds, so its bytes differ between runs), ``dataset_card.md``, ``model_card.md`` and
``facts.json`` (equal for equal runs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from codeprimer.core.artifact import Artifact, Workspace, to_json, write_atomically
from codeprimer.core.stage import Sections, Stage, Stats, Step, Tools
from codeprimer.report.facts import VOLATILE, facts_of
from codeprimer.report.licenses import published_licenses
from codeprimer.report.settings import ReportSettings
from codeprimer.report.wording import percent


class ReportStage(Stage[ReportSettings]):
    """What happened, for a reader who was not there."""

    name = "report"
    version = 2
    seeded = False
    number = 90
    Settings = ReportSettings
    volatile = ("report.html",)

    def __init__(self, reads: tuple[str, ...]) -> None:
        """Read the artefacts of these steps."""
        self.reads = reads

    @classmethod
    def steps(cls, settings: ReportSettings, recipe: Sections, earlier: Sequence[Step]) -> Iterator[Step]:
        """Yield the one step, which reads every other one."""
        stage = cls(tuple(step.name for step in earlier))
        titled = settings.model_copy(update={"title": settings.title or recipe.name})
        yield Step(cls.number, cls.name, stage, titled, {name: name for name in stage.reads})

    def run(self, settings: ReportSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the page, the cards and the facts."""
        from codeprimer.report.page import render_card, render_page

        facts = facts_of(inputs, settings.cost)
        facts["published_licenses"] = published_licenses(inputs["quality"], inputs["contamination"])
        page = render_page(settings.title, tools.seed, facts, settings.examples)
        write_atomically(out.path / "report.html", page.encode())
        stable = {name: value for name, value in facts.items() if name not in VOLATILE}
        write_atomically(out.path / "facts.json", to_json(stable))
        for card in ("dataset_card", "model_card"):
            write_atomically(out.path / f"{card}.md", render_card(card, settings.title, facts).encode())
        scores = {score["model"]: score for score in facts["evaluation"]["scores"] if score["task_set"] == "exam"}
        parts = ", ".join(f"{name} {percent(score['value'])}" for name, score in scores.items())
        return Stats(f"exam pass@1: {parts}")
