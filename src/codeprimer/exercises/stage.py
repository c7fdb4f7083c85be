"""The exercises stage: rounds of units, merged in order, until enough exercises are kept.

Writes ``exercises`` and ``rejected``. Its one idea: ask for what is missing, not for a fixed amount, and stop with a
sentence when asking for more brings nothing new.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import orjson

from codeprimer.authors.author import COMPARED, Author
from codeprimer.authors.comparing import comparison
from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import EXERCISES, EXERCISES_REJECTED
from codeprimer.core.engine import map_here
from codeprimer.core.errors import RecipeError
from codeprimer.core.shards import Row, TableWriter, read_rows
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.exercises.settings import ExercisesSettings
from codeprimer.exercises.tally import Tally
from codeprimer.exercises.writing import (
    ACCEPTED,
    PLACES,
    REJECTED,
    TREES,
    WriteUnit,
    ask_unit,
    write_unit,
)
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.sandbox import Tier

EXPECTED_SHARE = 0.9
"""The first round asks for the missing exercises divided by this: some are alike."""

FEWEST_ORDERED = 16
"""Where somebody is asked, so many are ordered in a round at least; whatever is too many is left."""

EMPTY_ROUNDS = 3
"""After so many rounds that brought nothing, somebody who is asked is asked no more."""

HELD_OUT_TABLES = ("exam", "validation")


class ExercisesStage(Stage[ExercisesSettings]):
    """From compositions that are not held out to executed exercises."""

    name = "exercises"
    number = 40
    version = 5
    Settings = ExercisesSettings
    runs_programs = True
    reads = ("exam",)
    required_tables = ("exercises",)

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the exercises."""
        from codeprimer.exercises.chapter import exercises_chapter

        return exercises_chapter(facts, examples)

    def run(self, settings: ExercisesSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write exactly ``count`` exercises.

        Raises RecipeError where the author cannot write so many different ones.
        """
        tally = Tally()
        author: Author = tools.make("author", settings.author)
        held_out = held_out_by(inputs["exam"])
        asked, empty = 0, 0
        if estimate := author.estimate_exercises(settings.count):
            tools.console.say(f"  {estimate}")
        with out.table("exercises", EXERCISES) as kept, out.table("rejected", EXERCISES_REJECTED) as rejected:
            for number in range(settings.rounds):
                before = tally.kept
                units = _round(author, settings, tools, held_out, settings.count - tally.kept, asked)
                asked += len(units)
                work = out.work / f"round-{number:02d}"
                with closing(_written(author, units, work, tools)) as written:
                    for folder in written:
                        _merge(folder, settings.count, tally, kept, rejected)
                empty = empty + 1 if tally.kept == before else 0
                if tally.kept == settings.count or empty == (1 if author.in_workers else EMPTY_ROUNDS):
                    break
        if tally.kept < settings.count:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in tally.rejected.most_common(3))
            rounds = number + 1
            remedy = (
                f"raise exercises.rounds (now {settings.rounds})" if rounds == settings.rounds else "see to the author"
            )
            raise RecipeError(
                f"exercises.count: after {rounds} rounds only {tally.kept:,} of {settings.count:,} different exercises "
                f"passed their checks (rejected: {reasons or 'none'}); ask for fewer, or {remedy}"
            )
        facts = tally.facts()
        if not author.in_workers:
            facts["writing"] = author.facts() | _comparison(author, settings, held_out, out.work, tools)
        headline = f"{tally.kept:,} exercises with {facts['distinct_trees']:,} distinct masked syntax trees"
        return Stats(f"{headline}; {tally.rejected.total():,} rejected", facts)


def _written(author: Author, units: list[WriteUnit], work: Path, tools: Tools) -> Generator[Path, None, None]:
    """Have units written, by the engine's workers or, where an author keeps requests in flight, in this process."""
    if author.in_workers:
        with closing(tools.engine.map(write_unit, units, work, "exercises: writing and executing")) as written:
            yield from written
        return
    yield from map_here(partial(ask_unit, author), units, work)


def _comparison(author: Author, settings: ExercisesSettings, held_out: HeldOut, work: Path, tools: Tools) -> Row:
    """Return what a second author makes of the first orders; nothing where there is none."""
    count = min(settings.count, COMPARED)
    unit = WriteUnit(0, count, tools.seed, settings.author, settings.seconds, held_out, Tier[tools.tier])

    def write(author: Author, folder: Path) -> None:
        ask_unit(author, unit, folder)

    def passed(folder: Path) -> int:
        return sum(place < count for place in orjson.loads((folder / PLACES).read_bytes()))

    [first, *_] = sorted((work / "round-00").glob("[0-9]*"))
    return comparison(author, count, write, passed, first, tools)


def _round(
    author: Author, settings: ExercisesSettings, tools: Tools, held_out: HeldOut, missing: int, asked: int
) -> list[WriteUnit]:
    """Return the units that should give the missing exercises; no unit is ever asked for twice."""
    if author.in_workers:
        units, count = math.ceil(missing / EXPECTED_SHARE / settings.unit_exercises), settings.unit_exercises
    else:  # each is paid for: as many are ordered as are missing, in one unit
        units, count = 1, max(missing, FEWEST_ORDERED)
    tier = Tier[tools.tier]
    return [
        WriteUnit(number, count, tools.seed, settings.author, settings.seconds, held_out, tier)
        for number in range(asked, asked + units)
    ]


def held_out_by(exam: Artifact) -> HeldOut:
    """Return the guard of an exam artefact."""
    rows = (row for table in HELD_OUT_TABLES for row in exam.rows(table, ["blueprint"]))
    return HeldOut.of(row["blueprint"] for row in rows)


def _merge(folder: Path, count: int, tally: Tally, kept: TableWriter, rejected: TableWriter) -> None:
    """Take over a unit's rows; whatever comes after the last wanted exercise is left."""
    for row in read_rows(folder / REJECTED):
        if tally.kept < count:
            _reject(row, tally, rejected)
    for row, tree in _accepted(folder):
        if tally.kept == count:
            return
        if tally.is_new(row):
            tally.keep(row, tree)
            kept.write(row)
        else:
            _reject(row | {"reason": "duplicate", "detail": "another exercise has the same prompt"}, tally, rejected)


def _accepted(folder: Path) -> Iterator[tuple[Row, str]]:
    trees = orjson.loads((folder / TREES).read_bytes())
    return zip(read_rows(folder / ACCEPTED), trees, strict=True)


def _reject(row: Row, tally: Tally, rejected: TableWriter) -> None:
    tally.reject(row["reason"])
    rejected.write(row)
