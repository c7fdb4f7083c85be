"""Common wordings: what ordinary exercises say by chance is not asked."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from random import Random

from codeprimer.authors.offline.compose import compose, specification
from codeprimer.curriculum.blueprints import Exercise
from codeprimer.curriculum.sampler import balanced_blueprints
from codeprimer.exam.commonness import CommonWordings

SAMPLE = 150


def sampled() -> list[Exercise]:
    return [
        exercise for one in islice(balanced_blueprints(Random(5)), SAMPLE) if (exercise := compose(one)) is not None
    ]


def test_a_wording_of_the_sample_is_common_under_another_composition_only() -> None:
    common = CommonWordings(Random(5), SAMPLE)
    long = next(exercise for exercise in sampled() if len(specification(exercise).split()) > 15)
    assert common.include(replace(long, blueprint="integers>another>composition"))
    assert not common.include(long), "its own composition is never trained on"


def test_a_short_docstring_is_compared_as_a_whole_or_not_at_all() -> None:
    common = CommonWordings(Random(5), SAMPLE)
    exercise = sampled()[0]
    short = replace(
        exercise, prompt='def f(n: int) -> int:\n    """Return the square of it."""\n', blueprint="integer>x>y"
    )
    assert not common.include(short)
    new = replace(
        short, prompt='def f(n: int) -> int:\n    """Say something that no exercise here would ever say."""\n'
    )
    assert not common.include(new)


def test_examples_are_no_part_of_the_specification() -> None:
    exercise = replace(sampled()[0], prompt='def f():\n    """Return 1.\n\n    >>> f()\n    1\n    """\n')
    assert specification(exercise).split() == ["Return", "1."]
