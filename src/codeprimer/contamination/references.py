"""Lookup tables for the problems that training texts must not repeat.

Reads the exam's tables, and writes a folder of NumPy arrays and JSON that every worker loads. One table per measure
holds all problems, so that a document is read only once, even if there are many problems.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from codeprimer.analysis.ngrams import gram_hashes, words
from codeprimer.analysis.prose import problem_prose
from codeprimer.analysis.trees import FunctionTree, function_trees
from codeprimer.analysis.words import U64Array
from codeprimer.contamination.settings import ContaminationSettings
from codeprimer.core.artifact import Artifact, to_json, write_atomically
from codeprimer.core.documents import Task

_FILTER_BITS = 20
_FILTER_SHIFT = np.uint64(64 - _FILTER_BITS)

TASK_TABLES = ("exam", "validation", "benchmarks")

_GRAMS, _TASKS, _TREES = "grams.npz", "tasks.json", "trees.json"


@dataclass(frozen=True)
class Reference:
    """The parts of a problem that the comparison needs."""

    task_id: str
    task_set: str
    prose: str
    code: str
    grams: int
    """Number of distinct n-grams that are compared; 0 if the prose is too short."""
    functions: int
    """Number of functions that are compared; 0 if all are too small."""


@dataclass(frozen=True)
class Grams:
    """The n-grams of a single length in all problems."""

    hashes: U64Array
    """The sorted hashes."""
    numbers: npt.NDArray[np.int32]
    """For each hash, the number of its problem."""

    @functools.cached_property
    def _beginnings(self) -> npt.NDArray[np.bool_]:
        """For each 20-bit prefix, whether any hash has it: a fast test that rejects nearly all n-grams in a text."""
        known = np.zeros(2**_FILTER_BITS, dtype=np.bool_)
        known[self.hashes >> _FILTER_SHIFT] = True
        return known

    def hits(self, hashes: U64Array) -> Iterator[tuple[int, list[int]]]:
        """Yield the first index in ``hashes`` and the problem numbers of every distinct known hash."""
        seen = set()
        for place in np.flatnonzero(self._beginnings[hashes >> _FILTER_SHIFT]).tolist():
            hashed = hashes[place]
            start, end = np.searchsorted(self.hashes, hashed, "left"), np.searchsorted(self.hashes, hashed, "right")
            if end > start and hashed not in seen:
                seen.add(hashed)
                yield place, self.numbers[start:end].tolist()


@dataclass(frozen=True)
class References:
    """All problems, ready for lookup."""

    listed: list[Reference]
    """The problems, indexed by number."""
    grams: Mapping[int, Grams]
    """Length in words -> the n-grams of that length."""
    trees: Mapping[str, list[int]]
    """Digest -> problem numbers."""
    outlines: frozenset[str]
    """The outlines of the functions in ``trees``."""


def task_set_of(table: str, task_id: str) -> str:
    """Return the name under which a problem is counted: its table or its benchmark."""
    return task_id.partition("/")[0] if table == "benchmarks" else table


def write_references(exam: Artifact, settings: ContaminationSettings, folder: Path) -> None:
    """Write the lookup tables of every problem into ``folder``."""
    listed: list[Reference] = []
    grams: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    trees: defaultdict[str, list[int]] = defaultdict(list)
    outlines: dict[str, None] = {}
    for table, row in _task_rows(exam):
        found = _task_grams(problem_prose(row["prompt"], row["solution"]), settings)
        functions = _task_functions(row, settings)
        for length, hashed in found:
            grams[length].append((hashed, len(listed)))
        for tree in functions:
            trees[tree.digest].append(len(listed))
            outlines[tree.outline] = None
        prose, code = " ".join(problem_prose(row["prompt"], row["solution"])), row["prompt"] + row["solution"]
        task_set = task_set_of(table, row["task_id"])
        listed.append(Reference(row["task_id"], task_set, prose, code, len(found), len(functions)))
    arrays = {}
    for length, pairs in sorted(grams.items()):
        pairs.sort()
        arrays[f"hashes_{length}"] = np.array([hashed for hashed, _ in pairs], dtype=np.uint64)
        arrays[f"numbers_{length}"] = np.array([number for _, number in pairs], dtype=np.int32)
    np.savez(folder / _GRAMS, **arrays)  # type: ignore[arg-type]  # numpy types only the keyword allow_pickle
    write_atomically(folder / _TASKS, to_json([asdict(reference) for reference in listed]))
    write_atomically(folder / _TREES, to_json({"trees": trees, "outlines": list(outlines)}))


def _task_rows(exam: Artifact) -> Iterator[tuple[str, Task]]:
    for table in TASK_TABLES:
        if (exam.path / table).is_dir():
            for row in exam.rows(table, ["task_id", "prompt", "solution"], Task):
                yield table, row


def _task_grams(pieces: list[str], settings: ContaminationSettings) -> list[tuple[int, int]]:
    """Return the (length, hash) pair of every distinct n-gram in a problem's prose."""
    found: dict[tuple[int, int], None] = {}
    for piece in pieces:
        listed = words(piece)
        length = min(settings.gram_words, len(listed))
        if length >= min(settings.shortest_prose, settings.gram_words):
            found.update(dict.fromkeys((length, int(hashed)) for hashed in gram_hashes(listed, {length})[length]))
    return list(found)


def _task_functions(row: Task, settings: ContaminationSettings) -> list[FunctionTree]:
    """Return the functions in a problem that are compared, each distinct tree once.

    Nested functions are not compared because they are building blocks. Special methods such as ``__init__`` are not
    compared because they look alike in every program.
    """
    functions = [tree for tree in function_trees(row["prompt"] + row["solution"]) if not tree.name.startswith("__")]
    compared = [tree for tree in functions if tree.nodes >= settings.min_nodes and not tree.nested]
    return list({tree.digest: tree for tree in compared}.values())


@functools.lru_cache(maxsize=2)
def read_references(folder: Path) -> References:
    """Return the references that ``write_references`` wrote; each worker reads them once."""
    listed = [Reference(**facts) for facts in orjson.loads((folder / _TASKS).read_bytes())]
    with np.load(folder / _GRAMS) as arrays:
        lengths = sorted(int(name.removeprefix("hashes_")) for name in arrays.files if name.startswith("hashes_"))
        grams = {length: Grams(arrays[f"hashes_{length}"], arrays[f"numbers_{length}"]) for length in lengths}
    facts = orjson.loads((folder / _TREES).read_bytes())
    return References(listed, grams, facts["trees"], frozenset(facts["outlines"]))


def reference_facts(references: list[Reference]) -> list[dict[str, Any]]:
    """Return, for each set of problems, its size and how many of its problems were too short for each measure."""
    totals = Counter(reference.task_set for reference in references)
    return [
        {
            "task_set": task_set,
            "tasks": total,
            "without_words": sum(one.task_set == task_set and not one.grams for one in references),
            "without_tree": sum(one.task_set == task_set and not one.functions for one in references),
        }
        for task_set, total in totals.items()
    ]
