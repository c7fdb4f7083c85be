"""What no section may contain: the compositions, the very code and the wording of exam and validation.

Reads the exam's tables. Its one idea: compositions keep the author away from held-out problems; syntax trees and runs
of words catch what an author wrote by chance, while it can still be written anew. (What slips through here is removed
later, when all training sets are compared with the exam.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from codeprimer.analysis.ngrams import gram_hashes, words
from codeprimer.analysis.prose import GRAM_WORDS, SHORTEST_PROSE, problem_prose
from codeprimer.analysis.trees import FunctionTree, function_trees
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

    keys: tuple[str, ...] = ()
    """The compositions of exam and validation."""
    trees: frozenset[str] = frozenset()
    """Digests of their solutions with all names masked that the program binds itself."""
    outlines: frozenset[str] = frozenset()
    """The outlines of those trees; most functions differ in theirs already."""
    grams: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Hashes of the runs of words of their docstrings, by length."""

    @cached_property
    def held_out(self) -> HeldOut:
        """The guard that an author needs."""
        return HeldOut.of(self.keys)

    def finding(self, blueprint: str, text: str, blocks: Sequence[str]) -> Fault | None:
        """Return what a section (its compositions, text and code blocks) holds of the exam, if anything."""
        for key in blueprint.split(" + "):
            if self.held_out.forbids(tuple(key.split(">")[1:])):
                return Fault("held_out", key)
        if shared := self._shared_words(text):
            return Fault("exam_wording", shared)
        for block in blocks:
            for function in function_trees(block, self.outlines):
                if function.digest in self.trees:
                    return Fault("exam_solution", function.name)
        return None

    def _shared_words(self, text: str) -> str:
        """Return the first run of words that a docstring of the exam has too, or nothing."""
        if not self.grams:
            return ""
        listed = words(text)
        for length, hashes in gram_hashes(listed, self.grams.keys()).items():
            known = self.grams[length]
            for place, hashed in enumerate(hashes.tolist()):
                if hashed in known:
                    return " ".join(listed[place : place + length])
        return ""


def guard_from(exam: Artifact) -> Guard:
    """Return the guard of an exam artefact."""
    keys: list[str] = []
    trees: dict[str, str] = {}
    grams: dict[int, set[int]] = {}
    for table in TABLES:
        for row in exam.rows(table, ["blueprint", "prompt", "solution"]):
            program = row["prompt"] + row["solution"]
            keys.append(row["blueprint"])
            trees |= {tree.digest: tree.outline for tree in function_trees(program) if _is_asked_for(tree)}
            for length, hashed in _grams(row["prompt"], row["solution"]):
                grams.setdefault(length, set()).add(hashed)
    by_length = {length: frozenset(grams[length]) for length in sorted(grams)}
    return Guard(tuple(keys), frozenset(trees), frozenset(trees.values()), by_length)


def _is_asked_for(tree: FunctionTree) -> bool:
    """Tell a function that solves a problem from a helper inside it and from ``__init__``."""
    return not tree.nested and not tree.name.startswith("__")


def _grams(prompt: str, solution: str) -> Iterator[tuple[int, int]]:
    """Yield length and hash of every run of words in a problem's prose."""
    for piece in problem_prose(prompt, solution):
        listed = words(piece)
        length = min(GRAM_WORDS, len(listed))
        if length >= SHORTEST_PROSE:
            for hashed in gram_hashes(listed, {length})[length].tolist():
                yield length, hashed
