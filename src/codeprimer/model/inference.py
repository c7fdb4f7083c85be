"""Inference with oneDNN's packed weights.

Reads a model; writes nothing. Key idea: weights are constant during inference, so they are packed once, in the order in which
the CPU's widest instructions read them. For the few rows of a generation step, this is two to three times as fast as plain
weights (on AMD CPUs, for any number of rows); rounding differs slightly.
"""

from __future__ import annotations

import copy
import platform
from typing import TypeVar

import torch
from torch import Tensor, nn

from codeprimer.core.memory import machine_memory
from codeprimer.model.phi import Phi

Module = TypeVar("Module", bound=nn.Module)

_NEEDED = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")

MEMORY_FRACTION = 0.25
"""Weights are packed if the copy takes at most this fraction of physical memory, because results must not depend on free
memory."""


class PackedLinear(nn.Module):
    """A linear layer with a packed weight and without gradients."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self.weight, self.bias = linear.weight, linear.bias
        """The plain weight, for callers that need its dtype or multiply by it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x @ weight.T + bias``."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self.bias, "none", [], "")
        return product


def for_use(model: Phi) -> Phi:
    """Return the model with packed linear layers if that is possible and useful, else the model itself.

    Embeddings and norms are shared with the given model; later changes to its matrices have no effect.
    """
    if isinstance(model.lm_head, PackedLinear) or not _can_pack(model):
        return model
    packed = _shell(model)
    packed.layers = nn.ModuleList(_packed_block(block) for block in model.layers)
    packed.lm_head = PackedLinear(model.lm_head)  # type: ignore[assignment]  # it has the interface of a linear layer
    return packed.eval()


def _packed_block(block: nn.Module) -> nn.Module:
    packed = _shell(block)
    for name, module in block.named_children():
        if type(module) is nn.Linear:  # not a layer with adapters
            setattr(packed, name, PackedLinear(module))
    return packed


def _shell(module: Module) -> Module:
    """Return a shallow copy whose submodules can be replaced."""
    shell = copy.copy(module)
    shell._modules = dict(module._modules)
    return shell


def _can_pack(model: Phi) -> bool:
    weight = model.lm_head.weight
    if weight.device.type != "cpu" or weight.dtype not in (torch.float32, torch.bfloat16):
        return False
    if platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return False
    if not all(hasattr(torch.ops.mkldnn, name) for name in _NEEDED):
        return False  # these are private torch functions, which other versions may lack
    if weight.dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    return model.parameter_count() * weight.element_size() <= MEMORY_FRACTION * machine_memory()
