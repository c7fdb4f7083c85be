"""What tests share: one small, real run from end to end, made once per session."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import warm

MODULES = """
abc ast bisect calendar cmd code codeop collections colorsys configparser contextlib copy csv dataclasses
datetime difflib dis email enum filecmp fileinput fnmatch fractions functools getopt glob graphlib gzip hashlib
heapq html http importlib inspect ipaddress json keyword linecache locale logging mailbox mimetypes netrc
numbers opcode operator optparse pathlib pickle pickletools platform plistlib pprint profile pstats queue quopri
random reprlib sched secrets selectors shelve shlex shutil smtplib socketserver sre_compile statistics string
stringprep struct subprocess symtable tabnanny tarfile tempfile textwrap this timeit token tokenize trace
traceback tracemalloc types typing unittest urllib uuid wave weakref wsgiref xml xmlrpc zipapp zipfile
"""
"""Real code as input: these modules and packages of the standard library."""

RECIPE = """\
name: small
seed: 7
exam: {problems: 24, validation: 12}
corpus:
  sources:
    - {kind: folder, name: code, path: code}
  heldout_fraction: 0.15
textbooks: {sections: 120}
exercises: {count: 600}
tokens: {vocabulary: 640, context: 256}
training:
  model: {layers: 2, hidden: 64, heads: 4, intermediate: 128, context: 256}
  threads: 1
  precision: float32
  checkpoint_every: 4
  selections: 2
  base: {mixture: {code: 0.5, textbooks: 0.5}, tokens: 24576, batch_sequences: 8}
  tuned: {mixture: {exercises: 1.0}, tokens: 24576, batch_sequences: 8}
evaluation: {heldout_bytes: 20000}
"""


@dataclass(frozen=True)
class SmallRun:
    """A finished run of the small recipe."""

    recipe: Path
    runs: Path

    @property
    def folder(self) -> Path:
        return self.runs / "small"


def codeprimer(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own and return what it printed."""
    variables = {**os.environ, "COLUMNS": "200", **environment}
    if not environment:
        return warm.run(list(map(str, arguments)), cwd, variables)
    # Variables may be read at import, and plug-ins are found there: that takes a process that has imported nothing.
    command = [sys.executable, "-m", "codeprimer", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=300, check=False)


def write_code(folder: Path) -> None:
    """Copy the chosen part of the standard library into ``folder``."""
    library = Path(sysconfig.get_path("stdlib"))
    for name in MODULES.split():
        if (library / f"{name}.py").exists():
            (folder / name).mkdir(parents=True)
            shutil.copy(library / f"{name}.py", folder / name / f"{name}.py")
        elif (library / name).is_dir():
            shutil.copytree(library / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "test*"))


def write_small(folder: Path) -> Path:
    """Write the small recipe beside a folder of real code, and return its path."""
    write_code(folder / "code")
    recipe = folder / "small.yaml"
    recipe.write_text(RECIPE)
    return recipe


@pytest.fixture(scope="session")
def small_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small recipe beside a folder of real code."""
    return write_small(tmp_path_factory.mktemp("small-recipe"))


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """The small recipe, run undisturbed from end to end; this test process's own copy."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "small-run"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first test process that needs the run makes it
        made = shared / "made"
        if not made.exists():
            write_small(shared)
            finished = codeprimer("run", "small.yaml", "--runs", "undisturbed", cwd=shared)
            assert finished.returncode == 0, finished.stdout + finished.stderr
            made.touch()
    folder = shutil.copytree(shared, own / "small", symlinks=True)
    return SmallRun(folder / "small.yaml", folder / "undisturbed")


def pytest_collection_finish() -> None:
    """Leave all that the test modules imported out of later garbage collections, each of which would take half a second."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a strict session (scripts/test) when a test was skipped for a reason that is not on the list."""
    if not os.environ.get("CODEPRIMER_STRICT_SKIPS"):
        return
    listed = (Path(__file__).parent / "allowed_skips.txt").read_text().splitlines()
    allowed = tuple(line for line in listed if line and not line.startswith("#"))
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    for skipped in reporter.stats.get("skipped", []):
        reason = skipped.longrepr[2].removeprefix("Skipped: ") if isinstance(skipped.longrepr, tuple) else "?"
        if not reason.startswith(allowed):
            reporter.write_line(f"skipped for a reason that is not in tests/allowed_skips.txt: {reason}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
