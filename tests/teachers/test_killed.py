"""A process that asks, killed at any moment: what is in the journal is never asked again, and nothing else is lost."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codeprimer.teachers.journal import unpacked
from tests.teachers.endpoints import facts_of, serving_apart

QUESTIONS = 600
ASKING = f"""
import sys
from pathlib import Path
from codeprimer.teachers import Message, PlainQuestion, Request, Teacher, TeacherSettings

settings = TeacherSettings(base_url=sys.argv[1], model="mock", price="free", max_in_flight=32)
questions = (PlainQuestion(Request((Message("user", f"number {{n}}"),), "test/1"), settings) for n in range({QUESTIONS}))
with Teacher(settings, Path(sys.argv[2]), "run") as teacher:
    for number, reply in enumerate(teacher.ask(questions)):
        assert reply.value == f"You said: number {{number}}", reply
print("complete")
"""


def answered(url: str) -> dict[str, int]:
    """Return how often each request was answered, by the SHA-256 of its body."""
    counts: dict[str, int] = facts_of(url)["answered"]
    return counts


def kept(folder: Path) -> set[str]:
    """Return the requests whose answers are in the journal."""
    file = folder / "journal.sqlite"
    if not file.exists():
        return set()
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        has_table = connection.execute("select 1 from sqlite_master where name = 'answers'").fetchone()
        rows = connection.execute("select request from answers").fetchall() if has_table else []
    return {hashlib.sha256(unpacked(body).encode()).hexdigest() for (body,) in rows}


def kill_and_go_on(url: str, folder: Path, enough: int) -> int:
    """Kill a process that asks once enough answers are stored; run it again to the end; return how many were stored."""
    command = [sys.executable, "-c", ASKING, url, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and stored(folder) < enough:
            time.sleep(0.005)
        process.kill()
    before, counts = kept(folder), answered(url)
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.stdout == "complete\n", finished.stderr
    after = answered(url)
    asked_again = [key for key in before if after[key] != counts[key]]
    assert not asked_again
    assert len(kept(folder)) == QUESTIONS
    return len(before)


def stored(folder: Path) -> int:
    """Return how many answers are in the journal, 0 while it is being made."""
    try:
        return len(kept(folder))
    except sqlite3.OperationalError:
        return 0


@pytest.mark.parametrize("moments", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_process_asks_nothing_again_that_is_in_the_journal(moments: int, tmp_path: Path) -> None:
    drawn = random.Random(moments)
    found = []
    for number in range(moments):
        with serving_apart("--latency", "0.03", "--faults", "error=0.05,broken=0.02") as url:
            found.append(kill_and_go_on(url, tmp_path / str(number), drawn.randrange(QUESTIONS // 2)))
    assert any(0 < count < QUESTIONS for count in found)
