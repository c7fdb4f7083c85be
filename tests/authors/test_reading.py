"""What somebody else wrote is taken apart as Python would, and tests that test nothing are sent back."""

from __future__ import annotations

import pytest

from codeprimer.authors.endpoint.reading import read_program, read_tests

GOOD = ["assert f([]) == 0", "assert f([1, 2]) == 3", "assert abs(f([0.1]) - 0.1) < 1e-9"]


def test_a_program_is_its_signature_with_docstring_and_its_body() -> None:
    name, prompt, body = read_program('import math\n\ndef f(x: int) -> int:\n    """Double."""\n    return 2 * x\n')
    assert (name, body) == ("f", "    return 2 * x\n")
    assert prompt.endswith('"""Double."""\n') and prompt.startswith("import math")


@pytest.mark.parametrize("character", ["\f", "\v", "\x1c", "\x85", "\u2028"])
def test_characters_that_end_lines_for_others_do_not_move_the_cut(character: str) -> None:
    source = f'def f(x):\n    """Say a{character}b."""\n    y = "c{character}d"\n    return y\n'
    _, prompt, body = read_program(source)
    assert prompt == f'def f(x):\n    """Say a{character}b."""\n'
    assert prompt + body == source


def test_tests_compare_what_the_function_returns_with_literals() -> None:
    assert read_tests(GOOD, "f") == tuple(GOOD)
    assert read_tests(["assert f(1) is None", "assert f(2) == {2}", "assert f(-1) == set()"], "f")


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("assert f(1) == f(1)", "with a literal"),
        ("assert f(2) or True", "with a literal"),
        ("assert f(2)", "with a literal"),
        ("assert 1 == 1", "with a literal"),
        ("assert g(1) == 1", "with a literal"),
        ("assert f(1) == [x for x in [1]]", "with a literal"),
        ("assert (f(1),\n 1) == (1, 1)", "on one line"),
        ("x = f(1)", "one assert statement"),
        ("assert f(1) == 1; import os", "one assert statement"),
        ("assert f(1", "not Python"),
    ],
)
def test_what_is_no_such_test_is_said(test: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_tests([*GOOD, test], "f")


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        (["assert f(1) == 1", "assert f(2) == 2", "assert f([]) == []"], "returns its argument"),
        (["assert f(1) == 0", "assert f(2) == 0", "assert f(3) == 0"], "always returns it"),
        (["assert f(1) == 1", "assert f(1) == 1", "assert f(2) == 3"], "at least 3 different"),
    ],
)
def test_tests_that_cannot_tell_right_from_wrong_are_sent_back(tests: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_tests(tests, "f")
