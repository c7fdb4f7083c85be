"""The optimiser: AdamW, or Muon for the matrices inside the layers and AdamW for everything else.

Reads gradients, changes weights. Its one idea: the float32 model is the truth that is saved and published; where the
products are made in bfloat16, a working copy gives the gradients and gets the rounded weights back.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from codeprimer.model.lora import trainable
from codeprimer.model.phi import Phi
from codeprimer.training.muon import Muon
from codeprimer.training.settings import Phase
from codeprimer.training.sharding import is_shared, like, whole

_AVERAGES = ("exp_avg", "exp_avg_sq")
STEPS = "steps"
"""Steps that AdamW's averages are made of; those that were skipped do not count."""


class Optimiser:
    """One phase's optimiser; ``working`` is the model that losses are computed with."""

    def __init__(self, model: Phi, phase: Phase, dtype: torch.dtype) -> None:
        """Start afresh; matrices and embeddings decay, biases and norms do not."""
        self.model = model
        # A model that is shared among processes has its products in ``dtype`` by itself.
        self.working = model if dtype == torch.float32 or is_shared(model) else copy.deepcopy(model).to(dtype)
        self._phase = phase
        named = trainable(model)
        self._weights: list[Tensor] = [weight for _, weight in named]
        self._copies: list[Tensor] = [weight for _, weight in trainable(self.working)]
        inner = [
            (name, weight) for name, weight in named if phase.optimiser == "muon" and _is_inner_matrix(name, weight)
        ]
        self._muon = Muon(inner, phase.weight_decay, dtype)
        taken = {name for name, _ in inner}
        self._others = [(name, weight) for name, weight in named if name not in taken]
        groups = [
            {"params": [weight for _, weight in self._others if weight.dim() >= 2], "weight_decay": phase.weight_decay},
            {"params": [weight for _, weight in self._others if weight.dim() < 2], "weight_decay": 0.0},
        ]
        self._adamw = torch.optim.AdamW(groups, betas=phase.betas, fused=True)

    def collect(self) -> None:
        """Add what a backward pass has left at the working model to the gradients of this step, which are float32."""
        if self.working is self.model:
            return
        for weight, copied in zip(self._weights, self._copies, strict=True):
            assert copied.grad is not None
            fresh = copied.grad.to(weight.dtype)
            weight.grad = fresh if weight.grad is None else weight.grad.add_(fresh)
            copied.grad = None

    @property
    def gradients(self) -> list[Tensor]:
        """The gradients of this step."""
        return [weight.grad for weight in self._weights if weight.grad is not None]

    def divide(self, factor: float) -> None:
        """Divide the gradients of this step."""
        if factor != 1.0:
            torch._foreach_div_(self.gradients, factor)

    def norm(self) -> Tensor:
        """Return the norm of the gradients of this step."""
        return whole(torch.nn.utils.get_total_norm(self.gradients))

    def step(self, learning_rate: float, norm: Tensor) -> None:
        """Take one step along the gradients, scaled down to the phase's largest norm, and clear them."""
        torch.nn.utils.clip_grads_with_norm_(self._weights, self._phase.clip, norm)
        for group in self._adamw.param_groups:
            group["lr"] = learning_rate
        self._adamw.step()
        self._muon.step(learning_rate * self._phase.matrix_rate)
        self.clear()
        if self.working is not self.model:
            with torch.no_grad():
                torch._foreach_copy_(self._copies, self._weights)

    def clear(self) -> None:
        """Forget the gradients of this step."""
        self.model.zero_grad(set_to_none=True)
        self.working.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Return what the next step depends on beside the weights; at least one step must have been taken."""
        averages = {
            f"{kind}.{name}": self._adamw.state[weight][kind] for name, weight in self._others for kind in _AVERAGES
        }
        return {STEPS: self._adamw.state[self._others[0][1]]["step"]} | averages | self._muon.state()

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what ``state`` returned."""
        for name, weight in self._others:  # each counts its own steps
            averages = {kind: like(tensors[f"{kind}.{name}"], weight) for kind in _AVERAGES}
            self._adamw.state[weight] = {"step": tensors[STEPS].to(weight.device, copy=True), **averages}
        self._muon.load(tensors)

    def take_over(self, before: Optimiser) -> None:
        """Go on with the averages of another one of the same kind, which is used no more, if it has taken a step."""
        if before._adamw.state:
            self.load(before.state())


def _is_inner_matrix(name: str, weight: Tensor) -> bool:
    return name.startswith("layers.") and weight.dim() == 2
