"""Which packages are held out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codeprimer.corpus.splits import choose_heldout

SIZES = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(1, 10_000), min_size=3, max_size=60)


@given(SIZES, st.floats(0.01, 0.5))
def test_never_more_than_the_fraction_and_never_nothing(sizes: dict[str, int], fraction: float) -> None:
    chosen = choose_heldout(sizes, fraction)
    held = sum(sizes[name] for name in chosen)
    assert chosen == sorted(set(chosen))
    assert held <= fraction * sum(sizes.values()) or chosen == [min(sizes, key=lambda name: (sizes[name], name))]
    assert 0 < held < sum(sizes.values())


def test_the_choice_does_not_depend_on_the_order_of_packages() -> None:
    sizes = {f"package{i}": 100 + i for i in range(50)}
    assert choose_heldout(sizes, 0.2) == choose_heldout(dict(reversed(sizes.items())), 0.2)
    held = sum(sizes[name] for name in choose_heldout(sizes, 0.2))
    assert 0.15 < held / sum(sizes.values()) <= 0.2


def test_nothing_is_held_out_of_nothing() -> None:
    assert choose_heldout({"one": 5, "two": 5}, 0.5) == []
    assert choose_heldout({"one": 5, "two": 5, "three": 5}, 0.0) == []
