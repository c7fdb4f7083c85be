"""A small model that somebody has is aligned to the code that somebody has, by the recipe that is shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from tests.conftest import codeprimer, write_code
from transformers import AutoModelForCausalLM

from codeprimer.core.artifact import open_artifact
from codeprimer.model.checkpoint import load, save_model
from codeprimer.model.config import PhiConfig
from codeprimer.model.packed import open_packed
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.tokens.vocabulary import learn_vocabulary

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks

RECIPE = Path(__file__).parent.parent.parent / "recipes" / "fine-tune.yaml"

SHAPE = PhiConfig(640, 64, 2, 4, 128, 512)

SMALLER = """
tokens: {context: 512}
exam: {problems: 24, validation: 12}
textbooks: {sections: 60}
exercises: {count: 300}
evaluation: {heldout_bytes: 20000}
training:
  threads: 1
  precision: float32
  checkpoint_every: 4
  selections: 2
  base: {tokens: 16384, batch_sequences: 4, peak_learning_rate: 1.0e-2, warmup_steps: 2}
  tuned: {tokens: 8192, batch_sequences: 4, peak_learning_rate: 1.0e-2, warmup_steps: 2}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped recipe with less of everything, run from end to end on an imported model."""
    folder = tmp_path_factory.mktemp("fine-tune")
    write_code(folder / "mycode")
    texts = [path.read_text(errors="ignore") for path in sorted((folder / "mycode").glob("[a-d]*/*.py"))]
    save_model(folder / "theirs", Phi(SHAPE).initialise(1), Tokenizer(learn_vocabulary(texts, 640)))
    imported = codeprimer("import-model", "theirs", "models/mine", cwd=folder)
    assert imported.returncode == 0, imported.stderr
    (folder / "recipes").mkdir()
    smaller = folder / "recipes" / "fine-tune.yaml"
    smaller.write_text(RECIPE.read_text())
    changes = [f"-s{key}={value}" for key, value in flat(SMALLER)]
    finished = codeprimer("run", smaller, *changes, "--runs", "runs", cwd=folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder / "runs" / "fine-tune"


def flat(text: str) -> list[tuple[str, Any]]:
    """Return every setting of a piece of recipe by its whole name."""
    import yaml

    found: list[tuple[str, Any]] = []

    def go(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                go(f"{prefix}.{key}" if prefix else key, inner)
        else:
            found.append((prefix, value))

    go("", yaml.safe_load(text))
    return found


def loss_on_code(model: Phi, run: Path) -> float:
    """Return the loss of a model on the user's code [nats/token]."""
    packed = open_packed(open_artifact(run / "60-tokens"), "code")
    some = range(min(30, packed.documents))
    documents = [torch.from_numpy(packed.document(n)[:200].astype("int64"))[None] for n in some]
    with torch.no_grad():
        return sum(float(model.loss(ids[:, :-1], ids[:, 1:])) for ids in documents) / len(documents)


@pytest.mark.parametrize("step", ["70-control", "71-base", "72-tuned"])
def test_peft_loads_each_steps_adapter_beside_the_model_of_the_user(run: Path, step: str) -> None:
    mine = run.parent.parent / "models" / "mine"
    adapted = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(mine), str(run / step / "adapter"))
    merged = AutoModelForCausalLM.from_pretrained(run / step)
    ids_BT = torch.arange(40)[None]
    with torch.no_grad():
        torch.testing.assert_close(merged(ids_BT).logits, adapted(ids_BT).logits, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(load(run / step)[0](ids_BT), adapted(ids_BT).logits, rtol=1e-5, atol=1e-5)


def test_the_model_knows_the_users_code_better_than_before_in_the_users_own_tokens(run: Path) -> None:
    mine = run.parent.parent / "models" / "mine"
    assert (run / "60-tokens" / "tokenizer.json").read_bytes() == (mine / "tokenizer.json").read_bytes()
    before, after = loss_on_code(load(mine)[0], run), loss_on_code(load(run / "71-base")[0], run)
    assert after < before - 0.05


def test_tuned_begins_where_base_ends(run: Path) -> None:
    last, first = (
        [json.loads(line)["loss"] for line in (run / step / "metrics.jsonl").read_text().splitlines()]
        for step in ("71-base", "72-tuned")
    )
    untrained = json.loads((run / "71-base" / "metrics.jsonl").read_text().splitlines()[0])["loss"]
    assert last[-1] < untrained
    assert first[0] < untrained


def test_the_report_says_what_was_started_from_and_what_was_trained(run: Path) -> None:
    page = (run / "90-report" / "report.html").read_text()
    assert "the model that training starts from" in page
    assert "adapters of rank 16" in page
    card = next(path for path in (run / "90-report").iterdir() if path.name.startswith("MODEL") or "model" in path.name)
    assert "`adapter/`" in card.read_text()


def test_the_runs_recipe_has_the_shape_of_the_model_and_nothing_is_left_to_do(run: Path) -> None:
    text = (run / "recipe.yaml").read_text()
    assert "hidden: 64" in text
    again = codeprimer("run", run, cwd=run.parent)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("up to date") == 13
