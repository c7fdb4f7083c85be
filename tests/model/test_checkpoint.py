from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from codeprimer.core.errors import UserError
from codeprimer.model.checkpoint import from_huggingface, load, save_model, to_huggingface
from codeprimer.model.config import PRESETS, PhiConfig
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer


@pytest.fixture
def folder(model: Phi, tokenizer: Tokenizer, tmp_path: Path) -> Path:
    save_model(tmp_path / "model", model, tokenizer)
    return tmp_path / "model"


def test_transformers_loads_the_folder_and_gives_the_same_logits(folder: Path, model: Phi) -> None:
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    assert type(theirs).__name__ == "PhiForCausalLM"
    assert (theirs.config.bos_token_id, theirs.config.eos_token_id) == (0, 0)
    assert theirs.generation_config.eos_token_id == 0
    ids_BT = torch.randint(0, 384, (2, 60), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert (theirs(ids_BT).logits - model(ids_BT)).abs().max() <= 1e-5


def test_the_tokenizer_of_transformers_gives_the_same_ids(folder: Path, tokenizer: Tokenizer) -> None:
    theirs = AutoTokenizer.from_pretrained(folder)
    text = "def add_all(values):\n    # naïve → 10\n\treturn sum(values)\n\n\n"
    assert theirs(text)["input_ids"] == tokenizer.encode(text)
    assert theirs.decode(tokenizer.encode(text)) == text
    assert (theirs.eos_token_id, theirs.model_max_length) == (0, 64)


def test_whoever_may_read_other_files_may_read_the_weights(folder: Path) -> None:
    modes = {path.stat().st_mode for path in folder.iterdir()}
    (folder / "plain").touch()
    assert modes == {(folder / "plain").stat().st_mode}


def test_a_checkpoint_comes_back_bit_by_bit(folder: Path, model: Phi) -> None:
    again, config = load(folder)
    assert config == again.config == model.config
    mine, loaded = model.state_dict(), again.state_dict()
    assert list(mine) == list(loaded)
    assert all(torch.equal(mine[name], loaded[name]) for name in mine)
    ids_BT = torch.arange(60)[None]
    with torch.no_grad():
        assert torch.equal(model(ids_BT), again(ids_BT))


def test_a_checkpoint_that_transformers_wrote_is_read(folder: Path, model: Phi, tmp_path: Path) -> None:
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(tmp_path / "theirs")
    again, config = load(tmp_path / "theirs")
    assert config == model.config
    assert torch.equal(again.layers[1].qkv.weight, model.layers[1].qkv.weight)  # type: ignore[union-attr,arg-type]  # torch types items of a list as Module


def test_names_on_disk_are_those_of_hugging_face(folder: Path) -> None:
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
        names = set(file.keys())
    of_layer = {name.removeprefix("model.layers.2.") for name in names if name.startswith("model.layers.2.")}
    parts = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.dense", "mlp.fc1", "mlp.fc2")
    assert of_layer == {f"{part}.{kind}" for part in (*parts, "input_layernorm") for kind in ("weight", "bias")}
    outside = {name for name in names if ".layers." not in name}
    assert outside == {
        "model.embed_tokens.weight",
        "model.final_layernorm.weight",
        "model.final_layernorm.bias",
        "lm_head.weight",
        "lm_head.bias",
    }


def test_equal_models_give_equal_bytes(folder: Path, model: Phi, tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_model(tmp_path / "again", model, tokenizer)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_renaming_there_and_back_changes_nothing(model: Phi) -> None:
    mine = dict(model.state_dict())
    again = from_huggingface(to_huggingface(mine), model.config.layers)
    assert again.keys() == mine.keys()
    assert all(torch.equal(again[name], mine[name]) for name in mine)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_configuration_survives_its_json_with_new_keys_and_with_old(preset: str) -> None:
    facts = json.loads(json.dumps(PRESETS[preset].to_huggingface()))
    assert PhiConfig.from_huggingface(facts, "config.json") == PRESETS[preset]
    old = {key: value for key, value in facts.items() if key != "rope_parameters"}
    assert PhiConfig.from_huggingface(old, "config.json") == PRESETS[preset]
    new = {key: value for key, value in facts.items() if key not in ("rope_theta", "partial_rotary_factor")}
    assert PhiConfig.from_huggingface(new, "config.json") == PRESETS[preset]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_type", "llama"),
        ("hidden_act", "relu"),
        ("tie_word_embeddings", True),
        ("qk_layernorm", True),
        ("num_key_value_heads", 2),
    ],
)
def test_another_architecture_is_refused_by_name(folder: Path, key: str, value: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(UserError, match=key):
        load(folder)


def test_missing_or_damaged_files_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere/config\.json does not exist"):
        load(tmp_path / "nowhere")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"model\.safetensors does not match"):
        load(folder)
    weights.unlink()
    with pytest.raises(UserError, match=r"model\.safetensors does not exist"):
        load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        load(folder)
    (folder / "config.json").write_text('{"model_type": "phi", "vocab_size": 5}')
    with pytest.raises(UserError, match="has no key"):
        load(folder)


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("hidden_size", "x", "hidden_size is 'x'; .* integer of at least 1"),
        ("max_position_embeddings", 0, "max_position_embeddings is 0; .* integer of at least 1"),
        ("layer_norm_eps", None, "layer_norm_eps is None; .* number above 0 and at most 1"),
        ("rope_parameters", {"rope_theta": 0}, "rope_theta is 0; .* number above 0"),
        ("rope_parameters", {"partial_rotary_factor": 3.0}, "partial_rotary_factor is 3.0; .* at most 1"),
    ],
)
def test_a_configuration_with_figures_that_no_model_has_is_refused(key: str, value: object, fault: str) -> None:
    with pytest.raises(UserError, match=f"config.json: {fault}"):
        PhiConfig.from_huggingface(PRESETS["tiny"].to_huggingface() | {key: value}, "config.json")


def test_a_configuration_that_names_no_end_of_text_has_that_of_the_papers_tokenizer() -> None:
    facts = PRESETS["phi-1"].to_huggingface() | {"eos_token_id": None, "bos_token_id": None}
    assert PhiConfig.from_huggingface(facts, "config.json") == PRESETS["phi-1"]
