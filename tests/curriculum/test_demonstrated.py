"""What lessons show: the list is true, and what is on it is never held out."""

from __future__ import annotations

import pytest

from codeprimer.authors.offline.lessons import lessons
from codeprimer.curriculum.catalogue import chain_of
from codeprimer.curriculum.demonstrated import DEMONSTRATIONS, Demonstration, is_demonstrated


@pytest.mark.parametrize("shown", DEMONSTRATIONS, ids=lambda shown: ">".join(shown.operations))
def test_the_lesson_really_holds_the_code(shown: Demonstration) -> None:
    lesson = lessons()[shown.lesson]
    programs = (*lesson.demonstrations, *(pitfall.code for pitfall in lesson.pitfalls))
    assert any(shown.code in program for program in programs)
    assert len(chain_of(shown.operations)) >= 2


def test_each_composition_is_listed_once_and_in_the_order_of_the_lessons() -> None:
    assert len({shown.operations for shown in DEMONSTRATIONS}) == len(DEMONSTRATIONS)
    order = list(lessons())
    places = [order.index(shown.lesson) for shown in DEMONSTRATIONS]
    assert places == sorted(places)


def test_a_composition_is_demonstrated_alone_inside_a_longer_one_and_by_an_operation_of_the_same_meaning() -> None:
    assert is_demonstrated(("transpose", "row_sums"))
    assert is_demonstrated(("dedupe", "selection_sort"))
    assert not is_demonstrated(("transpose", "row_sums", "largest"))
    assert not is_demonstrated(("sort",))
