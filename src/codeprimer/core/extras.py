"""Optional dependencies, checked before they are needed."""

from __future__ import annotations

from importlib.util import find_spec

from codeprimer.core.errors import MissingExtraError


def require_torch(purpose: str) -> None:
    """Raise MissingExtraError, which names the purpose, if torch or safetensors is not installed."""
    for package in ("torch", "safetensors"):
        require(package, "train", purpose)


def require(package: str, extra: str, purpose: str) -> None:
    """Raise MissingExtraError, which names the purpose, if a package of an extra is not installed."""
    if find_spec(package) is None:
        raise MissingExtraError(package, extra, purpose)
