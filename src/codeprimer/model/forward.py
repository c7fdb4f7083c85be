"""Options of a forward pass in training: dropout, and masking across documents.

Reads and writes nothing. Key idea: dropout uses a generator that the caller has seeded for this pass, so a resumed run drops
the same values, and models that train in parallel do not affect each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class ForwardOptions:
    """Options of a forward pass; the defaults are for inference."""

    attention_dropout: float = 0.0
    """Dropout rate for the attention weights."""
    residual_dropout: float = 0.0
    """Dropout rate for the outputs of attention and MLP."""
    separate_documents: bool = False
    """Whether attention is masked across documents; a document's last token is the end-of-text token."""
    random: torch.Generator | None = None
    """The random generator; None means torch's global generator for the device, which compiled layers need."""
    adapter_dropout: float = 0.0
    """Dropout rate for the inputs of low-rank adapters."""

    def drop(self, x: Tensor, rate: float) -> Tensor:
        """Return the tensor after dropout."""
        if not rate:
            return x
        if self.random is None:
            return functional.dropout(x, rate)
        kept = torch.empty_like(x).bernoulli_(1.0 - rate, generator=self.random)
        return x * kept.div_(1.0 - rate)

    def visible(self, ids_BT: Tensor, end_of_text: int) -> Tensor | None:
        """Return the attention mask, bool [B, 1, T, T], True for visible positions; None means the causal mask."""
        if not self.separate_documents:
            return None
        ends_BT = ids_BT == end_of_text
        document_BT = ends_BT.cumsum(1) - ends_BT.long()  # the token that ends a document belongs to it
        same_BTT = document_BT[:, :, None] == document_BT[:, None, :]
        return same_BTT.tril_()[:, None]


PLAIN = ForwardOptions()
