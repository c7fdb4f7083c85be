"""The page and the two cards: facts in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

import codeprimer
from codeprimer.core.documents import MODELS
from codeprimer.report.blocks import Section
from codeprimer.report.data_sections import contamination_section, corpus_section, quality_section, tokens_section
from codeprimer.report.model_sections import cost_section, provenance_section, training_section
from codeprimer.report.result_sections import lead_sentence, result_section, samples_section, tiles
from codeprimer.report.wording import duration, megabytes, percent, seconds_at_work
from codeprimer.report.written_sections import exam_section, exercises_section, textbooks_section

Facts = Mapping[str, Any]


def sections(facts: Facts, examples: int) -> Sequence[Section]:
    """Return the chapters of the page in order: the result first, then how it came about."""
    return [
        result_section(facts),
        samples_section(facts, examples),
        corpus_section(facts),
        quality_section(facts, examples),
        textbooks_section(facts, examples),
        exercises_section(facts, examples),
        exam_section(facts),
        contamination_section(facts, examples),
        tokens_section(facts),
        training_section(facts),
        cost_section(facts),
        provenance_section(facts),
    ]


def render_page(name: str, seed: int, facts: Facts, examples: int) -> str:
    """Return the report as one self-contained HTML page."""
    environment = _environment(autoescape=True)
    css = environment.loader.get_source(environment, "report.css")[0] if environment.loader else ""
    page = {
        "name": name,
        "seed": seed,
        "version": codeprimer.__version__,
        "total_seconds": duration(seconds_at_work(facts["cost"].values())),
        "lead": lead_sentence(facts),
        "tiles": tiles(facts),
        "sections": sections(facts, examples),
    }
    return environment.get_template("report.html.jinja").render(page=page, css=css)


def render_card(template: str, name: str, facts: Facts) -> str:
    """Return a card ("dataset_card" or "model_card") as Markdown; equal facts give equal text."""
    environment = _environment(autoescape=False)
    folders = {"control": "70-control", "base": "71-base", "tuned": "72-tuned"}
    return environment.get_template(f"{template}.md.jinja").render(
        name=name,
        version=codeprimer.__version__,
        facts=facts,
        lead=lead_sentence(facts),
        models=MODELS,
        folders=folders,
        writers=_writers(facts),
    )


def _writers(facts: Facts) -> list[tuple[str, str | None]]:
    """Return which language model wrote what, None for the offline author; nothing where no model was asked."""
    written = [(what, facts[what].get("writing")) for what in ("textbooks", "exercises")]
    if not any(writing for _, writing in written):
        return []
    return [(what, writing["model"] if writing else None) for what, writing in written]


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
