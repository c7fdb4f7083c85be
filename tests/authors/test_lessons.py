from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from random import Random
from string import Template

import pytest

from codeprimer.authors.backdrops import NUMBERS, TABLES, WORDS, Backdrop
from codeprimer.authors.offline.lessons import Lesson, lessons, read_lessons
from codeprimer.authors.offline.showing import show_output
from codeprimer.curriculum.concepts import CONCEPTS

NAMES = {
    "numbers": {kind.plural for kind in NUMBERS},
    "number": {kind.singular for kind in NUMBERS},
    "words": {kind.plural for kind in WORDS},
    "word": {kind.singular for kind in WORDS},
    "table": {table.name for table in TABLES},
    "key": {table.key for table in TABLES},
    "amount": {table.amount for table in TABLES},
}
"""The holes that become identifiers, and what they may become."""


def programs(lesson: Lesson) -> Iterator[str]:
    yield from lesson.demonstrations
    yield from (pitfall.code for pitfall in lesson.pitfalls if pitfall.code)


def prose(lesson: Lesson) -> Iterator[str]:
    yield from (*lesson.why, *lesson.how, lesson.picture, lesson.elsewhere, lesson.practice, lesson.cost)
    for pitfall in lesson.pitfalls:
        yield from (pitfall.mistake, pitfall.remedy)


def test_every_concept_has_a_lesson() -> None:
    assert list(lessons()) == sorted(CONCEPTS, key=list(lessons()).index)
    assert set(lessons()) == set(CONCEPTS)


@pytest.mark.parametrize("name", CONCEPTS)
def test_a_lesson_has_enough_to_choose_from(name: str) -> None:
    lesson = lessons()[name]
    assert len(lesson.why) >= 2
    assert len(lesson.how) >= 2
    assert len(lesson.demonstrations) >= 2
    assert len(lesson.pitfalls) >= 2


@pytest.mark.parametrize("name", CONCEPTS)
def test_programs_of_a_lesson_run_on_any_backdrop_and_print_something(name: str) -> None:
    for seed in range(5):
        backdrop = Backdrop(Random(seed))
        for template in programs(lessons()[name]):
            shown = show_output(Template(template).substitute(backdrop.holes()))
            assert re.search(r"# \S", shown)
            assert max(map(len, shown.splitlines())) <= 110


@pytest.mark.parametrize("name", CONCEPTS)
def test_programs_never_give_one_name_to_two_things(name: str) -> None:
    for template in programs(lessons()[name]):
        marked = {hole: f"hole_{hole}" for hole in NAMES}
        tree = ast.parse(Template(template).substitute(Backdrop(Random(1)).holes() | marked))
        fixed = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        fixed |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        for hole, names in NAMES.items():
            if f"hole_{hole}" in fixed:
                assert not fixed & names, template


def test_kinds_of_things_never_share_a_name() -> None:
    assert not (NAMES["numbers"] | NAMES["number"]) & (NAMES["words"] | NAMES["word"])
    for names in NAMES.values():
        assert all(name.isidentifier() for name in names)


@pytest.mark.parametrize("name", CONCEPTS)
def test_prose_is_made_of_whole_sentences_and_known_holes(name: str) -> None:
    holes = Backdrop(Random(2)).holes()
    for template in prose(lessons()[name]):
        text = Template(template).substitute(holes)
        assert re.match(r"[A-Z`\"]", text), text
        assert text[-1] in ".?!", text
        assert "  " not in text
        assert text.count("`") % 2 == 0, text


def test_a_file_is_read_into_lessons_with_paragraphs_on_single_lines() -> None:
    text = """\
# first

## Why
One reason,
on two lines.

Another one.

## How
So.

## Picture
P.

## Elsewhere
E.

## Practice
R.

## Cost
C.

## Show
```python
# a comment, not a heading
print(1)
```

## Pitfall
Wrong.

Right.

## Pitfall
Wrong too.

Right too.

```python
print(2)
```
"""
    (lesson,) = read_lessons(text)
    assert lesson.concept == "first"
    assert lesson.why == ("One reason, on two lines.", "Another one.")
    assert lesson.demonstrations == ("# a comment, not a heading\nprint(1)\n",)
    assert [pitfall.code for pitfall in lesson.pitfalls] == ["", "print(2)\n"]


def test_a_lesson_without_one_of_its_parts_is_refused() -> None:
    with pytest.raises(AssertionError):
        list(read_lessons("# first\n\n## Why\nBecause.\n"))
