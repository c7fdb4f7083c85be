"""Completions: stopped while they are written, at the very token that leaves the body."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.evaluation.conftest import TASK_ROWS

from codeprimer.benchmarks.bodies import has_left
from codeprimer.benchmarks.completion import Answer, _stop_at, _Told, complete_prompt, complete_prompts
from codeprimer.model.checkpoint import load
from codeprimer.model.tokenizer import Tokenizer


@pytest.mark.parametrize("margin", [-1, 0, 4])
@pytest.mark.parametrize(
    "text", ["\n    return x\n\n\ndef g(x):\n    pass\n", " return 1", "\n\n\nx", "\n        y\n    z\n"]
)
def test_the_rule_stops_exactly_where_the_whole_text_has_left_the_body(
    tokenizer: Tokenizer, margin: int, text: str
) -> None:
    stop = _stop_at(margin, tokenizer)
    ids = tokenizer.encode(text)
    beginnings = [ids[:size] for size in range(1, len(ids) + 1)]
    wanted = [has_left(tokenizer.decode(beginning), margin) for beginning in beginnings]
    first = wanted.index(True) + 1 if True in wanted else len(ids)
    assert [stop(beginning) for beginning in beginnings[:first]] == wanted[:first]


def test_prompts_of_different_margins_keep_their_order(checkpoints: dict[str, Path]) -> None:
    (model, _), tokenizer = load(checkpoints["all"]), Tokenizer.load(checkpoints["all"])
    prompts = [row["prompt"] for row in TASK_ROWS]
    mixed = [prompts[0], "# no definition", prompts[1], "    def inner(x):", *prompts[2:]]
    completions = complete_prompts(model, tokenizer, mixed, 40)
    assert [completions[index] for index in (0, 2, *range(4, 8))] == ["\n" + row["solution"] for row in TASK_ROWS]
    assert all(completion.endswith("\n") for completion in completions)


def test_trailing_whitespace_of_a_prompt_changes_nothing(checkpoints: dict[str, Path]) -> None:
    (model, _), tokenizer = load(checkpoints["all"]), Tokenizer.load(checkpoints["all"])
    prompt = TASK_ROWS[0]["prompt"]
    first, second = complete_prompts(model, tokenizer, [prompt, prompt.rstrip() + "\n\n    "], 40)
    assert first == second == "\n" + TASK_ROWS[0]["solution"]


def test_an_answer_that_spends_its_last_token_is_not_finished(checkpoints: dict[str, Path]) -> None:
    (model, _), tokenizer = load(checkpoints["all"]), Tokenizer.load(checkpoints["all"])
    prompt, solution = TASK_ROWS[0]["prompt"], TASK_ROWS[0]["solution"]
    assert complete_prompt(model, tokenizer, prompt, 40) == Answer("\n" + solution, True)
    assert complete_prompt(model, tokenizer, prompt, 2).finished is False


def test_an_answer_for_which_the_context_has_no_room_is_not_finished(checkpoints: dict[str, Path]) -> None:
    (model, _), tokenizer = load(checkpoints["all"]), Tokenizer.load(checkpoints["all"])
    prompt = TASK_ROWS[0]["prompt"]
    long = prompt
    while len(tokenizer.encode_prompt(long)) < model.config.context - 2:
        long = "#\n" + long
    assert complete_prompt(model, tokenizer, long, 40).finished is False


def test_a_completion_is_told_piece_by_piece(checkpoints: dict[str, Path]) -> None:
    (model, _), tokenizer = load(checkpoints["all"]), Tokenizer.load(checkpoints["all"])
    for row in TASK_ROWS:
        pieces: list[str] = []
        answer = complete_prompt(model, tokenizer, row["prompt"], 40, pieces.append)
        assert "".join(pieces) == answer.completion
        assert len(pieces) > 3
        assert answer == complete_prompt(model, tokenizer, row["prompt"], 40)


def test_a_character_of_several_tokens_is_told_when_it_is_whole(tokenizer: Tokenizer) -> None:
    text = "\n    return 'h\u00e4user \U0001f40d'\n"
    pieces: list[str] = []
    told = _Told(0, tokenizer, pieces.append)
    for token in tokenizer.encode(text):
        told.hear(0, token)
    told.finish(text)
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)
