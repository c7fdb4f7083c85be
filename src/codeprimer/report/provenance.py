"""The report's chapter on provenance: the ids of all artefacts."""

from __future__ import annotations

from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts


def provenance_chapter(facts: Facts) -> Chapter:
    """Return the chapter on the artefacts' ids."""
    rows = [
        (step, f"{of['stage']}-{of['id']}", of["version"], of["seed"] if of["seed"] is not None else "-")
        for step, of in facts["artefacts"].items()
    ]
    return Chapter(
        "provenance",
        "Provenance",
        [
            blocks.text(
                "An artefact's id is a hash of its stage's version and settings, its seed, its plug-ins, the ids of its inputs "
                "and the content of its source files. Equal ids mean equal bytes."
            ),
            blocks.table(("step", "artefact", "stage version", "seed"), rows),
        ],
    )
