"""How a pass in training differs from one in use: dropout, and documents that do not see each other.

Reads and writes nothing. Its one idea: what is dropped follows from a generator that the caller has seeded for this very
pass, so a run that continues drops what it would have dropped, and models that train side by side do not disturb each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Regime:
    """What happens to a pass; by default nothing."""

    attention_dropout: float = 0.0
    """Share of the attention weights that are dropped."""
    residual_dropout: float = 0.0
    """Share of what attention and MLP add to the residual stream that is dropped."""
    separate_documents: bool = False
    """Whether a token sees only its own document; the end-of-text token is a document's last."""
    random: torch.Generator | None = None
    """Where randomness comes from; None: from torch's own generator of the device, which a compiled pass needs."""
    adapter_dropout: float = 0.0
    """Share of what low-rank adapters read that is dropped."""

    def drop(self, x: Tensor, share: float) -> Tensor:
        """Return a tensor with a share of its numbers zero, and the others larger by as much."""
        if not share:
            return x
        if self.random is None:
            return functional.dropout(x, share)
        kept = torch.empty_like(x).bernoulli_(1.0 - share, generator=self.random)
        return x * kept.div_(1.0 - share)

    def visible(self, ids_BT: Tensor, end_of_text: int) -> Tensor | None:
        """Return what each token sees, bool [B, 1, T, T]; None: itself and all that came before it."""
        if not self.separate_documents:
            return None
        ends_BT = ids_BT == end_of_text
        document_BT = ends_BT.cumsum(1) - ends_BT.long()  # the token that ends a document belongs to it
        same_BTT = document_BT[:, :, None] == document_BT[:, None, :]
        return same_BTT.tril_()[:, None]


PLAIN = Regime()
