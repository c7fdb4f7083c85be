"""What no section may contain: the compositions and the very code of exam and validation.

Reads the exam's tables. Its one idea: compositions keep the author away from held-out problems, and syntax trees catch
what an author wrote by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from codeprimer.analysis.trees import function_trees
from codeprimer.core.artifact import Artifact
from codeprimer.curriculum.heldout import HeldOut

TABLES = ("exam", "validation")


@dataclass(frozen=True)
class Fault:
    """Why a section is rejected."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Guard:
    """What is held out; small enough to travel with every unit of work."""

    keys: tuple[str, ...]
    """The compositions of exam and validation."""
    trees: frozenset[str]
    """Digests of their solutions with all names masked that the program binds itself."""

    @cached_property
    def held_out(self) -> HeldOut:
        """The guard that an author needs."""
        return HeldOut.of(self.keys)

    def finding(self, blueprint: str, blocks: Sequence[str]) -> Fault | None:
        """Return what a section holds of the exam, if anything."""
        for key in blueprint.split(" + "):
            if self.held_out.forbids(tuple(key.split(">")[1:])):
                return Fault("held_out", key)
        for block in blocks:
            for function in function_trees(block):
                if function.digest in self.trees:
                    return Fault("exam_solution", function.name)
        return None


def guard_from(exam: Artifact) -> Guard:
    """Return the guard of an exam artefact."""
    keys: list[str] = []
    trees = set()
    for table in TABLES:
        for row in exam.rows(table, ["blueprint", "prompt", "solution"]):
            keys.append(row["blueprint"])
            # The function that is asked for encloses, or outweighs, every helper beside it.
            functions = function_trees(row["prompt"] + row["solution"])
            trees.add(max(functions, key=lambda function: function.nodes).digest)
    return Guard(tuple(keys), frozenset(trees))
