from __future__ import annotations

from codeprimer.curriculum.markdown import blocks, fenced, parts


def test_parts_start_at_their_headings_and_not_inside_programs() -> None:
    text = "ignored\n# one\na\n```python\n# no heading\n```\n# two\nb\n"
    assert list(parts(text, "# ")) == [("one", "a\n```python\n# no heading\n```"), ("two", "b")]


def test_paragraphs_are_joined_and_programs_kept() -> None:
    assert blocks("one\ntwo\n\nthree\n\n```python\nx = 1\n\n\ny = 2\n```\n") == [
        "one two",
        "three",
        "x = 1\n\n\ny = 2\n",
    ]


def test_a_fenced_program_is_read_back() -> None:
    assert blocks(fenced("x = 1\n\n")) == ["x = 1\n"]
