"""The key-value cache for generation.

Reads and writes only memory. Key idea: every row has its own length, so prompts of different lengths can share a batch: a row's
next key goes to its own next position, and positions beyond a row's length are masked.

Shapes: B rows, H heads, T new positions, S cached positions, K dimensions of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from codeprimer.model.config import PhiConfig


class Cache:
    """Keys and values of up to ``places`` tokens per row in every layer; the first ``lengths_B`` of them are filled."""

    def __init__(self, config: PhiConfig, lengths_B: Tensor, places: int, dtype: torch.dtype) -> None:
        """Create an empty cache for prompts of the given lengths; ``fill`` announces the rows of the next pass."""
        shape = (config.layers, len(lengths_B), config.heads, places, config.head_size)
        self.keys = torch.zeros(shape, dtype=dtype, device=lengths_B.device)
        self.values = torch.zeros(shape, dtype=dtype, device=lengths_B.device)
        self.lengths_B = lengths_B
        self.empty = True
        self._filled_R = self._prompt_R = torch.arange(len(lengths_B), device=lengths_B.device)
        self._look()

    def fill(self, rows: list[int], prompts: list[int]) -> None:
        """Announce the next pass: row ``rows[i]`` begins with the pass's prompt number ``prompts[i]``.

        Several rows may share a prompt, which is computed once.
        """
        device = self.lengths_B.device
        self._filled_R, self._prompt_R = torch.tensor(rows, device=device), torch.tensor(prompts, device=device)

    def attend(self, layer: int, q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor) -> Tensor:
        """Store keys and values of one layer and return its attention [B, H, T, K].

        Before the first ``advance``, calls take whole prompts, padded on the right; later calls take one token per row.
        """
        keys_BHSK, values_BHSK = self.keys[layer], self.values[layer]
        if self.empty:
            length = k_BHTK.shape[2]
            keys_BHSK[self._filled_R, :, :length] = k_BHTK[self._prompt_R]
            values_BHSK[self._filled_R, :, :length] = v_BHTK[self._prompt_R]
            return functional.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=True)
        if self._hidden_BS is None:
            keys_BHSK[:, :, self._longest] = k_BHTK[:, :, 0]
            values_BHSK[:, :, self._longest] = v_BHTK[:, :, 0]
        else:
            keys_BHSK[self._rows_B, :, self.lengths_B] = k_BHTK[:, :, 0]
            values_BHSK[self._rows_B, :, self.lengths_B] = v_BHTK[:, :, 0]
        used = self._longest + 1
        return _attend_once(q_BHTK, keys_BHSK[:, :, :used], values_BHSK[:, :, :used], self._hidden_BS)

    def advance(self) -> None:
        """Advance the lengths, after every layer has stored the last call's keys and values."""
        if self.empty:
            self.empty = False
        else:
            self.lengths_B = self.lengths_B + 1
        self._look()

    def _look(self) -> None:
        """Compute the mask, once for all layers."""
        lengths_B = self.lengths_B
        self._rows_B = torch.arange(len(lengths_B), device=lengths_B.device)
        self._longest = int(lengths_B.max())
        self._hidden_BS: Tensor | None = None
        """The mask, which is added to the scores; None if all rows have the same length."""
        if int(lengths_B.min()) < self._longest:
            visible_BS = torch.arange(self._longest + 1, device=lengths_B.device) <= lengths_B[:, None]
            nothing = torch.zeros(visible_BS.shape, dtype=self.keys.dtype, device=lengths_B.device)
            self._hidden_BS = nothing.masked_fill_(~visible_BS, float("-inf"))

    def keep(self, rows: list[int]) -> list[int]:
        """Keep only these rows and return the new order of the rows, given as their old numbers.

        The last rows move into the slots of removed ones, so removing a row costs at most one row copy.
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
        self._look()
        return order


def _attend_once(q_BH1K: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, hidden_BS: Tensor | None) -> Tensor:
    """Return the attention of one query per row, [B, H, 1, K].

    On a CPU, the fused kernel is tuned for many queries; for one query, matrix-vector products take a quarter of its time.
    """
    if q_BH1K.device.type != "cpu":
        mask = None if hidden_BS is None else hidden_BS[:, None, None]
        return functional.scaled_dot_product_attention(q_BH1K, k_BHSK, v_BHSK, attn_mask=mask)
    rows, heads, _, size = q_BH1K.shape
    q_NK1 = (q_BH1K * size**-0.5).reshape(rows * heads, size, 1)
    scores_NS1 = torch.bmm(k_BHSK.flatten(0, 1), q_NK1)
    if hidden_BS is not None:
        scores_NS1.view(rows, heads, -1).add_(hidden_BS[:, None])
    weights_N1S = torch.softmax(scores_NS1.mT, -1, dtype=torch.float32).to(v_BHSK.dtype)
    return torch.bmm(weights_N1S, v_BHSK.flatten(0, 1)).view(rows, heads, 1, size)
