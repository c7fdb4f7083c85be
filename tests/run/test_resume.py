"""A run that is killed in every stage ends in the same bytes as an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import SmallRun

from codeprimer.core.artifact import Artifact, file_digest, open_artifact

from codeprimer.run.folder import RunFolder

TRIES = 8


def start(recipe: Path, runs: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "codeprimer", "run", str(recipe), "--runs", str(runs), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def kill_inside(step: str, recipe: Path, runs: Path, delay: float) -> None:
    """Start the run and SIGKILL its whole process group ``delay`` seconds after it says that it has begun ``step``."""
    process = start(recipe, runs)
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step_started" and event["step"] == step:
            time.sleep(delay)
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def interrupt(step: str, wanted: Artifact, recipe: Path, runs: Path, delay: float) -> None:
    """Kill the run inside ``step``: afterwards its attempt lies there and its artefact does not.

    Machines are not equally fast in every run, so a kill that came too late is tried again sooner, without the artefact.
    """
    store = RunFolder(runs / "small").store
    for _ in range(TRIES):
        kill_inside(step, recipe, runs, delay)
        finished = store.find(wanted.stage, wanted.id)
        if finished is not None:
            store.remove(finished.path)
            delay /= 2
        elif store.has_partial(wanted.stage, wanted.id):
            return
        else:
            delay *= 1.5
    raise AssertionError(f"{step}: no kill in {TRIES} landed inside the step")


def digests(folder: Path) -> dict[str, dict[str, str]]:
    """Return, by step, the id and the digest of every file that the manifest vouches for."""
    found = {}
    for step, link in RunFolder(folder).links().items():
        artifact = open_artifact(link)
        files = {name: file_digest(artifact.path / name) for name in artifact.manifest["files"]}
        found[step] = {"id": artifact.id, "manifest.json": file_digest(artifact.path / "manifest.json"), **files}
    return found


def test_a_run_killed_in_every_stage_ends_in_the_same_bytes(small_run: SmallRun, tmp_path: Path) -> None:
    wanted = {step: open_artifact(link) for step, link in RunFolder(small_run.folder).links().items()}
    where = random.Random(1)
    for step in wanted:
        delay = wanted[step].cost["seconds"] * where.uniform(0.2, 0.8)
        interrupt(step, wanted[step], small_run.recipe, tmp_path, delay)
    finished = start(small_run.recipe, tmp_path)
    _, errors = finished.communicate(timeout=300)
    assert finished.returncode == 0, errors
    undisturbed, disturbed = digests(small_run.folder), digests(tmp_path / "small")
    assert list(disturbed) == list(undisturbed)
    assert disturbed == undisturbed
