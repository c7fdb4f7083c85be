"""Checkpoints in Hugging Face layout, which ``AutoModelForCausalLM.from_pretrained(folder)`` can load.

Reads and writes ``config.json``, ``generation_config.json``, ``model.safetensors`` and the tokenizer's files. Key idea: our
modules already have Hugging Face's names, except that queries, keys and values are one tensor here and three on disk.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from codeprimer.core.artifact import to_json, write_atomically
from codeprimer.core.errors import UserError
from codeprimer.model.config import CONFIG_FILE, PhiConfig, read_config
from codeprimer.model.empty import empty_weights
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer

GENERATION_FILE = "generation_config.json"
WEIGHTS_FILE = "model.safetensors"

_IN_ATTENTION = ("dense",)
_IN_MLP = ("fc1", "fc2")


def save_model(folder: Path, model: Phi, tokenizer: Tokenizer) -> None:
    """Write a checkpoint (float32) to a folder, each file atomically; the configuration is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(folder, model.config.context)
    save_weights(folder, model)


def save_weights(folder: Path, model: Phi, dtype: torch.dtype = torch.float32) -> None:
    """Write a checkpoint without its tokenizer, with the weights in ``dtype``; the configuration is written last."""
    tensors = to_huggingface({name: tensor.to(dtype) for name, tensor in weights(model)})
    save_tensors(folder / WEIGHTS_FILE, tensors)
    special = {"bos_token_id": model.config.end_of_text, "eos_token_id": model.config.end_of_text}
    write_atomically(folder / GENERATION_FILE, to_json(special))
    kind = str(dtype).removeprefix("torch.")
    write_atomically(
        folder / CONFIG_FILE, to_json(model.config.to_huggingface() | {"dtype": kind, "torch_dtype": kind})
    )


def load(folder: Path) -> tuple[Phi, PhiConfig]:
    """Read a checkpoint in Hugging Face layout; return the model, in float32 and in evaluation mode, and its shape.

    Raises UserError if a file is missing, damaged, or for another architecture.
    """
    path = folder / WEIGHTS_FILE
    config = read_config(folder)
    try:
        model = assemble(config, from_huggingface(load_file(path), config.layers))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; give the folder of a checkpoint") from None
    except (SafetensorError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{path} does not match {CONFIG_FILE}: {reason}") from None
    return model, config


def assemble(config: PhiConfig, tensors: Mapping[str, Tensor]) -> Phi:
    """Return a model from tensors under our names, in float32 and in evaluation mode.

    Raises RuntimeError if they do not match the shape.
    """
    with empty_weights():
        model = Phi(config)
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return model.eval()


def weights(model: Phi) -> list[tuple[str, Tensor]]:
    """Return the model's tensors under our names, detached."""
    return [(name, tensor.detach()) for name, tensor in model.state_dict().items()]


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file so that a crash leaves either the old file or the new one.

    Raises OSError with the system's error number if it cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(b"")
    usual = stat.S_IMODE(temporary.stat().st_mode)  # the library would make it readable only by its owner
    content = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        save_file(content, temporary, {"format": "pt"} | (metadata or {}))
    except SafetensorError as error:
        # Only the message contains the error number.
        if (number := re.search(r"os error (\d+)", str(error))) is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(temporary)) from error
    temporary.chmod(usual)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def to_huggingface(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under Hugging Face's names, with separate queries, keys and values."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if ".qkv." in name:
            for letter, part in zip("qkv", tensor.chunk(3), strict=True):
                renamed[_outer_name(name.replace(".qkv.", f".self_attn.{letter}_proj."))] = part.clone()
        else:
            renamed[_outer_name(name)] = tensor
    return renamed


def from_huggingface(tensors: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """Return the tensors under our names, with queries, keys and values fused.

    Raises KeyError if one of the three is missing.
    """
    renamed = {_inner_name(name): tensor for name, tensor in tensors.items() if "_proj." not in name}
    for layer in range(layers):
        for kind in ("weight", "bias"):
            parts = [tensors[f"model.layers.{layer}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
            renamed[f"layers.{layer}.qkv.{kind}"] = torch.cat(parts)
    return renamed


def _outer_name(name: str) -> str:
    for module in _IN_ATTENTION:
        name = name.replace(f".{module}.", f".self_attn.{module}.")
    for module in _IN_MLP:
        name = name.replace(f".{module}.", f".mlp.{module}.")
    return name if name.startswith("lm_head.") else f"model.{name}"


def _inner_name(name: str) -> str:
    return name.removeprefix("model.").replace(".self_attn.", ".").replace(".mlp.", ".")
