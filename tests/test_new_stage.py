"""A stage that docs/extending.md adds, in its own folder and by one line: flow, status, recipe and report follow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SmallRun

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the stage of the documentation in it."""
    folder = tmp_path_factory.mktemp("with-names") / "src"
    shutil.copytree(ROOT / "src", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "new_stage" / "names", folder / "codeprimer" / "names")
    stages = folder / "codeprimer" / "run" / "stages.py"
    text = stages.read_text()
    text = text.replace("\nSTAGES", "\nfrom codeprimer.names.stage import NamesStage\n\nSTAGES", 1)
    text = text.replace("    QualityStage,\n", "    QualityStage,\n    NamesStage,\n", 1)
    stages.write_text(text)
    return folder


@pytest.fixture(scope="module")
def runs(small_run: SmallRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run, without its report."""
    runs = tmp_path_factory.mktemp("runs")
    shutil.copytree(small_run.runs, runs, symlinks=True, dirs_exist_ok=True)
    (runs / "small" / "90-report").unlink()
    return runs


def codeprimer(source: Path, *arguments: str | Path) -> str:
    variables = {**os.environ, "PYTHONPATH": str(source), "COLUMNS": "200"}
    command = [sys.executable, "-m", "codeprimer", *map(str, arguments)]
    finished = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_the_recipe_has_the_section_of_a_new_stage(source: Path) -> None:
    assert "names:\n  shortest: 3  # Shorter names are not counted" in codeprimer(source, "recipe")
    assert "shortest" in codeprimer(source, "recipe", "--reference")


def test_a_new_stage_runs_where_it_belongs_and_its_chapter_is_in_the_report(source: Path, runs: Path) -> None:
    folder = runs / "small"
    states = [json.loads(line) for line in codeprimer(source, "status", folder, "--json").splitlines()]
    assert {one["step"]: one["state"] for one in states if one["event"] == "step" and one["state"] != "up to date"} == {
        "names": "to do",
        "report": "to do",
    }
    assert "25-names" in codeprimer(source, "run", folder, "--until", "names", "-s", "names.shortest=5")
    codeprimer(source, "run", folder, "-s", "names.shortest=5")
    exported = codeprimer(source, "export", folder, "names/names", "--jsonl", "-")
    counts = [json.loads(line) for line in exported.splitlines()]
    assert counts[0]["count"] >= counts[-1]["count"]
    assert all(len(row["name"]) >= 5 for row in counts)
    page = (folder / "90-report" / "report.html").read_text()
    assert 'id="names"' in page
    assert counts[0]["name"] in page
