"""Near-duplicates."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from codeprimer.analysis.minhash import band_keys, jaccard, shingles, signature
from codeprimer.corpus.near import NearDuplicates, ShingleFiles, find_near_duplicates
from codeprimer.corpus.settings import NearDuplicateSettings

SETTINGS = NearDuplicateSettings()


def find(texts: list[str], folder: Path, settings: NearDuplicateSettings = SETTINGS) -> NearDuplicates:
    """Look for near-duplicates among texts in order of preference; two units hold them."""
    half = len(texts) // 2
    folders = [folder / "00000", folder / "00001"]
    for part, own in zip(folders, (texts[:half], texts[half:]), strict=True):
        part.mkdir()
        hashes = [shingles(text) for text in own]
        np.save(part / "offsets.npy", np.cumsum([0, *map(len, hashes)]))
        (part / "shingles.bin").write_bytes(b"".join(one.tobytes() for one in hashes))
    bands = [band_keys(signature(shingles(text), settings.bands * settings.rows), settings.bands) for text in texts]
    return find_near_duplicates(np.array(bands), np.arange(len(texts)), ShingleFiles(folders), settings)


def words(generator: random.Random, count: int) -> list[str]:
    return [f"w{generator.randrange(10_000)}" for _ in range(count)]


def changed(text: list[str], fraction: float, generator: random.Random) -> list[str]:
    return [f"c{generator.randrange(10_000)}" if generator.random() < fraction else word for word in text]


def test_copies_are_found_and_everything_else_is_left_alone(tmp_path: Path) -> None:
    generator = random.Random(2)
    originals = [words(generator, 200) for _ in range(30)]
    close = [changed(text, 0.01, generator) for text in originals]
    far = [changed(text, 0.3, generator) for text in originals]
    texts = [" ".join(text) for text in (*originals, *close, *far)]
    copies = find(texts, tmp_path)
    real = {30 + i: i for i in range(30) if jaccard(shingles(texts[30 + i]), shingles(texts[i])) >= 0.7}
    assert len(real) >= 28
    assert copies.kept == real
    for went, stays in copies.kept.items():
        assert copies.similarity[went] == jaccard(shingles(texts[went]), shingles(texts[stays])) >= 0.7


def test_a_chain_of_copies_is_not_followed(tmp_path: Path) -> None:
    # Each text is like the next one, but the first and the last have little in common.
    window = [" ".join(f"w{i}" for i in range(start, start + 100)) for start in range(0, 100, 10)]
    copies = find(window, tmp_path)
    assert copies.kept == {1: 0, 3: 2, 5: 4, 7: 6, 9: 8}


def test_the_preferred_copy_stays(tmp_path: Path) -> None:
    generator = random.Random(3)
    text = words(generator, 300)
    texts = [" ".join(changed(text, 0.005, generator)) for _ in range(5)]
    assert set(find(texts, tmp_path).kept.values()) == {0}


def test_the_worst_case_is_bounded_and_counted(tmp_path: Path) -> None:
    # Texts whose similarity is below the threshold have bands in common without being near-duplicates.
    generator = random.Random(4)
    base = words(generator, 120)
    texts = [" ".join(changed(base, 0.04, generator)) for _ in range(40)]
    loose = NearDuplicateSettings(threshold=1.0, max_candidates=3, bands=32, rows=2)
    copies = find(texts, tmp_path, loose)
    assert copies.truncated > 0
    assert copies.compared <= 3 * len(texts)
