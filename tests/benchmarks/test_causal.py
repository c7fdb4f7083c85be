"""Models of others, through transformers: many prompts at once, and each as if it were alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.evaluation.conftest import SHAPE, TASK_ROWS

from codeprimer.benchmarks.answering import Asking
from codeprimer.benchmarks.causal import TransformersAnswerer, batches
from codeprimer.benchmarks.opening import open_model
from codeprimer.benchmarks.questions import Question, questions
from codeprimer.core.errors import UserError
from codeprimer.model.tokenizer import Tokenizer

STOPS = ("\ndef",)


def asked(count: int = 20) -> list[Question]:
    """Return questions of different lengths."""
    rows = [{**TASK_ROWS[n % 6], "task_id": f"HumanEval/{n}"} for n in range(count)]
    return questions([{**row, "prompt": "x = 1\n" * (n % 7) + row["prompt"]} for n, row in enumerate(rows)], 0, False)


@pytest.fixture(scope="module")
def foreign(tokenizer: Tokenizer, checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is none of ours, with places learnt one by one, and a maker who wants answers drawn."""
    transformers = pytest.importorskip("transformers", reason="needs the extra hub")
    folder = tmp_path_factory.mktemp("foreign")
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=SHAPE.vocab_size, n_positions=96, n_embd=64, n_layer=2, n_head=4, initializer_range=0.4
    )
    config.bos_token_id = config.eos_token_id = tokenizer.end_of_text
    model = transformers.GPT2LMHeadModel(config)
    taste = {"do_sample": True, "temperature": 1.9, "top_k": 3, "repetition_penalty": 3.0}
    model.generation_config = transformers.GenerationConfig(eos_token_id=tokenizer.end_of_text, **taste)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((checkpoints["all"] / name).read_bytes())
    return folder


def test_greedy_answers_are_those_that_each_prompt_gets_alone(foreign: Path) -> None:
    together, alone = TransformersAnswerer(foreign), TransformersAnswerer(foreign, batch_tokens=1)
    asking = Asking(new_tokens=40)
    rows = list(together.answers(asked(), asking))
    assert rows == list(alone.answers(asked(), asking))
    assert len({text for [text] in rows}) > 10


def test_what_a_maker_likes_about_drawing_changes_nothing(foreign: Path, tmp_path: Path) -> None:
    for path in foreign.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "generation_config.json").unlink()
    asking = Asking(new_tokens=20)
    rows = [list(TransformersAnswerer(folder).answers(asked(6), asking)) for folder in (foreign, tmp_path)]
    assert rows[0] == rows[1]


def test_samples_are_the_same_each_time_and_others_with_another_seed(foreign: Path) -> None:
    who = TransformersAnswerer(foreign)
    first, again, other = (
        list(who.answers(asked(), Asking(samples=3, new_tokens=12, temperature=1.0, seed=seed))) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert [len(row) for row in first] == [3] * 20
    assert sum(len(set(row)) == 3 for row in first) > 15


def test_a_batch_that_does_not_fit_into_memory_is_answered_by_halves(
    foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = TransformersAnswerer(foreign)
    asking = Asking(new_tokens=12)
    expected = list(who.answers(asked(), asking))
    generate, room = who._model.generate, 3

    def short_of_memory(ids: torch.Tensor, **options: object) -> torch.Tensor:
        if len(ids) > room:
            raise torch.OutOfMemoryError("no room")
        made: torch.Tensor = generate(ids, **options)
        return made

    monkeypatch.setattr(who._model, "generate", short_of_memory)
    assert list(who.answers(asked(), asking)) == expected
    room = 0
    with pytest.raises(UserError, match="memory is too small for one answer; give a smaller --max-new-tokens"):
        list(who.answers(asked(), asking))


@pytest.mark.parametrize(
    ("kinds", "tokens", "expected"),
    [
        ([(3, STOPS), (1, STOPS), (2, STOPS)], 100, [[1, 2, 0]]),
        ([(3, STOPS), (1, STOPS), (2, STOPS)], 26, [[1, 2], [0]]),
        ([(3, STOPS), (3, ("x",)), (3, STOPS)], 100, [[0, 2], [1]]),
        ([(95, STOPS), (94, STOPS), (95, STOPS), (80, STOPS)], 1000, [[3], [1], [0, 2]]),
        ([(99, STOPS)], 1, [[0]]),
        ([], 100, []),
    ],
)
def test_rows_share_a_batch_where_that_takes_nothing_from_them(
    kinds: list[tuple[int, tuple[str, ...]]], tokens: int, expected: list[list[int]]
) -> None:
    assert list(batches(kinds, 10, 96, tokens)) == expected


def test_a_prompt_that_nearly_fills_the_context_gets_what_is_left(foreign: Path) -> None:
    who = TransformersAnswerer(foreign)
    tight = questions(
        [{**TASK_ROWS[0], "task_id": f"HumanEval/{n}", "prompt": "x = 1\n" * n} for n in range(8, 40)], 0, False
    )
    rows = list(who.answers(tight, Asking(new_tokens=60)))
    assert rows == list(TransformersAnswerer(foreign, batch_tokens=1).answers(tight, Asking(new_tokens=60)))
    assert who.too_long(tight) == sum(row == [""] for row in rows[-who.too_long(tight) :]) > 0


def test_code_that_comes_with_a_model_is_never_run(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # whoever is asked on the terminal says yes
    for path in foreign.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.OwnModel"}}
    (tmp_path / "config.json").write_text(json.dumps(config | own))
    (tmp_path / "own.py").write_text("raise SystemExit('it ran')\n")
    with pytest.raises(UserError, match="only by running code that lies in it, which is not done here; start a server"):
        open_model(tmp_path)
