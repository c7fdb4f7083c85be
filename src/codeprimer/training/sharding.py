"""A model whose weights, gradients and averages are shared among the processes that train it (FSDP2).

Reads and writes other processes' memory. Its one idea: each process holds a part of every tensor, and whole layers exist only
while they are computed, in the precision of the products; what goes to disk is whole, so that a run may go on with any number
of processes, shared or not. What it needs of torch takes a second and 45 MB to load, so it is loaded where a model is shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor

from codeprimer.model.checkpoint import assemble
from codeprimer.model.phi import Phi

BYTES_PER_WEIGHT = 20
"""Of a process that has everything: weight, gradient and two averages in float32, working copy and its gradient in 16 bits."""

FITTING = 0.6
"""This share of a device's memory may go to them; the rest is for what the layers compute."""

_SHARED: WeakSet[Phi] = WeakSet()


def is_needed(parameters: int, device: torch.device) -> bool:
    """Return whether what a model needs in training does not fit into a device's memory; of a CPU nothing is asked."""
    if device.type != "cuda":
        return False
    return parameters * BYTES_PER_WEIGHT > FITTING * torch.cuda.get_device_properties(device).total_memory


def shard(model: Phi, dtype: torch.dtype, device: torch.device) -> None:
    """Share a model's weights among all processes; its products are made in ``dtype``, sums over processes in float32."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    for module in (*model.layers, model):
        shared = fully_shard(module, mesh=mesh, mp_policy=policy)
        # Shares of the loss add up to one over all processes, so gradients are summed, not averaged.
        shared.set_gradient_divide_factor(1.0)
        shared.set_force_sum_reduction_for_comms(True)
    register_fsdp_forward_method(model, "loss")
    _SHARED.add(model)


def is_shared(model: Phi) -> bool:
    """Return whether a model's weights are shared among processes."""
    return model in _SHARED


def add_up_later(model: Phi, later: bool) -> None:
    """Say whether the next backward pass leaves the sum over processes to a later one."""
    if is_shared(model):
        module: Any = model
        module.set_requires_gradient_sync(not later)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor that may be shared in one piece; all processes must ask for it."""
    part: Any = tensor
    return part.full_tensor() if _is_part(tensor) else tensor


def whole_parts(parts: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """Yield named tensors in one piece, each only when it is asked for."""
    for name, tensor in parts:
        yield name, whole(tensor.detach())


def like(tensor: Tensor, example: Tensor) -> Tensor:
    """Return a whole tensor where and as the example is: on its device, and shared as it is."""
    placed = tensor.to(example.device)
    if not _is_part(example):
        return placed
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(example, DTensor)
    return distribute_tensor(placed, example.device_mesh, example.placements, src_data_rank=None)


def _is_part(tensor: Tensor) -> bool:
    """Return whether a tensor is shared: torch's kind for that has a way to the whole."""
    return hasattr(tensor, "full_tensor")


def whole_model(model: Phi, is_wanted: bool) -> Phi:
    """Return a model in one piece: itself where it is not shared. All processes must ask for it, whoever wants it.

    Who does not want it gets the model that it has.
    """
    if not is_shared(model):
        return model
    parts = whole_parts(model.state_dict().items())
    if is_wanted:
        return assemble(model.config, {name: tensor.cpu() for name, tensor in parts})
    for _ in parts:
        pass  # others put them together
    return model
