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
from codeprimer.training.adamw import AdamW
from codeprimer.training.muon import Muon
from codeprimer.training.settings import Phase
from codeprimer.training.sharding import is_sharded, whole


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
        taken = {name for name, _ in inner}
        others = [(name, weight) for name, weight in named if name not in taken]
        self._adamw = (
            AdamW([(name, weight) for name, weight in others if weight.dim() >= 2], phase.weight_decay, phase.betas),
            AdamW([(name, weight) for name, weight in others if weight.dim() < 2], 0.0, phase.betas),
        )
        self._muon = Muon(inner, phase.weight_decay, dtype)

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
        for adamw in self._adamw:
            adamw.step(learning_rate)
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
        """Return the optimizer state."""
        matrices, others = self._adamw
        return others.state() | matrices.state() | self._muon.state()

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore a state returned by ``state``."""
        for part in (*self._adamw, self._muon):
            part.load(tensors)

    def take_over(self, before: Optimizer) -> None:
        """Load the state of the previous phase's optimizer; both must be of the same kind."""
        self.load(before.state())


def _is_inner_matrix(name: str, weight: Tensor) -> bool:
    return name.startswith("layers.") and weight.dim() == 2
