"""A first recipe for one's own code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codeprimer.core.errors import UserError
from codeprimer.run.init import write_recipe
from codeprimer.run.loading import load_recipe

TINY = Path(__file__).parent.parent.parent / "recipes" / "tiny.yaml"


def test_the_recipe_trains_as_the_tiny_one_does(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1")
    written, tiny = load_recipe(write_recipe(folder, tmp_path / "recipe.yaml")), load_recipe(TINY)
    assert written.training == tiny.training
    assert written.tokens == tiny.tokens
    assert written.exam == tiny.exam


@pytest.mark.parametrize("name", [b"caf\xe9", b"two\nlines", b"bell\x07", "two\u2028lines".encode()])
def test_a_name_that_no_recipe_can_hold_is_refused_and_nothing_is_written(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    (folder / "a.py").write_text("x = 1")
    for code, output in ((folder, tmp_path / "recipe.yaml"), (Path(__file__).parent, folder / "recipe.yaml")):
        with pytest.raises(UserError, match="has a character in its name"):
            write_recipe(code, output)
        assert not output.exists()


def test_the_home_of_nobody_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="~nosuchuser/code is not a folder"):
        write_recipe(Path("~nosuchuser/code"), tmp_path / "recipe.yaml")


@pytest.mark.parametrize("name", ["2024", "true", "null", "1e5", "My Code", "x" * 200, "store", "-.-"])
def test_whatever_a_folder_is_called_its_recipe_loads(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "a.py").write_text("x = 1")
    recipe = load_recipe(write_recipe(folder, tmp_path / "recipe.yaml"))
    assert [source.path for source in recipe.corpus.sources] == [folder]
