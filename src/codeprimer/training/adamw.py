"""AdamW for named weights.

Reads gradients and changes weights. It calls the functional form of torch's AdamW, because the class imports torch's compiler,
which takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from codeprimer.training.sharding import like

STEPS = "steps"
"""The step count, used for bias correction; skipped steps are not counted."""


class AdamW:
    """AdamW for weights with one weight decay; torch keeps a step count for each weight."""

    def __init__(self, weights: Sequence[tuple[str, Tensor]], weight_decay: float, betas: tuple[float, float]) -> None:
        """Start with an empty state."""
        self._weights = dict(weights)
        self._weight_decay = weight_decay
        self._betas = betas
        self._averages = {name: torch.zeros_like(weight) for name, weight in weights}
        self._squares = {name: torch.zeros_like(weight) for name, weight in weights}
        self._steps = [torch.zeros((), device=weight.device) for _, weight in weights]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Take one step using the gradients."""
        gradients = [weight.grad for weight in self._weights.values() if weight.grad is not None]
        assert len(gradients) == len(self._weights)
        beta1, beta2 = self._betas
        adamw(
            list(self._weights.values()),
            gradients,
            list(self._averages.values()),
            list(self._squares.values()),
            [],
            self._steps,
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=learning_rate,
            weight_decay=self._weight_decay,
            eps=1e-8,
            maximize=False,
        )

    def state(self) -> dict[str, Tensor]:
        """Return the step count and the moments; empty if there are no weights."""
        found = {STEPS: self._steps[0]} if self._steps else {}
        for name in self._weights:
            found |= {f"exp_avg.{name}": self._averages[name], f"exp_avg_sq.{name}": self._squares[name]}
        return found

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore a state returned by ``state``."""
        for name, weight in self._weights.items():
            self._averages[name] = like(tensors[f"exp_avg.{name}"], weight)
            self._squares[name] = like(tensors[f"exp_avg_sq.{name}"], weight)
        self._steps = [tensors[STEPS].to(weight.device, copy=True) for weight in self._weights.values()]
