"""Fully sharded training (FSDP2): weights, gradients and optimizer state divided among the ranks.

Communicates through torch.distributed. Key idea: each rank holds a shard of every tensor, and whole layers exist only while
they are computed, in the precision of the matrix products; states on disk are unsharded, so a run can resume with any number of
ranks, sharded or not. torch.distributed.fsdp takes a second and 45 MB to import, so it is imported only if a model is sharded.
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
"""Memory per weight without sharding: weight, gradient and two moments in float32; working copy and its gradient in 16 bits."""

FITTING = 0.6
"""The largest fraction of a device's memory for these tensors; the remainder is for activations."""

_SHARDED: WeakSet[Phi] = WeakSet()


def is_needed(parameters: int, device: torch.device) -> bool:
    """Return whether a model's training state does not fit in a GPU's memory; always false on a CPU."""
    if device.type != "cuda":
        return False
    return parameters * BYTES_PER_WEIGHT > FITTING * torch.cuda.get_device_properties(device).total_memory


def shard(model: Phi, dtype: torch.dtype, device: torch.device) -> None:
    """Shard a model over all ranks; matrix products use ``dtype``, reductions over ranks use float32."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    for module in (*model.layers, model):
        sharded = fully_shard(module, mesh=mesh, mp_policy=policy)
        # Loss weights add up to one over all ranks, so gradients are summed, not averaged.
        sharded.set_gradient_divide_factor(1.0)
        sharded.set_force_sum_reduction_for_comms(True)
    register_fsdp_forward_method(model, "loss")
    _SHARDED.add(model)


def is_sharded(model: Phi) -> bool:
    """Return whether a model is sharded."""
    return model in _SHARDED


def defer_reduction(model: Phi, is_deferred: bool) -> None:
    """Set whether the next backward pass defers the reduction over ranks to a later one (gradient accumulation)."""
    if is_sharded(model):
        module: Any = model
        module.set_requires_gradient_sync(not is_deferred)


def whole(tensor: Tensor) -> Tensor:
    """Return the unsharded tensor; every rank must call this."""
    part: Any = tensor
    return part.full_tensor() if _is_part(tensor) else tensor


def whole_parts(parts: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """Yield the unsharded tensors with their names, one at a time; every rank must iterate over them."""
    for name, tensor in parts:
        yield name, whole(tensor.detach())


def like(tensor: Tensor, example: Tensor) -> Tensor:
    """Return an unsharded tensor, moved to the device of ``example`` and sharded in the same way."""
    placed = tensor.to(example.device)
    if not _is_part(example):
        return placed
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(example, DTensor)
    return distribute_tensor(placed, example.device_mesh, example.placements, src_data_rank=None)


def _is_part(tensor: Tensor) -> bool:
    """Return whether a tensor is a DTensor."""
    return hasattr(tensor, "full_tensor")


def whole_model(model: Phi, is_wanted: bool) -> Phi:
    """Return the unsharded model, or the model itself if it is not sharded; every rank must call this.

    Ranks on which ``is_wanted`` is False get their sharded model back.
    """
    if not is_sharded(model):
        return model
    parts = whole_parts(model.state_dict().items())
    if is_wanted:
        return assemble(model.config, {name: tensor.cpu() for name, tensor in parts})
    for _ in parts:
        pass  # the other ranks need this rank to take part
    return model
