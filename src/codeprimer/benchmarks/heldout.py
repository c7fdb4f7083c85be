"""The loss on held-out code while a model trains.

The texts are chosen and encoded once. A measurement is one forward pass, which uses no random numbers and changes nothing.
Needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from codeprimer.benchmarks.texts import watched_texts
from codeprimer.core.artifact import Artifact
from codeprimer.core.errors import RecipeError
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.model.windows import bits_of


def open_heldout(tokenizer: Tokenizer, quality: Artifact, seed: int) -> Callable[[Phi], tuple[float, float]]:
    """Return a function that measures a model's loss on held-out code in nats per token and in bits per byte.

    Raises RecipeError if no held-out document was kept.
    """
    texts = watched_texts(quality, seed)
    if not texts:
        raise RecipeError(
            "training.heldout_every needs held-out code, but no held-out document was kept; raise corpus.heldout_fraction, "
            "or set training.heldout_every: 0"
        )
    encoded = [([tokenizer.end_of_text, *tokenizer.encode(text)], 1) for text in texts]
    tokens = sum(len(ids) - 1 for ids, _ in encoded)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)

    def measure(model: Phi) -> tuple[float, float]:
        bits = math.fsum(bits_of(model, encoded))
        return bits * math.log(2) / tokens, bits / size

    return measure
