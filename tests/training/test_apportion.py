from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codeprimer.training.apportion import apportion, step_ranges

WEIGHTS = st.dictionaries(
    st.sampled_from(["raw", "code", "textbooks", "exercises"]), st.floats(0.01, 10), min_size=1, max_size=4
)


@given(WEIGHTS, st.integers(0, 10_000))
def test_shares_add_up_and_stay_close_to_the_weights(weights: dict[str, float], sequences: int) -> None:
    counts = apportion(weights, sequences)
    assert sum(counts.values()) == sequences
    for name, count in counts.items():
        assert abs(count - sequences * weights[name] / sum(weights.values())) < len(weights)


@given(WEIGHTS, st.integers(0, 10_000), st.integers(1, 200))
def test_no_set_ever_takes_a_sequence_back(weights: dict[str, float], sequences: int, more: int) -> None:
    before, after = apportion(weights, sequences), apportion(weights, sequences + more)
    assert all(after[name] >= before[name] for name in before)


@given(WEIGHTS, st.integers(0, 300), st.integers(1, 64))
def test_steps_follow_each_other_without_gap_or_overlap(weights: dict[str, float], step: int, batch: int) -> None:
    now, following = step_ranges(weights, step, batch), step_ranges(weights, step + 1, batch)
    assert sum(map(len, now.values())) == batch
    assert all(now[name].stop == following[name].start for name in now)


def test_the_order_of_the_names_changes_nothing() -> None:
    first = {"code": 1.0, "textbooks": 1.0, "raw": 2.0}
    for count in range(12):
        assert apportion(first, count) == apportion(dict(reversed(first.items())), count)


def test_the_larger_share_comes_first_and_the_smaller_in_the_middle_of_its_turn() -> None:
    assert [apportion({"code": 0.2, "raw": 0.8}, count)["code"] for count in range(6)] == [0, 0, 0, 1, 1, 1]


def test_a_mixture_is_exact_where_whole_numbers_allow() -> None:
    assert apportion({"code": 0.6, "textbooks": 0.4}, 320) == {"code": 192, "textbooks": 128}
