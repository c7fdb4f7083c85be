"""A model as it is used computes what it computed in training."""

from __future__ import annotations

import platform

import pytest
import torch
from torch.nn import functional

from codeprimer.model import inference
from codeprimer.model.cache import _attend_once
from codeprimer.model.inference import PackedLinear, for_use
from codeprimer.model.phi import Phi


@pytest.fixture
def used(model: Phi) -> Phi:
    if platform.machine() != "x86_64":
        pytest.skip("weights are packed on x86-64 only")
    return for_use(model)


@torch.no_grad()
def test_packed_weights_give_the_same_logits(model: Phi, used: Phi) -> None:
    ids_BT = torch.arange(48).view(3, 16) % 384
    assert isinstance(used.lm_head, PackedLinear)
    assert sum(isinstance(module, PackedLinear) for module in used.modules()) == 1 + 4 * model.config.layers
    assert (used(ids_BT) - model(ids_BT)).abs().max() < 1e-5


@torch.no_grad()
def test_in_bfloat16_too(model: Phi, used: Phi) -> None:
    del used  # whether it can be had
    half = model.to(torch.bfloat16)
    ids_BT = torch.arange(48).view(3, 16) % 384
    packed_model = for_use(half)
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this processor has no bfloat16")
    assert isinstance(packed_model.lm_head, PackedLinear)
    packed, plain = packed_model(ids_BT).float(), half(ids_BT).float()
    assert (packed - plain).abs().max() < 0.02 * plain.abs().max()


def test_a_processor_without_bfloat16_uses_such_a_model_as_it_is(
    model: Phi, used: Phi, monkeypatch: pytest.MonkeyPatch
) -> None:
    del used  # whether it can be had
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    half = model.to(torch.bfloat16)
    assert for_use(half) is half


def test_the_model_that_was_given_stays_as_it_is(model: Phi, used: Phi) -> None:
    assert not any(isinstance(module, PackedLinear) for module in model.modules())
    assert for_use(used) is used
    assert used.embed_tokens is model.embed_tokens


def test_where_memory_does_not_suffice_the_model_is_used_as_it_is(
    model: Phi, used: Phi, monkeypatch: pytest.MonkeyPatch
) -> None:
    del used  # whether it can be had
    monkeypatch.setattr(inference, "MEMORY_FRACTION", 1e-9)
    assert for_use(model) is model


@pytest.mark.parametrize("is_ragged", [False, True])
@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_one_query_sees_what_the_fused_kernel_would_show_it(dtype: torch.dtype, within: float, is_ragged: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, heads, places, size = 3, 2, 40, 16
    q, k, v = (torch.randn(rows, heads, n, size, generator=generator).to(dtype) for n in (1, 50, 50))
    k, v = k[:, :, :places], v[:, :, :places]
    hidden_BS = None
    if is_ragged:
        hidden_BS = torch.zeros(rows, places, dtype=dtype)
        hidden_BS[0, 7:] = hidden_BS[2, 39:] = float("-inf")
    exact = None if hidden_BS is None else hidden_BS[:, None, None].double()
    wanted = functional.scaled_dot_product_attention(q.double(), k.double(), v.double(), exact)
    assert (_attend_once(q, k, v, hidden_BS).double() - wanted).abs().max() < within
