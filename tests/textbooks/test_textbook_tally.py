from __future__ import annotations

from codeprimer.core.documents import SectionRow, document_id
from codeprimer.textbooks.tally import SectionTally


def row(number: int, block: str = "x = 1") -> SectionRow:
    text = f"# {number}\n\n```python\n{block}\n```\n"
    return {
        "doc_id": document_id(text),
        "blueprint": "integer_set>sorted_members",
        "concept": "sets",
        "concepts": ["sets"],
        "audience": "pupil",
        "position": number,
        "text": text,
        "request_id": None,
    }


def test_figures_count_what_was_kept_and_why_the_rest_was_not() -> None:
    tally = SectionTally(6)
    for number in range(6):
        tally.keep(row(number, f"x = {number % 2}"))
    tally.reject("failed")
    tally.reject("failed")
    facts = tally.facts()
    assert (facts["sections"], facts["concepts"]) == (6, 1)
    assert facts["by_concept"] == {"sets": 6}
    assert facts["by_audience"] == {"pupil": 6}
    assert (facts["code_blocks"], facts["distinct_code_blocks"]) == (6, 2)
    assert facts["words"] == sum(len(row(n, f"x = {n % 2}")["text"].split()) for n in range(6))
    assert facts["by_length"] == {"0-49": 6}
    assert facts["rejected"] == {"failed": 2}
    assert [example["text"][:3] for example in facts["examples"]] == ["# 1", "# 3", "# 5"]
    assert tally.rejected == 2


def test_a_text_that_came_by_before_is_not_new() -> None:
    tally = SectionTally(3)
    assert tally.is_new("one")
    assert tally.is_new("two")
    assert not tally.is_new("one")


def test_no_section_at_all_gives_figures_too() -> None:
    assert SectionTally(3).facts()["mean_words"] == 0.0
