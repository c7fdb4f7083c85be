"""The optional dependency of training, asked for before it is needed."""

from __future__ import annotations

from importlib.util import find_spec

from codeprimer.core.errors import MissingExtraError


def require_torch() -> None:
    """Raise MissingExtraError when torch or safetensors is not installed."""
    for package in ("torch", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "train", "training")
