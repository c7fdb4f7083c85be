"""Parsing untrusted Python."""

from __future__ import annotations

import warnings

import pytest

from codeprimer.analysis.python_source import NotPythonError, has_code, literal_share, parse


@pytest.mark.parametrize(
    "text",
    [
        "print 'Python 2'",
        "x = \x00",
        "(" * 5000 + ")" * 5000,
        "x = " + "-" * 20_000 + "1",
        "x = 1 " + "+ 1" * 50_000,
        "if True:\nx",
        "\udc80",
    ],
    ids=["python2", "null byte", "brackets", "signs", "sum", "indent", "surrogate"],
)
def test_text_that_cannot_be_parsed_raises_one_exception_that_says_why(text: str) -> None:
    with pytest.raises(NotPythonError) as error:
        parse(text)
    assert str(error.value)


def test_warnings_of_the_parser_are_silent() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parse("x = '\\d'\nassert (x, 'always true')\nx is 1\n")
    assert not caught


def test_a_file_of_comments_docstrings_and_pass_has_no_code() -> None:
    assert not has_code(parse('# licence\n"""Docstring."""\npass\n'))
    assert has_code(parse('"""Docstring."""\nimport os\n'))


def test_the_fraction_of_literal_lines_counts_tables() -> None:
    table = "TABLE = {\n" + "".join(f"    {i}: ({i}, 'name', -{i}),\n" for i in range(18)) + "}\n"
    assert literal_share(parse('"""A table."""\n' + table)) == 1
    assert literal_share(parse(table + "".join(f"def f{i}(): return {i}\n" for i in range(20)))) == 0.5
    assert literal_share(parse("x = compute(1)\n")) == 0
