"""Completions of codeprimer's own checkpoints, and the same by transformers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.benchmarks.conftest import questions
from tests.evaluation.conftest import TASK_ROWS

from codeprimer.benchmarks.backends.backend import SamplingOptions
from codeprimer.benchmarks.backends.opening import open_model
from codeprimer.benchmarks.backends.phi import PhiBackend
from codeprimer.benchmarks.backends.transformers import TransformersBackend
from codeprimer.benchmarks.benchmark import BODY_STOPS, Question, cut_at
from codeprimer.core.errors import UserError


def asked() -> list[Question]:
    return questions(TASK_ROWS)


def cut(rows: Iterable[list[str]]) -> list[list[str]]:
    """Return completions up to their stop strings."""
    return [[cut_at(text, BODY_STOPS) for text in row] for row in rows]


def test_transformers_answers_as_ours_does(checkpoints: dict[str, Path]) -> None:
    options = SamplingOptions(new_tokens=20)
    folder = checkpoints["all"]
    ours = cut(PhiBackend(folder).completions(asked(), options))
    assert cut(TransformersBackend(folder).completions(asked(), options)) == ours
    assert sum(task["solution"].strip() in answer for task, [answer] in zip(TASK_ROWS, ours, strict=True)) >= 3


@pytest.mark.parametrize("kind", [PhiBackend, TransformersBackend])
def test_samples_are_as_many_as_wanted_and_not_all_alike(
    kind: type[PhiBackend | TransformersBackend], checkpoints: dict[str, Path]
) -> None:
    rows = list(
        kind(checkpoints["none"]).completions(asked(), SamplingOptions(samples=4, new_tokens=12, temperature=1.5))
    )
    assert [len(row) for row in rows] == [4] * len(asked())
    assert any(len(set(row)) > 1 for row in rows)


@pytest.mark.parametrize("kind", [PhiBackend, TransformersBackend])
def test_a_prompt_that_fills_the_context_is_counted_and_gets_no_answer(
    kind: type[PhiBackend | TransformersBackend], checkpoints: dict[str, Path]
) -> None:
    long = questions([{**TASK_ROWS[0], "prompt": "x = 1\n" * 200}])
    backend = kind(checkpoints["all"])
    assert backend.too_long(long + asked()) == 1
    assert list(backend.completions(long, SamplingOptions(new_tokens=5))) == [[""]]


def test_a_folder_that_holds_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="checkpoint that transformers can load"):
        open_model(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="checkpoint that transformers can load"):
        open_model(tmp_path)


def test_each_question_ends_at_its_own_stop_strings(checkpoints: dict[str, Path]) -> None:
    options = SamplingOptions(new_tokens=20)
    backend = PhiBackend(checkpoints["all"])
    plain, other = asked()[0], replace(asked()[0], stops=())
    mixed = list(backend.completions([plain, other, plain], options))
    assert mixed[0] == mixed[2] == next(iter(backend.completions([plain], options)))
    assert mixed[1] == next(iter(backend.completions([other], options)))
    assert len(mixed[1][0]) >= len(mixed[0][0])
