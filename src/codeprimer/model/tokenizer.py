"""The tokenizer: text to token ids and back.

Reads ``tokenizer.json`` (the format of the ``tokenizers`` library), writes nothing but a copy of it. Its one idea:
``tokenizers`` trains and describes the vocabulary, ``tiktoken`` encodes with the same ranks, several times faster;
both give the same ids. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterable
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
        r"\n+",  # newlines never join anything else: a prompt cut at a line's end is split as it is within a text
        r"[\x00-\x09\x0b-\x1f\x7f]+",  # tabs, carriage returns, control characters
        r" ?_*[^\x00-@\[-`{-\x7f]+",  # words, and the parts of a name: count, _even, _numbers
        r" ?[0-9]",  # digits one by one
        r" ?_+",
        r" ?[!-/:-@\[-^`{-~]+",  # punctuation
        r" ",
    ]
)
"""How a text is cut before bytes are merged; each character belongs to exactly one class.

Every character outside ASCII counts as a letter, so no Unicode table (whose version differs between libraries) decides.
"""


class Tokenizer:
    """A byte-level BPE tokenizer; any text survives ``decode(encode(text))``."""

    def __init__(self, description: bytes, where: str = TOKENIZER_FILE) -> None:
        """Build the encoder from the content of a ``tokenizer.json``; ``where`` names the file in errors.

        Raises UserError when it is not a byte-level BPE with ``<|endoftext|>``.
        """
        import tiktoken  # here, because it takes a tenth of a second that reading settings should not cost

        self.description = description
        ranks, special, pattern = _read(description, where)
        if END_OF_TEXT not in special:
            raise UserError(f"{where} has no special token {END_OF_TEXT}; use a tokenizer that ends documents with it")
        self.end_of_text: int = special[END_OF_TEXT]
        self.vocab_size: int = 1 + max([*ranks.values(), *special.values()])
        """The number of real tokens; a model's rows from here on are padding and must never be sampled."""
        self._encoding = tiktoken.Encoding("codeprimer", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read the tokenizer that lies in a folder: the tokens artefact or any checkpoint.

        Raises UserError when there is none or it is of another kind.
        """
        path = folder / TOKENIZER_FILE
        try:
            return cls(path.read_bytes(), str(path))
        except FileNotFoundError:
            raise UserError(f"{path} does not exist; give the folder of a checkpoint or of the tokens stage") from None

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
        """Return the ids of a text; a special token that is spelled out in it is treated as text."""
        return self._encoding.encode_ordinary(text)

    def encode_prompt(self, prompt: str) -> list[int]:
        """Return the ids of a prompt without its trailing whitespace.

        Whitespace at the end of a prompt is the beginning of a token that the model is to write itself.
        """
        return self.encode(prompt.rstrip())

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids; bytes that are no UTF-8 become U+FFFD, end-of-text tokens are left out."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of ids; end-of-text tokens are left out."""
        return self._encoding.decode_bytes([i for i in ids if i != self.end_of_text])

    def token_bytes(self, token_id: int) -> bytes:
        """Return the bytes of one token; the end-of-text token is spelled out."""
        return self._encoding.decode_single_token_bytes(token_id)


def _read(description: bytes, where: str) -> tuple[dict[bytes, int], dict[str, int], str]:
    """Return ranks by token, special tokens and the pattern of a ``tokenizer.json``."""
    try:
        facts = orjson.loads(description)
        special = {token["content"]: token["id"] for token in facts["added_tokens"] if token["special"]}
        vocabulary: dict[str, int] = facts["model"]["vocab"]
        pattern = _split_pattern(facts["pre_tokenizer"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{where} is not a tokenizer file of the tokenizers library ({error!r})") from None
    if facts["model"].get("type") != "BPE" or pattern is None:
        raise UserError(f"{where} is not a byte-level BPE with its own splitting pattern; train one with codeprimer")
    to_byte = {character: byte for byte, character in _byte_alphabet().items()}
    ranks = {
        bytes(to_byte[character] for character in token): rank
        for token, rank in vocabulary.items()
        if token not in special
    }
    return ranks, special, pattern


def _split_pattern(pre_tokenizer: dict[str, Any]) -> str | None:
    steps = pre_tokenizer.get("pretokenizers", [pre_tokenizer])
    return next((step["pattern"]["Regex"] for step in steps if step["type"] == "Split"), None)


def _byte_alphabet() -> dict[int, str]:
    """Return the printable character that stands for each byte in ``tokenizer.json`` (GPT-2's table)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in printable}
    others = [byte for byte in range(256) if byte not in table]
    return table | {byte: chr(256 + index) for index, byte in enumerate(others)}
