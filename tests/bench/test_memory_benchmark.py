"""The memory benchmark itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "memory.py"


@pytest.mark.slow
def test_it_measures_both_stages_and_describes_the_machine(tmp_path: Path) -> None:
    output = tmp_path / "memory.json"
    command = [sys.executable, str(SCRIPT), "--sizes", "3", "--output", str(output)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stderr
    result = json.loads(output.read_text())
    (row,) = result["rows"]
    assert result["passed"]
    assert 3 <= row["input_MB"] < 4
    assert 50 < row["largest_process_MB"] <= result["limit_MB"]
    assert row["all_processes_MB"] > row["largest_process_MB"]
    assert [line.split(":")[0] for line in row["headlines"]] == ["corpus", "quality"]
    assert result["machine"]["cores"] >= 1
