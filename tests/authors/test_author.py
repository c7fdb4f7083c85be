"""The offline author, as the stages see it."""

from __future__ import annotations

from itertools import islice
from random import Random

from codeprimer.authors.author import Author, OfflineAuthor
from codeprimer.authors.offline.compose import compose
from codeprimer.core import registry
from codeprimer.curriculum.blueprints import FRAMES, STYLES, Blueprint, SectionBlueprint
from codeprimer.curriculum.heldout import NOTHING
from codeprimer.curriculum.sampler import STYLE_WEIGHTS, orders


def test_the_offline_author_is_registered_like_anybodys() -> None:
    author: Author = registry.load("authors", "offline")()
    assert isinstance(author, OfflineAuthor)


def test_exercises_come_in_the_order_of_their_blueprints_and_none_where_there_is_none() -> None:
    ordered = list(islice(orders(Random(1)), 3))
    idle = Blueprint("integers", ("sort", "total"))
    written = list(OfflineAuthor().exercises([ordered[0], idle, *ordered[1:]]))
    assert written == [compose(ordered[0]), None, compose(ordered[1]), compose(ordered[2])]


def test_the_author_writes_only_as_far_as_it_is_read() -> None:
    endless = orders(Random(1))
    assert len(list(islice(OfflineAuthor().exercises(endless), 5))) == 5


def test_sections_are_written_for_a_concept_and_an_audience() -> None:
    (section,) = OfflineAuthor().sections([SectionBlueprint("sorting", "beginner", 3)], NOTHING)
    assert section is not None and section.concept == "sorting"


def test_a_key_names_the_composition_and_nothing_else() -> None:
    first = Blueprint("integers", ("keep_even", "total"), "loop", "method", 5)
    assert first.key == "integers>keep_even>total" == Blueprint("integers", ("keep_even", "total")).key


def test_every_style_and_frame_is_ordered() -> None:
    assert set(STYLE_WEIGHTS) == set(STYLES)
    assert {blueprint.frame for blueprint in islice(orders(Random(2)), 300)} == set(FRAMES)
