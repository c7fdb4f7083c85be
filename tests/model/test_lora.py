from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.model.conftest import SHAPE
from transformers import PhiForCausalLM

from codeprimer.core.errors import UserError
from codeprimer.model.checkpoint import load, save_weights
from codeprimer.model.forward import ForwardOptions
from codeprimer.model.lora import (
    TARGETS,
    AdaptedPhi,
    LoraConfig,
    load_adapter,
    merge,
    save_adapter,
    save_checkpoint,
    trainable,
)
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks

IDS_BT = torch.randint(0, SHAPE.vocab_size, (3, 40), generator=torch.Generator().manual_seed(3))
CONFIG = LoraConfig(rank=4, alpha=6.0)
CHOICES = [TARGETS, ("q_proj", "v_proj"), ("k_proj", "fc2"), ("dense", "fc1")]


def drawn(model: Phi, config: LoraConfig = CONFIG) -> AdaptedPhi:
    """Return a model whose adapters all do something."""
    adapted = AdaptedPhi(model, config, seed=4)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for _, weight in trainable(adapted):
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.2)
    return adapted.eval()


def theirs(base: Path, adapter: Path) -> Any:
    """Return what transformers and peft make of both folders."""
    return peft.PeftModel.from_pretrained(PhiForCausalLM.from_pretrained(base), adapter).eval()


@pytest.fixture
def base(model: Phi, tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    save_weights(folder, model)
    return folder


@pytest.mark.parametrize("targets", CHOICES, ids=" ".join)
def test_peft_loads_the_adapter_and_computes_the_same_logits(
    targets: tuple[str, ...], model: Phi, base: Path, tmp_path: Path
) -> None:
    adapted = drawn(model, LoraConfig(4, 6.0, 0.1, targets))
    save_adapter(tmp_path / "adapter", adapted)
    with torch.no_grad():
        expected = theirs(base, tmp_path / "adapter")(IDS_BT).logits
        assert (expected - model(IDS_BT)).abs().max() > 0.1
        torch.testing.assert_close(adapted(IDS_BT), expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(merge(adapted)(IDS_BT), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("targets", CHOICES, ids=" ".join)
@pytest.mark.parametrize("root", [False, True])
def test_an_adapter_that_peft_made_does_the_same_here(
    root: bool, targets: tuple[str, ...], model: Phi, base: Path, tmp_path: Path
) -> None:
    torch.manual_seed(6)
    settings = peft.LoraConfig(
        r=3, lora_alpha=5, target_modules=list(targets), use_rslora=root, init_lora_weights=False, task_type="CAUSAL_LM"
    )
    made = peft.get_peft_model(PhiForCausalLM.from_pretrained(base), settings).eval()
    made.save_pretrained(str(tmp_path / "adapter"))
    adapted = load_adapter(tmp_path / "adapter", model)
    with torch.no_grad():
        expected = made(IDS_BT).logits
        assert (expected - model(IDS_BT)).abs().max() > 0.1
        torch.testing.assert_close(adapted(IDS_BT), expected, rtol=1e-5, atol=1e-5)


def test_adapters_change_nothing_before_they_are_trained(model: Phi) -> None:
    with torch.no_grad():
        assert torch.equal(AdaptedPhi(model, CONFIG)(IDS_BT), model(IDS_BT))


def test_gradients_are_pefts_and_reach_the_adapters_only(model: Phi, base: Path, tmp_path: Path) -> None:
    adapted = drawn(model)
    save_adapter(tmp_path / "adapter", adapted)
    peers = peft.PeftModel.from_pretrained(
        PhiForCausalLM.from_pretrained(base), tmp_path / "adapter", is_trainable=True
    )
    peers(IDS_BT, labels=IDS_BT).loss.backward()
    expected = {name.replace(".default", ""): weight.grad for name, weight in peers.named_parameters()}
    adapted.loss(IDS_BT[:, :-1], IDS_BT[:, 1:]).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    trained = dict(trainable(adapted))
    assert len(trained) == 2 * len(TARGETS) * SHAPE.layers
    assert all(".lora_" in name for name in trained)
    for (outer, _), weight in zip(adapted.adapters(), trained.values(), strict=True):
        torch.testing.assert_close(weight.grad, expected[outer], rtol=1e-4, atol=1e-6)
    assert [name for name, weight in adapted.named_parameters() if weight.grad is not None] == list(trained)


def test_a_few_steps_lower_the_loss_and_leave_the_base_as_it_was(model: Phi) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    adapted = AdaptedPhi(model, CONFIG)
    optimizer = torch.optim.AdamW([weight for _, weight in trainable(adapted)], lr=1e-2)
    losses = []
    for _ in range(20):
        loss = adapted.loss(IDS_BT[:, :-1], IDS_BT[:, 1:])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    with torch.no_grad():
        assert float(merge(adapted).loss(IDS_BT[:, :-1], IDS_BT[:, 1:])) < 0.9 * losses[0]


def test_what_is_saved_comes_back_to_the_bit(model: Phi, tmp_path: Path) -> None:
    config = LoraConfig(2, 1.5, 0.25, ("v_proj", "fc1"))
    adapted = drawn(model, config)
    save_adapter(tmp_path / "one", adapted)
    again = load_adapter(tmp_path / "one", model)
    assert again.lora == config
    for (name, ours), (other, read) in zip(trainable(adapted), trainable(again), strict=True):
        assert name == other
        assert torch.equal(ours, read)
    save_adapter(tmp_path / "two", again)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_checkpoint_is_the_merged_model_with_its_adapter_beside_it(
    model: Phi, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    adapted = drawn(model)
    save_checkpoint(tmp_path, adapted, tokenizer)
    merged, _ = load(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(merged(IDS_BT), adapted(IDS_BT), rtol=1e-5, atol=1e-5)
        assert torch.equal(load_adapter(tmp_path / "adapter", model)(IDS_BT), adapted(IDS_BT))
    assert "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" in load_file(
        tmp_path / "adapter" / "adapter_model.safetensors"
    )


def test_what_is_dropped_follows_from_the_generator_and_differs_between_queries_and_values(model: Phi) -> None:
    def loss(seed: int) -> torch.Tensor:
        adapted.zero_grad()
        options = ForwardOptions(adapter_dropout=0.5, random=torch.Generator().manual_seed(seed))
        value = adapted.loss(IDS_BT[:, :-1], IDS_BT[:, 1:], options=options)
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return value.detach()

    adapted = drawn(model)
    first = loss(1)
    assert torch.equal(loss(1), first)
    assert not torch.equal(loss(2), first)
    torch.manual_seed(0)
    assert torch.equal(loss(1), first)
    plain = adapted.loss(IDS_BT[:, :-1], IDS_BT[:, 1:])
    assert not torch.equal(plain, first)
    linear, x = adapted.get_submodule("layers.0.fc1"), torch.ones(1, SHAPE.hidden_size)
    once = linear(x)
    loss(1)
    assert torch.equal(linear(x), once), "nothing is dropped outside a pass"


def test_a_copy_drops_what_its_own_pass_says(model: Phi) -> None:
    adapted = drawn(model)
    copied = deepcopy(adapted).to(torch.bfloat16)
    whole = copied.loss(IDS_BT[:, :-1], IDS_BT[:, 1:])
    options = ForwardOptions(adapter_dropout=0.5, random=torch.Generator().manual_seed(1))
    assert not torch.equal(copied.loss(IDS_BT[:, :-1], IDS_BT[:, 1:], options=options), whole)


Change = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda facts: facts.update(peft_type="IA3"), "peft_type is 'IA3'; only 'LORA' can be loaded"),
        (lambda facts: facts.update(use_dora=True), "use_dora is True; only False can be loaded"),
        (lambda facts: facts.update(modules_to_save=["lm_head"]), "modules_to_save is .*; only None can be loaded"),
        (lambda facts: facts.update(target_modules=["lm_head"]), "only a list of q_proj, .* can be loaded"),
        (lambda facts: facts.update(r=0), "r must be an integer"),
        (lambda facts: facts.update(target_modules=["q_proj"]), r"holds .*fc1\.lora_A.*, so it is not an adapter of"),
        (lambda facts: facts.update(r=5), r"\[4, 48\].*\[5, 48\]"),
    ],
)
def test_what_is_no_such_adapter_is_one_sentence(change: Change, sentence: str, model: Phi, tmp_path: Path) -> None:
    save_adapter(tmp_path, drawn(model))
    path = tmp_path / "adapter_config.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))
    with pytest.raises(UserError, match=sentence):
        load_adapter(tmp_path, model)


def test_missing_and_damaged_files_are_one_sentence(model: Phi, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"adapter_config\.json does not exist"):
        load_adapter(tmp_path, model)
    save_adapter(tmp_path, drawn(model))
    weights = tmp_path / "adapter_model.safetensors"
    tensors = load_file(weights)
    name = next(name for name in tensors if ".layers.2." in name)
    save_file({other: tensor for other, tensor in tensors.items() if other != name}, weights)
    with pytest.raises(UserError, match=r"lacks .*layers\.2.*, so it is not an adapter of a Phi with 3 layers"):
        load_adapter(tmp_path, model)
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(UserError, match="cannot be read"):
        load_adapter(tmp_path, model)
    weights.unlink()
    with pytest.raises(UserError, match=r"adapter_model\.safetensors does not exist"):
        load_adapter(tmp_path, model)
