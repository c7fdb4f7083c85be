"""A first recipe for one's own code."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeprimer.init import write_recipe
from codeprimer.recipe import load_recipe


@pytest.mark.parametrize("name", ["2024", "true", "null", "1e5", "My Code", "x" * 200, "store", "-.-"])
def test_whatever_a_folder_is_called_its_recipe_loads(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "a.py").write_text("x = 1")
    recipe = load_recipe(write_recipe(folder, tmp_path / "recipe.yaml"))
    assert [source.path for source in recipe.corpus.sources] == [folder]
