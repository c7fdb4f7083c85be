"""torchrun starts several processes of one command, and they train together."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import SmallRun
from tests.training.training_inputs import rows_of

from codeprimer.core.artifact import open_artifact
from codeprimer.run.folder import RunFolder


@pytest.fixture
def runs(small_run: SmallRun, tmp_path: Path) -> Path:
    """A finished run of which two models are missing that one process would train side by side."""
    runs = tmp_path / "runs"
    shutil.copytree(small_run.runs, runs, symlinks=True)
    for step in ("70-control", "72-tuned"):
        shutil.rmtree((runs / "small" / step).resolve())
    return runs


def torchrun(recipe: Path, runs: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    command += ["codeprimer", "run", str(recipe), "--runs", str(runs), *more]
    environment = {**os.environ, "COLUMNS": "200", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_all_train_what_the_first_comes_to(small_run: SmallRun, runs: Path) -> None:
    finished = torchrun(small_run.recipe, runs)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.count("72-tuned") == 1, "only the first goes through the run"
    for step in ("control", "tuned"):
        alone, both = (open_artifact(RunFolder(folder / "small").links()[step]) for folder in (small_run.runs, runs))
        assert both.id == alone.id
        losses = [[row["loss"] for row in rows_of(artifact)] for artifact in (alone, both)]
        assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_an_error_ends_all_of_them(small_run: SmallRun, runs: Path) -> None:
    failed = torchrun(small_run.recipe, runs, "-s", "training.model.heads=5")
    assert failed.returncode != 0
    assert "hidden size 64 is not a multiple of 5 heads" in " ".join(failed.stderr.split())


def test_where_nothing_is_to_train_all_end_well(small_run: SmallRun) -> None:
    finished = torchrun(small_run.recipe, small_run.runs)
    assert finished.returncode == 0, finished.stdout + finished.stderr
