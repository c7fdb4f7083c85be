from __future__ import annotations

import json
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from codeprimer.core.errors import UserError
from codeprimer.model.tokenizer import END_OF_TEXT, Tokenizer
from codeprimer.tokens.vocabulary import learn_vocabulary

CODE = Path(json.__file__).parent
SAMPLE = [path.read_text() for path in sorted(CODE.glob("*.py"))]
TOKENIZER = Tokenizer(learn_vocabulary(SAMPLE, 800))
REFERENCE = tokenizers.Tokenizer.from_str(TOKENIZER.description.decode())
REFERENCE.encode_special_tokens = True

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text("abz_AB019 \n\t\r\"'()=:#é→😀", max_size=60)


@given(TEXTS)
def test_any_text_survives(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@given(TEXTS)
def test_both_libraries_give_the_same_ids(text: str) -> None:
    assert TOKENIZER.encode(text) == REFERENCE.encode(text).ids


@given(TEXTS, st.sampled_from(["\n", "\n    ", "\n\n"]), TEXTS)
@settings(max_examples=200)
def test_a_prompt_without_its_trailing_whitespace_is_split_as_within_the_text(start: str, gap: str, rest: str) -> None:
    prompt = start.rstrip()
    if prompt:
        whole = TOKENIZER.encode(prompt + gap + rest)
        assert whole[: len(TOKENIZER.encode(prompt))] == TOKENIZER.encode(prompt)
        assert TOKENIZER.encode_prompt(prompt + gap) == TOKENIZER.encode(prompt)


def pieces(text: str) -> list[str]:
    return [piece for piece, _ in REFERENCE.pre_tokenizer.pre_tokenize_str(text)]


def test_text_is_cut_into_names_digits_indentation_and_punctuation() -> None:
    def plain(text: str) -> list[str]:
        return [piece.replace("Ġ", " ").replace("Ċ", "\n").replace("ĉ", "\t") for piece in pieces(text)]

    assert plain("    return count_even_numbers(x, 12)\n\n") == [
        "    ",
        *["return", " count", "_even", "_numbers", "(", "x", ",", " 1", "2", ")"],
        "\n\n",
    ]
    assert plain('    """Sum."""\n    pass') == ["    ", '"""', "Sum", '."""', "\n", "    ", "pass"]
    assert plain("__init__ _x  # a\t\tb") == ["__init", "__", " _x", "  ", "#", " a", "\t\t", "b"]


def test_whole_files_are_encoded_alike_and_a_spelled_out_special_token_is_text() -> None:
    for text in [*SAMPLE, f"x = '{END_OF_TEXT}'\r\n"]:
        ids = TOKENIZER.encode(text)
        assert ids == REFERENCE.encode(text).ids
        assert TOKENIZER.end_of_text not in ids
        assert TOKENIZER.decode(ids) == text


def test_the_end_of_text_token_is_number_0_and_is_not_part_of_the_text() -> None:
    assert TOKENIZER.end_of_text == 0
    assert TOKENIZER.vocab_size == 800
    assert TOKENIZER.token_bytes(0) == END_OF_TEXT.encode()
    assert TOKENIZER.decode([*TOKENIZER.encode("a"), 0]) == "a"


def test_a_tokenizer_comes_back_from_its_folder(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path, 256)
    again = Tokenizer.load(tmp_path)
    assert again.encode(SAMPLE[0]) == TOKENIZER.encode(SAMPLE[0])
    assert again.description == TOKENIZER.description


def test_files_that_are_no_tokenizer_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tokenizer\.json does not exist"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("[]")
    with pytest.raises(UserError, match=r"tokenizer\.json is not a tokenizer file"):
        Tokenizer.load(tmp_path)
    facts = json.loads(TOKENIZER.description)
    for change, message in (
        ({"added_tokens": []}, "no special token"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "not a lossless byte-level BPE"),
        ({"pre_tokenizer": None}, "not a lossless byte-level BPE"),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}}, "not a lossless byte-level BPE"),
        (
            {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False}, "normalizer": {"type": "NFC"}},
            "not a lossless byte-level BPE",
        ),
        ({"model": facts["model"] | {"type": "Unigram"}}, "not a lossless byte-level BPE"),
    ):
        (tmp_path / "tokenizer.json").write_text(json.dumps(facts | change))
        with pytest.raises(UserError, match=message):
            Tokenizer.load(tmp_path)


def codegens() -> Tokenizer:
    """Return a tokenizer of the kind that the paper's models have: GPT-2's rule, and words that are runs of spaces."""
    reference = tokenizers.Tokenizer(tokenizers.models.BPE())
    reference.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    reference.decoder = tokenizers.decoders.ByteLevel()
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    reference.train_from_iterator(SAMPLE, trainer)
    reference.add_special_tokens([END_OF_TEXT])
    reference.add_tokens([tokenizers.AddedToken(" " * length, normalized=True) for length in range(31, 1, -1)])
    return Tokenizer(reference.to_str().encode())


CODEGENS = codegens()
CODEGENS_REFERENCE = tokenizers.Tokenizer.from_str(CODEGENS.description.decode())
CODEGENS_REFERENCE.encode_special_tokens = True


@given(TEXTS | st.sampled_from(SAMPLE))
def test_the_kind_of_tokenizer_that_the_papers_models_have_is_read_too(text: str) -> None:
    ids = CODEGENS.encode(text)
    assert ids == CODEGENS_REFERENCE.encode(text).ids
    assert CODEGENS.decode(ids) == text
    assert b"".join(map(CODEGENS.token_bytes, ids)) == text.encode()


def test_its_runs_of_spaces_are_tokens_and_its_end_of_text_is_not_the_first() -> None:
    assert (CODEGENS.end_of_text, CODEGENS.vocab_size) == (600, 631)
    ids = CODEGENS.encode(f"        return '{END_OF_TEXT}'")
    assert CODEGENS.token_bytes(ids[0]) == b" " * 8
    assert CODEGENS.end_of_text not in ids
