from __future__ import annotations

import pytest
import torch
from torch import Tensor

from codeprimer.model.attention import causal_attention
from codeprimer.model.forward import PLAIN, ForwardOptions
from codeprimer.model.phi import Phi

IDS = torch.randint(1, 384, (2, 41), generator=torch.Generator().manual_seed(0))


def seeded(seed: int, **shares: float) -> ForwardOptions:
    return ForwardOptions(**shares, random=torch.Generator().manual_seed(seed))  # type: ignore[arg-type]  # shares are floats


def test_what_is_dropped_is_a_share_and_the_mean_stays() -> None:
    x = torch.ones(400, 500)
    dropped = seeded(1).drop(x, 0.1)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.1, abs=0.005)
    assert dropped.max().item() == pytest.approx(1 / 0.9)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.005)
    assert seeded(1).drop(x, 0.0) is x


def test_torchs_own_generator_is_used_only_where_there_is_no_other() -> None:
    before = torch.get_rng_state()
    seeded(1).drop(torch.ones(9), 0.5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    first = ForwardOptions().drop(torch.ones(99), 0.5)
    torch.manual_seed(5)
    assert torch.equal(ForwardOptions().drop(torch.ones(99), 0.5), first)


@pytest.mark.parametrize("shares", [{"attention_dropout": 0.3}, {"residual_dropout": 0.3}])
def test_the_seed_decides_what_is_dropped(shares: dict[str, float], model: Phi) -> None:
    def loss(options: ForwardOptions) -> float:
        return model.loss(IDS[:, :-1], IDS[:, 1:], options=options).item()

    assert loss(seeded(1, **shares)) == loss(seeded(1, **shares))
    assert len({loss(seeded(1, **shares)), loss(seeded(2, **shares)), loss(PLAIN)}) == 3


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropping_nothing_by_hand_is_attention_as_it_is(separate: bool, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 20, 8, generator=generator).to(dtype).requires_grad_() for _ in range(3))
    visible = ForwardOptions(separate_documents=separate).visible(torch.randint(0, 4, (2, 20), generator=generator), 0)
    plain = causal_attention(q, k, v, visible)
    barely = causal_attention(q, k, v, visible, seeded(1, attention_dropout=1e-12))
    rounding = 1e-5 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(barely, plain, rtol=rounding, atol=rounding)
    torch.testing.assert_close(*(_gradient(mixed, v) for mixed in (barely, plain)), rtol=rounding, atol=4 * rounding)


def _gradient(mixed: Tensor, of: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(mixed.float().pow(2).sum(), of)
    return gradient


def test_separate_documents_have_the_losses_that_each_has_alone(model: Phi) -> None:
    end = model.config.end_of_text
    parts = [IDS[0, :7].tolist(), IDS[0, 7:8].tolist(), IDS[0, 8:25].tolist(), IDS[0, 25:40].tolist()]
    together = torch.tensor([[token for part in parts for token in (*part, end)]])
    options = ForwardOptions(separate_documents=True)
    hidden_TD = model.hidden(together, options=options)[0]
    connected_TD = model.hidden(together)[0]
    start = 0
    for part in parts:
        alone = torch.tensor([[*part, end]])
        visible = ForwardOptions(separate_documents=True).visible(together, end)
        assert visible is not None
        seen_T = visible[0, 0, start + len(part)]
        assert seen_T.nonzero().flatten().tolist() == list(range(start, start + alone.shape[1]))
        # rotary positions are relative, so a document in the middle is what it is at the beginning
        torch.testing.assert_close(
            hidden_TD[start : start + alone.shape[1]], model.hidden(alone)[0], rtol=1e-4, atol=1e-4
        )
        start += alone.shape[1]
    assert not torch.allclose(hidden_TD[10:], connected_TD[10:], atol=1e-3)


def test_separate_documents_are_learned_apart(model: Phi) -> None:
    loss = model.loss(IDS[:, :-1], IDS[:, 1:], options=ForwardOptions(separate_documents=True))
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())
