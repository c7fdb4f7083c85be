"""The rubric: the paper's four complaints about raw code, measured, for labels without a teacher.

Section 2.1 of the paper wants code that is clear, self-contained, instructive and balanced, and complains of samples
that are not self-contained; trivial or boilerplate; logic buried in complex, undocumented functions; skewed topics.
Each complaint becomes a goodness between 0 and 1 from one walk over the syntax tree, and the points are 5 times their
weighted geometric mean, so that three virtues cannot outweigh one bad fault. These labels come from rules; a scorer that
learns from them is no better than the rules.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import ClassVar

from codeprimer.analysis.python_signs import FunctionSigns, ModuleSigns
from codeprimer.analysis.python_source import NotPythonError
from codeprimer.analysis.python_walk import signs_of
from codeprimer.quality.annotator import Annotator, Label, ShownDocument


class Complaint(StrEnum):
    """What can be wrong with a file."""

    NOT_SELF_CONTAINED = "not_self_contained"
    TRIVIAL = "trivial"
    BURIED = "buried"
    SKEWED_TOPIC = "skewed_topic"
    NOT_PYTHON = "not_python"


WEIGHTS = {
    Complaint.NOT_SELF_CONTAINED: 0.27,
    Complaint.TRIVIAL: 0.30,
    Complaint.BURIED: 0.20,
    Complaint.SKEWED_TOPIC: 0.23,
}
"""The weight of each complaint in the mean."""

_FLOOR = 0.06
"""Minimum goodness, so that a file with one complete fault still differs from one with four."""

_APPLIES = 0.5
"""A complaint applies when its goodness is below this."""


class RubricAnnotator(Annotator):
    """Labels by rules alone."""

    in_workers: ClassVar[bool] = True

    @property
    def about(self) -> str:
        """Where the labels come from."""
        return (
            "The labels come from rules over the syntax tree (the paper's four complaints), not from people or a model."
        )

    def label(self, documents: Iterable[ShownDocument]) -> Iterator[Label]:
        """Yield one label per document."""
        for document in documents:
            points, why = rate(document["text"])
            yield Label(document["doc_id"], points, why)


def rate(text: str) -> tuple[float, tuple[str, ...]]:
    """Return a text's points, 0-5, and the complaints that apply; 0 points where it is not Python."""
    try:
        values = goodness(signs_of(text))
    except NotPythonError:
        return 0.0, (Complaint.NOT_PYTHON.value,)
    mean = math.exp(sum(weight * math.log(max(values[complaint], _FLOOR)) for complaint, weight in WEIGHTS.items()))
    return round(5 * mean, 3), tuple(complaint.value for complaint in WEIGHTS if values[complaint] < _APPLIES)


def goodness(signs: ModuleSigns) -> dict[Complaint, float]:
    """Return the goodness for each complaint: 1 where it does not apply at all, 0 where it applies completely."""
    return {
        Complaint.NOT_SELF_CONTAINED: self_containment(signs),
        Complaint.TRIVIAL: substance(signs),
        Complaint.BURIED: clarity(signs),
        Complaint.SKEWED_TOPIC: balance(signs),
    }


def self_containment(signs: ModuleSigns) -> float:
    """Return how much of what the code uses is its own or comes with Python."""
    foreign = (signs.uses["foreign"] + 2 * signs.undefined) / _uses(signs)
    value = _ramp(foreign, good=0.02, bad=0.30)
    # A reader must know what a project imports, from itself or from others, however rarely the code uses it.
    value *= 0.5 + 0.5 * _ramp(signs.imports["foreign"] + signs.imports["relative"], good=1, bad=10)
    value *= 0.8 if signs.imports["relative"] else 1.0
    return value * (0.5 if signs.wildcard_imports else 1.0)


def substance(signs: ModuleSigns) -> float:
    """Return how much of the code computes, decides and loops rather than declares, stores, delegates or lists."""
    work = sum(function.work for function in signs.functions)
    trivial = sum(function.is_trivial for function in signs.functions) / max(len(signs.functions), 1)
    value = _ramp(work / max(signs.nodes, 1), good=0.10, bad=0.0) * _ramp(work, good=8, bad=0)
    return value * (1 - 0.55 * trivial) * _ramp(signs.literal_lines / max(signs.lines, 1), good=0.15, bad=0.75)


def clarity(signs: ModuleSigns) -> float:
    """Return how short, shallow, documented and well named the functions are, weighted by their length."""
    if not signs.functions:
        return 0.2
    comments = signs.comment_lines / max(signs.lines, 1)
    weights = [max(function.lines, 2) for function in signs.functions]
    values = [_function_clarity(function, comments) for function in signs.functions]
    mean = sum(map(float.__mul__, values, map(float, weights))) / sum(weights)
    # A file of thousands of lines teaches little, however tidy each function is.
    return mean * (0.5 + 0.5 * _ramp(signs.lines, good=350, bad=2000))


def _function_clarity(function: FunctionSigns, comments: float) -> float:
    simple = (
        _ramp(function.lines, good=15, bad=140)
        * _ramp(function.depth, good=2, bad=5.5)
        * _ramp(function.branches, good=10, bad=45)
    )
    if function.documented:
        documented = 1.0
    elif function.statements <= 3:
        documented = 0.7
    else:
        documented = 0.2 + 2 * min(comments, 0.15)
    named = 0.6 + 0.4 * _ramp(function.short_names / max(function.names, 1), good=0.2, bad=0.6)
    return (0.45 * documented + 0.55 * simple) * named


def balance(signs: ModuleSigns) -> float:
    """Return how far a file is from being about the system, a screen, a network, packaging or another library's objects."""
    nodes = max(signs.nodes, 1)
    opaque = (signs.attributes - signs.self_attributes - signs.basic_attributes) / nodes
    value = 0.1 + 0.9 * _ramp(signs.uses["plumbing"] / _uses(signs), good=0.01, bad=0.22)
    value *= 0.4 + 0.6 * _ramp(opaque, good=0.0, bad=0.12)
    value *= 0.65 + 0.35 * _ramp(signs.self_attributes / nodes, good=0.03, bad=0.15)
    return value * (1 - min(0.8, 0.3 * signs.system_imports)) * (1 - min(0.5, 0.1 * signs.dynamic))


def _uses(signs: ModuleSigns) -> int:
    return max(sum(signs.uses.values()), 1)


def _ramp(value: float, good: float, bad: float) -> float:
    """Return 1 at ``good`` and beyond, 0 at ``bad`` and beyond, and the straight line between."""
    return min(1.0, max(0.0, (value - bad) / (good - bad)))
