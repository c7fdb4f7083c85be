"""Answers of our models, of transformers, and from files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.evaluation.conftest import TASK_ROWS

from codeprimer.benchmarks.answering import Asking, PhiAnswerer
from codeprimer.benchmarks.causal import TransformersAnswerer
from codeprimer.benchmarks.opening import open_model
from codeprimer.benchmarks.questions import Question, questions
from codeprimer.core.errors import UserError


def asked() -> list[Question]:
    return questions([{**row, "task_id": f"HumanEval/{n}"} for n, row in enumerate(TASK_ROWS)], 0, False)


def test_transformers_answers_as_ours_does(checkpoints: dict[str, Path]) -> None:
    asking = Asking(new_tokens=20)
    folder = checkpoints["all"]
    ours = list(PhiAnswerer(folder).answers(asked(), asking))
    assert list(TransformersAnswerer(folder).answers(asked(), asking)) == ours
    assert sum(question.solution.strip() in answer for question, [answer] in zip(asked(), ours, strict=True)) >= 3


@pytest.mark.parametrize("kind", [PhiAnswerer, TransformersAnswerer])
def test_samples_are_as_many_as_wanted_and_not_all_alike(
    kind: type[PhiAnswerer | TransformersAnswerer], checkpoints: dict[str, Path]
) -> None:
    rows = list(kind(checkpoints["none"]).answers(asked(), Asking(samples=4, new_tokens=12, temperature=1.5)))
    assert [len(row) for row in rows] == [4] * len(asked())
    assert any(len(set(row)) > 1 for row in rows)


@pytest.mark.parametrize("kind", [PhiAnswerer, TransformersAnswerer])
def test_a_prompt_that_fills_the_context_is_counted_and_gets_no_answer(
    kind: type[PhiAnswerer | TransformersAnswerer], checkpoints: dict[str, Path]
) -> None:
    long = questions([{**TASK_ROWS[0], "task_id": "HumanEval/0", "prompt": "x = 1\n" * 200}], 0, False)
    answerer = kind(checkpoints["all"])
    assert answerer.too_long(long + asked()) == 1
    assert list(answerer.answers(long, Asking(new_tokens=5))) == [[""]]


def test_a_folder_that_holds_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no config\.json"):
        open_model(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="no checkpoint that transformers can load"):
        open_model(tmp_path)
