"""How often each document was trained on.

Reads the token index and the steps that a run took; writes the ``exposure`` table. Key idea: the data order is a pure function
of the step, so exposure is computed, not recorded, and is the same even if a run was killed and resumed. Steps that were rolled
back, left out or skipped are not counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import EXPOSURE, Exposure, TokenSpan
from codeprimer.model.packed import INDEX
from codeprimer.training.batches import Batches
from codeprimer.training.plan import Plan, stream_of

EXPOSURE_TABLE = "exposure"


@dataclass(frozen=True)
class StepSpan:
    """Consecutive steps taken in one phase."""

    steps: range
    jumped: int
    """Number of steps whose data were left out before these steps."""


def steps_taken(plan: Plan, rollbacks: Sequence[Mapping[str, int]], skipped: Collection[int]) -> Iterator[StepSpan]:
    """Yield the steps that led to the final weights.

    ``rollbacks`` are those recorded by the guard; ``skipped`` holds the numbers of the skipped steps, counted from 0.
    """
    jumped, left_out = [(0, 0)], 0
    for rollback in rollbacks:
        left_out += rollback["from"] - rollback["to"]
        jumped = [*((step, before) for step, before in jumped if step < rollback["to"]), (rollback["to"], left_out)]
    cuts = {*plan.ends, *(step for step, _ in jumped), *skipped, *(step + 1 for step in skipped)}
    for first, end in pairwise(sorted(cuts)):
        if first not in skipped:
            yield StepSpan(range(first, end), next(before for step, before in reversed(jumped) if step <= first))


def count_seen(batches: Batches, taken: Iterable[StepSpan]) -> dict[str, NDArray[np.int64]]:
    """Return, for every set, how many tokens of each document were targets in these steps."""
    plan = batches.plan
    seen: dict[str, NDArray[np.int64]] = {}
    for span in taken:
        phase = plan.position(span.steps[0]).phase
        firsts, lasts = (plan.sequences(step, span.jumped) for step in (span.steps[0], span.steps[-1]))
        for name in firsts:
            counts = batches.streams[stream_of(phase, name)].seen(range(firsts[name].start, lasts[name].stop))
            seen[name] = seen[name] + counts if name in seen else counts
    return seen


def write_exposure(tokens: Artifact, seen: Mapping[str, NDArray[np.int64]], out: Workspace) -> None:
    """Write one row for each document that at least one step trained on."""
    reached = dict.fromkeys(seen, 0)
    with out.table(EXPOSURE_TABLE, EXPOSURE) as table:
        for span in tokens.rows(INDEX, ["doc_id", "training_set", "length"], TokenSpan):
            name = span["training_set"]
            if name not in seen:
                continue
            count = int(seen[name][reached[name]])
            reached[name] += 1
            if count:
                times = count / span["length"]
                row = Exposure(doc_id=span["doc_id"], training_set=name, tokens_seen=count, times_seen=times)
                table.write(row)
