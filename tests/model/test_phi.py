from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import PhiForCausalLM

from codeprimer.core.errors import UserError
from codeprimer.model.checkpoint import to_huggingface
from codeprimer.model.config import PRESETS, PhiConfig
from codeprimer.model.phi import Phi


@pytest.fixture
def reference(model: Phi) -> Any:
    """The model of the transformers library with the same weights."""
    from transformers import PhiConfig as TheirConfig

    facts = model.config.to_huggingface()
    shape = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    others = ("max_position_embeddings", "rope_parameters", "bos_token_id", "eos_token_id")
    theirs: Any = PhiForCausalLM(TheirConfig(**{key: facts[key] for key in (*shape, *others)}))
    theirs.load_state_dict(to_huggingface(dict(model.state_dict())))
    return theirs.eval()


def test_logits_equal_those_of_transformers(model: Phi, reference: Any) -> None:
    ids_BT = torch.randint(0, 384, (3, 50), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert (model(ids_BT) - reference(ids_BT).logits).abs().max() <= 1e-5


def test_gradients_equal_those_of_transformers(model: Phi, reference: Any) -> None:
    ids_BT = torch.randint(0, 384, (3, 51), generator=torch.Generator().manual_seed(0))
    model.loss(ids_BT[:, :-1], ids_BT[:, 1:]).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    reference(ids_BT, labels=ids_BT).loss.backward()
    ours = to_huggingface({name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None})
    for name, weight in reference.named_parameters():
        assert (ours[name] - weight.grad).norm() <= 1e-5 * weight.grad.norm(), name


@pytest.mark.parametrize(
    ("preset", "parameters"), [("phi-1", 1_418_270_720), ("phi-1-small", 356_794_368), ("tiny", 1_055_488)]
)
def test_the_presets_have_the_papers_parameter_counts(preset: str, parameters: int) -> None:
    with torch.device("meta"):
        assert Phi(PRESETS[preset]).parameter_count() == parameters


def test_a_token_sees_nothing_that_comes_after_it(model: Phi) -> None:
    ids_BT = torch.randint(0, 384, (1, 40), generator=torch.Generator().manual_seed(0))
    changed_BT = ids_BT.clone()
    changed_BT[0, 20:] = (changed_BT[0, 20:] + 1) % 384
    with torch.no_grad():
        difference_T = (model(ids_BT) - model(changed_BT)).abs().amax((0, 2))
    assert difference_T[:20].max() == 0.0
    assert difference_T[20:].min() > 0.0


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    first, again, other = (Phi(PRESETS["tiny"]).initialise(seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["lm_head.weight"], other["lm_head.weight"])


def test_weights_that_feed_the_residual_stream_start_smaller() -> None:
    model = Phi(PRESETS["tiny"]).initialise(0)
    weights = dict(model.named_parameters())
    assert weights["layers.0.fc1.weight"].std().item() == pytest.approx(0.02, rel=0.05)
    assert weights["layers.0.fc2.weight"].std().item() == pytest.approx(0.02 / 8**0.5, rel=0.05)
    assert weights["layers.0.fc2.bias"].abs().max().item() == 0.0


def test_token_losses_average_to_the_loss(model: Phi) -> None:
    ids_BT = torch.randint(0, 384, (2, 33), generator=torch.Generator().manual_seed(0))
    losses_BT = model.token_losses(ids_BT[:, :-1], ids_BT[:, 1:])
    assert losses_BT.shape == (2, 32)
    assert losses_BT.mean().item() == pytest.approx(model.loss(ids_BT[:, :-1], ids_BT[:, 1:]).item(), rel=1e-5)


def test_bfloat16_training_follows_float32(model: Phi) -> None:
    ids_BT = torch.randint(0, 384, (2, 33), generator=torch.Generator().manual_seed(0))
    exact = model.loss(ids_BT[:, :-1], ids_BT[:, 1:])
    exact.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    rounded_model = Phi(model.config).to(torch.bfloat16)
    rounded_model.load_state_dict(model.state_dict())
    rounded = rounded_model.loss(ids_BT[:, :-1], ids_BT[:, 1:])
    rounded.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert rounded.item() == pytest.approx(exact.item(), rel=0.01)
    for weight, approximate in zip(model.parameters(), rounded_model.parameters(), strict=True):
        assert weight.grad is not None
        assert approximate.grad is not None
        assert torch.cosine_similarity(weight.grad.flatten(), approximate.grad.flatten().float(), 0) > 0.97


@pytest.mark.parametrize(("hidden", "heads"), [(50, 4), (24, 8)])
def test_a_shape_that_cannot_be_built_is_refused(hidden: int, heads: int) -> None:
    with pytest.raises(UserError, match="heads"):
        PhiConfig(64, hidden, 1, heads, 64, 32)


def test_a_sequence_longer_than_the_context_is_a_bug(model: Phi) -> None:
    with pytest.raises(AssertionError, match="context of 64"):
        model(torch.zeros(1, 65, dtype=torch.long))
