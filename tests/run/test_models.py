"""Models go out and come in as others lay them down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from codeprimer.commands.app import app
from codeprimer.core.errors import UserError
from codeprimer.model.checkpoint import load, save_weights
from codeprimer.model.config import PhiConfig
from codeprimer.model.phi import Phi
from codeprimer.run.models import import_model

SHAPE = PhiConfig(320, 32, 2, 2, 64, 32)
IDS = torch.arange(20)[None]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    save_weights(folder, Phi(SHAPE).initialise(1))
    return folder


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_models_numbers_are_those_that_were_asked_for_and_transformers_loads_them(
    dtype: str, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    result = CliRunner().invoke(app, ["import-model", str(source), str(target), "--dtype", dtype])
    assert result.exit_code == 0, result.output
    assert "2 layers of 32, context 32; " in result.output
    assert "has no tokenizer.json" in " ".join(result.output.split())
    theirs: Any = AutoModelForCausalLM.from_pretrained(target, dtype="auto")
    assert theirs.dtype == getattr(torch, dtype)
    ours, config = load(target)
    assert config == SHAPE
    with torch.no_grad():
        torch.testing.assert_close(ours(IDS), theirs.to(torch.float32)(IDS).logits, rtol=1e-5, atol=1e-5)


def test_the_tokenizers_files_come_along(source: Path, tmp_path: Path) -> None:
    for name in ("tokenizer.json", "merges.txt", "README.md"):
        (source / name).write_text(name)
    assert "tokenizer" not in import_model(source, tmp_path / "target")
    names = {path.name for path in (tmp_path / "target").iterdir()}
    assert names == {"tokenizer.json", "merges.txt", "config.json", "generation_config.json", "model.safetensors"}


def test_a_target_that_is_taken_stays_as_it_is(source: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine").write_text("")
    with pytest.raises(UserError, match="already exists"):
        import_model(source, taken)
    with pytest.raises(UserError, match="already exists"):
        import_model(source, source / "config.json")
    assert [path.name for path in taken.iterdir()] == ["mine"]
    empty = tmp_path / "empty"
    empty.mkdir()
    import_model(source, empty)
    assert (empty / "config.json").exists()


def test_a_source_that_cannot_be_read_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    weights = source / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    result = CliRunner().invoke(app, ["import-model", str(source), str(tmp_path / "target")])
    assert isinstance(result.exception, UserError)
    assert "model.safetensors cannot be read" in str(result.exception)
    assert not (tmp_path / "target").exists()


def test_weights_of_another_model_are_one_sentence(source: Path, tmp_path: Path) -> None:
    save_file({"model.embed_tokens.weight": torch.zeros(3, 3)}, source / "model.safetensors")
    with pytest.raises(UserError, match="has weights that do not match"):
        import_model(source, tmp_path / "target")
