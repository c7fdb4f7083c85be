"""The rubric: which of two files teaches more, and why."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from codeprimer.core.plugins import make, selected
from codeprimer.quality.annotator import Annotator, Label, ShownDocument
from codeprimer.quality.metrics import spearman
from codeprimer.quality.rubric import rate

LIBRARY = Path(sysconfig.get_path("stdlib"))

CLEAR = '''
"""Counting and searching in lists."""


def count_even(numbers: list[int]) -> int:
    """Return how many of the numbers are even."""
    total = 0
    for number in numbers:
        if number % 2 == 0:
            total += 1
    return total


def find_first(numbers: list[int], wanted: int) -> int:
    """Return the first position of a number in a list, or -1 where it is missing."""
    for position, number in enumerate(numbers):
        if number == wanted:
            return position
    return -1
'''

FOREIGN = CLEAR.replace(
    '"""Counting and searching in lists."""', "from .core import engine, session\nimport torch, flask\n"
).replace("number % 2", "engine.compute(session, number, torch, flask)")

GETTERS = '''
class Settings:
    """Settings."""

    def __init__(self, a, b):
        self.a = a
        self.b = b

    def get_a(self):
        """Return a."""
        return self.a

    def get_b(self):
        """Return b."""
        return self.b
'''

REGISTRATIONS = """
def setup(app):
    \"\"\"Register everything.\"\"\"
    app.add(first)
    app.add(second)
    app.add(third)
    app.add(fourth)
    return app


first = object()
second = object()
third = object()
fourth = object()
"""

BURIED = "def f(a, b, qq, zz, ww):\n" + "".join(
    f"""
    if a > {i} and b < {i}:
        for i in range(qq):
            if i % {i + 2} == zz[i]:
                while ww:
                    if qq[i] + zz[{i}] * 2 == ww:
                        ww -= zz[i] * {i}
"""
    for i in range(30)
)

SYSTEM = '''
import os, shutil, subprocess, sys


def install(path):
    """Install a program by its path."""
    for name in os.listdir(path):
        target = os.path.join(sys.prefix, "bin", name)
        if os.path.exists(target) and os.stat(target).st_size == 0:
            os.remove(target)
        shutil.copy(os.path.join(path, name), target)
        os.chmod(target, 0o755)
        subprocess.run([sys.executable, target], env=os.environ, check=True)
'''


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (FOREIGN, "not_self_contained"),
        (GETTERS, "trivial"),
        (REGISTRATIONS, "trivial"),
        (BURIED, "buried"),
        (SYSTEM, "skewed_topic"),
        ("def f(:", "not_python"),
    ],
)
def test_each_complaint_is_named_and_costs_points(text: str, complaint: str) -> None:
    points, why = rate(text)
    assert complaint in why
    assert points < rate(CLEAR)[0] - 1


def test_clear_self_contained_code_gets_most_points_and_no_complaint() -> None:
    points, why = rate(CLEAR)
    assert points > 4.5
    assert why == ()


def test_comments_and_names_change_no_more_than_they_should() -> None:
    assert rate("# a licence\n" * 30 + CLEAR)[0] == pytest.approx(rate(CLEAR)[0], abs=0.3)
    assert rate(CLEAR.replace('    """Return how', "    # Return how").replace('even."""', "even."))[0] < rate(CLEAR)[0]


READER = {
    "heapq.py": 4.5, "bisect.py": 4.5, "statistics.py": 4.5, "fractions.py": 4.2, "colorsys.py": 4.2, "graphlib.py": 4.2,
    "random.py": 3.8, "textwrap.py": 3.5, "difflib.py": 3.4, "encodings/punycode.py": 3.6, "email/quoprimime.py": 3.2,
    "fnmatch.py": 3.2, "shlex.py": 2.8, "copy.py": 2.8, "csv.py": 2.8, "pprint.py": 2.8, "getopt.py": 2.8,
    "enum.py": 1.8, "types.py": 1.8, "shutil.py": 2.0, "tkinter/ttk.py": 1.0, "logging/__init__.py": 1.5,
    "asyncio/transports.py": 1.3, "subprocess.py": 1.0, "socket.py": 1.0, "ssl.py": 0.8, "ctypes/util.py": 1.0,
    "smtplib.py": 1.2, "concurrent/futures/__init__.py": 0.5, "email/mime/message.py": 0.8, "tkinter/__init__.py": 0.8,
    "stat.py": 1.2, "abc.py": 1.3, "email/mime/application.py": 0.8, "argparse.py": 1.7, "zipfile.py": 1.7,
}  # fmt: skip
"""What one careful reader gave files of the standard library, 0-5. The rubric's ramps and weights were chosen with these
in view, so this guards against getting worse; it is no independent evidence."""


def test_points_follow_a_careful_reader() -> None:
    texts = {name: (LIBRARY / name).read_text() for name in READER if (LIBRARY / name).exists()}
    assert len(texts) >= 30
    import numpy as np

    given = np.array([READER[name] for name in texts])
    points = np.array([rate(text)[0] for text in texts.values()])
    length = np.array([float(len(text)) for text in texts.values()])
    agreement, by_length = spearman(given, points), spearman(given, length)
    assert agreement is not None
    assert by_length is not None
    assert agreement > 0.85
    assert agreement > by_length + 0.3


def test_the_annotator_labels_documents_in_order() -> None:
    rows: list[ShownDocument] = [{"doc_id": "a", "text": CLEAR}, {"doc_id": "b", "text": GETTERS}]
    annotator: Annotator = make("annotator", selected("annotator", "rubric"))
    labels = list(annotator.label(rows))
    assert all(isinstance(label, Label) for label in labels)
    assert [label.doc_id for label in labels] == ["a", "b"]
    assert [(label.points, label.why) for label in labels if isinstance(label, Label)] == [rate(CLEAR), rate(GETTERS)]
