"""The keys and values of prompts that are being continued.

Reads and writes memory only. Its one idea: every row has its own length, so prompts of any lengths stand in one batch:
a row's next key goes to its own next place, and what lies beyond a row's length is never looked at.

Shapes: B rows, H heads, T new positions, S places, K dimensions of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from codeprimer.model.config import PhiConfig


class Cache:
    """Room for ``places`` tokens of ``rows`` texts in every layer; ``lengths_B`` [tokens] are filled."""

    def __init__(self, config: PhiConfig, lengths_B: Tensor, places: int, dtype: torch.dtype) -> None:
        """Make an empty cache for prompts of the given lengths; the first ``attend`` takes whole prompts."""
        shape = (config.layers, len(lengths_B), config.heads, places, config.head_size)
        self.keys = torch.zeros(shape, dtype=dtype, device=lengths_B.device)
        self.values = torch.zeros(shape, dtype=dtype, device=lengths_B.device)
        self.lengths_B = lengths_B
        self.empty = True

    def attend(self, layer: int, q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor) -> Tensor:
        """Store keys and values of one layer and return its attention [B, H, T, K].

        The first call takes whole prompts, padded on the right; later calls take one token per row.
        """
        if self.empty:
            length = k_BHTK.shape[2]
            self.keys[layer, :, :, :length] = k_BHTK
            self.values[layer, :, :, :length] = v_BHTK
            return functional.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=True)
        keys_BHSK, values_BHSK = self.keys[layer], self.values[layer]
        rows_B = torch.arange(len(self.lengths_B), device=self.lengths_B.device)
        keys_BHSK[rows_B, :, self.lengths_B] = k_BHTK[:, :, 0]
        values_BHSK[rows_B, :, self.lengths_B] = v_BHTK[:, :, 0]
        used = int(self.lengths_B.max()) + 1
        visible_BS = torch.arange(used, device=self.lengths_B.device) <= self.lengths_B[:, None]
        return functional.scaled_dot_product_attention(
            q_BHTK, keys_BHSK[:, :, :used], values_BHSK[:, :, :used], attn_mask=visible_BS[:, None, None]
        )

    def advance(self) -> None:
        """Say that every layer has stored what the last call gave."""
        if self.empty:
            self.empty = False
        else:
            self.lengths_B = self.lengths_B + 1

    def keep(self, rows: list[int]) -> list[int]:
        """Drop all rows but these and return the new order of the rows, by their old numbers.

        The last rows move into the places of dropped ones, so that a row that ends costs one copy of a row.
        """
        count = len(rows)
        kept = set(rows)
        free = [place for place in range(count) if place not in kept]
        order = list(range(count))
        for place, row in zip(free, [row for row in rows if row >= count], strict=True):
            order[place] = row
            self.keys[:, place] = self.keys[:, row]
            self.values[:, place] = self.values[:, row]
        self.keys, self.values = self.keys[:, :count], self.values[:, :count]
        self.lengths_B = self.lengths_B[order]
        return order
