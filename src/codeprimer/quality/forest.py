"""A forest as plain arrays: predicting needs NumPy alone, and saving needs no pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Forest:
    """All trees one after another; a node's children are node numbers, a leaf is its own child."""

    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    """The share of good documents in each node."""
    depth: int

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the mean share of good documents [documents] in the leaves that ``features`` [documents, n] reach."""
        nodes = np.repeat(self.roots[None, :], len(features), axis=0)
        rows = np.arange(len(features))[:, None]
        for _ in range(self.depth):
            below = features[rows, self.feature[nodes]] <= self.threshold[nodes]
            nodes = np.where(below, self.left[nodes], self.right[nodes])
        return np.asarray(self.value[nodes].mean(axis=1))


def forest_of(classifier: Any) -> Forest:
    """Return the arrays of a fitted scikit-learn forest of two classes."""
    parts = [_arrays(tree.tree_) for tree in classifier.estimators_]
    sizes = [len(part["feature"]) for part in parts]
    starts = np.cumsum([0, *sizes[:-1]]).astype(np.int32)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    offset = np.repeat(starts, sizes)
    return Forest(
        roots=starts,
        feature=joined["feature"].astype(np.int32),
        threshold=joined["threshold"],
        left=(joined["left"] + offset).astype(np.int32),
        right=(joined["right"] + offset).astype(np.int32),
        value=joined["value"],
        depth=max(tree.tree_.max_depth for tree in classifier.estimators_),
    )


def _arrays(tree: Any) -> dict[str, npt.NDArray[Any]]:
    own = np.arange(tree.node_count)
    leaf = tree.children_left < 0
    shares = tree.value[:, 0, :]
    return {
        "feature": np.where(leaf, 0, tree.feature),
        "threshold": np.where(leaf, 0.0, tree.threshold),
        "left": np.where(leaf, own, tree.children_left),
        "right": np.where(leaf, own, tree.children_right),
        "value": shares[:, 1] / shares.sum(axis=1),
    }
