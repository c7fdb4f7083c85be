"""The shape of a Phi model, the paper's presets, and ``config.json``.

Reads ``config.json``; writes nothing itself. Key idea: one small frozen record determines every tensor's shape and can be
converted to the Hugging Face configuration and back. Does not need torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import orjson

from codeprimer.core.errors import UserError

CONFIG_FILE = "config.json"

CODEGEN_END_OF_TEXT = 50256
"""The end-of-text id in codegen-350M-mono's tokenizer, which the paper's models use."""


@dataclass(frozen=True)
class PhiConfig:
    """The shape of a model; ``context`` is in tokens."""

    vocab_size: int
    hidden_size: int
    layers: int
    heads: int
    intermediate: int
    context: int
    rotary_fraction: float = 0.5
    rope_theta: float = 10_000.0
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    end_of_text: int = 0
    """The id that begins and ends every document; it is both ``bos`` and ``eos``."""

    def __post_init__(self) -> None:
        if self.hidden_size % self.heads:
            raise UserError(
                f"hidden size {self.hidden_size} is not a multiple of {self.heads} heads; change one of them"
            )
        if self.rotary_size % 2 or not 0 < self.rotary_size <= self.head_size:
            raise UserError(
                f"{self.rotary_size} rotary dimensions do not fit heads of size {self.head_size}: their number must be even; "
                "change the hidden size, the heads or the rotary fraction"
            )

    @property
    def head_size(self) -> int:
        """The width of one attention head."""
        return self.hidden_size // self.heads

    @property
    def rotary_size(self) -> int:
        """The number of leading dimensions of each head that are rotated."""
        return int(self.head_size * self.rotary_fraction)

    def to_huggingface(self) -> dict[str, Any]:
        """Return the content of ``config.json``, with the rotary parameters under both the new key and the older ones."""
        return {
            "architectures": ["PhiForCausalLM"],
            "model_type": "phi",
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "max_position_embeddings": self.context,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": self.rope_theta,
                "partial_rotary_factor": self.rotary_fraction,
            },
            "rope_theta": self.rope_theta,
            "partial_rotary_factor": self.rotary_fraction,
            "hidden_act": "gelu_new",
            "layer_norm_eps": self.layer_norm_epsilon,
            "initializer_range": self.initializer_range,
            "attention_dropout": 0.0,
            "embd_pdrop": 0.0,
            "resid_pdrop": 0.0,
            "qk_layernorm": False,
            "tie_word_embeddings": False,
            "use_cache": True,
            "bos_token_id": self.end_of_text,
            "eos_token_id": self.end_of_text,
            "dtype": "float32",
            "torch_dtype": "float32",
        }

    @classmethod
    def from_huggingface(cls, facts: Mapping[str, Any], where: str) -> PhiConfig:
        """Return the shape that a ``config.json`` describes; ``where`` names the file in errors.

        Raises UserError if it describes another architecture, or a variant of Phi with different arithmetic.
        """
        for key, fine in _REQUIRED.items():
            if facts.get(key, fine[0]) not in fine:
                raise UserError(f"{where}: {key} is {facts[key]!r}; only {fine[-1]!r} can be loaded")
        heads = facts.get("num_attention_heads")
        if facts.get("num_key_value_heads") not in (None, heads):
            raise UserError(f"{where}: num_key_value_heads differs from num_attention_heads; this is not a Phi-1 model")
        rotary = {**facts, **(facts.get("rope_parameters") or {})}
        _check(rotary, where)
        try:
            return cls(
                vocab_size=facts["vocab_size"],
                hidden_size=facts["hidden_size"],
                layers=facts["num_hidden_layers"],
                heads=facts["num_attention_heads"],
                intermediate=facts["intermediate_size"],
                context=facts["max_position_embeddings"],
                rotary_fraction=rotary.get("partial_rotary_factor", 0.5),
                rope_theta=rotary.get("rope_theta", 10_000.0),
                layer_norm_epsilon=facts.get("layer_norm_eps", 1e-5),
                initializer_range=facts.get("initializer_range", 0.02),
                end_of_text=end_of_text(facts["eos_token_id"], facts["vocab_size"]),
            )
        except KeyError as error:
            raise UserError(
                f"{where} has no key {error.args[0]!r}; it is not the configuration of a Phi model"
            ) from None


def _check(facts: Mapping[str, Any], where: str) -> None:
    """Raise UserError if a number is out of range."""
    for key in _COUNTS:
        value = facts.get(key, 1)
        if type(value) is not int or value < 1:
            raise UserError(f"{where}: {key} is {value!r}; it must be an integer of at least 1")
    for key, most in _NUMBERS.items():
        value = facts.get(key, most)
        if type(value) not in (int, float) or not 0 < value <= most:
            limit = f" and at most {most:g}" if most < inf else ""
            raise UserError(f"{where}: {key} is {value!r}; it must be a number above 0{limit}")


def end_of_text(named: int | None, rows: int) -> int:
    """Return the end-of-text id; microsoft/phi-1 does not specify it and uses codegen's tokenizer."""
    return min(CODEGEN_END_OF_TEXT, rows - 1) if named is None else named


def read_config(folder: Path) -> PhiConfig:
    """Read the shape of a model from its folder.

    Raises UserError if there is no configuration, or if it describes another architecture.
    """
    return PhiConfig.from_huggingface(read_facts(folder), str(folder / CONFIG_FILE))


def read_facts(folder: Path) -> dict[str, Any]:
    """Read a model's configuration, whatever its architecture. Raises UserError if there is none."""
    return read_object(folder / CONFIG_FILE, "a checkpoint", "a model")


def read_object(path: Path, place: str, kind: str) -> dict[str, Any]:
    """Read a JSON configuration; ``place`` and ``kind`` describe its folder and its content in error messages.

    Raises UserError if there is none, or it is not a JSON object.
    """
    try:
        facts = orjson.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} does not exist; give the folder of {place}") from None
    except orjson.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON: {error}") from None
    if not isinstance(facts, dict):
        raise UserError(f"{path} is not the configuration of {kind}")
    return facts


_REQUIRED: dict[str, tuple[object, ...]] = {
    "model_type": (None, "phi"),
    "hidden_act": ("gelu_new", "gelu_pytorch_tanh", "gelu_new"),
    "qk_layernorm": (False,),
    "tie_word_embeddings": (False,),
}
"""For each key, its default, then every value that implies the same arithmetic as ours."""

_COUNTS = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings"
)  # fmt: skip
_NUMBERS = {"partial_rotary_factor": 1.0, "rope_theta": inf, "layer_norm_eps": 1.0, "initializer_range": inf}
"""The numeric fields of a configuration and their largest values."""

PRESETS = {
    "phi-1": PhiConfig(51200, 2048, 24, 32, 8192, 2048, end_of_text=50256),
    "phi-1-small": PhiConfig(51200, 1024, 20, 16, 4096, 2048, end_of_text=50256),
    "tiny": PhiConfig(1024, 128, 4, 4, 512, 256),
}
"""The paper's two models with the vocabulary of codegen-350M-mono, and the demo's model."""
