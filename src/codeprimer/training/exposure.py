"""How often each document was trained on.

Reads the index of the tokens and the plan, writes the table ``exposure``. Its one idea: the order of the data is a pure
function, so what was seen is computed, not recorded, and a killed run tells the same as an undisturbed one.
"""

from __future__ import annotations

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.documents import EXPOSURE
from codeprimer.core.shards import read_batches
from codeprimer.model.packed import INDEX
from codeprimer.training.batches import Batches
from codeprimer.training.plan import Plan

EXPOSURE_TABLE = "exposure"


def write_exposure(tokens: Artifact, plan: Plan, batches: Batches, out: Workspace) -> None:
    """Write one row for each document that at least one step trained on."""
    seen = {name: batches.sets[name].seen(count) for name, count in plan.drawn().items()}
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
