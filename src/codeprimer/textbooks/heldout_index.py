"""Content that sections must not contain: the compositions, solutions and wording of the exam and validation problems.

An author avoids held-out compositions. Comparing syntax trees and word n-grams finds accidental matches while the
section can still be rewritten. (The contamination stage compares all training sets with the exam again.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from codeprimer.analysis.ngrams import gram_hashes, words
from codeprimer.analysis.prose import GRAM_WORDS, SHORTEST_PROSE, problem_prose
from codeprimer.analysis.trees import FunctionTree, function_trees
from codeprimer.core.artifact import Artifact
from codeprimer.core.documents import Task
from codeprimer.curriculum.blueprints import Rejection
from codeprimer.curriculum.heldout import TABLES, HeldOut


@dataclass(frozen=True)
class HeldOutIndex:
    """An index of the held-out content, small enough to be sent with every unit of work."""

    keys: tuple[str, ...] = ()
    """The keys of the compositions in the exam and validation tables."""
    trees: frozenset[str] = frozenset()
    """Digests of the solutions' syntax trees, in which the names that a program itself binds are masked."""
    outlines: frozenset[str] = frozenset()
    """The outlines of these trees, as a quick first test: most other functions differ in their outline."""
    grams: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Hashes of the word n-grams in the problems' docstrings, by n."""

    @classmethod
    def by(cls, exam: Artifact) -> HeldOutIndex:
        """Return the index of an exam artefact."""
        keys: list[str] = []
        trees: dict[str, str] = {}
        grams: dict[int, set[int]] = {}
        for table in TABLES:
            for row in exam.rows(table, ["blueprint", "prompt", "solution"], Task):
                program = row["prompt"] + row["solution"]
                keys.append(row["blueprint"] or "")
                trees |= {tree.digest: tree.outline for tree in function_trees(program) if _is_solution(tree)}
                for length, hashed in _grams(row["prompt"], row["solution"]):
                    grams.setdefault(length, set()).add(hashed)
        by_length = {length: frozenset(grams[length]) for length in sorted(grams)}
        return cls(tuple(keys), frozenset(trees), frozenset(trees.values()), by_length)

    @cached_property
    def held_out(self) -> HeldOut:
        """The held-out compositions, for an author."""
        return HeldOut.of(self.keys)

    def finding(self, blueprint: str, text: str, blocks: Sequence[str]) -> Rejection | None:
        """Return a Rejection if a section's compositions, text or code blocks contain exam content."""
        for key in blueprint.split(" + "):
            if self.held_out.forbids(tuple(key.split(">")[1:])):
                return Rejection("held_out", key)
        if shared := self._shared_words(text):
            return Rejection("exam_wording", shared)
        for block in blocks:
            for function in function_trees(block, self.outlines):
                if function.digest in self.trees:
                    return Rejection("exam_solution", function.name)
        return None

    def _shared_words(self, text: str) -> str:
        """Return the first n-gram that also occurs in a held-out docstring; empty if there is none."""
        if not self.grams:
            return ""
        listed = words(text)
        for length, hashes in gram_hashes(listed, self.grams.keys()).items():
            known = self.grams[length]
            for place, hashed in enumerate(hashes.tolist()):
                if hashed in known:
                    return " ".join(listed[place : place + length])
        return ""


def _is_solution(tree: FunctionTree) -> bool:
    """Return whether a function solves a problem: it is neither a helper inside a solution nor ``__init__``."""
    return not tree.nested and not tree.name.startswith("__")


def _grams(prompt: str, solution: str) -> Iterator[tuple[int, int]]:
    """Yield n and the hash of every n-gram in a problem's prose."""
    for piece in problem_prose(prompt, solution):
        listed = words(piece)
        length = min(GRAM_WORDS, len(listed))
        if length >= SHORTEST_PROSE:
            for hashed in gram_hashes(listed, {length})[length].tolist():
                yield length, hashed
