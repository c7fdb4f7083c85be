"""One unit of work: write a range of sections, check them, rewrite the rejected ones.

A section depends only on the recipe's seed, its number and the attempt, so any division into units gives the same
sections.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from codeprimer.analysis.prose import code_blocks
from codeprimer.authors.author import Author
from codeprimer.authors.writing import drafts
from codeprimer.core.documents import SECTIONS, SECTIONS_REJECTED, RejectedSection, SectionRow, document_id
from codeprimer.core.seeds import derive_seed
from codeprimer.core.shards import TableWriter, read_rows
from codeprimer.curriculum.blueprints import Rejection, Section, SectionBlueprint
from codeprimer.sandbox import Limits, Program, Sandbox, Tier
from codeprimer.textbooks.blocks import program_of
from codeprimer.textbooks.heldout_index import HeldOutIndex
from codeprimer.textbooks.plan import SectionRequest, request_for
from codeprimer.textbooks.settings import TextbooksSettings

UNIT_SECTIONS = 100
"""Sections per unit for an author that runs in worker processes."""
REMOTE_UNIT_SECTIONS = 1000
"""Sections per unit for an author that keeps many requests in flight."""

HOPELESS_ATTEMPTS = 2
"""A unit ends after this many attempts without an accepted section: more would probably fail too and may cost money."""

LIMITS = Limits(seconds=2.0)
"""The limits for one section's code; a correct section needs a few milliseconds."""


@dataclass(frozen=True)
class SectionUnit:
    """The sections from ``start`` up to but excluding ``stop``."""

    start: int
    stop: int
    settings: TextbooksSettings
    seed: int
    index: HeldOutIndex
    tier: Tier

    def __len__(self) -> int:
        return self.stop - self.start

    def requests(self) -> list[SectionRequest]:
        """Return the requests for the unit's sections."""
        settings = self.settings
        return [request_for(number, settings.sections, settings.audiences) for number in range(self.start, self.stop)]


@dataclass
class _Outcome:
    """A unit's results so far."""

    accepted: dict[int, SectionRow] = field(default_factory=dict)
    rejected: list[RejectedSection] = field(default_factory=list)

    def reject(self, row: SectionRow, why: Rejection) -> None:
        self.rejected.append({**row, "reason": why.reason, "detail": why.detail})


def units_for(
    settings: TextbooksSettings, seed: int, index: HeldOutIndex, tier: Tier, in_workers: bool = True
) -> list[SectionUnit]:
    """Return the units of work."""
    size = UNIT_SECTIONS if in_workers else REMOTE_UNIT_SECTIONS
    starts = range(0, settings.sections, size)
    return [SectionUnit(n, min(n + size, settings.sections), settings, seed, index, tier) for n in starts]


def write_sections(author: Author, unit: SectionUnit, folder: Path) -> None:
    """Have an author write a unit's sections, execute them, and have rejected sections rewritten.

    Each section gets at most ``attempts`` attempts. Writes the ``sections`` and ``rejected`` tables.
    """
    missing = unit.requests()
    outcome = _Outcome()
    with Sandbox(LIMITS, 1 if author.in_workers else None, unit.tier) as sandbox:
        for attempt in range(unit.settings.attempts):
            if missing:
                _attempt(author, unit, missing, attempt, outcome, sandbox)
                missing = [request for request in missing if request.number not in outcome.accepted]
            if not outcome.accepted and attempt + 1 >= HOPELESS_ATTEMPTS:
                break
    with TableWriter(folder / "sections", SECTIONS) as table:
        table.write_all(row for _, row in sorted(outcome.accepted.items()))
    with TableWriter(folder / "rejected", SECTIONS_REJECTED) as table:
        # The sort is stable, so the attempts at a section stay in order however the sections are divided into units.
        table.write_all(sorted(outcome.rejected, key=lambda row: row["position"]))


def passed(unit: SectionUnit, folder: Path) -> int:
    """Return how many of a unit's sections were accepted; ``folder`` is that of this or a longer unit."""
    rows = read_rows(folder / "sections", ["position"], SectionRow)
    return sum(unit.start <= row["position"] < unit.stop for row in rows)


def _attempt(
    author: Author,
    unit: SectionUnit,
    requests: Sequence[SectionRequest],
    attempt: int,
    outcome: _Outcome,
    sandbox: Sandbox,
) -> None:
    """Write and check the requested sections once."""
    runnable: list[tuple[SectionRow, Program]] = []
    blueprints = _blueprints(unit, requests, attempt)
    held_out = unit.index.held_out
    with closing(drafts(author, lambda given: author.sections(given, held_out), blueprints)) as written:
        for request, (_, section) in zip(requests, written, strict=True):
            if isinstance(section, Rejection):
                outcome.rejected.append(_declined(request, section))
                continue
            row = _row(section, request.number)
            checked = inspect(section, unit.settings, unit.index)
            if isinstance(checked, Program):
                runnable.append((row, checked))
            else:
                outcome.reject(row, checked)
    verdicts = sandbox.run(program for _, program in runnable)
    for (row, _), verdict in zip(runnable, verdicts, strict=True):
        if verdict.passed:
            outcome.accepted[row["position"]] = row
        else:
            outcome.reject(row, Rejection(verdict.kind.value, verdict.detail))


def _blueprints(unit: SectionUnit, requests: Sequence[SectionRequest], attempt: int) -> Iterator[SectionBlueprint]:
    for request in requests:
        seed = derive_seed(unit.seed, "textbooks", request.number, attempt)
        yield SectionBlueprint(request.concept, request.audience, seed, unit.settings.max_words)


def _declined(request: SectionRequest, why: Rejection) -> RejectedSection:
    return {
        "concept": request.concept,
        "audience": request.audience,
        "position": request.number,
        "reason": why.reason,
        "detail": why.detail,
        "request_id": why.request_id,
    }


def _row(section: Section, position: int) -> SectionRow:
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


def inspect(section: Section, settings: TextbooksSettings, index: HeldOutIndex) -> Program | Rejection:
    """Return the program to run, or a Rejection if a section fails the checks that do not need execution."""
    words = len(section.text.split())
    if words < settings.min_words:
        return Rejection("too_short", f"{words} words")
    if words > settings.max_words:
        return Rejection("too_long", f"{words} words")
    blocks = code_blocks(section.text)
    if not blocks:
        return Rejection("no_code", "there is no block of Python")
    found = index.finding(section.blueprint, section.text, blocks)
    if found is not None:
        return found
    try:
        return program_of(blocks)
    except SyntaxError as error:
        return Rejection("not_python", str(error))
