from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.core.errors import UserError
from codeprimer.model.packed import PackedSet
from codeprimer.training.permutation import Permute, curriculum, shuffled
from codeprimer.training.sequences import ANSWER, FILLING, PROMPT, SequenceSampler, fill

LENGTHS = [7, 3, 12, 5, 9, 4, 30, 6, 8, 2, 11]


def packed(lengths: list[int], shard_documents: int = 6, prompt: int = 0) -> PackedSet:
    """A set whose tokens tell their document (100 x number) and their place in it; 0 ends a document."""
    documents = [
        np.array([*(100 * (number + 1) + place for place in range(length - 1)), 0], np.uint16)
        for number, length in enumerate(lengths)
    ]
    groups = [
        range(start, min(start + shard_documents, len(lengths))) for start in range(0, len(lengths), shard_documents)
    ]
    shards = tuple(np.concatenate([documents[number] for number in group]) for group in groups)
    shard_of = np.concatenate([[shard] * len(group) for shard, group in enumerate(groups)])
    starts = np.concatenate([np.cumsum([0, *(lengths[number] for number in group)])[:-1] for group in groups])
    prompts = np.full(len(lengths), prompt, np.int64)
    return PackedSet(
        "code", shards, shard_of.astype(np.int32), starts.astype(np.int64), np.array(lengths, np.int64), prompts
    )


def first_epoch(sampler: SequenceSampler) -> list[list[int]]:
    return [sampler.get(number).ids.tolist() for number in range(len(sampler._epoch(0)))]


def test_stretches_cover_the_stream_and_meet_in_one_token() -> None:
    sampler = SequenceSampler(packed(LENGTHS), 9, False, seed=1)
    rows = first_epoch(sampler)
    assert all(len(row) == 9 for row in rows)
    joined = [np.concatenate(shard) for shard in [sampler.packed.shards]]
    stream = joined[0].tolist()
    starts = sorted(next(at for at in range(len(stream)) if stream[at : at + 9] == row) for row in rows)
    for shard, offset in zip(sampler.packed.shards, (0, len(sampler.packed.shards[0])), strict=True):
        mine = [start for start in starts if offset <= start < offset + len(shard)]
        assert np.diff(mine).tolist() == [8] * (len(mine) - 1)
        assert mine[0] - offset < 8
        assert offset + len(shard) - (mine[-1] + 9) < 8


def test_whole_documents_stand_side_by_side_and_the_rest_is_filled() -> None:
    lengths = [length for length in LENGTHS if length <= 12]
    sampler = SequenceSampler(packed(lengths), 13, True, seed=1)
    rows = first_epoch(sampler)
    assert all(len(row) == 13 and row[0] % 100 == 0 for row in rows)
    for row in rows:
        for before, after in pairwise(row):
            assert after == before + 1 or after == 0 or (before == 0 and after % 100 == 0)
    texts = sum(len(row) - int((sampler.get(n).roles == FILLING).sum()) for n, row in enumerate(rows))
    assert texts == sum(lengths), "every document is there once, whole"


def test_what_stays_empty_is_told_from_text() -> None:
    sequence = SequenceSampler(packed([6] * 20), 16, True, seed=3).get(0)
    assert sequence.ids[12:].tolist() == [0] * 4
    assert sequence.roles.tolist() == [ANSWER] * 12 + [FILLING] * 4


def test_a_prompt_is_told_from_its_answer() -> None:
    sequence = SequenceSampler(packed([6] * 20, prompt=2), 12, True, seed=3).get(0)
    assert sequence.roles.tolist() == [PROMPT] * 2 + [ANSWER] * 4 + [PROMPT] * 2 + [ANSWER] * 4
    assert set(SequenceSampler(packed([6] * 20, prompt=2), 12, False, seed=3).get(0).roles.tolist()) == {ANSWER}


def test_a_document_longer_than_a_window_is_cut_and_alone() -> None:
    rows = first_epoch(SequenceSampler(packed([5, 40, 5, 5, 5, 5, 5, 5]), 11, True, seed=0))
    assert len(rows) == 5
    assert [row for row in rows if row[0] == 200] == [list(range(200, 211))]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=400), st.integers(8, 64))
def test_filling_takes_every_document_once_and_never_too_much(lengths: list[int], room: int) -> None:
    chosen, firsts = fill(lengths, room)
    assert sorted(chosen.tolist()) == list(range(len(lengths)))
    assert [firsts[0], firsts[-1]] == [0, len(lengths)]
    for begin, end in pairwise(firsts.tolist()):
        assert begin < end
        assert end == begin + 1 or sum(lengths[number] for number in chosen[begin:end]) <= room


def test_little_stays_empty() -> None:
    lengths = np.random.default_rng(1).integers(40, 200, 5_000).tolist()
    _, firsts = fill(lengths, 257)
    assert sum(lengths) / (257 * (len(firsts) - 1)) > 0.93


@pytest.mark.parametrize("whole_documents", [True, False])
def test_a_sequence_is_a_pure_function_of_seed_and_number(whole_documents: bool) -> None:
    forward = SequenceSampler(packed(LENGTHS), 9, whole_documents, seed=1)
    rows = [forward.get(number).ids.tolist() for number in range(60)]
    backward = SequenceSampler(packed(LENGTHS), 9, whole_documents, seed=1)
    assert [backward.get(number).ids.tolist() for number in reversed(range(60))] == rows[::-1]
    other = SequenceSampler(packed(LENGTHS), 9, whole_documents, seed=2)
    assert [other.get(number).ids.tolist() for number in range(60)] != rows


@pytest.mark.parametrize("whole_documents", [True, False])
@pytest.mark.parametrize("numbers", [range(0), range(1), range(5), range(23), range(3, 4), range(4, 31)])
@pytest.mark.parametrize("permute", [shuffled, curriculum(0.3)])
def test_what_was_seen_is_what_a_walk_through_the_sequences_counts(
    whole_documents: bool, numbers: range, permute: Permute
) -> None:
    sampler = SequenceSampler(packed(LENGTHS), 9, whole_documents, 1, permute)
    counts = np.zeros(len(LENGTHS), np.int64)
    for number in numbers:
        document, sequence = None, sampler.get(number)
        for place, token in enumerate(sequence.ids.tolist()):
            document = token // 100 - 1 if token else document
            if place and document is not None and sequence.roles[place] != FILLING:
                counts[document] += 1
    seen = sampler.seen(numbers)
    assert whole_documents or seen.sum() == 8 * len(numbers)
    assert np.array_equal(seen, counts)


@pytest.mark.parametrize("whole_documents", [True, False])
def test_each_epoch_has_its_own_order(whole_documents: bool) -> None:
    sampler = SequenceSampler(packed([6] * 40), 13, whole_documents, seed=1)
    size = len(sampler._epoch(0))
    first = [sampler.get(number).ids.tolist() for number in range(size)]
    second = [sampler.get(size + number).ids.tolist() for number in range(size)]
    assert first != second
    assert sampler.epochs(size) == 1.0
    assert sampler.epochs(size + len(sampler._epoch(1)) // 2) == pytest.approx(1.5, abs=0.1)


def test_a_set_too_small_for_one_sequence_is_named() -> None:
    assert len(first_epoch(SequenceSampler(packed([4, 4]), 8, False, seed=1))) == 1
    with pytest.raises(UserError, match="'code' has 8 tokens, too few for a sequence of 9"):
        SequenceSampler(packed([4, 4]), 9, False, seed=1)
    assert len(first_epoch(SequenceSampler(packed([4, 4]), 9, True, seed=1))) == 1, "whole documents need not fill it"
    for whole_documents in (True, False):
        with pytest.raises(UserError, match="has 0 tokens"):
            SequenceSampler(
                PackedSet("code", (), np.zeros(0, np.int32), *(np.zeros(0, np.int64),) * 3), 9, whole_documents, seed=1
            )


SIZES = st.lists(st.integers(2, 40), min_size=1, max_size=60)


@given(SIZES, st.integers(0, 1000), st.floats(0, 1), st.booleans(), st.integers(0, 2))
def test_a_curriculum_has_the_sequences_of_every_epoch_once_each(
    lengths: list[int], seed: int, noise: float, whole_documents: bool, epoch: int
) -> None:
    try:
        ordered, other = (
            SequenceSampler(packed(lengths), 9, whole_documents, seed, of) for of in (curriculum(noise), shuffled)
        )
    except UserError:
        return  # too few tokens for one stretch
    rows, other_rows = epoch_rows(ordered, epoch), epoch_rows(other, epoch)
    if whole_documents:
        begun = sorted(token // 100 - 1 for row in rows for token in row if token and token % 100 == 0)
        assert begun == list(range(len(lengths)))
    else:
        assert sorted(rows) == sorted(other_rows), "the cut is the same, only the order is another"
        assert len({tuple(row) for row in rows}) == len(rows)
    assert np.all(ordered._epoch(epoch).seen(range(len(rows))) <= np.array(lengths)), "nothing is seen twice"
    again = SequenceSampler(packed(lengths), 9, whole_documents, seed, curriculum(noise))
    assert epoch_rows(again, epoch) == rows


def epoch_rows(sampler: SequenceSampler, epoch: int) -> list[list[int]]:
    return [sampler._epoch(epoch).read(number).ids.tolist() for number in range(len(sampler._epoch(epoch)))]


@pytest.mark.parametrize("whole_documents", [True, False])
@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_a_curriculum_goes_from_the_first_document_to_the_last_in_every_epoch(
    whole_documents: bool, epoch: int
) -> None:
    lengths = np.random.default_rng(1).integers(3, 13, 200).tolist()
    sampler = SequenceSampler(packed(lengths), 13, whole_documents, 1, curriculum(0.0))
    firsts = [next(token // 100 - 1 for token in row if token) for row in epoch_rows(sampler, epoch)]
    assert firsts == sorted(firsts)
    assert firsts[0] < 3
    assert firsts[-1] > 190
    shuffled_firsts = [row[0] for row in epoch_rows(SequenceSampler(packed(lengths), 13, whole_documents, 1), epoch)]
    assert shuffled_firsts != sorted(shuffled_firsts)


def test_stretches_of_a_later_epoch_begin_elsewhere_though_in_the_same_order() -> None:
    sampler = SequenceSampler(packed([30] * 20, 20), 9, False, 1, curriculum(0.0))
    assert len({tuple(epoch_rows(sampler, epoch)[0]) for epoch in range(6)}) > 1


@given(st.integers(0, 1000), st.floats(0, 0.5))
def test_under_noise_a_stretch_comes_within_the_window_of_its_place(seed: int, noise: float) -> None:
    calm, noisy = (SequenceSampler(packed([30] * 20, 20), 9, False, seed, curriculum(of)) for of in (0.0, noise))
    places = {tuple(row): number for number, row in enumerate(epoch_rows(calm, 0))}
    found = [places[tuple(row)] for row in epoch_rows(noisy, 0)]
    assert sorted(found) == list(range(len(found)))
    assert all(abs(place - number) <= noise * len(found) for number, place in enumerate(found))
