from __future__ import annotations

from codeprimer.core.documents import document_id
from codeprimer.core.shards import Row
from codeprimer.textbooks.tally import Tally


def row(number: int, block: str = "x = 1") -> Row:
    text = f"# {number}\n\n```python\n{block}\n```\n"
    return {"doc_id": document_id(text), "concept": "sets", "audience": "pupil", "text": text}


def test_figures_count_what_was_kept_and_why_the_rest_was_not() -> None:
    tally = Tally(6)
    for number in range(6):
        tally.keep(row(number, f"x = {number % 2}"))
    tally.reject({"reason": "failed"})
    tally.reject({"reason": "failed"})
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
    tally = Tally(3)
    assert tally.is_new(row(1))
    assert tally.is_new(row(2))
    assert not tally.is_new(row(1))


def test_no_section_at_all_gives_figures_too() -> None:
    assert Tally(3).facts()["mean_words"] == 0.0
