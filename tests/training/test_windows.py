from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from codeprimer.core.errors import UserError
from codeprimer.model.packed import PackedSet
from codeprimer.training.windows import Windows

LENGTHS = [7, 3, 12, 5, 9, 4, 30, 6, 8, 2, 11]


def packed(lengths: list[int], shard_documents: int = 6) -> PackedSet:
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
    return PackedSet("code", shards, shard_of.astype(np.int32), starts.astype(np.int64), np.array(lengths, np.int64))


def first_epoch(windows: Windows) -> list[list[int]]:
    return [windows.get(number).tolist() for number in range(len(windows._epoch(0)))]


def test_stretches_cover_the_stream_and_meet_in_one_token() -> None:
    windows = Windows(packed(LENGTHS), 9, False, seed=1)
    rows = first_epoch(windows)
    assert all(len(row) == 9 for row in rows)
    joined = [np.concatenate(shard) for shard in [windows.packed.shards]]
    stream = joined[0].tolist()
    starts = sorted(next(at for at in range(len(stream)) if stream[at : at + 9] == row) for row in rows)
    for shard, offset in zip(windows.packed.shards, (0, len(windows.packed.shards[0])), strict=True):
        mine = [start for start in starts if offset <= start < offset + len(shard)]
        assert np.diff(mine).tolist() == [8] * (len(mine) - 1)
        assert mine[0] - offset < 8
        assert offset + len(shard) - (mine[-1] + 9) < 8


def test_windows_that_begin_with_documents_lose_none_and_cut_none_off_its_beginning() -> None:
    rows = first_epoch(Windows(packed([length for length in LENGTHS if length <= 12]), 13, True, seed=1))
    assert all(len(row) == 13 for row in rows)
    assert all(row[0] % 100 == 0 for row in rows)
    for row in rows:
        for before, after in pairwise(row):
            assert after == before + 1 or after == 0 or (before == 0 and after % 100 == 0)


def test_what_was_cut_at_the_end_begins_the_next_window_whole() -> None:
    rows = first_epoch(Windows(packed([6] * 20), 16, True, seed=3))
    for row, following in pairwise(rows):
        assert row[12] == following[0]


def test_a_document_that_ends_with_its_window_is_not_begun_again() -> None:
    rows = first_epoch(Windows(packed([4] * 12), 8, True, seed=3))
    assert sorted(token for row in rows for token in row if token and token % 100 == 0) == list(range(100, 1300, 100))


def test_a_document_longer_than_a_window_does_not_stop_the_walk() -> None:
    rows = first_epoch(Windows(packed([5, 40, 5, 5, 5, 5, 5, 5]), 11, True, seed=0))
    assert len(rows) >= 4
    assert sum(row[0] == 200 for row in rows) == 1


@pytest.mark.parametrize("whole_documents", [True, False])
def test_a_sequence_is_a_pure_function_of_seed_and_number(whole_documents: bool) -> None:
    forward = Windows(packed(LENGTHS), 9, whole_documents, seed=1)
    rows = [forward.get(number).tolist() for number in range(60)]
    backward = Windows(packed(LENGTHS), 9, whole_documents, seed=1)
    assert [backward.get(number).tolist() for number in reversed(range(60))] == rows[::-1]
    other = Windows(packed(LENGTHS), 9, whole_documents, seed=2)
    assert [other.get(number).tolist() for number in range(60)] != rows


@pytest.mark.parametrize("whole_documents", [True, False])
@pytest.mark.parametrize("sequences", [0, 1, 5, 23])
def test_what_was_seen_is_what_a_walk_through_the_sequences_counts(whole_documents: bool, sequences: int) -> None:
    windows = Windows(packed(LENGTHS), 9, whole_documents, seed=1)
    counts = np.zeros(len(LENGTHS), np.int64)
    for number in range(sequences):
        document = None
        for place, token in enumerate(windows.get(number).tolist()):
            document = token // 100 - 1 if token else document
            if place and document is not None:
                counts[document] += 1
    seen = windows.seen(sequences)
    assert seen.sum() == 8 * sequences
    assert np.array_equal(seen, counts)


@pytest.mark.parametrize("whole_documents", [True, False])
def test_each_epoch_has_its_own_order(whole_documents: bool) -> None:
    windows = Windows(packed([6] * 40), 13, whole_documents, seed=1)
    size = len(windows._epoch(0))
    first = [windows.get(number).tolist() for number in range(size)]
    second = [windows.get(size + number).tolist() for number in range(size)]
    assert first != second
    assert windows.epochs(size) == 1.0
    assert windows.epochs(size + len(windows._epoch(1)) // 2) == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("whole_documents", [True, False])
def test_a_set_too_small_for_one_sequence_is_named(whole_documents: bool) -> None:
    assert len(first_epoch(Windows(packed([4, 4]), 8, whole_documents, seed=1))) == 1
    with pytest.raises(UserError, match="'code' has 8 tokens, too few for a sequence of 9"):
        Windows(packed([4, 4]), 9, whole_documents, seed=1)
    with pytest.raises(UserError, match="has 0 tokens"):
        Windows(PackedSet("code", (), *(np.zeros(0, np.int64),) * 3), 9, whole_documents, seed=1)  # type: ignore[arg-type]  # empty arrays of one type
