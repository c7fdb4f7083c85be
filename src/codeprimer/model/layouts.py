"""The layouts of Phi checkpoints on disk, all converted to ours.

Reads safetensors and PyTorch files, whole or sharded. Key idea: for each layout, a table maps its tensor names to ours. Three
layouts exist: that of transformers; that of microsoft/phi-1's original code (``transformer.h.N.mixer.Wqkv``); and an older one,
a list of modules (``layers.N.mixer.Wqkv``). In the latter two, queries, keys and values are one tensor, in the same order as in
ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from codeprimer.core.errors import UserError
from codeprimer.model.checkpoint import WEIGHTS_FILE, assemble, from_huggingface
from codeprimer.model.config import CONFIG_FILE, PhiConfig, end_of_text, read_facts
from codeprimer.model.phi import Phi

INDEX_FILE = "model.safetensors.index.json"
PICKLED_FILE, PICKLED_INDEX_FILE = "pytorch_model.bin", "pytorch_model.bin.index.json"

_PASSED_OVER = re.compile(r"rotary_emb\.|\.attention\.|inner_attn|\.bias_mask$")
"""Buffers that some versions save along with the weights."""

_OWN_CODE = (
    (r"^transformer\.embd\.wte\.", "embed_tokens."),
    (r"^transformer\.h\.(\d+)\.ln\.", r"layers.\1.input_layernorm."),
    (r"^transformer\.h\.(\d+)\.mixer\.Wqkv\.", r"layers.\1.qkv."),
    (r"^transformer\.h\.(\d+)\.mixer\.out_proj\.", r"layers.\1.dense."),
    (r"^transformer\.h\.(\d+)\.mlp\.", r"layers.\1."),
    (r"^lm_head\.ln\.", "final_layernorm."),
    (r"^lm_head\.linear\.", "lm_head."),
)
"""The tensor names in microsoft/phi-1's original code."""


def load_any(folder: Path) -> tuple[Phi, PhiConfig]:
    """Read a Phi checkpoint in any layout; return the model, in float32 and in evaluation mode, and its shape.

    Raises UserError if a file is missing, damaged, or for another architecture.
    """
    facts = read_facts(folder)
    tensors = {name: tensor for name, tensor in _tensors(folder).items() if not _PASSED_OVER.search(name)}
    try:
        ours, config = _ours(tensors, facts, str(folder / CONFIG_FILE))
        return assemble(config, ours), config
    except (KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{folder} has weights that do not match its {CONFIG_FILE}: {reason}") from None


def _ours(tensors: dict[str, Tensor], facts: Mapping[str, Any], where: str) -> tuple[dict[str, Tensor], PhiConfig]:
    """Return the tensors under our names, and the shape."""
    if any(".mixer." in name for name in tensors):
        if "transformer.embd.wte.weight" not in tensors:
            tensors = _numbered(tensors)
        ours = {_renamed(name): tensor for name, tensor in tensors.items()}
        return ours, _original_config(facts, len(ours["embed_tokens.weight"]), where)
    config = PhiConfig.from_huggingface(facts, where)
    if any(".query_key_value." in name for name in tensors):
        tensors = _parted(tensors, config)
    return from_huggingface(tensors, config.layers), config


def _numbered(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a module list under the later names; its first module is the embedding, its last the norm and the
    output."""
    last = max(int(name.split(".")[1]) for name in tensors)
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        _, number, rest = name.split(".", 2)
        if int(number) == 0:
            renamed[f"transformer.embd.{rest}"] = tensor
        elif int(number) == last:
            renamed[f"lm_head.{rest}"] = tensor
        else:
            renamed[f"transformer.h.{int(number) - 1}.{rest}"] = tensor
    return renamed


def _renamed(name: str) -> str:
    for pattern, ours in _OWN_CODE:
        name, found = re.subn(pattern, ours, name)
        if found:
            return name
    raise KeyError(f"{name} is not a tensor of a Phi model")


def _parted(tensors: Mapping[str, Tensor], config: PhiConfig) -> dict[str, Tensor]:
    """Return the tensors with separate queries, keys and values, which transformers 4.36 joined head by head."""
    parted: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if ".query_key_value." not in name:
            parted[name] = tensor
            continue
        by_kind = tensor.view(config.heads, 3, config.head_size, -1).transpose(0, 1)
        for letter, part in zip("qkv", by_kind, strict=True):
            flat = part.reshape(config.hidden_size, *tensor.shape[1:])
            parted[name.replace("query_key_value", f"{letter}_proj")] = flat
    return parted


def _original_config(facts: Mapping[str, Any], rows: int, where: str) -> PhiConfig:
    """Return the shape described by a configuration of the original code, whose vocabulary is padded."""
    try:
        hidden, heads = facts["n_embd"], facts["n_head"]
        context, rotary = facts["n_positions"], facts["rotary_dim"]
        layers = facts["n_layer"]
    except KeyError as error:
        raise UserError(f"{where} has no key {error.args[0]!r}; it is not the configuration of a Phi model") from None
    if facts.get("tie_word_embeddings"):
        raise UserError(f"{where}: tie_word_embeddings is true; only false can be loaded")
    return PhiConfig(
        vocab_size=rows,
        hidden_size=hidden,
        layers=layers,
        heads=heads,
        intermediate=facts.get("n_inner") or 4 * hidden,
        context=context,
        rotary_fraction=min(rotary, hidden // heads) / (hidden // heads),
        layer_norm_epsilon=facts.get("layer_norm_epsilon", 1e-5),
        initializer_range=facts.get("initializer_range", 0.02),
        end_of_text=end_of_text(facts.get("eos_token_id"), rows),
    )


def _tensors(folder: Path) -> dict[str, Tensor]:
    """Return all tensors in a folder, in any file format. Raises UserError if there are none or they cannot be read."""
    for whole, index in ((WEIGHTS_FILE, INDEX_FILE), (PICKLED_FILE, PICKLED_INDEX_FILE)):
        if (folder / index).is_file():
            return _sharded(folder, index)
        if (folder / whole).is_file():
            return _file(folder / whole)
    raise UserError(f"{folder} holds neither {WEIGHTS_FILE} nor {PICKLED_FILE}; give the folder of a checkpoint")


def _sharded(folder: Path, index: str) -> dict[str, Tensor]:
    try:
        places = orjson.loads((folder / index).read_bytes())["weight_map"]
        names = sorted(set(places.values()))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise UserError(f"{folder / index} is not the index of a checkpoint") from None
    tensors: dict[str, Tensor] = {}
    for name in names:
        if Path(name).name != name:
            raise UserError(f"{folder / index} names a file outside its folder: {name}")
        tensors |= _file(folder / name)
    return tensors


def _file(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist, although the checkpoint's index lists it") from None
    except (SafetensorError, RuntimeError, ValueError, EOFError, OSError, KeyError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())[:300]}") from None
    except Exception as error:
        # torch refuses to unpickle anything that could run code, with an exception from the pickle module.
        raise UserError(f"{path} does not contain only weights: {' '.join(str(error).split())[:200]}") from None
    return found
