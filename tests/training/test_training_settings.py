from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from codeprimer.core.errors import RecipeError
from codeprimer.run.loading import parse_recipe
from codeprimer.training.settings import ModelSettings, Phase, TrainingSettings


def test_the_vocabulary_is_padded_to_a_multiple_of_64() -> None:
    assert ModelSettings().config(1024, 0).vocab_size == 1024
    assert ModelSettings().config(1025, 0).vocab_size == 1088


@pytest.mark.parametrize(
    "changes",
    [
        {"mixture": {}},
        {"mixture": {"raw": 0.0}},
        {"tokens": 0},
        {"name": "Base Phase"},
        {"speed": 1},
        {"batch_sequences": 10**9},
    ],
)
def test_a_phase_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Phase.model_validate({"name": "base", "mixture": {"raw": 1.0}, "tokens": 1000, **changes})


def test_more_threads_than_a_system_gives_are_refused() -> None:
    phase = Phase(name="base", mixture={"raw": 1.0}, tokens=1)
    with pytest.raises(ValidationError, match="less than or equal to 1024"):
        TrainingSettings(phases=(phase,), threads=5_000)
    with pytest.raises(RecipeError, match=r"training\.threads: .* less than or equal to 1024"):
        parse_recipe({"name": "x", "training": {"threads": 5_000}}, "test")


def test_a_run_needs_a_phase() -> None:
    with pytest.raises(ValidationError):
        TrainingSettings(phases=())


def test_settings_and_stages_import_without_heavy_packages() -> None:
    program = (
        "import sys; import codeprimer.training.stage, codeprimer.tokens.stage, codeprimer.model.config; "
        "heavy = {'torch', 'tokenizers', 'tiktoken', 'transformers', 'safetensors', 'sklearn', 'scipy'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("training", "sentence"),
    [
        ({"lora": {"alpha": 4.0}}, r"training\.lora: its settings have no effect with rank: 0"),
        (
            {"lora": {"rank": 4}, "tuned": {"optimizer": "muon"}},
            r"training\.tuned\.optimizer: .*muon.*; set optimizer: adamw",
        ),
        ({"lora": {"rank": 4, "targets": ["lm_head"]}}, r"training\.lora\.targets\.0: input should be 'q_proj', "),
    ],
)
def test_settings_of_adapters_that_make_no_sense_are_refused(training: dict[str, object], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        parse_recipe({"name": "x", "training": training}, "test")
