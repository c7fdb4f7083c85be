"""Plug-ins: the built-ins come through the same entry points as anybody's."""

from __future__ import annotations

import pytest

from codeprimer.core import registry
from codeprimer.core.errors import RecipeError


def test_every_registered_name_loads() -> None:
    for kind in ("sources", "annotators", "authors", "engines"):
        assert registry.names(kind)
        for name in registry.names(kind):
            assert callable(registry.load(kind, name))


def test_an_unknown_name_is_answered_with_the_nearest_known() -> None:
    with pytest.raises(RecipeError, match=r"source 'foldr' is not registered; did you mean 'folder'\?"):
        registry.load("sources", "foldr")
