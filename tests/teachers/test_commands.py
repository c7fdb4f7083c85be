"""``codeprimer ask`` and ``codeprimer doctor --teacher``, as people call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeprimer.teachers.mock import Faults, Manner
from tests.conftest import codeprimer
from tests.teachers.endpoints import serving


def recipe(folder: Path, url: str, more: str = "") -> Path:
    """Write a recipe with a teacher."""
    path = folder / "recipe.yaml"
    path.write_text(f"name: asked\nteacher: {{base_url: '{url}', model: mock, price: free{more}}}\n")
    return path


def test_a_question_is_answered_once_with_its_price(tmp_path: Path) -> None:
    with serving() as mock:
        path = recipe(tmp_path, mock.url)
        first, second = (codeprimer("ask", path, "What is a list?", cwd=tmp_path) for _ in range(2))
        assert sum(mock.answered.values()) == 1
        other = codeprimer("ask", path, "What is a list?", "--sample", "1", cwd=tmp_path)
        assert sum(mock.answered.values()) == 2
    assert first.stdout == second.stdout == other.stdout == "You said: What is a list?\n"
    assert first.stderr.startswith("mock: 4 input tokens, 7 output tokens, 0.00 USD, ")
    assert "from the journal" in second.stderr


def test_a_recipe_without_a_teacher_says_so(tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    path.write_text("name: plain\n")
    for arguments in (("ask", path, "x"), ("doctor", "--teacher", path)):
        finished = codeprimer(*arguments, cwd=tmp_path)
        assert finished.returncode == 2
        assert "has no teacher section" in finished.stderr


def test_a_good_endpoint_is_found_good(tmp_path: Path) -> None:
    with serving() as mock:
        finished = codeprimer("doctor", "--teacher", recipe(tmp_path, mock.url), cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout
    assert "yields valid JSON" in finished.stdout


WRONG: list[tuple[Manner, str, str]] = [
    (Manner(key="right"), "", "the key is not accepted"),
    (Manner(model="other"), "", "no such address or model"),
    (Manner(faults=Faults({"page": 1.0})), "", "web page"),
    (Manner(faults=Faults({"no_choices": 1.0})), "", "no choices"),
    (Manner(faults=Faults({"no_usage": 1.0})), "", "does not report token usage"),
    (Manner(faults=Faults({"no_form": 1.0})), "", "does not yield valid JSON"),
    (Manner(), ", api_key_env: NO_SUCH_KEY", "the environment variable NO_SUCH_KEY is not set"),
]


@pytest.mark.parametrize(("manner", "more", "said"), WRONG, ids=[said[:30] for _, _, said in WRONG])
def test_what_is_wrong_with_an_endpoint_is_said_in_one_sentence(
    manner: Manner, more: str, said: str, tmp_path: Path
) -> None:
    with serving(manner) as mock:
        finished = codeprimer("doctor", "--teacher", recipe(tmp_path, mock.url, more), cwd=tmp_path)
    assert finished.returncode == 2
    [line] = [line for line in finished.stdout.splitlines() if line.startswith("!")]
    assert said in line
    assert "Traceback" not in finished.stderr


def test_nobody_there_and_no_secure_connection_are_told_apart(tmp_path: Path) -> None:
    nobody = codeprimer("doctor", "--teacher", recipe(tmp_path, "http://127.0.0.1:9/v1"), cwd=tmp_path)
    assert "no connection: Connection refused; start the server, or correct teacher.base_url" in nobody.stdout
    with serving() as mock:
        finished = codeprimer(
            "doctor", "--teacher", recipe(tmp_path, mock.url.replace("http:", "https:")), cwd=tmp_path
        )
    assert "no secure connection" in finished.stdout
    name = codeprimer("doctor", "--teacher", recipe(tmp_path, "http://no-such-host.invalid/v1"), cwd=tmp_path)
    assert "no connection: " in name.stdout
