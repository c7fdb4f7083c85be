from __future__ import annotations

import re
from string import Template

import pytest

from codeprimer.authors.offline.section_parts import PARTS
from codeprimer.curriculum.audiences import ASIDES, AUDIENCES, BANKS, audiences

HOLES = {
    "Opening": {"person", "friend", "summary", "Summary"},
    "Before": {"before", "person", "friend"},
    "Example": {"person", "friend"},
    "Example about": {"about", "person", "friend"},
    "Worked": {"signature", "spec", "kind", "person", "friend"},
    "Exercise": {"signature", "spec", "kind", "person", "friend"},
    "Predict": {"call", "person", "friend"},
}
ANYWHERE = {"person", "friend"}


def test_every_audience_has_a_text_of_its_own() -> None:
    assert tuple(audiences()) == AUDIENCES
    for bank in BANKS:
        phrases = [phrase for audience in audiences().values() for phrase in audience.phrases[bank]]
        assert len(phrases) >= 2 * len(AUDIENCES)
        assert len(set(phrases)) == len(phrases), bank


def test_every_kind_of_remark_has_its_readers() -> None:
    assert {audience.aside for audience in audiences().values()} == set(ASIDES)


@pytest.mark.parametrize("name", AUDIENCES)
@pytest.mark.parametrize("bank", BANKS)
def test_phrases_use_only_the_holes_that_are_filled(name: str, bank: str) -> None:
    for phrase in audiences()[name].phrases[bank]:
        holes = set(re.findall(r"\$(\w+)", phrase))
        assert holes <= HOLES.get(bank, ANYWHERE), phrase
        Template(phrase).substitute(dict.fromkeys(holes, "x"))
        if bank == "Headings":
            assert len(phrase.split(" | ")) == len(PARTS)
        else:
            assert phrase[-1] in '.?!:"', phrase


@pytest.mark.parametrize("name", AUDIENCES)
def test_what_must_be_said_is_said_in_every_phrase(name: str) -> None:
    phrases = audiences()[name].phrases
    assert all("$before" in phrase for phrase in phrases["Before"])
    assert all("$about" in phrase for phrase in phrases["Example about"])
    assert all("$spec" in phrase and "$signature" in phrase for phrase in phrases["Worked"])
    assert all("$spec" in phrase and "$signature" in phrase for phrase in phrases["Exercise"])
    assert all("$call" in phrase for phrase in phrases["Predict"])
