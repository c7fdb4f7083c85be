from __future__ import annotations

import pytest

from codeprimer.curriculum.catalogue import OPERATIONS
from codeprimer.curriculum.concepts import CONCEPTS, Concept, check_graph, position_of


def concept(name: str, *prerequisites: str) -> Concept:
    return Concept(name, name.title(), prerequisites, f"doing {name}")


def test_the_graph_is_large_and_its_order_is_that_of_positions() -> None:
    assert len(CONCEPTS) >= 45
    assert [position_of(name) for name in CONCEPTS] == list(range(len(CONCEPTS)))


def test_every_concept_has_a_title_and_a_summary_that_reads_on_after_a_preposition() -> None:
    titles = [concept.title for concept in CONCEPTS.values()]
    assert len(set(titles)) == len(titles)
    for one in CONCEPTS.values():
        assert one.title[0].isupper()
        assert one.summary.split()[0].endswith("ing"), one.summary
        assert not one.summary.endswith(".")


def test_a_prerequisite_that_comes_later_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'first' .*'second'"):
        check_graph([concept("first", "second"), concept("second")])


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'first' .*'second'"):
        check_graph([concept("first", "second"), concept("second", "first")])


def test_an_unknown_prerequisite_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'first' .*'nothing'"):
        check_graph([concept("first", "nothing")])


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(ValueError, match="'first' is defined twice"):
        check_graph([concept("first"), concept("first")])


def test_operations_practise_known_concepts() -> None:
    unknown = {name for operation in OPERATIONS.values() for name in operation.concepts} - set(CONCEPTS)
    assert sorted(unknown) == []
