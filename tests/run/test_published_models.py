"""What a run publishes, seen by the library that everybody loads models with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.conftest import SmallRun
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from codeprimer.commands.app import app
from codeprimer.core.artifact import open_artifact
from codeprimer.core.errors import UserError
from codeprimer.model.checkpoint import load
from codeprimer.run.folder import RunFolder
from codeprimer.run.models import export_model


@pytest.mark.parametrize("step", ["control", "base", "tuned"])
def test_transformers_loads_a_finished_runs_model_and_computes_the_same_logits(small_run: SmallRun, step: str) -> None:
    links = RunFolder(small_run.folder).links()
    folder = links[step]
    prompt = next(iter(open_artifact(links["exam"]).rows("exam")))["prompt"].rstrip()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids_BT = tokenizer(prompt, return_tensors="pt").input_ids
    theirs, (ours, _) = AutoModelForCausalLM.from_pretrained(folder), load(folder)
    with torch.no_grad():
        torch.testing.assert_close(ours(ids_BT), theirs(ids_BT).logits, rtol=1e-5, atol=1e-5)
    assert tokenizer.decode(ids_BT[0]) == prompt


@pytest.mark.parametrize("model", ["control", "base", "tuned"])
def test_a_runs_model_is_written_for_others(model: str, small_run: SmallRun, tmp_path: Path) -> None:
    target = tmp_path / "out" / model
    result = CliRunner().invoke(app, ["export-model", str(small_run.folder), model, str(target), "--dtype", "bfloat16"])
    assert result.exit_code == 0, result.output
    assert "parameters in bfloat16" in result.output
    theirs: Any = AutoModelForCausalLM.from_pretrained(target, dtype="auto")
    tokenizer = AutoTokenizer.from_pretrained(target)
    ours, _ = load(RunFolder(small_run.folder).links()[model])
    ids = tokenizer("def add_all(values):", return_tensors="pt").input_ids
    with torch.no_grad():
        difference = theirs.to(torch.float32)(ids).logits - ours(ids)
    assert difference.abs().max() < 0.2
    assert json.loads((target / "config.json").read_text())["dtype"] == "bfloat16"


def test_only_a_runs_models_are_written_and_never_into_the_store(small_run: SmallRun, tmp_path: Path) -> None:
    run = RunFolder(small_run.folder)
    with pytest.raises(UserError, match="no such model; choose one of control, base, tuned"):
        export_model(run, "quality", tmp_path / "target")
    with pytest.raises(UserError, match="is in the store"):
        export_model(run, "tuned", run.store.root / "mine")
