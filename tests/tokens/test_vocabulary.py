from __future__ import annotations

import subprocess
import sys

from tests.tokens.token_inputs import EXERCISES

from codeprimer.model.tokenizer import Tokenizer
from codeprimer.tokens.vocabulary import count_tokens, learn_vocabulary


def test_the_same_texts_give_the_same_vocabulary_in_any_process() -> None:
    program = (
        "import sys, hashlib; from codeprimer.tokens.vocabulary import learn_vocabulary; "
        "sys.stdout.write(hashlib.sha256(learn_vocabulary(eval(sys.stdin.read()), 500)).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            input=repr(EXERCISES),
            env={"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, threads in (("1", "1"), ("2", "2"))
    ]
    assert runs[0] == runs[1]


def test_a_vocabulary_has_the_asked_size_and_learns_what_is_frequent() -> None:
    tokenizer = Tokenizer(learn_vocabulary(EXERCISES, 320))
    assert tokenizer.vocab_size == 320
    assert len(tokenizer.encode(" values")) == 1
    assert len(tokenizer.encode("    ")) == 1


def test_few_texts_give_a_smaller_vocabulary() -> None:
    assert Tokenizer(learn_vocabulary(["pass"], 400)).vocab_size < 270


def test_counting_includes_the_end_of_each_document() -> None:
    tokenizer = Tokenizer(learn_vocabulary(EXERCISES, 320))
    expected = sum(len(tokenizer.encode(text)) + 1 for text in EXERCISES)
    assert count_tokens(tokenizer, EXERCISES) == (len(EXERCISES), expected)
