"""The processes that train one model together.

Reads and writes other processes' memory, by torch.distributed. Its one idea: a step's batch is the same however many
processes share it; each computes the gradients of its rows, their sum is everybody's, and so all take the same step.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
from torch import Tensor


class Ranks:
    """This process among its like; alone where torch.distributed has not been set up."""

    def __init__(self, device: torch.device | None = None) -> None:
        """``device`` is where this process computes; a CPU unless it is given."""
        self._device = device or torch.device("cpu")
        self._together = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rank = torch.distributed.get_rank() if self._together else 0
        self.count = torch.distributed.get_world_size() if self._together else 1

    @property
    def on_this_machine(self) -> int:
        """The number of this process among those of its machine."""
        return int(os.environ.get("LOCAL_RANK", self.rank))

    @property
    def is_first(self) -> bool:
        """Whether this one keeps states and metrics for all."""
        return self.rank == 0

    def share(self, rows: int) -> range:
        """Return the rows of a batch that are computed here: neighbours, as many as elsewhere, give or take one."""
        return range(rows * self.rank // self.count, rows * (self.rank + 1) // self.count)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by the sum of all ranks' tensors."""
        if not self._together:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        torch.distributed.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def any_of(self, said: bool) -> bool:
        """Return whether any rank says so."""
        if not self._together:
            return said
        flag = torch.tensor(float(said), device=self._device)
        torch.distributed.all_reduce(flag)
        return bool(flag > 0)

    def told(self, number: int) -> int:
        """Return the number that the first rank has."""
        if not self._together:
            return number
        box = torch.tensor(number, device=self._device)
        torch.distributed.broadcast(box, src=0)
        return int(box)

    def wait(self) -> None:
        """Return when all ranks have come here."""
        if self._together:
            torch.distributed.barrier()
