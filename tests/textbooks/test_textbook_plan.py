from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.curriculum.audiences import AUDIENCES
from codeprimer.curriculum.concepts import CONCEPTS, position_of
from codeprimer.textbooks.plan import missing_concepts, request_for


@given(st.integers(min_value=1, max_value=700))
def test_sections_follow_the_curriculum_and_are_spread_evenly(sections: int) -> None:
    requests = [request_for(number, sections, AUDIENCES) for number in range(sections)]
    positions = [position_of(request.concept) for request in requests]
    assert positions == sorted(positions)
    counts = Counter(positions).values()
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("sections", [len(CONCEPTS), 300, 1500])
def test_every_concept_has_sections_and_audiences_take_turns(sections: int) -> None:
    requests = [request_for(number, sections, AUDIENCES) for number in range(sections)]
    assert {request.concept for request in requests} == set(CONCEPTS)
    assert missing_concepts(sections) == []
    audiences = Counter(request.audience for request in requests)
    assert max(audiences.values()) - min(audiences.values()) <= 0.1 * sections / len(AUDIENCES) + 3
    for concept in CONCEPTS:
        own = Counter(request.audience for request in requests if request.concept == concept)
        assert max(own.values()) - min(own.get(name, 0) for name in AUDIENCES) <= 1


def test_concepts_without_a_section_are_named() -> None:
    missing = missing_concepts(10)
    assert len(missing) == len(CONCEPTS) - 10
    assert "integers" in missing
