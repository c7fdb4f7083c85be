"""Renders the page as HTML and the cards as Markdown, from chapters and facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2

import codeprimer
from codeprimer.core.stage import Stage, Step
from codeprimer.report.cost import cost_chapter, seconds_at_work
from codeprimer.report.provenance import provenance_chapter
from codeprimer.reporting.blocks import Chapter, Tile
from codeprimer.reporting.facts import Facts
from codeprimer.reporting.wording import duration, megabytes, percent


def chapters(steps: Sequence[Step], facts: Facts, examples: int) -> list[Chapter]:
    """Return the chapters of these steps' stages: the chapter with the result first, then the others in step order."""
    made: dict[type[Stage[Any]], list[str]] = {}
    for step in steps:
        made.setdefault(type(step.stage), []).append(step.name)
    stages = [stage for stage, names in made.items() if all(name in facts for name in names)]
    found = [chapter for stage in stages if (chapter := stage.chapter(facts, examples)) is not None]
    return sorted(found, key=lambda chapter: not chapter.result)


def result_of(found: Sequence[Chapter]) -> str:
    """Return the run's result in one sentence; empty if no chapter has a result."""
    return next((chapter.result for chapter in found if chapter.result), "")


def render_page(name: str, seed: int, facts: Facts, found: Sequence[Chapter]) -> str:
    """Return the report as one self-contained HTML page: the chapters in ``found``, then cost and provenance."""
    environment = _environment(autoescape=True)
    css = environment.loader.get_source(environment, "report.css")[0] if environment.loader else ""
    page = {
        "name": name,
        "seed": seed,
        "version": codeprimer.__version__,
        "total_seconds": duration(seconds_at_work(facts["cost"].values())),
        "result": result_of(found),
        "tiles": _tiles(found),
        "chapters": [*found, cost_chapter(facts), provenance_chapter(facts)],
    }
    return environment.get_template("report.html.jinja").render(page=page, css=css)


def _tiles(found: Sequence[Chapter]) -> list[Tile]:
    """Return the headline figures: first from the chapter with the result, then from the others in reverse order."""
    results, others = ([of for of in found if bool(of.result) is is_result] for is_result in (True, False))
    return [tile for chapter in [*results, *reversed(others)] for tile in chapter.tiles]


def render_cards(name: str, facts: Facts, result: str, folders: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield cards for the run's data set and models, as (file name, Markdown); equal facts give equal text.

    ``folders`` maps a step to its folder in the run.
    """
    environment = _environment(autoescape=False)
    models = [step for step, of in facts["artefacts"].items() if of["stage"] == "training"]
    for card, is_made in (("dataset_card", "contamination" in facts), ("model_card", bool(models))):
        if is_made:
            yield (
                f"{card}.md",
                environment.get_template(f"{card}.md.jinja").render(
                    name=name,
                    version=codeprimer.__version__,
                    facts=facts,
                    result=result,
                    models=models,
                    folders=folders,
                    writers=writers(facts),
                ),
            )


def writers(facts: Facts) -> list[tuple[str, str]]:
    """Return each kind of synthetic text with its author."""
    return [(what, facts[what]["author"]) for what in ("textbooks", "exercises") if "author" in facts.get(what, {})]


def _environment(autoescape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("codeprimer.report", "."),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = percent
    environment.filters["clean_megabytes"] = lambda of: megabytes(of["bytes"] - of["removed_bytes"])
    return environment
