"""What the model's tests share: a small tokenizer and a small model with uneven weights."""

from __future__ import annotations

import pytest
import torch

from codeprimer.model.config import PhiConfig
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.tokens.vocabulary import learn_vocabulary

TEXTS = [
    f'def {verb}_{noun}(values: list[int]) -> int:\n    """Return the {verb} of {noun} above {n}."""\n'
    f"    return {verb}(value for value in values if value > {n})\n"
    for n, verb in enumerate(["sum", "max", "min", "len"])
    for noun in ["numbers", "prices", "ages"]
]

SHAPE = PhiConfig(vocab_size=384, hidden_size=48, layers=3, heads=4, intermediate=96, context=64)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer(learn_vocabulary(TEXTS, 360))


@pytest.fixture
def model() -> Phi:
    """A model whose every tensor matters: biases and norms are drawn too."""
    model = Phi(SHAPE).initialise(1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return model
