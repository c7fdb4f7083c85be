"""How often each document was trained on.

Reads the index of the tokens and what became of the plan, writes the table ``exposure``. Its one idea: the order of the
data is a pure function, so what was seen is computed, not recorded, and a killed run tells the same as an undisturbed one.
What a run went back from, the data that it left out then, and steps that were not taken have taught the model nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import EXPOSURE
from codeprimer.core.shards import read_batches
from codeprimer.model.packed import INDEX
from codeprimer.training.batches import Batches
from codeprimer.training.plan import Plan, course_of

EXPOSURE_TABLE = "exposure"


@dataclass(frozen=True)
class Stretch:
    """Steps of one phase that were taken one after the other."""

    steps: range
    jumped: int
    """So many steps' data had been left out before."""


def stretches(plan: Plan, rollbacks: Sequence[Mapping[str, int]], skipped: Collection[int]) -> Iterator[Stretch]:
    """Yield the steps that have led to the weights of the end.

    ``rollbacks`` are those of the guard, ``skipped`` the numbers of the steps, from 0 on, that were computed but not taken.
    """
    jumped, left_out = [(0, 0)], 0
    for rollback in rollbacks:
        left_out += rollback["from"] - rollback["to"]
        jumped = [*((step, before) for step, before in jumped if step < rollback["to"]), (rollback["to"], left_out)]
    cuts = {*plan.ends, *(step for step, _ in jumped), *skipped, *(step + 1 for step in skipped)}
    for first, end in pairwise(sorted(cuts)):
        if first not in skipped:
            yield Stretch(range(first, end), next(before for step, before in reversed(jumped) if step <= first))


def count_seen(batches: Batches, taken: Iterable[Stretch]) -> dict[str, NDArray[np.int64]]:
    """Return of every set how many tokens of each document were targets of these steps."""
    plan = batches.plan
    seen: dict[str, NDArray[np.int64]] = {}
    for stretch in taken:
        phase = plan.place(stretch.steps[0]).phase
        firsts, lasts = (plan.sequences(step, stretch.jumped) for step in (stretch.steps[0], stretch.steps[-1]))
        for name in firsts:
            counts = batches.courses[course_of(phase, name)].seen(range(firsts[name].start, lasts[name].stop))
            seen[name] = seen[name] + counts if name in seen else counts
    return seen


def write_exposure(tokens: Artifact, seen: Mapping[str, NDArray[np.int64]], out: Workspace) -> None:
    """Write one row for each document that at least one step trained on."""
    reached = dict.fromkeys(seen, 0)
    with out.table(EXPOSURE_TABLE, EXPOSURE) as table:
        for batch in read_batches(tokens.table(INDEX), ["doc_id", "training_set", "length"]):
            for row in batch.to_pylist():
                name = row["training_set"]
                if name not in seen:
                    continue
                count = int(seen[name][reached[name]])
                reached[name] += 1
                if count:
                    times = count / row["length"]
                    table.write(
                        {"doc_id": row["doc_id"], "training_set": name, "tokens_seen": count, "times_seen": times}
                    )
