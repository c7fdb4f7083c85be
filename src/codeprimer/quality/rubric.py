"""The rubric: labels without a teacher, from rules that measure the paper's four complaints about raw code.

Section 2.1 of the paper asks for code that is clear, self-contained, instructive and balanced. It complains about samples
that are not self-contained, are trivial or boilerplate, bury their logic in complex, undocumented functions, or have
skewed topics. One walk over the syntax tree gives a goodness between 0 and 1 for each complaint. The points are 5 times
the weighted geometric mean of the four, so that three virtues cannot outweigh one serious fault. A scorer that learns
from these labels can be no better than the rules.
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
"""Each complaint's weight in the mean."""

_FLOOR = 0.06
"""Minimum goodness, so that a file with one goodness of 0 still gets more points than a file with four."""

_APPLIES = 0.5
"""A complaint applies if its goodness is below this value."""


class RubricAnnotator(Annotator):
    """Labels documents by rules alone."""

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
    """Return a text's points, 0-5, and the complaints that apply; 0 points if it is not Python."""
    try:
        values = goodness(signs_of(text))
    except NotPythonError:
        return 0.0, (Complaint.NOT_PYTHON.value,)
    mean = math.exp(sum(weight * math.log(max(values[complaint], _FLOOR)) for complaint, weight in WEIGHTS.items()))
    return round(5 * mean, 3), tuple(complaint.value for complaint in WEIGHTS if values[complaint] < _APPLIES)


def goodness(signs: ModuleSigns) -> dict[Complaint, float]:
    """Return a score for each complaint, from 0 (applies fully) to 1 (does not apply)."""
    return {
        Complaint.NOT_SELF_CONTAINED: self_containment(signs),
        Complaint.TRIVIAL: substance(signs),
        Complaint.BURIED: clarity(signs),
        Complaint.SKEWED_TOPIC: balance(signs),
    }


def self_containment(signs: ModuleSigns) -> float:
    """Return the goodness for self-containment: the code uses only names of its own and names that come with Python."""
    foreign = (signs.uses["foreign"] + 2 * signs.undefined) / _uses(signs)
    value = _ramp(foreign, good=0.02, bad=0.30)
    # A reader must know every imported module outside the standard library, however rarely the code uses it.
    value *= 0.5 + 0.5 * _ramp(signs.imports["foreign"] + signs.imports["relative"], good=1, bad=10)
    value *= 0.8 if signs.imports["relative"] else 1.0
    return value * (0.5 if signs.wildcard_imports else 1.0)


def substance(signs: ModuleSigns) -> float:
    """Return the goodness for substance: the code computes, decides and loops, not only declares, stores or delegates."""
    work = sum(function.work for function in signs.functions)
    trivial = sum(function.is_trivial for function in signs.functions) / max(len(signs.functions), 1)
    value = _ramp(work / max(signs.nodes, 1), good=0.10, bad=0.0) * _ramp(work, good=8, bad=0)
    return value * (1 - 0.55 * trivial) * _ramp(signs.literal_lines / max(signs.lines, 1), good=0.15, bad=0.75)


def clarity(signs: ModuleSigns) -> float:
    """Return the goodness for clarity: functions are short, shallow, documented and well named; weighted by length."""
    if not signs.functions:
        return 0.2
    comments = signs.comment_lines / max(signs.lines, 1)
    weights = [max(function.lines, 2) for function in signs.functions]
    values = [_function_clarity(function, comments) for function in signs.functions]
    mean = sum(map(float.__mul__, values, map(float, weights))) / sum(weights)
    # A file with thousands of lines teaches little, even if each function is tidy.
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
    """Return the goodness for balance: a file is not about the system, a UI, a network, packaging or another library."""
    nodes = max(signs.nodes, 1)
    opaque = (signs.attributes - signs.self_attributes - signs.basic_attributes) / nodes
    value = 0.1 + 0.9 * _ramp(signs.uses["plumbing"] / _uses(signs), good=0.01, bad=0.22)
    value *= 0.4 + 0.6 * _ramp(opaque, good=0.0, bad=0.12)
    value *= 0.65 + 0.35 * _ramp(signs.self_attributes / nodes, good=0.03, bad=0.15)
    return value * (1 - min(0.8, 0.3 * signs.system_imports)) * (1 - min(0.5, 0.1 * signs.dynamic))


def _uses(signs: ModuleSigns) -> int:
    return max(sum(signs.uses.values()), 1)


def _ramp(value: float, good: float, bad: float) -> float:
    """Return 1 at ``good`` and beyond, 0 at ``bad`` and beyond, and a linear interpolation between them."""
    return min(1.0, max(0.0, (value - bad) / (good - bad)))
