"""The choice of held-out problems."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from codeprimer.authors.offline.compose import specification
from codeprimer.curriculum.blueprints import Blueprint, Exercise
from codeprimer.curriculum.demonstrated import is_demonstrated
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.curriculum.sampler import is_sound
from codeprimer.curriculum.syllabus import PRACTISED
from codeprimer.exam import selection
from codeprimer.exam.commonness import CommonWordings
from codeprimer.exam.selection import LONGEST_TEXT, PAIR_SHARE, Chooser, pair_count

COMMON = CommonWordings(Random(9), 300)


def chosen(count: int = 150, seed: int = 1) -> list[Exercise]:
    return list(Chooser(Random(seed), COMMON, 640).problems(count))


def operations(problem: Exercise) -> tuple[str, ...]:
    return tuple(problem.blueprint.split(">")[1:])


def test_each_problem_has_a_composition_of_its_own_of_at_least_two_steps() -> None:
    problems = chosen()
    assert len({operations(problem) for problem in problems}) == len(problems) == 150
    assert min(len(operations(problem)) for problem in problems) == 2
    assert len({problem.prompt for problem in problems}) == 150


def test_specifications_and_programs_are_short() -> None:
    assert max(len(specification(problem).split()) for problem in chosen()) <= LONGEST_TEXT
    assert 500 < max(len(problem.program) for problem in chosen()) <= 640


def test_no_later_problem_contains_an_earlier_one() -> None:
    chooser = Chooser(Random(2), COMMON, 640)
    exam = HeldOut.of(problem.blueprint for problem in chooser.problems(100))
    assert not any(exam.forbids(operations(problem)) for problem in chooser.problems(60))
    assert chooser.refused["contains another problem"] > 0


def test_no_later_problem_lies_inside_an_earlier_one() -> None:
    chooser = Chooser(Random(2), COMMON, 640)
    exam = list(chooser.problems(100))
    validation = HeldOut.of(problem.blueprint for problem in chooser.problems(60))
    assert not any(validation.forbids(operations(problem)) for problem in exam)
    assert chooser.refused["inside another problem"] > 0


def test_no_problem_is_shown_in_a_lesson() -> None:
    chooser = Chooser(Random(3), COMMON, 640)
    assert not any(is_demonstrated(operations(problem)) for problem in chooser.problems(200))
    assert chooser.refused["shown in a lesson"] > 0


def sound(key: str) -> Blueprint:
    source, *names = key.split(">")
    blueprints = (Blueprint(source, tuple(names), seed=seed) for seed in range(50))
    return next(blueprint for blueprint in blueprints if is_sound(blueprint))


def offered(monkeypatch: pytest.MonkeyPatch, *keys: str) -> tuple[list[tuple[str, ...]], dict[str, int]]:
    """Return what a chooser takes of the given compositions, and how often it refuses for which reason."""
    monkeypatch.setattr(selection, "balanced_blueprints", lambda random, lengths: map(sound, keys))
    chooser = Chooser(Random(1), COMMON, 640)
    return [operations(problem) for problem in chooser.problems(len(keys))], dict(chooser.refused)


def test_a_problem_may_neither_contain_nor_lie_inside_another_nor_be_it_under_another_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair, triple = "integers>zero_negatives>selection_sort", "integers>zero_negatives>sort>every_second"
    assert offered(monkeypatch, pair, triple) == (
        [("zero_negatives", "selection_sort")],
        {"contains another problem": 1},
    )
    assert offered(monkeypatch, triple, pair) == (
        [("zero_negatives", "sort", "every_second")],
        {"inside another problem": 1},
    )


def test_a_problem_that_a_shorter_chain_solves_as_well_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = "text>list_characters>tally_words", "integer>digits>total", "text>list_characters>tally_words>sorted_keys"
    assert offered(monkeypatch, *keys) == ([], {"means the same as a shorter chain": 3})


def test_no_operation_loses_more_than_a_share_of_its_pairs() -> None:
    pairs = Counter(name for problem in chosen(200) if len(operations(problem)) == 2 for name in operations(problem))
    assert all(count <= PAIR_SHARE * pair_count(name) for name, count in pairs.items())


def test_the_choice_depends_on_the_seed_alone() -> None:
    assert chosen(30) == chosen(30)
    assert chosen(30) != chosen(30, seed=2)


def test_problems_span_the_curriculum() -> None:
    concepts = {concept for problem in chosen(300) for concept in problem.concepts}
    assert len(concepts) >= 50
    assert len({name for problem in chosen(300) for name in operations(problem)}) >= 0.75 * len(PRACTISED)
