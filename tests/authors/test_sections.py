from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys

import pytest

from codeprimer.authors.offline.lessons import lessons
from codeprimer.authors.offline.sections import digest, write_section
from codeprimer.curriculum.audiences import AUDIENCES, audiences
from codeprimer.curriculum.blueprints import Section, SectionBlueprint
from codeprimer.curriculum.concepts import CONCEPTS, position_of
from codeprimer.curriculum.heldout import NOTHING, HeldOut

DIGEST_IN_ANOTHER_PROCESS = """
import hashlib
from codeprimer.curriculum.concepts import CONCEPTS
from codeprimer.curriculum.heldout import NOTHING
from codeprimer.curriculum.blueprints import SectionBlueprint
from codeprimer.authors.offline.sections import write_section

texts = [write_section(SectionBlueprint(name, "pupil", 11), NOTHING).text for name in CONCEPTS]
print(hashlib.sha256("".join(texts).encode()).hexdigest())
"""


def write(concept: str, audience: str = "beginner", seed: int = 1, words: int = 450) -> Section:
    section = write_section(SectionBlueprint(concept, audience, seed, words), NOTHING)
    assert section is not None
    return section


@pytest.mark.parametrize("concept", CONCEPTS)
def test_a_section_has_every_part_and_keeps_to_its_length(concept: str) -> None:
    lesson = lessons()[concept]
    for seed, audience in enumerate(AUDIENCES):
        section = write(concept, audience, seed)
        assert 150 <= len(section.text.split()) <= 450
        assert section.text.startswith("# ")
        assert section.text.endswith("\n")
        assert section.text.count("```python\n") >= 3
        assert section.text.count("```") % 2 == 0
        assert "$" not in section.text
        assert any(why.partition("$")[0] in section.text for why in lesson.why)
        assert lesson.how[0].partition("$")[0] in section.text
        assert "assert " in section.text
        assert concept in section.concepts


def test_a_section_names_what_it_builds_on() -> None:
    for seed in range(20):
        assert '"Building lists" and "Conditionals"' in write("list_filtering", AUDIENCES[seed % 6], seed).text


def test_each_audience_is_spoken_to_in_its_own_way() -> None:
    for name in AUDIENCES:
        text = write("sorting", name, seed=5, words=2000).text
        own = audiences()[name]
        together = [phrase.partition("$")[0] for phrase in own.phrases["Together"]]
        assert any(phrase in text for phrase in together)
        assert getattr(lessons()["sorting"], own.aside) in text


def test_a_short_section_leaves_out_what_can_be_spared_first() -> None:
    long, short = write("sets", seed=8, words=3000), write("sets", seed=8, words=200)
    assert len(short.text.split()) < len(long.text.split())
    assert short.text.count("```python\n") >= 3


def test_two_hundred_sections_on_one_concept_all_differ() -> None:
    texts = [write("digits", AUDIENCES[seed % 6], seed).text for seed in range(200)]
    assert len(set(texts)) == 200


def test_equal_blueprints_give_equal_sections_in_any_process() -> None:
    texts = [write(name, "pupil", 11).text for name in CONCEPTS]
    here = hashlib.sha256("".join(texts).encode()).hexdigest()
    other = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    printed = subprocess.run(
        [sys.executable, "-c", DIGEST_IN_ANOTHER_PROCESS],
        env={**os.environ, "PYTHONHASHSEED": other},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == here


def test_no_name_is_defined_twice_in_a_section() -> None:
    for seed in range(60):
        names = re.findall(r"^(?:def|class) (\w+)", write("string_reversal", seed=seed).text, re.MULTILINE)
        assert len(set(names)) == len(names)


def test_a_section_tells_its_compositions_and_its_concepts_in_order() -> None:
    for seed in range(10):
        section = write("zipping", seed=seed)
        positions = [position_of(name) for name in section.concepts]
        assert positions == sorted(positions)
        assert all(key.count(">") >= 1 for key in section.blueprint.split(" + "))


def test_no_section_contains_a_held_out_composition() -> None:
    keys = {key for seed in range(30) for key in write("list_mapping", seed=seed).blueprint.split(" + ")}
    held_out = HeldOut.of(key for key in keys if key.count(">") > 1)
    assert held_out.chains
    for seed in range(30):
        section = write_section(SectionBlueprint("list_mapping", "pupil", seed), held_out)
        assert section is not None
        for key in section.blueprint.split(" + "):
            assert not held_out.forbids(tuple(key.split(">")[1:]))


def test_the_digest_names_the_texts_that_sections_are_made_from() -> None:
    assert len(digest()) == 64
    assert digest() == digest()
