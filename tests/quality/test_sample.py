"""Which documents are labelled, and which split each is in."""

from __future__ import annotations

import hashlib
import random

from hypothesis import given
from hypothesis import strategies as st

from codeprimer.quality.sample import SPLITS, Candidate, assign_splits, choose_sample


def rows(count: int, packages: int) -> list[Candidate]:
    return [
        {
            "doc_id": hashlib.sha256(str(index).encode()).hexdigest(),
            "package": f"p{index % packages}",
            "split": "heldout" if index % packages == 0 else "train",
        }
        for index in range(count)
    ]


def test_held_out_packages_are_never_sampled() -> None:
    table = rows(200, 10)
    sample = choose_sample(table, 150, seed=1)
    assert len(sample.rows) == 150
    assert "p0" not in sample.packages
    assert all(table[row]["package"] == name for row, name in zip(sample.rows.tolist(), sample.packages, strict=True))
    assert sample.available == 180


def test_a_package_is_in_one_split_only() -> None:
    sample = choose_sample(rows(500, 25), 300, seed=1)
    splits: dict[str, set[str]] = {}
    for package, split in zip(sample.packages, sample.splits, strict=True):
        splits.setdefault(package, set()).add(split)
    assert sample.by_package
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == set(SPLITS)


def test_the_choice_follows_ids_and_seed_not_the_order_of_the_corpus() -> None:
    table = rows(300, 12)
    shuffled = random.Random(1).sample(table, len(table))
    chosen = [
        {table_[row]["doc_id"] for row in choose_sample(table_, 100, seed).rows.tolist()}
        for table_, seed in ((table, 1), (shuffled, 1), (table, 2))
    ]
    assert chosen[0] == chosen[1] != chosen[2]


def test_few_packages_are_split_by_file_and_flagged() -> None:
    sample = choose_sample(rows(60, 3), 60, seed=1)
    assert not sample.by_package
    assert set(sample.splits) == set(SPLITS)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(1, 50), min_size=6), st.integers(0, 3))
def test_no_split_exceeds_its_fraction_by_more_than_one_package(sizes: dict[str, int], seed: int) -> None:
    split_of = assign_splits(sizes, seed)
    assert split_of.keys() == sizes.keys()
    for split, fraction in SPLITS.items():
        size = sum(sizes[name] for name in sizes if split_of[name] == split)
        assert size <= fraction * sum(sizes.values()) + max(sizes.values())
