"""Authors of other packages in worker processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import plugin_package, stage_tools

from codeprimer.authors.writing import write_units
from codeprimer.core.errors import PluginError
from codeprimer.core.plugins import make, selected
from codeprimer.curriculum.heldout import NOTHING
from codeprimer.exercises.writing import ExerciseUnit, write_exercises
from codeprimer.sandbox import Tier

BROKEN = """
from codeprimer.authors.author import Author
from codeprimer.authors.offline.compose import compose


class Broken(Author):
    in_workers = True

    def exercises(self, blueprints):
        yield compose(next(iter(blueprints)))
        raise KeyError("no such word")
"""


def test_an_exception_of_an_author_in_a_worker_process_names_the_author_and_the_line(tmp_path: Path) -> None:
    units = [ExerciseUnit(number, 2, 1, 3.0, NOTHING, Tier.jailed) for number in range(2)]
    with plugin_package(tmp_path, BROKEN, author="broken:Broken"):
        author = make("author", selected("author", "broken"))
        written = write_units(author, write_exercises, units, tmp_path / "work", "writing", stage_tools(processes=2))
        with pytest.raises(PluginError, match=r"'broken'.*KeyError.*no such word.*toy_plugins\.py:11"):
            list(written)
