"""The ranks of data-parallel training.

Communicates through torch.distributed. Key idea: a step's batch does not depend on the number of ranks; each rank computes the
gradients of its rows, and an all-reduce sums them, so all ranks take the same step.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
from torch import Tensor


class Ranks:
    """This rank and its process group; a single rank if torch.distributed is not initialised."""

    def __init__(self, device: torch.device | None = None) -> None:
        """``device`` is the device that this rank computes on; default: the CPU."""
        self._device = device or torch.device("cpu")
        self._together = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rank = torch.distributed.get_rank() if self._together else 0
        self.count = torch.distributed.get_world_size() if self._together else 1

    @property
    def on_this_machine(self) -> int:
        """The local rank."""
        return int(os.environ.get("LOCAL_RANK", self.rank))

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which writes states and metrics."""
        return self.rank == 0

    def rows_here(self, rows: int) -> range:
        """Return the contiguous rows of a batch that this rank computes; counts differ by at most one between ranks."""
        return range(rows * self.rank // self.count, rows * (self.rank + 1) // self.count)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """All-reduce: replace each tensor with its sum over all ranks."""
        if not self._together:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        torch.distributed.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def any_of(self, flag: bool) -> bool:
        """Return whether the flag is set on any rank."""
        if not self._together:
            return flag
        count = torch.tensor(float(flag), device=self._device)
        torch.distributed.all_reduce(count)
        return bool(count > 0)

    def broadcast(self, number: int) -> int:
        """Return the number passed by rank 0."""
        if not self._together:
            return number
        box = torch.tensor(number, device=self._device)
        torch.distributed.broadcast(box, src=0)
        return int(box)

    def wait(self) -> None:
        """Wait for all ranks (barrier)."""
        if self._together:
            torch.distributed.barrier()
