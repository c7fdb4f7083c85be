"""The contract of authors: the offline author fulfils it, and authors of other packages are refused or named in errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.support import plugin_package

from codeprimer.authors.author import Author
from codeprimer.authors.offline.author import OfflineAuthor
from codeprimer.authors.offline.compose import NO_TESTS, compose
from codeprimer.authors.writing import drafts
from codeprimer.core.errors import PluginError, RecipeError
from codeprimer.core.plugins import PluginSettings, make, selected
from codeprimer.curriculum.blueprints import FRAMES, STYLES, Blueprint, Exercise, Rejection, SectionBlueprint
from codeprimer.curriculum.heldout import NOTHING
from codeprimer.curriculum.sampler import STYLE_WEIGHTS, balanced_blueprints
from codeprimer.run.loading import parse_recipe

AUTHORS = """
from codeprimer.authors.author import Author
from codeprimer.core.plugins import Plugin


class Sections(Author):
    def sections(self, blueprints, held_out):
        yield from ()


class Exercises(Author):
    def exercises(self, blueprints):
        yield from ()


class Greedy(Author):
    in_workers = True

    def __init__(self, settings, *, teacher):
        super().__init__(settings)


class Stranger(Plugin):
    pass
"""
CLASSES = {"sections": "Sections", "exercises": "Exercises", "greedy": "Greedy", "stranger": "Stranger"}
RECIPE = {"name": "small", "corpus": {"sources": [{"kind": "folder", "name": "code", "path": "code"}]}}


def offline() -> OfflineAuthor:
    author = make("author", selected("author", "offline"))
    assert isinstance(author, OfflineAuthor)
    return author


def test_exercises_come_in_the_order_of_their_blueprints_with_a_rejection_where_there_is_none() -> None:
    blueprints = list(islice(balanced_blueprints(Random(1)), 3))
    redundant = Blueprint("integers", ("sort", "total"))
    written = list(offline().exercises([blueprints[0], redundant, *blueprints[1:]]))
    assert written == [compose(blueprints[0]), NO_TESTS, compose(blueprints[1]), compose(blueprints[2])]


def test_the_author_writes_only_as_far_as_it_is_read() -> None:
    endless = balanced_blueprints(Random(1))
    assert len(list(islice(offline().exercises(endless), 5))) == 5


def test_sections_are_written_for_a_concept_and_an_audience() -> None:
    (section,) = offline().sections([SectionBlueprint("sorting", "beginner", 3)], NOTHING)
    assert not isinstance(section, Rejection) and section.concept == "sorting"


def test_a_key_names_the_composition_and_nothing_else() -> None:
    first = Blueprint("integers", ("keep_even", "total"), "loop", "method", 5)
    assert first.key == "integers>keep_even>total" == Blueprint("integers", ("keep_even", "total")).key


def test_every_style_and_frame_is_requested() -> None:
    assert set(STYLE_WEIGHTS) == set(STYLES)
    assert {blueprint.frame for blueprint in islice(balanced_blueprints(Random(2)), 300)} == set(FRAMES)


@pytest.mark.parametrize(
    ("stage", "kind", "facts"),
    [
        ("exercises", "sections", r"exercises\.author: 'sections' .*exercises"),
        ("textbooks", "exercises", r"textbooks\.author: 'exercises' .*sections"),
        ("textbooks", "stranger", r"textbooks\.author.*toy_plugins:Stranger.* Author"),
        ("textbooks", "greedy", r"textbooks\.author.*toy_plugins:Greedy.* requests teacher.*in_workers"),
        ("textbooks", "ofline", r"did you mean 'offline'"),
    ],
)
def test_an_author_that_cannot_do_the_work_is_an_error_when_the_recipe_is_read(
    tmp_path: Path, stage: str, kind: str, facts: str
) -> None:
    name = CLASSES.get(kind, "Sections")
    with (
        plugin_package(tmp_path, AUTHORS, author=f"{kind if kind in CLASSES else 'other'}:{name}"),
        pytest.raises((RecipeError, PluginError), match=facts),
    ):
        parse_recipe(RECIPE | {stage: {"author": kind}}, "recipe.yaml")


class Miscounting(Author):
    """Yields one text too few or too many, or something else."""

    def __init__(self, more: list[Any]) -> None:
        super().__init__(PluginSettings(kind="miscounting"))
        self.more = more

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise | Rejection]:
        *all_but_one, _ = map(compose, blueprints)
        return iter([*all_but_one, *self.more])


@pytest.mark.parametrize("more", [[], [None], [NO_TESTS, NO_TESTS]])
def test_an_author_must_yield_one_text_or_rejection_per_blueprint(more: list[Any]) -> None:
    author = Miscounting(more)
    blueprints = list(islice(balanced_blueprints(Random(1)), 3))
    with pytest.raises(PluginError, match=r"'miscounting'.* one text or one Rejection per blueprint"):
        list(drafts(author, author.exercises, blueprints))
    author = Miscounting([NO_TESTS])
    assert [blueprint for blueprint, _ in drafts(author, author.exercises, blueprints)] == blueprints
