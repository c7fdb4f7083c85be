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
        ({"pre_tokenizer": {"type": "ByteLevel"}}, "not a byte-level BPE"),
        ({"model": facts["model"] | {"type": "Unigram"}}, "not a byte-level BPE"),
    ):
        (tmp_path / "tokenizer.json").write_text(json.dumps(facts | change))
        with pytest.raises(UserError, match=message):
            Tokenizer.load(tmp_path)
