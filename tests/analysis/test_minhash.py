"""Near-duplicate signatures."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codeprimer.analysis.minhash import band_keys, jaccard, shingles, signature

WORDS = [f"word{number}" for number in range(400)]


def exact_jaccard(first: str, second: str) -> float:
    sets = [{tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (first.split(), second.split())]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@given(st.lists(st.sampled_from("abc"), min_size=5, max_size=40), st.lists(st.sampled_from("abc"), min_size=5))
def test_jaccard_of_shingles_is_that_of_the_sets_of_five_grams(first: list[str], second: list[str]) -> None:
    texts = " ".join(first), " ".join(second)
    assert jaccard(shingles(texts[0]), shingles(texts[1])) == exact_jaccard(*texts)


def test_texts_of_fewer_than_five_words_differ_unless_their_words_are_equal() -> None:
    short = ["from . import a", "from . import b", "import a", "a import", "", "a", "pass"]
    keys = [tuple(shingles(text).tolist()) for text in short]
    assert len(set(keys)) == len(short)
    assert all(len(key) == 1 for key in keys)
    assert shingles("import  a").tolist() == shingles("import a\n").tolist()


def test_a_licence_at_the_head_does_not_make_files_alike() -> None:
    licence = "".join(f"# {' '.join(WORDS[i : i + 8])}\n" for i in range(0, 80, 8))
    one, two = "x = 1\ny = call(x, some, other, names)\n", "import sys\nprint(sys.path, end='', flush=True)\n"
    assert jaccard(shingles(licence + one), shingles(licence + two)) == 0
    assert jaccard(shingles(licence + one), shingles(one)) == 1


def test_similar_texts_share_a_band_and_different_ones_do_not() -> None:
    generator = random.Random(5)
    found = 0
    for _ in range(40):
        words = [generator.choice(WORDS) for _ in range(300)]
        close = [word if generator.random() > 0.01 else "changed" for word in words]
        far = [generator.choice(WORDS) for _ in range(300)]
        keys = [band_keys(signature(shingles(" ".join(text)), 126), 18) for text in (words, close, far)]
        found += bool((keys[0] == keys[1]).any())
        assert not (keys[0] == keys[2]).any()
    assert found >= 39  # at a similarity of about 0.9, 1 - (1 - 0.9**7)**18 = 0.99997


def test_a_signature_of_few_hashes_estimates_similarity_too() -> None:
    generator = np.random.Generator(np.random.PCG64(3))
    agreements = []
    for _ in range(300):
        common, own, other = (np.sort(generator.integers(0, 2**64, 8, dtype=np.uint64)) for _ in range(3))
        pair = [np.unique(np.concatenate([common, extra])) for extra in (own, other)]
        agreements.append((signature(pair[0], 126) == signature(pair[1], 126)).mean())
    assert abs(np.mean(agreements) - 1 / 3) < 0.02  # 8 in common of 24


def test_a_full_bin_holds_its_smallest_hash() -> None:
    hashes = np.sort(np.random.Generator(np.random.PCG64(4)).integers(0, 2**64, 5000, dtype=np.uint64))
    bins = [int(value) * 7 >> 64 for value in hashes]
    expected = [min(int(value) for value, place in zip(hashes, bins, strict=True) if place == one) for one in range(7)]
    assert signature(hashes, 7).tolist() == expected
