from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.curriculum.audiences import AUDIENCES
from codeprimer.curriculum.concepts import CONCEPTS, position_of
from codeprimer.textbooks.plan import left_out, order_for


@given(st.integers(min_value=1, max_value=700))
def test_sections_follow_the_curriculum_and_are_spread_evenly(sections: int) -> None:
    orders = [order_for(number, sections, AUDIENCES) for number in range(sections)]
    positions = [position_of(order.concept) for order in orders]
    assert positions == sorted(positions)
    counts = Counter(positions).values()
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("sections", [len(CONCEPTS), 300, 1500])
def test_every_concept_has_sections_and_audiences_take_turns(sections: int) -> None:
    orders = [order_for(number, sections, AUDIENCES) for number in range(sections)]
    assert {order.concept for order in orders} == set(CONCEPTS)
    assert left_out(sections) == []
    audiences = Counter(order.audience for order in orders)
    assert max(audiences.values()) - min(audiences.values()) <= 0.1 * sections / len(AUDIENCES) + 3
    for concept in CONCEPTS:
        own = Counter(order.audience for order in orders if order.concept == concept)
        assert max(own.values()) - min(own.get(name, 0) for name in AUDIENCES) <= 1


def test_concepts_without_a_section_are_named() -> None:
    missing = left_out(10)
    assert len(missing) == len(CONCEPTS) - 10
    assert "integers" in missing
