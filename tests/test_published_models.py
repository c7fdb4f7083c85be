"""What a run publishes, seen by the library that everybody loads models with."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from codeprimer.core.artifact import open_artifact
from codeprimer.model.checkpoint import load
from codeprimer.run_folder import RunFolder
from tests.conftest import SmallRun


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
