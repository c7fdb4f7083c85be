"""LoRA: low-rank adapters on frozen weights (E. Hu et al., 2021), on disk in peft's format.

Reads and writes ``adapter_config.json`` and ``adapter_model.safetensors``. Key idea: an adapted module is a linear module that
keeps the names of its weights and adds adapters, so layers need not change; our fused QKV projection has separate adapters for
queries, keys and values.

Shapes: R the rank, I the input size, O the output size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from codeprimer.core.artifact import to_json, write_atomically
from codeprimer.core.errors import UserError
from codeprimer.model.cache import Cache
from codeprimer.model.checkpoint import assemble, save_model, save_tensors
from codeprimer.model.config import read_object
from codeprimer.model.empty import empty_weights
from codeprimer.model.forward import PLAIN, ForwardOptions
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer

ADAPTER = "adapter"
"""The folder, within a checkpoint's folder, that holds the adapters merged into the checkpoint."""

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"

_PIECES: dict[str, tuple[str, ...]] = {
    "qkv": ("q_proj", "k_proj", "v_proj"),
    "dense": ("dense",),
    "fc1": ("fc1",),
    "fc2": ("fc2",),
}
"""For each linear module of a layer, the Hugging Face modules that are stacked in it."""

TARGETS = tuple(target for targets in _PIECES.values() for target in targets)
"""The modules that can have an adapter, under their Hugging Face names."""

_MODULE_OF = {target: module for module, targets in _PIECES.items() for target in targets}


@dataclass(frozen=True)
class LoraConfig:
    """The shape of a model's adapters."""

    rank: int
    alpha: float
    dropout: float = 0.0
    """Dropout rate for an adapter's inputs."""
    targets: tuple[str, ...] = TARGETS

    @property
    def scale(self) -> float:
        """The factor by which an adapter's output is multiplied."""
        return self.alpha / self.rank

    def to_peft(self) -> dict[str, Any]:
        """Return the content of ``adapter_config.json``, without the base model's folder."""
        return {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": None,
            "r": self.rank,
            "lora_alpha": int(self.alpha) if self.alpha == int(self.alpha) else self.alpha,
            "lora_dropout": self.dropout,
            "target_modules": list(self.targets),
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
            "init_lora_weights": True,
            "modules_to_save": None,
            "use_dora": False,
            "use_rslora": False,
        }

    @classmethod
    def from_peft(cls, facts: Mapping[str, Any], where: str) -> LoraConfig:
        """Return the shape that an ``adapter_config.json`` describes; ``where`` names the file in errors.

        Raises UserError if it does not describe LoRA, or describes a variant with different arithmetic.
        """
        for key, fine in _REQUIRED.items():
            if facts.get(key) not in fine:
                raise UserError(f"{where}: {key} is {facts.get(key)!r}; only {fine[-1]!r} can be loaded")
        named = facts.get("target_modules")
        if not isinstance(named, list) or not named or not set(named) <= set(TARGETS):
            raise UserError(f"{where}: target_modules is {named!r}; only a list of {', '.join(TARGETS)} can be loaded")
        rank, alpha, dropout = facts.get("r"), facts.get("lora_alpha"), facts.get("lora_dropout", 0.0)
        if (
            type(rank) is not int
            or rank < 1
            or not isinstance(alpha, int | float)
            or not isinstance(dropout, int | float)
        ):
            raise UserError(f"{where}: r must be an integer above 0; lora_alpha and lora_dropout must be numbers")
        if facts.get("use_rslora"):
            alpha *= math.sqrt(rank)  # rslora divides by the square root of the rank
        return cls(rank, float(alpha), float(dropout), tuple(target for target in TARGETS if target in named))


_REQUIRED: dict[str, tuple[object, ...]] = {
    "peft_type": ("LORA",),
    "bias": (None, "none"),
    "fan_in_fan_out": (None, False),
    "use_dora": (None, False),
    "lora_bias": (None, False),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
    "modules_to_save": (None, [], None),
    "layers_to_transform": (None,),
    "layer_replication": (None,),
    "exclude_modules": (None, [], None),
    "target_parameters": (None, [], None),
    "trainable_token_indices": (None,),
    "alora_invocation_tokens": (None,),
}
"""For each key, every value that implies the same arithmetic as ours; errors name the last one."""


class _Passing:
    """The options of the current forward pass, shared by all adapters of a model."""

    options: ForwardOptions = PLAIN


class AdaptedLinear(nn.Linear):
    """A frozen linear module with adapters for some of the modules stacked in it."""

    def __init__(self, base: nn.Linear, pieces: tuple[str, ...], config: LoraConfig, passing: _Passing) -> None:
        """Share the weights of ``base``; ``AdaptedPhi`` initialises the adapters."""
        with empty_weights():
            super().__init__(base.in_features, base.out_features)
        self.weight, self.bias = base.weight, base.bias
        self.requires_grad_(False)
        self.scale = config.scale
        self._pieces = pieces
        self._passing = passing
        weight, size = base.weight, base.out_features // len(pieces)
        adapted = [piece for piece in pieces if piece in config.targets]
        self.lora_A = nn.ParameterDict({piece: weight.new_empty(config.rank, base.in_features) for piece in adapted})
        self.lora_B = nn.ParameterDict({piece: weight.new_empty(size, config.rank) for piece in adapted})

    def forward(self, x: Tensor) -> Tensor:
        """Return W x + bias + alpha / rank * B A drop(x), with independent dropout for each stacked module."""
        made = super().forward(x)
        options = self._passing.options
        added = []
        for piece, part in zip(self._pieces, made.chunk(len(self._pieces), -1), strict=True):
            if piece in self.lora_A:
                inner_R = functional.linear(options.drop(x, options.adapter_dropout), self.lora_A[piece])
                part = part + functional.linear(inner_R, self.lora_B[piece]) * self.scale
            added.append(part)
        return torch.cat(added, -1) if len(added) > 1 else added[0]

    def merged(self) -> Tensor:
        """Return the merged weight [O, I], a new tensor."""
        weight_OI = self.weight.detach().clone()
        for piece, part in zip(self._pieces, weight_OI.chunk(len(self._pieces)), strict=True):
            if piece in self.lora_A:
                part.addmm_(self.lora_B[piece].detach(), self.lora_A[piece].detach(), alpha=self.scale)
        return weight_OI


class AdaptedPhi(Phi):
    """A frozen Phi with adapters; equivalent to the model that ``merge`` returns."""

    def __init__(self, base: Phi, lora: LoraConfig, seed: int = 0) -> None:
        """Add adapters whose output is initially zero; the weights of ``base`` are shared, not copied."""
        with empty_weights():
            super().__init__(base.config)
        self.load_state_dict(base.state_dict(), assign=True)
        self.requires_grad_(False)
        self.lora = lora
        self._passing = _Passing()
        for layer in self.layers:
            for module, pieces in _PIECES.items():
                if set(pieces) & set(lora.targets):
                    setattr(layer, module, AdaptedLinear(getattr(layer, module), pieces, lora, self._passing))
        self._draw(seed)

    @torch.no_grad()
    def _draw(self, seed: int) -> None:
        """Initialise the adapters as peft does: A is uniform between +- 1 / sqrt(I), B is zero."""
        generator = torch.Generator().manual_seed(seed)
        for name, weight in trainable(self):
            if ".lora_A." in name:
                bound = 1.0 / math.sqrt(weight.shape[1])
                weight.copy_(torch.empty(weight.shape).uniform_(-bound, bound, generator=generator))
            else:
                weight.zero_()

    def hidden(self, ids_BT: Tensor, cache: Cache | None = None, options: ForwardOptions = PLAIN) -> Tensor:
        """Return the normalised hidden states [B, T, D]; ``options`` includes the adapters' dropout rate."""
        self._passing.options = options
        try:
            return super().hidden(ids_BT, cache, options)
        finally:
            self._passing.options = PLAIN

    def parameter_count(self) -> int:
        """Return the number of parameters of the merged model."""
        return super().parameter_count() - sum(weight.numel() for _, weight in trainable(self))

    def adapters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the adapters' tensors under peft's names."""
        for name, weight in trainable(self):
            yield _outer_name(name), weight.detach()


def trainable(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the trainable parameters by name: the adapters of an adapted model, or all parameters of any other model."""
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


def merge(model: AdaptedPhi) -> Phi:
    """Return an equivalent Phi with the adapters merged into its weights, in evaluation mode.

    Weights without adapters are shared with the model.
    """
    tensors = {name: tensor for name, tensor in model.state_dict().items() if ".lora_" not in name}
    for name, module in model.named_modules():
        if isinstance(module, AdaptedLinear):
            tensors[f"{name}.weight"] = module.merged()
    return assemble(model.config, tensors).to(model.embed_tokens.weight.device)


def save_checkpoint(folder: Path, model: Phi, tokenizer: Tokenizer) -> None:
    """Write a checkpoint in Hugging Face layout; an adapted model is merged, and its adapters are written to ``adapter/``."""
    if not isinstance(model, AdaptedPhi):
        save_model(folder, model, tokenizer)
        return
    save_adapter(folder / ADAPTER, model)
    save_model(folder, merge(model), tokenizer)


def save_adapter(folder: Path, model: AdaptedPhi) -> None:
    """Write a model's adapters in the format that ``PeftModel.from_pretrained`` reads; the configuration is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / WEIGHTS_FILE, dict(model.adapters()))
    write_atomically(folder / CONFIG_FILE, to_json(model.lora.to_peft()))


def read_lora(folder: Path) -> LoraConfig:
    """Read the shape of the adapters in a folder. Raises UserError if there are none, or if they are of an unsupported kind."""
    path = folder / CONFIG_FILE
    return LoraConfig.from_peft(read_object(path, "an adapter", "an adapter"), str(path))


@torch.no_grad()
def load_adapter(folder: Path, base: Phi) -> AdaptedPhi:
    """Read adapters, ours or peft's, and add them to the model that they were trained on.

    Raises UserError if a file is missing, damaged, or unsupported, or if the adapters do not match the model's shape.
    """
    model = AdaptedPhi(base, read_lora(folder))
    path = folder / WEIGHTS_FILE
    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; give the folder of an adapter") from None
    except SafetensorError as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from None
    wanted = {_outer_name(name): weight for name, weight in trainable(model)}
    if wrong := sorted(set(wanted) ^ set(tensors)):
        kind = "lacks" if wrong[0] in wanted else "holds"
        raise UserError(f"{path} {kind} {wrong[0]}, so it is not an adapter of a Phi with {base.config.layers} layers")
    for name, weight in wanted.items():
        if weight.shape != tensors[name].shape:
            made, given = list(weight.shape), list(tensors[name].shape)
            raise UserError(f"{path}: {name} is {given}, but the model needs {made}; it was made for another model")
        weight.copy_(tensors[name])
    return model.eval()


def _outer_name(name: str) -> str:
    """Return peft's name for a tensor; for ``layers.0.qkv.lora_A.q_proj``, it is below ``layers.0.self_attn.q_proj``."""
    layer, matrix, target = name.rsplit(".", 3)[0], *name.rsplit(".", 2)[1:]
    part = "mlp" if _MODULE_OF[target] in ("fc1", "fc2") else "self_attn"
    return f"base_model.model.model.{layer}.{part}.{target}.{matrix}.weight"
