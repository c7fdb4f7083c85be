"""Muon: orthogonalised updates for the matrices inside the layers.

Reads gradients and changes weights. Key idea (K. Jordan et al., 2024): AdamW's matrix updates are dominated by a few
directions; five Newton-Schulz iterations bring the momentum close to the nearest orthogonal matrix, which moves all directions
equally. A small model learns about twice as much per token.

Shapes: N matrices of the same shape, S their shorter and L their longer side.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

MOMENTUM = 0.95
STRENGTH = 0.2
"""The RMS of an update at learning rate 1; it matches AdamW's, so both can use the same learning rate."""

_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
"""Coefficients of x, x^3 and x^5 in the Newton-Schulz iteration."""

_ROUNDS = 5


class Muon:
    """Muon for named matrices; queries, keys and values are treated as three matrices."""

    def __init__(self, weights: Iterable[tuple[str, Tensor]], weight_decay: float, dtype: torch.dtype) -> None:
        """Start with zero momenta; the iteration is computed in ``dtype``."""
        self._decay, self._dtype = weight_decay, dtype
        self._groups: dict[tuple[int, int], list[tuple[Tensor, int, int]]] = {}
        for name, weight in weights:
            pieces = 3 if ".qkv." in name else 1
            rows, columns = weight.shape[0] // pieces, weight.shape[1]
            group = self._groups.setdefault((min(rows, columns), max(rows, columns)), [])
            group.extend((weight, piece, pieces) for piece in range(pieces))
        self._momenta = {
            shape: torch.zeros(len(group), *shape, device=group[0][0].device) for shape, group in self._groups.items()
        }

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Take one step using the gradients."""
        for (short, long), group in self._groups.items():
            gradients_NSL = torch.stack([_flat(_piece(weight.grad, at, of)) for weight, at, of in group])
            momenta_NSL = self._momenta[short, long].lerp_(gradients_NSL, 1.0 - MOMENTUM)
            steps_NSL = orthogonal(gradients_NSL.lerp(momenta_NSL, MOMENTUM).to(self._dtype)).float()
            size = -learning_rate * STRENGTH * long**0.5
            for (weight, at, of), step_SL in zip(group, steps_NSL, strict=True):
                part = _piece(weight, at, of)
                part.mul_(1.0 - learning_rate * self._decay)
                part.add_(step_SL if part.shape == step_SL.shape else step_SL.T, alpha=size)

    def state(self) -> dict[str, Tensor]:
        """Return the momenta, keyed by the shape of their matrices."""
        return {f"momentum.{short}x{long}": momenta for (short, long), momenta in self._momenta.items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore a state returned by ``state``."""
        for name, momenta in self.state().items():
            momenta.copy_(tensors[name])


def orthogonal(matrices_NSL: Tensor) -> Tensor:
    """Return matrices with the same singular vectors but singular values near 1 (about 0.7 to 1.2)."""
    first, third, fifth = _POLYNOMIAL
    x_NSL: Tensor = matrices_NSL / (matrices_NSL.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ROUNDS):
        square_NSS = x_NSL @ x_NSL.mT
        x_NSL = torch.baddbmm(
            x_NSL, torch.baddbmm(square_NSS, square_NSS, square_NSS, beta=third, alpha=fifth), x_NSL, beta=first
        )
    return x_NSL


def _piece(weight: Tensor | None, at: int, of: int) -> Tensor:
    """Return one of the ``of`` matrices stacked in a tensor."""
    assert weight is not None
    return weight.chunk(of)[at]


def _flat(matrix: Tensor) -> Tensor:
    """Return the matrix or its transpose, whichever is at least as wide as it is tall."""
    return matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
