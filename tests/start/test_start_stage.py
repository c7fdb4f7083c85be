from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.support import stage_tools

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.errors import RecipeError
from codeprimer.core.stage import identify, run_stage
from codeprimer.model.checkpoint import load, save_model
from codeprimer.model.config import PhiConfig
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.start.settings import StartSettings
from codeprimer.start.stage import StartStage, check_fit
from codeprimer.tokens.vocabulary import learn_vocabulary

CONSOLE = Console("quiet")
TOKENIZER = Tokenizer(learn_vocabulary(["def add(a: int, b: int) -> int:\n    return a + b\n"] * 9, 300))
SHAPE = PhiConfig(320, 32, 2, 2, 64, 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "mine", Phi(SHAPE).initialise(1), TOKENIZER)
    return tmp_path / "mine"


def identity(folder: Path, seed: int = 1) -> str:
    return identify(StartStage(), StartSettings(path=folder), {}, stage_tools(CONSOLE, seed))


def build(folder: Path) -> Artifact:
    tools = stage_tools(CONSOLE, 1, 1)
    return run_stage(
        StartStage(), StartSettings(path=folder), {}, identity(folder), Store(folder.parent / "store"), tools
    ).artifact


def test_the_artefact_is_the_model_with_its_tokenizer(folder: Path) -> None:
    artifact = build(folder)
    ours, theirs = load(artifact.path), load(folder)
    assert ours[1] == theirs[1] == SHAPE
    assert all(torch.equal(tensor, theirs[0].state_dict()[name]) for name, tensor in ours[0].state_dict().items())
    assert Tokenizer.load(artifact.path).description == TOKENIZER.description
    assert artifact.facts["vocabulary"] == TOKENIZER.vocab_size
    assert "2 layers of 32, context 32" in artifact.manifest["headline"]


def test_it_is_found_by_its_content_wherever_it_lies(folder: Path) -> None:
    before = identity(folder)
    moved = folder.rename(folder.parent / "moved")
    assert identity(moved) == identity(moved, seed=2) == before
    save_model(moved, Phi(SHAPE).initialise(2), TOKENIZER)
    assert identity(moved) != before


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_that_is_missing_is_said_before_any_work(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(RecipeError, match=rf"start\.path: .*{name} does not exist; give the folder of a model"):
        identity(folder)


def _more_tokens(folder: Path) -> None:
    save_model(folder, Phi(PhiConfig(256, 32, 2, 2, 64, 32)).initialise(1), TOKENIZER)


def _another_end(folder: Path) -> None:
    facts = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(facts | {"eos_token_id": 7}))


def _no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def _no_phi(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "llama"}')


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_more_tokens, r"start\.path: the tokenizer of .* has \d+ tokens, but its model has only 256; put"),
        (
            _another_end,
            r"start\.path: .* is 0 in the tokenizer, but 7 in the model \(eos_token_id in config\.json\)",
        ),
        (_no_tokenizer, r"start\.path: .*tokenizer\.json is not a tokenizer file"),
        (_no_phi, r"start\.path: .*config\.json: model_type is 'llama'; only 'phi' can be loaded"),
    ],
)
def test_what_does_not_fit_is_one_sentence(spoil: Callable[[Path], None], sentence: str, folder: Path) -> None:
    spoil(folder)
    with pytest.raises(RecipeError, match=sentence):
        build(folder)


def test_a_vocabulary_that_two_bytes_cannot_hold_is_refused(tmp_path: Path) -> None:
    large = Tokenizer(TOKENIZER.description)
    large.vocab_size = 65_537
    with pytest.raises(RecipeError, match=r"has 65,537 tokens, but training supports at most 65,536 "):
        check_fit(large, PhiConfig(65_600, 32, 2, 2, 64, 32), tmp_path)
