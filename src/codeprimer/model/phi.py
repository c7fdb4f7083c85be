"""The Phi architecture of phi-1, in PyTorch.

Reads token ids and returns logits or a loss. Key idea: attention and MLP run in parallel after one shared LayerNorm,
``x + attention(norm(x)) + mlp(norm(x))``, with rotary positions on the first half of each head, tanh-GELU, and biases
everywhere, including the output layer. Dropout is a training option (``ForwardOptions``).

Shapes: B rows, T positions, D the hidden size, H heads, K the size of a head, V the vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from codeprimer.model.attention import causal_attention, rotary_table, split_heads
from codeprimer.model.cache import Cache
from codeprimer.model.config import PhiConfig
from codeprimer.model.forward import PLAIN, ForwardOptions
from codeprimer.model.loss import cross_entropy, token_losses

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A layer's attention, which maps queries, keys and values [B, H, T, K] to weighted sums of the values."""


class Block(nn.Module):
    """One layer, with attention and MLP in parallel; a fused projection computes queries, keys and values."""

    def __init__(self, config: PhiConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.heads = config.heads
        self.input_layernorm = nn.LayerNorm(size, config.layer_norm_epsilon)
        self.qkv = nn.Linear(size, 3 * size)
        self.dense = nn.Linear(size, size)
        self.fc1 = nn.Linear(size, config.intermediate)
        self.fc2 = nn.Linear(config.intermediate, size)

    def forward(
        self, x_BTD: Tensor, rotary: tuple[Tensor, Tensor], attend: Attend, options: ForwardOptions = PLAIN
    ) -> Tensor:
        """Return the layer's output."""
        normed_BTD = self.input_layernorm(x_BTD)
        qkv_BTNHK = self.qkv(normed_BTD).unflatten(-1, (3, self.heads, -1))
        mixed_BHTK = attend(*split_heads(qkv_BTNHK, *rotary))
        attention_BTD = options.drop(self.dense(mixed_BHTK.transpose(1, 2).flatten(-2)), options.residual_dropout)
        mlp_BTD = self.fc2(functional.gelu(self.fc1(normed_BTD), approximate="tanh"))
        return x_BTD + attention_BTD + options.drop(mlp_BTD, options.residual_dropout)


class Phi(nn.Module):
    """A decoder-only language model; ``config`` is its shape."""

    rotary_cosine: Tensor
    rotary_sine: Tensor

    def __init__(self, config: PhiConfig) -> None:
        """Create a model with PyTorch's default initialisation; see ``initialise``."""
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_layernorm = nn.LayerNorm(config.hidden_size, config.layer_norm_epsilon)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)
        with torch.device("cpu"):  # the table is not part of a checkpoint, so it must not be on the meta device
            cosine_TR, sine_TR = rotary_table(config.context, config.rotary_size, config.rope_theta)
        self.register_buffer("rotary_cosine", cosine_TR, persistent=False)
        self.register_buffer("rotary_sine", sine_TR, persistent=False)

    @torch.no_grad()
    def initialise(self, seed: int) -> Phi:
        """Draw the weights from N(0, initializer_range), smaller for residual projections (as in GPT-2); return self."""
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif "layernorm" in name:
                parameter.fill_(1.0)
            else:
                residual = name.endswith(("dense.weight", "fc2.weight"))
                spread = self.config.initializer_range / (math.sqrt(2 * self.config.layers) if residual else 1.0)
                parameter.normal_(0.0, spread, generator=generator)
        return self

    def hidden(self, ids_BT: Tensor, cache: Cache | None = None, options: ForwardOptions = PLAIN) -> Tensor:
        """Return the normalised hidden states [B, T, D]; with a cache, ``ids`` continue the cached texts."""
        x_BTD = self.embed_tokens(ids_BT)
        rotary = self._rotary(ids_BT, cache)
        visible_B1TT = options.visible(ids_BT, self.config.end_of_text)
        attend: Attend = partial(causal_attention, visible_B1TT=visible_B1TT, options=options)
        for number, layer in enumerate(self.layers):
            if cache is not None:
                attend = partial(cache.attend, number)
            x_BTD = layer(x_BTD, rotary, attend, options)
        return self.final_layernorm(x_BTD)  # type: ignore[no-any-return]  # torch types modules' results as Any

    def forward(self, ids_BT: Tensor) -> Tensor:
        """Return the logits [B, T, V]."""
        return self.lm_head(self.hidden(ids_BT))  # type: ignore[no-any-return]  # torch types modules' results as Any

    def loss(
        self, ids_BT: Tensor, targets_BT: Tensor, loss_weights_BT: Tensor | None = None, options: ForwardOptions = PLAIN
    ) -> Tensor:
        """Return the weighted sum of the cross-entropy of all targets; without loss weights, the mean [nats/token].

        The logits of the whole batch are never in memory at once.
        """
        hidden_ND = self.hidden(ids_BT, options=options).flatten(0, 1)
        loss_weights_N = None if loss_weights_BT is None else loss_weights_BT.flatten()
        return cross_entropy(hidden_ND, self.lm_head.weight, self.lm_head.bias, targets_BT.flatten(), loss_weights_N)

    @torch.no_grad()
    def token_losses(self, ids_BT: Tensor, targets_BT: Tensor) -> Tensor:
        """Return the cross-entropy of every target [nats], float32 [B, T]."""
        hidden_ND = self.hidden(ids_BT).flatten(0, 1)
        return token_losses(hidden_ND, self.lm_head.weight, self.lm_head.bias, targets_BT.flatten()).view_as(ids_BT)

    def parameter_count(self) -> int:
        """Return the number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def _rotary(self, ids_BT: Tensor, cache: Cache | None) -> tuple[Tensor, Tensor]:
        """Return the cosine and sine, which broadcast to [B, T, 2, H, R], because queries and keys are rotated together."""
        length = ids_BT.shape[1]
        assert length <= self.config.context, f"{length} tokens do not fit the context of {self.config.context}"
        if cache is None or cache.empty:
            return self.rotary_cosine[:length, None, None], self.rotary_sine[:length, None, None]
        at_B = cache.lengths_B
        return self.rotary_cosine[at_B][:, None, None, None], self.rotary_sine[at_B][:, None, None, None]
