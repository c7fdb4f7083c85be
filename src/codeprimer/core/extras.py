"""The optional dependencies, asked for before they are needed."""

from __future__ import annotations

from importlib.util import find_spec

from codeprimer.core.errors import MissingExtraError


def require_torch(purpose: str) -> None:
    """Raise MissingExtraError, which names what for, when torch or safetensors is not installed."""
    for package in ("torch", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "train", purpose)
