"""Seeds: the same in every version, independent by name."""

from __future__ import annotations

from codeprimer.core.seeds import derive_seed, numpy_random, python_random


def test_seeds_are_the_same_in_every_version() -> None:
    assert derive_seed(1, "exercises", 7) == 5137893546547477774


def test_streams_of_other_names_and_roots_differ() -> None:
    seeds = {derive_seed(root, *names) for root in (1, 2) for names in (("a",), ("b",), ("a", 0), ("a", "0", ""))}
    assert len(seeds) == 8


def test_both_generators_repeat_themselves() -> None:
    assert python_random(1, "a").random() == python_random(1, "a").random()
    assert numpy_random(1, "a").random() == numpy_random(1, "a").random()
