"""Models of others, through transformers: many prompts at once, and each as if it were alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.benchmarks.conftest import questions
from tests.evaluation.conftest import SHAPE, TASK_ROWS

from codeprimer.benchmarks.backends.backend import SamplingOptions
from codeprimer.benchmarks.backends.opening import open_model
from codeprimer.benchmarks.backends.transformers import TransformersBackend, batches
from codeprimer.benchmarks.benchmark import Question
from codeprimer.core.errors import UserError
from codeprimer.model.tokenizer import Tokenizer

STOPS = ("\ndef",)


def asked(count: int = 20) -> list[Question]:
    """Return questions of different lengths."""
    rows = [TASK_ROWS[n % 6] for n in range(count)]
    return questions([{**row, "prompt": "x = 1\n" * (n % 7) + row["prompt"]} for n, row in enumerate(rows)])


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
    together, alone = TransformersBackend(foreign), TransformersBackend(foreign, batch_tokens=1)
    options = SamplingOptions(new_tokens=40)
    rows = list(together.completions(asked(), options))
    assert rows == list(alone.completions(asked(), options))
    assert len({text for [text] in rows}) > 10


def test_what_a_maker_likes_about_drawing_changes_nothing(foreign: Path, tmp_path: Path) -> None:
    for path in foreign.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "generation_config.json").unlink()
    options = SamplingOptions(new_tokens=20)
    rows = [list(TransformersBackend(folder).completions(asked(6), options)) for folder in (foreign, tmp_path)]
    assert rows[0] == rows[1]


def test_samples_are_the_same_each_time_and_others_with_another_seed(foreign: Path) -> None:
    who = TransformersBackend(foreign)
    first, again, other = (
        list(who.completions(asked(), SamplingOptions(samples=3, new_tokens=12, temperature=1.0, seed=seed)))
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert [len(row) for row in first] == [3] * 20
    assert sum(len(set(row)) == 3 for row in first) > 15


def test_a_batch_that_does_not_fit_into_memory_is_answered_by_halves(
    foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = TransformersBackend(foreign)
    options = SamplingOptions(new_tokens=12)
    expected = list(who.completions(asked(), options))
    generate, room = who._model.generate, 3

    def short_of_memory(ids: torch.Tensor, **options: object) -> torch.Tensor:
        if len(ids) > room:
            raise torch.OutOfMemoryError("no room")
        made: torch.Tensor = generate(ids, **options)
        return made

    monkeypatch.setattr(who._model, "generate", short_of_memory)
    assert list(who.completions(asked(), options)) == expected
    room = 0
    with pytest.raises(UserError, match=r"memory; .*--max-new-tokens"):
        list(who.completions(asked(), options))


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
    who = TransformersBackend(foreign)
    tight = questions([{**TASK_ROWS[0], "prompt": "x = 1\n" * n} for n in range(8, 40)])
    rows = list(who.completions(tight, SamplingOptions(new_tokens=60)))
    assert rows == list(TransformersBackend(foreign, batch_tokens=1).completions(tight, SamplingOptions(new_tokens=60)))
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
    with pytest.raises(UserError, match="trust_remote_code"):
        open_model(tmp_path)
