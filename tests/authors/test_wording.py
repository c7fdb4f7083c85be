"""Docstrings: complete, in order, and short lines."""

from __future__ import annotations

from random import Random

from codeprimer.authors.offline.wording import FRAMES, WIDTH, Bound, docstring, specify
from codeprimer.curriculum.binding import bind
from codeprimer.curriculum.catalogue import chain_of


def bound(*names: str) -> Bound:
    return [(applied.operation, applied.holes) for applied in bind(chain_of(names), Random(1))]


def test_every_clause_stands_in_the_text_in_order() -> None:
    for seed in range(60):
        said = specify("integers", bound("keep_even", "square_each", "total"), Random(seed))
        assert len(said.clauses) == 3 and said.clauses[-1].startswith("return ")
        text = said.text.lower()
        first, second = (text.index(clause.lower()) for clause in said.clauses[:2])
        assert first < second
        assert text.endswith(".") and said.text[0].isupper()


def test_all_frames_occur() -> None:
    texts = [specify("integers", bound("keep_even", "total"), Random(seed)).text for seed in range(300)]
    assert any(text.startswith("Given a list of") for text in texts)
    assert any(text.startswith("Before you return") for text in texts)
    assert any(text.startswith("Keep only the even numbers") for text in texts)
    assert len(FRAMES) == 3 and len(set(texts)) > 20


def test_a_first_step_names_its_input_and_later_steps_say_it() -> None:
    texts = [specify("integer", bound("square", "add"), Random(seed)).text for seed in range(100)]
    plain = [text for text in texts if not text.startswith(("Given", "Before"))]
    assert all("the number" in text and " it" in text for text in plain)
    assert all("the number" not in text.partition(",")[2] for text in texts if text.startswith("Given"))


def test_a_docstring_is_one_line_or_closed_on_a_line_of_its_own() -> None:
    assert docstring("Return 1.", [], "    ") == '    """Return 1."""\n'
    assert docstring("Return 1.", [">>> f()", "1"], "    ") == '    """Return 1.\n\n    >>> f()\n    1\n    """\n'
    long = docstring("Return " + "very " * 40 + "much.", [], "    ")
    assert max(map(len, long.split("\n"))) <= WIDTH + 3
    assert long.endswith('\n    """\n')
