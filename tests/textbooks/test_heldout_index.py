from __future__ import annotations

from pathlib import Path

import pytest
from tests.authors.exams import exam_exercises, publish_exam

from codeprimer.analysis.ngrams import words
from codeprimer.analysis.prose import SHORTEST_PROSE
from codeprimer.authors.offline.compose import specification
from codeprimer.core.artifact import Store
from codeprimer.textbooks.heldout_index import HeldOutIndex

HELD_OUT = """\
def find(values: list[int]) -> int:
    \"\"\"Anything.\"\"\"
    kept = [v for v in values if v % 2 == 0]
    return sum(kept)
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> HeldOutIndex:
    exercises = exam_exercises(40)
    store = Store(tmp_path_factory.mktemp("store"))
    return HeldOutIndex.by(publish_exam(store, {"exam": exercises[:30], "validation": exercises[30:]}))


def test_compositions_of_exam_and_validation_are_known(index: HeldOutIndex) -> None:
    for exercise in exam_exercises(40):
        found = index.finding(exercise.blueprint, "", [])
        assert found is not None
        assert found.reason == "held_out"


def test_a_second_composition_of_a_section_is_looked_at_too(index: HeldOutIndex) -> None:
    held_out = exam_exercises(1)[0].blueprint
    found = index.finding(f"integers>total + {held_out}", "", [])
    assert found is not None
    assert found.detail == held_out


def test_an_exam_solution_is_found_under_other_names(index: HeldOutIndex) -> None:
    for exercise in exam_exercises(40):
        code = exercise.program.replace(exercise.entry_point, "renamed")
        found = index.finding("integers>total", "", ["x = 1\n", code])
        assert found is not None
        assert found.reason == "exam_solution"


def test_the_wording_of_a_problem_is_found_whatever_stands_around_it(index: HeldOutIndex) -> None:
    found_by_words = 0
    for exercise in exam_exercises(40):
        spec = specification(exercise)
        found = index.finding("integers>total", f"Here we go: {spec.upper()} That was it.", [])
        assert (found is not None) == (len(words(spec)) >= SHORTEST_PROSE)
        if found is not None:
            found_by_words += 1
            assert found.reason == "exam_wording"
            assert found.detail in " ".join(words(spec))
    assert found_by_words > 20


def test_other_text_and_code_pass(index: HeldOutIndex, tmp_path: Path) -> None:
    empty = HeldOutIndex.by(publish_exam(Store(tmp_path), {}))
    assert empty.keys == ()
    assert empty.finding("integers>keep_even>total", "some words", [HELD_OUT]) is None
    prose = "A list is a shopping list on paper: the order matters, and you can add a line at the bottom of it."
    assert index.finding("integer>square", prose, ["print(1)\n", "def f(x):\n    return x\n"]) is None


def test_what_every_class_has_in_common_is_no_solution(tmp_path: Path) -> None:
    methods = [exercise for exercise in exam_exercises(300) if exercise.prompt.startswith("class ")]
    assert methods
    index = HeldOutIndex.by(publish_exam(Store(tmp_path), {"exam": methods}))
    shared = methods[0].program.partition("    def ")[0] + "    def " + methods[0].program.split("    def ")[1]
    assert index.finding("integer>square", "", [shared]) is None
