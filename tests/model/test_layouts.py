from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from codeprimer.core.errors import UserError
from codeprimer.model.checkpoint import save_model, to_huggingface
from codeprimer.model.layouts import load_any
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer


def with_own_code(model: Phi) -> dict[str, Tensor]:
    """Return the weights as microsoft/phi-1 had them with its own code."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        name = name.replace("embed_tokens", "transformer.embd.wte").replace("final_layernorm", "lm_head.ln")
        name = name.replace("lm_head.weight", "lm_head.linear.weight").replace("lm_head.bias", "lm_head.linear.bias")
        name = name.replace("layers.", "transformer.h.").replace("input_layernorm", "ln")
        name = name.replace("qkv", "mixer.Wqkv").replace("dense", "mixer.out_proj").replace("fc", "mlp.fc")
        tensors[name.replace("lm_head.ln.linear", "lm_head.ln")] = tensor.clone()
    tensors["transformer.h.0.mixer.rotary_emb.inv_freq"] = torch.zeros(3)
    return tensors


def as_list(model: Phi) -> dict[str, Tensor]:
    """Return the weights as one list of modules."""
    last = model.config.layers + 1
    tensors: dict[str, Tensor] = {}
    for name, tensor in with_own_code(model).items():
        if name.startswith("transformer.embd."):
            name = name.replace("transformer.embd", "layers.0")
        elif name.startswith("lm_head."):
            name = name.replace("lm_head", f"layers.{last}")
        else:
            _, _, number, rest = name.split(".", 3)
            name = f"layers.{int(number) + 1}.{rest}"
        tensors[name] = tensor
    return tensors


def head_by_head(model: Phi) -> dict[str, Tensor]:
    """Return the weights with queries, keys and values of each head together (transformers 4.36)."""
    config = model.config
    tensors = {name: tensor for name, tensor in to_huggingface(dict(model.state_dict())).items() if "_proj" not in name}
    for name, tensor in model.state_dict().items():
        if ".qkv." in name:
            _, number, _, kind = name.split(".")
            by_head = tensor.view(3, config.heads, config.head_size, -1).transpose(0, 1).reshape(tensor.shape)
            tensors[f"model.layers.{number}.self_attn.query_key_value.{kind}"] = by_head
    return tensors


def original_config(model: Phi, **changes: Any) -> dict[str, Any]:
    config = model.config
    return {
        "model_type": "mixformer-sequential",
        "n_embd": config.hidden_size,
        "n_head": config.heads,
        "n_layer": config.layers,
        "n_inner": config.intermediate,
        "n_positions": config.context,
        "rotary_dim": config.rotary_size,
        "vocab_size": config.vocab_size - 5,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "eos_token_id": 0,
    } | changes


def write(folder: Path, tensors: dict[str, Tensor], config: dict[str, Any]) -> Path:
    folder.mkdir()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def equal(model: Phi, again: Phi) -> bool:
    mine, theirs = model.state_dict(), again.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("layout", [with_own_code, as_list])
def test_the_original_layouts_are_read(layout: Any, model: Phi, tmp_path: Path) -> None:
    again, config = load_any(write(tmp_path / "original", layout(model), original_config(model)))
    assert config == model.config
    assert equal(model, again)
    ids_BT = torch.arange(40)[None]
    with torch.no_grad():
        assert torch.equal(model(ids_BT), again(ids_BT))


def test_what_an_original_configuration_leaves_open_is_what_the_paper_has(model: Phi, tmp_path: Path) -> None:
    facts = original_config(model, n_inner=None, eos_token_id=None)
    with pytest.raises(UserError, match="size mismatch"):  # 4 * 48 is not what this model has
        load_any(write(tmp_path / "original", with_own_code(model), facts))
    _, config = load_any(write(tmp_path / "other", with_own_code(model), original_config(model, eos_token_id=None)))
    assert config.end_of_text == model.config.vocab_size - 1


def test_heads_with_their_queries_keys_and_values_together_are_read(model: Phi, tmp_path: Path) -> None:
    again, _ = load_any(write(tmp_path / "fused", head_by_head(model), model.config.to_huggingface()))
    assert equal(model, again)


@pytest.mark.parametrize("pickled", [False, True])
def test_shards_are_put_together(pickled: bool, model: Phi, tmp_path: Path) -> None:
    tensors = to_huggingface(dict(model.state_dict()))
    names = sorted(tensors)
    stem, suffix = ("pytorch_model", "bin") if pickled else ("model", "safetensors")
    places: dict[str, str] = {}
    for number, part in enumerate((names[:7], names[7:])):
        file = f"{stem}-{number + 1:05d}-of-00002.{suffix}"
        chosen = {name: tensors[name].contiguous() for name in part}
        if pickled:
            torch.save(chosen, tmp_path / file)
        else:
            save_file(chosen, tmp_path / file)
        places |= dict.fromkeys(part, file)
    (tmp_path / f"{stem}.{suffix}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    (tmp_path / "config.json").write_text(json.dumps(model.config.to_huggingface()))
    again, _ = load_any(tmp_path)
    assert equal(model, again)
    (tmp_path / places[names[0]]).unlink()
    with pytest.raises(UserError, match=f"{places[names[0]]} does not exist"):
        load_any(tmp_path)


def test_half_precision_is_read_as_float32(model: Phi, tmp_path: Path) -> None:
    halved = {name: tensor.half() for name, tensor in with_own_code(model).items()}
    again, _ = load_any(write(tmp_path / "half", halved, original_config(model)))
    assert all(weight.dtype == torch.float32 for weight in again.parameters())
    assert torch.equal(again.lm_head.weight, model.lm_head.weight.half().float())


def test_our_own_and_transformers_checkpoints_are_read(model: Phi, tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_model(tmp_path / "ours", model, tokenizer)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="50KB")
    assert (tmp_path / "theirs" / "model.safetensors.index.json").exists()
    for name in ("ours", "theirs"):
        again, config = load_any(tmp_path / name)
        assert config == model.config
        assert equal(model, again)


def test_a_file_that_could_run_code_is_refused(model: Phi, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return Path.write_text, (tmp_path / "sprung", "")

    (tmp_path / "config.json").write_text(json.dumps(model.config.to_huggingface()))
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Trap()}))
    with pytest.raises(UserError, match=r"pytorch_model\.bin"):
        load_any(tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_an_index_that_leads_elsewhere_is_refused(model: Phi, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(model.config.to_huggingface()))
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../secret.safetensors"}}')
    with pytest.raises(UserError, match="outside its folder"):
        load_any(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "does not exist"), ("{", "is not JSON"), ("[]", "is not the configuration"), ("{}", "holds neither")],
)
def test_a_folder_that_is_none_is_one_sentence(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=message):
        load_any(tmp_path)


def test_another_architecture_is_named(model: Phi, tmp_path: Path) -> None:
    tensors = {"transformer.h.0.mixer.x": torch.zeros(1)}
    with pytest.raises(UserError, match=r"weights that do not match its config\.json"):
        load_any(write(tmp_path / "other", tensors, original_config(model)))
    with pytest.raises(UserError, match="n_embd"):
        load_any(write(tmp_path / "without", with_own_code(model), {}))
