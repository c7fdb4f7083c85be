"""The tokenizer, which converts text to token ids and back.

Reads ``tokenizer.json`` (the ``tokenizers`` library's format) and writes only a copy of it. Key idea: ``tokenizers`` trains and
describes the vocabulary, and ``tiktoken`` encodes with the same ranks several times faster; both give the same ids.
Vocabularies with GPT-2's pattern or with added words (codegen's runs of spaces, which the paper's models use) are encoded by
``tokenizers``. Does not need torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from codeprimer.core.artifact import to_json, write_atomically
from codeprimer.core.errors import UserError

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
END_OF_TEXT = "<|endoftext|>"

PATTERN = "|".join(
    [
        r" {2,}",  # indentation and other runs of spaces
        r"\n+",  # newlines are never joined with other text, so a prompt that ends a line is split as it would be within a text
        r"[\x00-\x09\x0b-\x1f\x7f]+",  # tabs, carriage returns, control characters
        r" ?_*[^\x00-@\[-`{-\x7f]+",  # words, and the parts of a name: count, _even, _numbers
        r" ?[0-9]",  # digits one by one
        r" ?_+",
        r" ?[!-/:-@\[-^`{-~]+",  # punctuation
        r" ",
    ]
)
"""The pre-tokenisation pattern; each character belongs to exactly one class.

Every non-ASCII character is treated as a letter, so the result does not depend on a library's Unicode tables.
"""


class Tokenizer:
    """A byte-level BPE tokenizer; ``decode(encode(text))`` returns any text unchanged."""

    def __init__(self, description: bytes, where: str = TOKENIZER_FILE) -> None:
        """Build the encoder from the content of a ``tokenizer.json``; ``where`` names the file in errors.

        Raises UserError if it is not a byte-level BPE with ``<|endoftext|>``.
        """
        import tiktoken  # imported here, because the import takes 0.1 s

        self.description = description
        read = _read(description, where)
        if END_OF_TEXT not in read.special:
            raise UserError(f"{where} has no special token {END_OF_TEXT}; use a tokenizer that has it")
        self.end_of_text: int = read.special[END_OF_TEXT]
        whole = read.special | read.words
        self.vocab_size: int = 1 + max([*read.ranks.values(), *whole.values()])
        """The number of real tokens; embeddings from this index on are padding and must not be sampled."""
        self._encoding = tiktoken.Encoding(
            "codeprimer", pat_str=read.pattern or PATTERN, mergeable_ranks=read.ranks, special_tokens=whole
        )
        self._slow = None if read.pattern and not read.words else _slow_encoder(description)

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read the tokenizer from a folder, either the tokens artefact or any checkpoint.

        Raises UserError if there is no tokenizer, or if it is of an unsupported kind.
        """
        path = folder / TOKENIZER_FILE
        try:
            return cls(path.read_bytes(), str(path))
        except FileNotFoundError:
            raise UserError(f"{path} does not exist; give the folder of a checkpoint or of a tokens artefact") from None

    def save(self, folder: Path, context: int) -> None:
        """Write ``tokenizer.json`` and the ``tokenizer_config.json`` that lets ``AutoTokenizer`` load it."""
        write_atomically(folder / TOKENIZER_FILE, self.description)
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": END_OF_TEXT,
            "eos_token": END_OF_TEXT,
            "unk_token": END_OF_TEXT,
            "model_max_length": context,
            "clean_up_tokenization_spaces": False,
        }
        write_atomically(folder / CONFIG_FILE, to_json(config))

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text; special tokens in it are encoded as ordinary text."""
        if self._slow is not None:
            ids: list[int] = self._slow.encode(text, add_special_tokens=False).ids
            return ids
        return self._encoding.encode_ordinary(text)

    def encode_prompt(self, prompt: str) -> list[int]:
        """Return the token ids of a prompt without its trailing whitespace.

        Trailing whitespace is the beginning of the next token, which the model itself must generate.
        """
        return self.encode(prompt.rstrip())

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text for ``ids``; invalid UTF-8 becomes U+FFFD, and end-of-text tokens are omitted."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes for ``ids``; end-of-text tokens are omitted."""
        return self._encoding.decode_bytes([i for i in ids if i != self.end_of_text])

    def token_bytes(self, token_id: int) -> bytes:
        """Return the bytes of one token; for the end-of-text token, those of its name."""
        return self._encoding.decode_single_token_bytes(token_id)


@dataclass(frozen=True)
class _Description:
    """The content of a ``tokenizer.json``."""

    ranks: dict[bytes, int]
    """The merged tokens and their ranks."""
    special: dict[str, int]
    words: dict[str, int]
    """Added tokens, which are matched before merging."""
    pattern: str | None
    """The pre-tokenisation pattern; None means GPT-2's."""


def _read(description: bytes, where: str) -> _Description:
    try:
        facts = orjson.loads(description)
        special = {token["content"]: token["id"] for token in facts["added_tokens"] if token["special"]}
        words = {token["content"]: token["id"] for token in facts["added_tokens"] if not token["special"]}
        vocabulary: dict[str, int] = facts["model"]["vocab"]
        steps = (facts["pre_tokenizer"] or {}).get("pretokenizers", [facts["pre_tokenizer"] or {}])
        pattern = next((step["pattern"]["Regex"] for step in steps if step.get("type") == "Split"), None)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{where} is not a tokenizer file of the tokenizers library ({error!r})") from None
    if facts["model"].get("type") != "BPE" or not (pattern or _is_gpt2s(facts, steps)):
        raise UserError(f"{where} is not a lossless byte-level BPE; train one with codeprimer")
    to_byte = {character: byte for byte, character in _byte_alphabet().items()}
    ranks = {
        bytes(to_byte[character] for character in token): rank
        for token, rank in vocabulary.items()
        if token not in special and token not in words
    }
    return _Description(ranks, special, words, pattern)


def _is_gpt2s(facts: dict[str, Any], steps: list[dict[str, Any]]) -> bool:
    """Return whether the tokenizer uses GPT-2's pattern, without normalisation."""
    (step,) = steps if len(steps) == 1 else ({},)
    is_cut = step.get("type") == "ByteLevel" and step.get("use_regex", True)
    return is_cut and not step.get("add_prefix_space") and facts.get("normalizer") is None


def _slow_encoder(description: bytes) -> Any:
    """Return the encoder of the ``tokenizers`` library."""
    from tokenizers import Tokenizer as Reference  # imported here, because it is rarely needed

    reference = Reference.from_str(description.decode())
    reference.encode_special_tokens = True  # special tokens in a text are encoded as ordinary text
    return reference


def _byte_alphabet() -> dict[int, str]:
    """Return the printable character that stands for each byte in ``tokenizer.json`` (GPT-2's table)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in printable}
    others = [byte for byte in range(256) if byte not in table]
    return table | {byte: chr(256 + index) for index, byte in enumerate(others)}
