"""An installed package with plug-ins of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeprimer.core import plugins

PACKAGE = "foreign_scoring"

SOURCE = '''
from collections import Counter

import numpy as np

from codeprimer.core.plugins import PluginSettings
from codeprimer.embedders.embedder import Embedder
from codeprimer.quality.annotator import Annotator, Label, Unlabelled
from codeprimer.quality.scorer import Scorer

EMBEDDED = Counter()


class LettersSettings(PluginSettings):
    letters: str = "abcdefghij"


class Letters(Embedder):
    Settings = LettersSettings

    def embed(self, texts):
        EMBEDDED.update(texts)
        rows = [[text.count(letter) / max(len(text), 1) for letter in self.settings.letters] for text in texts]
        return np.array(rows, dtype=np.float32)


class WorkerLetters(Letters):
    in_workers = True


class AskingLetters(Letters):
    def __init__(self, settings, *, console, seed):
        super().__init__(settings)
        assert seed == 5


class Failing(Embedder):
    def embed(self, texts):
        raise ValueError("no model")


class Growing(Letters):
    """Not stateless: every batch is wider than the last."""

    def embed(self, texts):
        self.settings = self.settings.model_copy(update={"letters": self.settings.letters + "k"})
        return super().embed(texts)


class Centroids(Scorer):
    """The difference of distances to the means of the two classes."""

    def _inputs(self, features):
        return np.concatenate([features.vectors, features.signs], axis=1).astype(np.float64)

    def fit(self, features, good, points, seed):
        assert len(points) == len(good) == len(features) and points.max() <= 5
        inputs = self._inputs(features)
        self.scale = inputs.std(axis=0) + 1e-6
        self.means = np.stack([inputs[good].mean(axis=0), inputs[~good].mean(axis=0)])

    def score(self, features):
        near, far = (np.linalg.norm((self._inputs(features) - mean) / self.scale, axis=1) for mean in self.means)
        return 1 / (1 + np.exp(near - far))

    def save(self, folder):
        np.savez(folder / "means.npz", means=self.means, scale=self.scale)

    def load(self, folder):
        with np.load(folder / "means.npz") as arrays:
            self.means, self.scale = arrays["means"], arrays["scale"]


class WorkerCentroids(Centroids):
    in_workers = True


class OutOfRange(Centroids):
    def score(self, features):
        return super().score(features) + 7


class Broken(Centroids):
    def fit(self, features, good, points, seed):
        raise ZeroDivisionError("no labels")


class ByLength(Annotator):
    """Runs in the parent process; longer is better."""

    about = "Longer is better."

    def label(self, documents):
        for document in documents:
            yield Label(document["doc_id"], min(5.0, len(document["text"]) / 4_000), ())

    def facts(self):
        return {"looks": "long"}


class Choosy(ByLength):
    """Runs in workers, and labels no document whose id starts with 0."""

    in_workers = True

    def label(self, documents):
        for label in super().label(documents):
            yield Unlabelled(label.doc_id, "skipped", "", ("no",)) if label.doc_id[0] == "0" else label


class Silent(ByLength):
    def label(self, documents):
        return iter(list(super().label(documents))[:-1])
'''

POINTS = {
    "codeprimer.embedders": {
        "letters": "Letters",
        "worker_letters": "WorkerLetters",
        "asking_letters": "AskingLetters",
        "failing": "Failing",
        "growing": "Growing",
    },
    "codeprimer.scorers": {
        "centroids": "Centroids",
        "worker_centroids": "WorkerCentroids",
        "out_of_range": "OutOfRange",
        "broken": "Broken",
    },
    "codeprimer.annotators": {"length": "ByLength", "choosy": "Choosy", "silent": "Silent"},
}


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package with plug-ins until the end of the test."""
    site = tmp_path / "site"
    (site / f"{PACKAGE}-1.2.dist-info").mkdir(parents=True)
    (site / f"{PACKAGE}.py").write_text(SOURCE)
    (site / f"{PACKAGE}-1.2.dist-info" / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.2\n"
    )
    (site / f"{PACKAGE}-1.2.dist-info" / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{kind} = {PACKAGE}:{name}\n" for kind, name in kinds.items())
            for group, kinds in POINTS.items()
        )
    )
    monkeypatch.syspath_prepend(str(site))
    _forget()
    yield
    sys.modules.pop(PACKAGE, None)
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for cached in (plugins._points, plugins.load, plugins.code_digest):
        cached.cache_clear()
