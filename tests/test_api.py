"""The public Python API: what the documentation shows works, and the list of names is complete."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from codeprimer import api
from codeprimer.core.errors import RecipeError
from tests.conftest import SmallRun


def test_the_example_of_the_documentation_runs_on_a_finished_run(small_run: SmallRun) -> None:
    example = Path(__file__).parent / "api_example.py"
    command = [sys.executable, str(example), str(small_run.folder)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
    printed = finished.stdout.splitlines()
    assert printed[0].startswith("dropped: generated: ")
    assert "verdict: passed" in printed
    assert any(line.startswith("tokens: ") and line.endswith(" def double(x):") for line in printed)


def test_the_page_of_the_api_lists_functions_that_exist() -> None:
    page = (Path(__file__).parent.parent / "docs" / "python-api.md").read_text()
    named = re.findall(r"^\| `(\w+)\(", page, re.MULTILINE)
    assert len(named) >= 6
    assert all(callable(getattr(api, name)) for name in named)


def test_texts_are_filtered_by_chosen_filters_with_their_settings() -> None:
    short = "import sys\nprint(sys.argv)\n"
    assert api.filter_texts([short]) == [None]
    for minified in ({"kind": "minified", "max_line": 80}, api.selected("filter", "minified", max_line=80)):
        [reason] = api.filter_texts(["x = " + "1 + " * 30 + "1\nprint(x)\n"], [minified])
        assert reason is not None and reason.startswith("minified: ")
    with pytest.raises(RecipeError, match="did you mean 'minified'"):
        api.filter_texts([short], ["minifid"])


@pytest.mark.parametrize(
    ("source", "tests", "kind"),
    [
        ("def f(x): return x + 1", ["assert f(1) == 2"], "passed"),
        ("def f(x): return x", ["assert f(1) == 2"], "failed"),
        ("def f(x): return 1 / 0", ["assert f(1) == 2"], "raised"),
    ],
)
def test_one_program_is_judged(source: str, tests: list[str], kind: str) -> None:
    assert api.run_program(source, tests).kind == kind
