"""The optimizer: AdamW, or Muon for the matrices inside the layers and AdamW for all other weights.

Reads gradients and changes weights. Key idea: the float32 model holds the master weights, which are saved and published; with
16-bit matrix products, a working copy computes the gradients and receives the rounded weights.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from codeprimer.model.lora import trainable
from codeprimer.model.phi import Phi
from codeprimer.training.muon import Muon
from codeprimer.training.settings import Phase
from codeprimer.training.sharding import is_sharded, like, whole

_MOMENTS = ("exp_avg", "exp_avg_sq")
STEPS = "steps"
"""AdamW's step count, used for bias correction; skipped steps are not counted."""


class Optimizer:
    """The optimizer of one phase; ``working`` is the model that computes the loss."""

    def __init__(self, model: Phi, phase: Phase, dtype: torch.dtype) -> None:
        """Start with an empty state; weight decay applies to matrices and embeddings, not to biases and norms."""
        self.model = model
        # A sharded model itself computes in ``dtype``.
        self.working = model if dtype == torch.float32 or is_sharded(model) else copy.deepcopy(model).to(dtype)
        self._phase = phase
        named = trainable(model)
        self._weights: list[Tensor] = [weight for _, weight in named]
        self._copies: list[Tensor] = [weight for _, weight in trainable(self.working)]
        inner = [
            (name, weight) for name, weight in named if phase.optimizer == "muon" and _is_inner_matrix(name, weight)
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
        """Add the working model's gradients to this step's gradients, in float32."""
        if self.working is self.model:
            return
        for weight, copied in zip(self._weights, self._copies, strict=True):
            assert copied.grad is not None
            fresh = copied.grad.to(weight.dtype)
            weight.grad = fresh if weight.grad is None else weight.grad.add_(fresh)
            copied.grad = None

    @property
    def gradients(self) -> list[Tensor]:
        """This step's gradients."""
        return [weight.grad for weight in self._weights if weight.grad is not None]

    def divide(self, factor: float) -> None:
        """Divide this step's gradients by ``factor``."""
        if factor != 1.0:
            torch._foreach_div_(self.gradients, factor)

    def norm(self) -> Tensor:
        """Return the norm of this step's gradients."""
        return whole(torch.nn.utils.get_total_norm(self.gradients))

    def step(self, learning_rate: float, norm: Tensor) -> None:
        """Take one step with the gradients, clipped to the phase's maximum norm, and clear them."""
        torch.nn.utils.clip_grads_with_norm_(self._weights, self._phase.clip, norm)
        for group in self._adamw.param_groups:
            group["lr"] = learning_rate
        self._adamw.step()
        self._muon.step(learning_rate * self._phase.muon_lr_scale)
        self.clear()
        if self.working is not self.model:
            with torch.no_grad():
                torch._foreach_copy_(self._copies, self._weights)

    def clear(self) -> None:
        """Clear this step's gradients."""
        self.model.zero_grad(set_to_none=True)
        self.working.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Return the optimizer state; at least one step must have been taken."""
        moments = {
            f"{kind}.{name}": self._adamw.state[weight][kind] for name, weight in self._others for kind in _MOMENTS
        }
        return {STEPS: self._adamw.state[self._others[0][1]]["step"]} | moments | self._muon.state()

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore a state returned by ``state``."""
        for name, weight in self._others:  # torch keeps a step count for each weight
            moments = {kind: like(tensors[f"{kind}.{name}"], weight) for kind in _MOMENTS}
            self._adamw.state[weight] = {"step": tensors[STEPS].to(weight.device, copy=True), **moments}
        self._muon.load(tensors)

    def take_over(self, before: Optimizer) -> None:
        """Load the state of the previous phase's optimizer, if that has taken a step; both must be of the same kind."""
        if before._adamw.state:
            self.load(before.state())


def _is_inner_matrix(name: str, weight: Tensor) -> bool:
    return name.startswith("layers.") and weight.dim() == 2
