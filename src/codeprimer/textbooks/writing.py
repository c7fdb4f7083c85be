"""One unit of work: write a range of sections, judge them, write the rejected ones anew.

Reads nothing but its unit; writes the tables ``sections`` and ``rejected`` into its folder. Its one idea: a section is
a function of the recipe's seed, its number and the attempt, so units may be cut anywhere and run anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from codeprimer.analysis.prose import code_blocks
from codeprimer.authors.author import Author
from codeprimer.core.documents import SECTIONS, SECTIONS_REJECTED, document_id
from codeprimer.core.engine import ending
from codeprimer.core.plugins import make
from codeprimer.core.seeds import derive_seed
from codeprimer.core.shards import Row, TableWriter
from codeprimer.curriculum.blueprints import Declined, Section, SectionBlueprint
from codeprimer.sandbox import Limits, Program, Sandbox, Tier
from codeprimer.textbooks.blocks import program_of
from codeprimer.textbooks.guarding import Fault, Guard
from codeprimer.textbooks.plan import Order, order_for
from codeprimer.textbooks.settings import TextbooksSettings

UNIT_SECTIONS = 100
ASKED_SECTIONS = 1000
"""Sections per unit where somebody is asked, who keeps many requests in flight."""

HOPELESS_ATTEMPTS = 2

LIMITS = Limits(seconds=2.0)
"""What the code of one section may use; an honest section needs some milliseconds."""


@dataclass(frozen=True)
class WriteUnit:
    """The sections from ``start`` up to ``stop``."""

    start: int
    stop: int
    settings: TextbooksSettings
    seed: int
    guard: Guard
    tier: Tier


@dataclass
class _Outcome:
    """What has become of a unit's sections so far."""

    accepted: dict[int, Row] = field(default_factory=dict)
    rejected: list[Row] = field(default_factory=list)


def units_for(
    settings: TextbooksSettings, seed: int, guard: Guard, tier: Tier, size: int | None = None
) -> list[WriteUnit]:
    """Return the units of work, of ``size`` sections each; None: as suits the engine's workers."""
    size = size or UNIT_SECTIONS
    starts = range(0, settings.sections, size)
    stops = (min(start + size, settings.sections) for start in starts)
    return [WriteUnit(start, stop, settings, seed, guard, tier) for start, stop in zip(starts, stops, strict=True)]


def write_unit(unit: WriteUnit, folder: Path) -> None:
    """Write the sections of a unit; a rejected one is written anew, up to ``attempts`` times in all."""
    write_sections(make("author", unit.settings.author), unit, folder, workers=1)


def write_sections(author: Author, unit: WriteUnit, folder: Path, workers: int | None = None) -> None:
    """Have an author write the sections of a unit, and judge them in a sandbox of so many workers; None: one per core."""
    settings = unit.settings
    missing = [order_for(number, settings.sections, settings.audiences) for number in range(unit.start, unit.stop)]
    outcome = _Outcome()
    with Sandbox(LIMITS, workers, unit.tier) as sandbox:
        for attempt in range(settings.attempts):
            if missing:
                _attempt(unit, author, missing, attempt, outcome, sandbox)
                missing = [order for order in missing if order.number not in outcome.accepted]
            if not outcome.accepted and attempt + 1 >= HOPELESS_ATTEMPTS:
                break  # an author of whom nothing passes twice will not pass later, and may have to be paid
    with TableWriter(folder / "sections", SECTIONS) as table:
        table.write_all(row for _, row in sorted(outcome.accepted.items()))
    with TableWriter(folder / "rejected", SECTIONS_REJECTED) as table:
        # Stable: a section's attempts stay in order, and the order does not depend on the cut into units.
        table.write_all(sorted(outcome.rejected, key=lambda row: int(row["position"])))


def _attempt(
    unit: WriteUnit, author: Author, orders: list[Order], attempt: int, outcome: _Outcome, sandbox: Sandbox
) -> None:
    """Write and judge the ordered sections once."""
    runnable: list[tuple[int, Row, Program]] = []
    with ending(_written(unit, author, orders, attempt)) as written:
        sections = list(zip(orders, written, strict=True))
    for order, section in sections:
        if not isinstance(section, Section):
            declined = section or Declined("not_written", "every example would be held out")
            row: Row = {"concept": order.concept, "audience": order.audience, "position": order.number}
            why = {"reason": declined.reason, "detail": declined.detail, "request_id": declined.request_id}
            outcome.rejected.append(row | why)
            continue
        row = _row(section, order.number)
        judged = inspect(section, unit.settings, unit.guard)
        if isinstance(judged, Program):
            runnable.append((order.number, row, judged))
        else:
            outcome.rejected.append(row | {"reason": judged.reason, "detail": judged.detail})
    verdicts = sandbox.run(program for _, _, program in runnable)
    for (number, row, _), verdict in zip(runnable, verdicts, strict=True):
        if verdict.passed:
            outcome.accepted[number] = row
        else:
            outcome.rejected.append(row | {"reason": verdict.kind.value, "detail": verdict.detail})


def _written(unit: WriteUnit, author: Author, orders: list[Order], attempt: int) -> Iterator[Section | Declined | None]:
    words = unit.settings.max_words
    blueprints = [
        SectionBlueprint(
            order.concept, order.audience, derive_seed(unit.seed, "textbooks", order.number, attempt), words
        )
        for order in orders
    ]
    return author.sections(blueprints, unit.guard.held_out)


def _row(section: Section, position: int) -> Row:
    return {
        "doc_id": document_id(section.text),
        "blueprint": section.blueprint,
        "concept": section.concept,
        "concepts": list(section.concepts),
        "audience": section.audience,
        "position": position,
        "text": section.text,
        "request_id": section.request_id,
    }


def inspect(section: Section, settings: TextbooksSettings, guard: Guard) -> Program | Fault:
    """Return the program to run, or what is wrong with a section before it is run."""
    words = len(section.text.split())
    if words < settings.min_words:
        return Fault("too_short", f"{words} words")
    if words > settings.max_words:
        return Fault("too_long", f"{words} words")
    blocks = code_blocks(section.text)
    if not blocks:
        return Fault("no_code", "there is no block of Python")
    found = guard.finding(section.blueprint, section.text, blocks)
    if found is not None:
        return found
    try:
        return program_of(blocks)
    except SyntaxError as error:
        return Fault("not_python", str(error))
