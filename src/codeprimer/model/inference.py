"""A model as it is used: its products by oneDNN, over weights that are laid out for it once.

Reads a model, writes nothing. Its one idea: in training weights change at every step, in use they never do, so they may be
kept in the order in which the processor's widest instructions read them. For the few rows of a step of generation that is
two to three times as fast as products over plain weights (on processors of AMD, for any number of rows), and it rounds a
little differently.
"""

from __future__ import annotations

import copy
import os
import platform
from typing import TypeVar

import torch
from torch import Tensor, nn

from codeprimer.model.phi import Phi

Module = TypeVar("Module", bound=nn.Module)

_NEEDED = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")

LARGEST_SHARE = 0.25
"""The copy of the weights may take this share of the machine's memory, whatever else is in it: answers follow from it."""


class PackedLinear(nn.Module):
    """A linear layer whose weight oneDNN has laid out; gives no gradients."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self.weight, self.bias = linear.weight, linear.bias
        """The plain weight is for whoever asks for its kind, or makes a product of its own."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x @ weight.T + bias``."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self.bias, "none", [], "")
        return product


def for_use(model: Phi) -> Phi:
    """Return the model with its linear layers packed where that is possible and worth it, else the model itself.

    Embeddings and norms are shared with the model that is given; a change of its matrices is not seen.
    """
    if isinstance(model.lm_head, PackedLinear) or not _can_pack(model):
        return model
    packed = _shell(model)
    packed.layers = nn.ModuleList(_packed_block(block) for block in model.layers)
    packed.lm_head = PackedLinear(model.lm_head)  # type: ignore[assignment]  # it is called as a linear layer is
    return packed.eval()


def _packed_block(block: nn.Module) -> nn.Module:
    packed = _shell(block)
    for name, module in block.named_children():
        if type(module) is nn.Linear:  # one that has adapters stays as it is
            setattr(packed, name, PackedLinear(module))
    return packed


def _shell(module: Module) -> Module:
    """Return a module with the same parts, whose parts can be exchanged."""
    shell = copy.copy(module)
    shell._modules = dict(module._modules)
    return shell


def _can_pack(model: Phi) -> bool:
    weight = model.lm_head.weight
    if weight.device.type != "cpu" or weight.dtype not in (torch.float32, torch.bfloat16):
        return False
    if platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # torch leaves it so
        return False
    if not all(hasattr(torch.ops.mkldnn, name) for name in _NEEDED):
        return False  # they are torch's own affair: another version may do without
    if weight.dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return model.parameter_count() * weight.element_size() <= LARGEST_SHARE * there
