"""Learn a vocabulary: byte-level BPE from a sample of the training texts.

Reads texts and returns the content of a ``tokenizer.json``. Key idea: the ``tokenizers`` library learns the merges; the
pre-tokenisation is ours (``model.tokenizer.PATTERN``).
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex
from tokenizers import Tokenizer as Reference
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer

from codeprimer.model.tokenizer import END_OF_TEXT, PATTERN, Tokenizer


def learn_vocabulary(texts: Iterable[str], size: int) -> bytes:
    """Return the ``tokenizer.json`` for a vocabulary of at most ``size`` tokens.

    Id 0 is the end-of-text token and ids 1 to 256 are the bytes; the merges follow in the order in which they were learnt.
    """
    reference = Reference(BPE())
    reference.pre_tokenizer = Sequence(
        [Split(Regex(PATTERN), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    reference.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    reference.train_from_iterator(texts, trainer)
    return reference.to_str().encode()


def count_tokens(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[int, int]:
    """Return the number of texts and of their tokens, including end-of-text tokens.

    ``tiktoken`` and ``tokenizers`` must give the same ids for every text.
    """
    reference = Reference.from_str(tokenizer.description.decode())
    reference.encode_special_tokens = True
    documents = tokens = 0
    for text in texts:
        ids = tokenizer.encode(text)
        assert ids == reference.encode(text).ids, f"tiktoken and tokenizers differ on {text[:200]!r}"
        documents += 1
        tokens += len(ids) + 1
    return documents, tokens
