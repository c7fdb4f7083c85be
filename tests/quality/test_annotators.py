"""Labels by a teacher and from a file: questions, labels, and documents set aside."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support import given
from tests.teachers.endpoints import serving, settings

from codeprimer.core.documents import document_id
from codeprimer.core.errors import PluginError, SourceError
from codeprimer.core.plugins import PluginSettings, Tool, identity, make, selected
from codeprimer.quality.agreement import Agreement
from codeprimer.quality.annotator import Annotator, Label, ShownDocument, Unlabelled
from codeprimer.quality.asking import MOST_CHARACTERS, EndpointAnnotator, excerpt, is_asked_twice
from codeprimer.quality.extraction import check_labels
from codeprimer.teachers import Access
from codeprimer.teachers.mock import Faults, Manner, default_script

FAULTS = {"refused": 0.1, "error": 0.05, "cut_off": 0.01, "broken": 0.01, "hang": 0.01}


def documents(count: int) -> list[ShownDocument]:
    """Return small files, each different."""
    texts = [f"def add_{n}(x):\n    return x + {n}\n" for n in range(count)]
    return [{"doc_id": document_id(text), "text": text} for text in texts]


def asking(teacher: Access, second: Access | None = None) -> EndpointAnnotator:
    """Return the annotator that asks a teacher."""
    tools = {"teacher": given(teacher), "second_teacher": given(second)}
    annotator: EndpointAnnotator = make("annotator", selected("annotator", "endpoint"), tools)
    return annotator


def by_hand(path: Path) -> Annotator:
    """Return the annotator that reads labels from a file."""
    annotator: Annotator = make("annotator", selected("annotator", "human", labels=str(path)))
    return annotator


def judge(fields: dict[str, Any]) -> str:
    """A teacher whose points follow from the file, and sometimes from how often it is asked."""
    text = fields["messages"][1]["content"]
    number = int(text.partition("add_")[2].partition("(")[0])
    if number % 50 == 7:
        return "I cannot say."
    points = (number + (fields.get("seed", 0) if number % 2 else 0)) % 6
    answer = {"why": f"it adds {number}", "faults": ["trivial", "trivial"] if points < 3 else [], "points": points}
    return orjson.dumps(answer).decode()


def test_every_document_gets_a_label_or_a_reason_whatever_the_endpoint_does(tmp_path: Path) -> None:
    rows = documents(400)
    with serving(Manner(script=judge, faults=Faults(FAULTS, seed=1))) as mock:
        annotator = asking(Access(settings(mock.url, max_in_flight=64), tmp_path, "run"))
        found = list(annotator.label(iter(rows)))
        assert [one.doc_id for one in found] == [row["doc_id"] for row in rows]
    for number, one in enumerate(found):
        if number % 50 == 7:
            assert isinstance(one, Unlabelled)
            assert (one.reason, one.answers[-2:]) == ("other_form", ("I cannot say.", "I cannot say."))
        else:
            assert isinstance(one, Label)
            assert (one.points, one.said) == (number % 6, f"it adds {number}")
            assert one.why == (("trivial",) if number % 6 < 3 else ())
            assert one.request_id is not None and len(one.request_id) == 64
    facts = annotator.facts()
    assert facts["replies"]["accepted"] + facts["replies"]["other_form"] == 400 + sum(
        is_asked_twice(row["doc_id"]) for row in rows
    )
    assert 10 < facts["asked_twice"]["documents"] < 35
    assert 0.3 < facts["asked_twice"]["equal"] < 0.7  # every other one answers otherwise the second time


def test_the_reason_is_asked_for_before_the_points_that_follow_from_it(tmp_path: Path) -> None:
    orders = set()

    def script(fields: dict[str, Any]) -> str:
        schema = fields["response_format"]["json_schema"]["schema"]
        orders.add((tuple(schema["properties"]), tuple(schema["required"])))
        return default_script(fields)

    with serving(Manner(script=script)) as mock:
        list(asking(Access(settings(mock.url), tmp_path)).label(iter(documents(3))))
    assert orders == {(("why", "faults", "points"),) * 2}


def test_a_second_teacher_is_asked_the_same_and_only_compared(tmp_path: Path) -> None:
    rows = documents(60)
    with serving(Manner(script=judge)) as mock:
        first = Access(settings(mock.url, model="one", price={"input": 1.0, "output": 1.0}), tmp_path, "run")
        second = Access(settings(mock.url, model="two", price={"input": 10.0, "output": 10.0}), tmp_path, "run")
        alone = list(asking(first).label(rows))
        both = asking(first, second)
        assert list(both.label(rows)) == alone
    facts = both.facts()
    assert facts["second"]["agreement"] == {"documents": 58, "equal": 1.0, "within_one": 1.0, "kappa": 1.0}
    assert facts["second"]["usd"] > 5 * facts["usd"]
    assert facts["second"]["model"] == "two"


def test_what_decides_the_labels_is_the_model_and_the_words_not_the_address() -> None:
    def decides(**changes: Any) -> dict[str, Any]:
        access = Access(settings("http://a/v1").model_copy(update=changes))
        tools = {"teacher": Tool(lambda: access, access.settings.identity), "second_teacher": given(None)}
        return identity("annotator", selected("annotator", "endpoint"), tools)

    assert decides(budget_usd=1.0) == decides(budget_usd=2.0, base_url="http://b/v1")
    assert decides() != decides(model="else")
    assert "quality/1" in decides()["reads"]


def test_a_long_file_is_cut_where_a_function_ends() -> None:
    text = "import os\n\n" + "\n".join(f"def f{n}(x):\n    y = x + {n}\n    return y\n" for n in range(1000))
    shown = excerpt(text)
    assert MOST_CHARACTERS - 200 < len(shown) < MOST_CHARACTERS + 100
    code, _, note = shown.rpartition("\n")
    assert ast.parse(code).body
    assert code.endswith("return y")
    assert note.startswith("# [") and note.endswith("more lines are left out]")


@pytest.mark.parametrize("text", ["x = " + "1 + " * 9000 + "1", "if (\n" * 5000])
def test_a_long_file_of_one_piece_or_no_python_is_cut_all_the_same(text: str) -> None:
    assert len(excerpt(text)) < MOST_CHARACTERS + 100


def test_a_short_file_is_shown_whole() -> None:
    assert excerpt("x = 1\n") == "x = 1\n"


def test_agreement_counts_near_misses_as_near() -> None:
    agreement = Agreement()
    for one, other in [(0, 0), (5, 5), (3, 4), (2, 0)]:
        agreement.add(one, other)
    facts = agreement.facts()
    assert (facts["documents"], facts["equal"], facts["within_one"]) == (4, 0.5, 0.75)
    # by hand: disagreement 1 + 4 over 4 pairs is 1.25; by chance, over the 16 pairs of the margins, 136 / 16 = 8.5
    assert facts["kappa"] == round(1 - 1.25 / 8.5, 4)


def labels_file(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_what_people_said_is_taken_as_it_stands(tmp_path: Path) -> None:
    rows = documents(3)
    path = labels_file(
        tmp_path, [{"doc_id": rows[n]["doc_id"], "points": n + 0.5, "why": ["trivial"], "said": "so"} for n in range(2)]
    )
    found = list(by_hand(path).label(rows))
    assert found[:2] == [Label(rows[n]["doc_id"], n + 0.5, ("trivial",), "so") for n in range(2)]
    assert isinstance(found[2], Unlabelled)
    assert found[2].reason == "not_labelled"


GOOD_ID = "0" * 64


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"doc_id": GOOD_ID, "points": 9}], "line 1: points: Input should be less than or equal to 5"),
        ([{"doc_id": GOOD_ID, "points": 1}, {"doc_id": "x", "points": 1}], "line 2: doc_id: String should match"),
        ([{"doc_id": GOOD_ID, "points": 1, "lable": 2}], "line 1: lable: Extra inputs are not permitted"),
        ([{"doc_id": GOOD_ID, "points": 1}] * 2, "line 2: 000000000000 is labelled twice"),
    ],
)
def test_a_line_that_is_no_label_is_named(lines: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=said):
        list(by_hand(labels_file(tmp_path, lines)).label(documents(1)))


def test_a_file_of_labels_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.jsonl: .*No such file"):
        by_hand(tmp_path / "nowhere.jsonl").digest()


def test_an_exported_table_of_labels_can_be_corrected_by_hand(tmp_path: Path) -> None:
    [row] = documents(1)
    exported = {"doc_id": row["doc_id"], "package": "p", "split": "train", "points": 4.0, "label": True, "why": []}
    (tmp_path / "labels.jsonl").write_text(
        json.dumps(exported | {"annotator": "rubric", "said": None, "request_id": None})
    )
    [label] = by_hand(tmp_path / "labels.jsonl").label(iter([row]))
    assert isinstance(label, Label) and label.points == 4.0


def test_labels_of_other_documents_alone_are_an_error_and_some_of_them_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = documents(2)
    (tmp_path / "labels.jsonl").write_text(
        "".join(json.dumps({"doc_id": r["doc_id"], "points": 1}) + "\n" for r in rows)
    )
    list(by_hand(tmp_path / "labels.jsonl").label(iter(rows[:1])))
    assert "match no sampled document: 1" in caplog.text
    with pytest.raises(SourceError, match=r"none of its 2 lines .*quality/labels"):
        list(by_hand(tmp_path / "labels.jsonl").label(iter(documents(3)[2:])))


class OutOfOrder(Annotator):
    """Gives labels that do not belong to the documents, or points that do not exist."""

    def __init__(self, *labels: Label) -> None:
        super().__init__(PluginSettings(kind="careless"))
        self.labels = labels

    def label(self, documents: Iterable[ShownDocument]) -> Iterator[Label | Unlabelled]:
        return iter(self.labels)


@pytest.mark.parametrize(
    ("labels", "fact"),
    [
        ((Label("b", 1.0, ()), Label("a", 2.0, ())), "order"),
        ((Label("a", 1.0, ()),), "1 labels for 2 documents"),
        ((Label("a", 1.0, ()), Label("b", 99.0, ())), r"99\.0 points .* b"),
    ],
)
def test_labels_that_are_not_those_of_the_documents_are_refused(labels: tuple[Label, ...], fact: str) -> None:
    documents: list[ShownDocument] = [{"doc_id": name, "text": ""} for name in "ab"]
    annotator = OutOfOrder(*labels)
    with pytest.raises(PluginError, match=f"'careless'.*{fact}"):
        check_labels(annotator, list(annotator.label(documents)), documents)
