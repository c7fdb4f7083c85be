"""The benchmarks of training and generation themselves: they run, and what they count is what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codeprimer.model.arithmetic import flop_per_token
from codeprimer.model.config import PRESETS

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_the_benchmark_of_gpus_runs_its_path_on_a_cpu(tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    command = [sys.executable, str(FOLDER / "train_gpu.py"), "--device", "cpu", "--presets", "tiny", "--rows", "1"]
    finished = subprocess.run([*command, "--output", str(output)], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    result = json.loads(output.read_text())
    assert result["targets"] == {"losses within 0.02 of float32": True}
    assert result["check"]["float32"][-1] < result["check"]["float32"][0] - 0.5, "it has learned"
    [row] = result["presets"]
    assert (row["parameters"], row["context"]) == (1_055_488, 256)
    assert row["tokens_per_s"] > 0


def test_without_a_device_the_benchmark_of_gpus_says_what_to_do() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    finished = subprocess.run(
        [sys.executable, str(FOLDER / "train_gpu.py")], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 2
    assert "no CUDA device" in finished.stderr
    assert "--device cpu --presets tiny" in finished.stderr


def test_the_work_of_a_token_is_the_papers() -> None:
    assert flop_per_token(PRESETS["phi-1"]) == pytest.approx(8.5e9, rel=0.005)


def run_of(contender: str, tmp_path: Path) -> dict[str, Any]:
    """Return what a contender does in three steps of a very small model."""
    shape = {
        "layers": 1,
        "hidden": 32,
        "heads": 2,
        "context": 32,
        "vocabulary": 128,
        "rows": 4,
        "steps": 3,
        "threads": 1,
    }
    given, output = tmp_path / "input.json", tmp_path / "output.json"
    given.write_text(json.dumps(shape))
    command = [sys.executable, str(FOLDER / "peers" / "train_steps.py"), contender, str(given), str(output)]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    found: dict[str, Any] = json.loads(output.read_text())
    return found


@pytest.mark.parametrize(
    "contender",
    [
        "codeprimer float32",
        "gpt float32",
        pytest.param("transformers float32", marks=pytest.mark.slow),
        pytest.param("trainer float32", marks=pytest.mark.slow),
    ],
)
def test_every_contender_takes_real_steps(contender: str, tmp_path: Path) -> None:
    found = run_of(contender, tmp_path)
    assert len(found["seconds"]) == len(found["losses"]) == 3
    assert all(0 < seconds < 60 for seconds in found["seconds"])
    assert found["losses"][0] == pytest.approx(4.85, abs=0.3), "ln 128: nothing has been learned yet"
    assert found["memory_MB"] > 50
