"""The exercises stage: rounds of units, merged in order, until enough exercises are kept.

Each round requests the exercises that are still missing. The stage fails if rounds add no new exercises.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from codeprimer.authors.author import Author, cannot_write
from codeprimer.authors.writing import COMPARED, compare, write_units
from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import EXERCISES, EXERCISES_REJECTED, RejectedExercise
from codeprimer.core.errors import RecipeError
from codeprimer.core.shards import TableWriter, read_rows
from codeprimer.core.stage import Sections, Stage, Stats, Tools
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.exercises.settings import ExercisesSettings
from codeprimer.exercises.tally import ExerciseTally
from codeprimer.exercises.writing import REJECTED, ExerciseUnit, accepted_rows, passed, write_exercises
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts
from codeprimer.sandbox import Tier

EXPECTED_YIELD = 0.9
"""The fraction of exercises expected to be kept; a round requests the missing number divided by this fraction."""

MINIMUM_REQUESTS = 16
"""Minimum number of requests per round for an author that keeps many requests in flight; surplus exercises are discarded."""

EMPTY_ROUNDS = 3
"""After this many rounds without a new exercise, an author that keeps many requests in flight gets no more requests."""


class ExercisesStage(Stage[ExercisesSettings]):
    """Turns compositions that are not held out into executed exercises."""

    name = "exercises"
    number = 40
    version = 6
    Settings = ExercisesSettings
    runs_programs = True
    reads = ("exam",)
    required_tables = ("exercises",)

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the exercises."""
        from codeprimer.exercises.chapter import exercises_chapter

        return exercises_chapter(facts, examples)

    @classmethod
    def contradictions(cls, settings: ExercisesSettings, recipe: Sections) -> Iterator[str]:
        """Yield a sentence if the author does not write exercises."""
        del recipe
        yield from cannot_write("exercises", settings.author, "exercises.author")

    def run(self, settings: ExercisesSettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write exactly ``count`` exercises.

        Raises RecipeError if the author does not write that many different exercises.
        """
        author: Author = tools.make("author", settings.author)
        held_out = HeldOut.by(inputs["exam"])
        if estimate := author.estimate_exercises(settings.count):
            tools.console.say(f"  {estimate}")
        tally = _write(author, settings, held_out, out, tools)
        facts = tally.facts() | {"author": author.about}
        if not author.in_workers:
            first = _unit(settings, tools, held_out, 0, min(settings.count, COMPARED))
            compared = compare(author, write_exercises, first, passed, _round_folder(out, 0), tools)
            if written := author.facts() | compared:
                facts["writing"] = written
        headline = f"{tally.kept:,} exercises with {facts['distinct_trees']:,} distinct masked syntax trees"
        return Stats(f"{headline}; {tally.rejected:,} rejected", facts)


def _write(
    author: Author, settings: ExercisesSettings, held_out: HeldOut, out: Workspace, tools: Tools
) -> ExerciseTally:
    """Write the tables in rounds. Raises RecipeError if the rounds produce too few exercises."""
    tally = ExerciseTally()
    requested, empty = 0, 0
    with out.table("exercises", EXERCISES) as kept, out.table("rejected", EXERCISES_REJECTED) as rejected:
        for number in range(settings.rounds):
            before = tally.kept
            sizes = _unit_sizes(author, settings, settings.count - tally.kept)
            units = [_unit(settings, tools, held_out, n, size) for n, size in enumerate(sizes, requested)]
            requested += len(units)
            work, title = _round_folder(out, number), "exercises: writing and executing"
            with closing(write_units(author, write_exercises, units, work, title, tools)) as folders:
                for folder in folders:
                    _merge(folder, settings.count, tally, kept, rejected)
            empty = empty + 1 if tally.kept == before else 0
            if tally.kept == settings.count or empty == (1 if author.in_workers else EMPTY_ROUNDS):
                break
    if tally.kept < settings.count:
        remedy = (
            f"raise exercises.rounds (now {settings.rounds})" if number + 1 == settings.rounds else "check the author"
        )
        raise RecipeError(
            f"exercises.count: after {number + 1} rounds only {tally.kept:,} of {settings.count:,} different exercises "
            f"passed their checks (rejected: {tally.main_reasons()}); lower exercises.count, or {remedy}"
        )
    return tally


def _round_folder(out: Workspace, number: int) -> Path:
    return out.work / f"round-{number:02d}"


def _unit_sizes(author: Author, settings: ExercisesSettings, missing: int) -> list[int]:
    """Return how many exercises each unit of a round requests."""
    if author.in_workers:
        return [settings.unit_exercises] * math.ceil(missing / EXPECTED_YIELD / settings.unit_exercises)
    # One unit, without a margin for rejected exercises, because each request may cost money.
    return [max(missing, MINIMUM_REQUESTS)]


def _unit(settings: ExercisesSettings, tools: Tools, held_out: HeldOut, number: int, count: int) -> ExerciseUnit:
    return ExerciseUnit(number, count, tools.seed, settings.seconds, held_out, Tier[tools.tier])


def _merge(folder: Path, count: int, tally: ExerciseTally, kept: TableWriter, rejected: TableWriter) -> None:
    """Append a unit's rows, up to ``count`` exercises; an exercise whose prompt was already kept is rejected."""
    for draft in read_rows(folder / REJECTED, None, RejectedExercise):
        if tally.kept < count:
            tally.reject(draft["reason"])
            rejected.write(draft)
    for row, tree in accepted_rows(folder):
        if tally.kept == count:
            return
        if tally.is_new(row["prompt"]):
            tally.keep(row, tree)
            kept.write(row)
        else:
            tally.reject("duplicate")
            rejected.write({**row, "reason": "duplicate", "detail": "another exercise has the same prompt"})
