"""A fitted forest as plain arrays: predicting needs only NumPy, and saving does not need pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TreeArrays:
    """All trees, one after another; a node's children are node indices, and a leaf is its own child."""

    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    """The fraction of good documents in each node."""

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return, for ``features`` [documents, n], the mean fraction of good documents in the leaves reached [documents]."""
        nodes = np.repeat(self.roots[None, :], len(features), axis=0)
        rows = np.arange(len(features))[:, None]
        while True:
            below = features[rows, self.feature[nodes]] <= self.threshold[nodes]
            children = np.where(below, self.left[nodes], self.right[nodes])
            if (children == nodes).all():
                return np.asarray(self.value[nodes].mean(axis=1))
            nodes = children


def arrays_of(classifier: Any) -> TreeArrays:
    """Return the arrays of a fitted scikit-learn forest for two classes."""
    parts = [_arrays(tree.tree_) for tree in classifier.estimators_]
    sizes = [len(part["feature"]) for part in parts]
    starts = np.cumsum([0, *sizes[:-1]]).astype(np.int32)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    offset = np.repeat(starts, sizes)
    return TreeArrays(
        roots=starts,
        feature=joined["feature"].astype(np.int32),
        threshold=joined["threshold"],
        left=(joined["left"] + offset).astype(np.int32),
        right=(joined["right"] + offset).astype(np.int32),
        value=joined["value"],
    )


def _arrays(tree: Any) -> dict[str, npt.NDArray[Any]]:
    own = np.arange(tree.node_count)
    leaf = tree.children_left < 0
    fractions = tree.value[:, 0, :]
    return {
        "feature": np.where(leaf, 0, tree.feature),
        "threshold": np.where(leaf, 0.0, tree.threshold),
        "left": np.where(leaf, own, tree.children_left),
        "right": np.where(leaf, own, tree.children_right),
        "value": fractions[:, 1] / fractions.sum(axis=1),
    }
