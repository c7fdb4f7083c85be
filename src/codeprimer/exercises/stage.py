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

from codeprimer.core.artifact import Artifact, Workspace, to_json
from codeprimer.core.console import Console
from codeprimer.core.documents import EXERCISES, EXERCISES_REJECTED
from codeprimer.core.errors import RecipeError
from codeprimer.core.shards import Row, TableWriter, read_rows
from codeprimer.core.stage import Stage, Stats, Tools, map_here
from codeprimer.curriculum.author import COMPARED, AskingAuthor
from codeprimer.curriculum.comparing import comparison
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
    author_named,
    write_unit,
)
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
    version = 4
    reads = ("exam",)
    required_tables = ("exercises",)

    def __init__(self, tier: Tier = Tier.jailed, author: AskingAuthor | None = None) -> None:
        """Run the solutions in a sandbox of ``tier``; ``author`` replaces the one that the settings name."""
        self._tier = tier
        self._author = author

    def source_digest(self, settings: ExercisesSettings, console: Console) -> str:
        """Raise RecipeError early where the author is unknown; the tier stands in the table of exercises."""
        if self._author is not None:
            return to_json([self._tier.name, self._author.identity()]).decode()
        author_named(settings.author)
        return self._tier.name

    def run(self, settings: ExercisesSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write exactly ``count`` exercises.

        Raises RecipeError where the author cannot write so many different ones.
        """
        tally = Tally()
        held_out = held_out_by(inputs["exam"])
        asked, empty = 0, 0
        if self._author is not None:
            tools.console.say(f"  {self._author.estimate_exercises(settings.count)}")
        with out.table("exercises", EXERCISES) as kept, out.table("rejected", EXERCISES_REJECTED) as rejected:
            for number in range(settings.rounds):
                before = tally.kept
                units = self._round(settings, tools.seed, held_out, settings.count - tally.kept, asked)
                asked += len(units)
                work = out.work / f"round-{number:02d}"
                with closing(self._written(units, work, tools)) as written:
                    for folder in written:
                        _merge(folder, settings.count, tally, kept, rejected)
                empty = empty + 1 if tally.kept == before else 0
                if tally.kept == settings.count or empty == (1 if self._author is None else EMPTY_ROUNDS):
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
        if self._author is not None:
            facts["writing"] = self._author.facts() | self._comparison(settings, held_out, out.work, tools)
        headline = f"{tally.kept:,} exercises with {facts['distinct_trees']:,} distinct masked syntax trees"
        return Stats(f"{headline}; {tally.rejected.total():,} rejected", facts)

    def _written(self, units: list[WriteUnit], work: Path, tools: Tools) -> Generator[Path, None, None]:
        """Have units written, by the engine's workers or, where somebody is asked, in this process."""
        if self._author is None:
            with closing(tools.engine.map(write_unit, units, work, "exercises: writing and executing")) as written:
                yield from written
            return
        yield from map_here(partial(ask_unit, self._author), units, work)

    def _comparison(self, settings: ExercisesSettings, held_out: HeldOut, work: Path, tools: Tools) -> Row:
        """Return what a second author makes of the first orders; nothing where there is none."""
        assert self._author is not None
        count = min(settings.count, COMPARED)
        unit = WriteUnit(0, count, tools.seed, settings.author, settings.seconds, held_out, self._tier)

        def write(author: AskingAuthor, folder: Path) -> None:
            ask_unit(author, unit, folder)

        def passed(folder: Path) -> int:
            return sum(place < count for place in orjson.loads((folder / PLACES).read_bytes()))

        [first, *_] = sorted((work / "round-00").glob("[0-9]*"))
        return comparison(self._author, count, write, passed, first, tools)

    def _round(
        self, settings: ExercisesSettings, seed: int, held_out: HeldOut, missing: int, asked: int
    ) -> list[WriteUnit]:
        """Return the units that should give the missing exercises; no unit is ever asked for twice."""
        if self._author is not None:  # each is paid for: as many are ordered as are missing, in one unit
            name, count = settings.author, max(missing, FEWEST_ORDERED)
            return [WriteUnit(asked, count, seed, name, settings.seconds, held_out, self._tier)]
        units = math.ceil(missing / EXPECTED_SHARE / settings.unit_exercises)
        return [
            WriteUnit(number, settings.unit_exercises, seed, settings.author, settings.seconds, held_out, self._tier)
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
