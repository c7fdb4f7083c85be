from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from codeprimer.model.checkpoint import save_model
from codeprimer.model.generate import PADDED_TOKENS, PASS_TOKENS, Limits, Sampling, _of_like_length, generate
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer


def prompts() -> list[list[int]]:
    """Prompts of very different lengths."""
    generator = torch.Generator().manual_seed(5)
    return [torch.randint(1, 384, (length,), generator=generator).tolist() for length in (3, 30, 1, 17, 44, 17)]


def by_hand(model: Phi, prompt: list[int], new_tokens: int, vocabulary: int = 384) -> list[int]:
    """Continue one prompt without cache or batch."""
    ids = list(prompt)
    for _ in range(min(new_tokens, model.config.context - len(prompt))):
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids]))[0, -1, :vocabulary].argmax()))
    return ids[len(prompt) :]


def limits(new_tokens: int, stop_ids: frozenset[int] = frozenset(), vocabulary: int = 384, rows: int = 128) -> Limits:
    return Limits(new_tokens, stop_ids, vocabulary, rows)


@pytest.mark.parametrize("rows", [1, 4, 128])
def test_ragged_prompts_are_continued_as_each_alone(model: Phi, rows: int) -> None:
    expected = [by_hand(model, prompt, 15) for prompt in prompts()]
    assert generate(model, prompts(), limits(15, rows=rows)) == expected


def test_the_tokens_equal_those_of_transformers(model: Phi, tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_model(tmp_path, model, tokenizer)
    theirs: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    for prompt, ours in zip(prompts(), generate(model, prompts(), limits(15)), strict=True):
        ids_BT = torch.tensor([prompt])
        row = theirs.generate(
            ids_BT, attention_mask=torch.ones_like(ids_BT), max_new_tokens=15, do_sample=False, pad_token_id=0
        )
        assert row[0, len(prompt) :].tolist() == ours


def test_a_row_ends_before_its_stop_id_and_the_others_go_on(model: Phi) -> None:
    free = generate(model, prompts(), limits(12))
    stop_id = free[1][4]
    stopped = generate(model, prompts(), limits(12, frozenset({stop_id})))
    assert stopped == [row[: row.index(stop_id)] if stop_id in row else row for row in free]
    assert len(stopped[1]) <= 4


def test_a_row_ends_when_its_stop_rule_says_so(model: Phi) -> None:
    free = generate(model, prompts(), limits(12))
    stopped = generate(model, prompts(), limits(12), lambda ids: sum(ids) > 900)
    for row, whole in zip(stopped, free, strict=True):
        assert row == whole[: len(row)]
        assert sum(row[:-1]) <= 900
        assert sum(row) > 900 or len(row) == 12


def test_ids_beyond_the_tokenizer_are_never_chosen(model: Phi) -> None:
    with torch.no_grad():
        model.lm_head.bias[360:] += 100.0
    rows = generate(model, prompts(), limits(10, vocabulary=360))
    assert max(max(row) for row in rows) < 360
    assert rows == [by_hand(model, prompt, 10, 360) for prompt in prompts()]


def test_a_continuation_fills_the_context_and_no_more(model: Phi) -> None:
    long = list(range(1, 61))
    assert generate(model, [long, [5]], limits(100)) == [by_hand(model, long, 100), by_hand(model, [5], 100)]
    assert generate(model, [[7] * 64, [7] * 63], limits(5))[0] == []


def test_an_empty_prompt_begins_with_the_end_of_text_token(model: Phi) -> None:
    assert generate(model, [[]], limits(5)) == generate(model, [[0]], limits(5))
    assert generate(model, [], limits(5)) == []


def test_bfloat16_models_generate_too(model: Phi) -> None:
    rounded = model.to(torch.bfloat16)
    first = generate(rounded, prompts(), limits(10))
    assert [len(row) for row in first] == [10] * 6
    assert generate(rounded, prompts(), limits(10)) == first


def test_samples_differ_by_seed_and_a_temperature_of_zero_is_greedy(model: Phi) -> None:
    def drawn(temperature: float, seed: int, top_p: float = 1.0) -> list[list[int]]:
        return generate(model, prompts(), limits(15), sampling=Sampling(temperature, top_p, seed))

    greedy = generate(model, prompts(), limits(15))
    assert drawn(0.0, 1) == greedy
    assert drawn(1.0, 1) == drawn(1.0, 1)
    assert drawn(1.0, 1) != drawn(1.0, 2)
    assert drawn(1.0, 1, top_p=1e-9) == greedy


def test_samples_follow_the_models_probabilities_within_the_nucleus(model: Phi) -> None:
    prompt = prompts()[1]
    with torch.no_grad():
        shares = torch.softmax(model(torch.tensor([prompt]))[0, -1, :384].float() / 0.7, -1)
    drawn = generate(model, [prompt] * 4000, limits(1), sampling=Sampling(0.7, 0.6, 3))
    counts = torch.bincount(torch.tensor([row[0] for row in drawn]), minlength=384)
    ranked = shares.argsort(descending=True)
    size = int((shares[ranked].cumsum(0) < 0.6).sum()) + 1
    assert set(counts.nonzero().flatten().tolist()) <= set(ranked[:size].tolist())
    first = float(shares[ranked[0]] / shares[ranked[:size]].sum())
    assert abs(int(counts[ranked[0]]) / 4000 - first) < 4 * (first * (1 - first) / 4000) ** 0.5


def test_a_prompt_that_is_given_several_times_is_read_once(model: Phi) -> None:
    read: list[int] = []
    hook = model.embed_tokens.register_forward_pre_hook(lambda _, given: read.append(given[0].numel()))
    one, other = prompts()[1], prompts()[3]
    sampling = Sampling(1.0, 1.0, 3)
    found = generate(model, [one, other, one, one, other], limits(9), sampling=sampling)
    hook.remove()
    assert read == [len(one) * 2] + [5] * 8
    assert len({tuple(row) for row in found}) == 5, "each is drawn for itself"
    greedy = generate(model, [one, other, one], limits(9))
    assert greedy == [by_hand(model, prompt, 9) for prompt in (one, other, one)]


@given(st.lists(st.integers(1, 600), min_size=1, max_size=60))
def test_prompts_that_are_read_together_leave_few_places_empty(lengths: list[int]) -> None:
    wanted = [tuple([0] * length) for length in lengths]
    groups = list(_of_like_length(wanted))
    assert sorted(map(len, chain(*groups))) == sorted(lengths)
    for group in groups:
        size = len(group) * max(map(len, group))
        assert size - sum(map(len, group)) <= PADDED_TOKENS
        assert size <= PASS_TOKENS


def test_each_token_is_told_as_it_is_chosen(model: Phi) -> None:
    told: dict[int, list[int]] = {}
    order: list[int] = []

    def heard(prompt: int, token: int) -> None:
        told.setdefault(prompt, []).append(token)
        order.append(prompt)

    found = generate(model, prompts(), limits(7), heard=heard)
    assert [told[number] for number in range(len(found))] == found
    assert sorted(order[: len(found)]) == list(range(len(found))), "one of each before the second of any"
