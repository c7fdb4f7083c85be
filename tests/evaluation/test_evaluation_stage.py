"""The evaluation stage: three real models, examined, compared, and examined again after a crash."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.evaluation.conftest import TASK_ROWS
from tests.support import given, stage_tools

from codeprimer.benchmarks.texts import choose_texts, watched_texts
from codeprimer.benchmarks.validation import validation_score
from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import KEPT, MODELS, TASKS, SampleRow, document_id
from codeprimer.core.shards import Row, read_rows
from codeprimer.core.stage import Built, Tools, run_stage
from codeprimer.evaluation import stage as stage_module
from codeprimer.evaluation import units
from codeprimer.evaluation.settings import EvaluationSettings
from codeprimer.evaluation.stage import EvaluationStage, measured_models
from codeprimer.model.checkpoint import load
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.model.windows import bits_of
from codeprimer.run.evaluate import EvaluationRequest, evaluate_benchmark
from codeprimer.sandbox import Sandbox, Tier

QUIET = Console("quiet")
SETTINGS = EvaluationSettings(new_tokens=40, heldout_bytes=600, document_bytes=200)

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def triple(x):\n    """Return it."""\n\n',
    "solution": "    return 3 * x\n",
}


def document(index: int, split: str) -> Row:
    text = f"def number_{index}(x):\n" + f"    return x + {index}\n" * (1 + index % 3 * 10)
    return {"doc_id": document_id(text), "text": text, "split": split, "package": f"p{index}"}


HELDOUT = [document(index, "heldout") for index in range(12)]


def publish(store: Store, stage: str, tables: Mapping[str, Any], copied: Mapping[str, Path], **facts: Any) -> Artifact:
    """Return a real artefact with these tables and copies of these folders' files."""
    with store.workspace(stage, "0" * 16) as workspace:
        for name, (schema, rows) in tables.items():
            with workspace.table(name, schema) as table:
                table.write_all(rows)
        for place, folder in copied.items():
            shutil.copytree(folder, workspace.path / place, dirs_exist_ok=True)
        empty = {"version": 1, "settings": {}, "inputs": {}, "facts": {}, "headline": ""}
        manifest = {"stage": stage, "id": "0" * 16, **empty, **facts}
        return store.publish(workspace, manifest, (), {})


@pytest.fixture(scope="module")
def inputs(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """Artefacts as a run makes them: tuned knows all problems, base three, the control none."""
    store = Store(tmp_path_factory.mktemp("inputs"))
    kept = [document(100, "train"), *HELDOUT]
    two_phases = {"phases": [{"name": "base"}, {"name": "tuned"}]}
    exam = {"exam": (TASKS, TASK_ROWS), "validation": (TASKS, TASK_ROWS[:4]), "benchmarks": (TASKS, [HUMANEVAL])}
    return {
        "exam": publish(store, "exam", exam, {}),
        "quality": publish(store, "quality", {"kept": (KEPT, kept)}, {}),
        "control": publish(
            store, "control", {}, {".": checkpoints["none"], "phases/base": checkpoints["none"]}, settings=two_phases
        ),
        "base": publish(store, "base", {}, {".": checkpoints["half"]}, settings={"phases": [{"name": "base"}]}),
        "tuned": publish(store, "tuned", {}, {".": checkpoints["all"]}, settings={"phases": [{"name": "tuned"}]}),
    }


def graded_by_tests(console: Console, processes: int = 1) -> Tools:
    """Return tools for the stage; programs run in the sandbox."""
    return stage_tools(console, 1, processes, sandbox=given(partial(Sandbox, minimum=Tier.confined)))


def run(
    inputs: Mapping[str, Artifact], store: Path, processes: int = 1, settings: EvaluationSettings = SETTINGS
) -> Built:
    tools = graded_by_tests(QUIET, processes)
    return run_stage(EvaluationStage(), settings, inputs, "1" * 16, Store(store), tools)


@pytest.fixture(scope="module")
def built(inputs: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Built:
    return run(inputs, tmp_path_factory.mktemp("built"))


def test_models_get_the_scores_that_they_have_learnt(built: Built) -> None:
    scores = {row["model"]: row["passed"] for row in built.artifact.rows("scores")}
    assert scores["tuned"] == 6
    assert scores["base"] in (3, 4)
    assert scores["control"] == 0
    assert built.headline.startswith("tuned 100.0 %, base ")
    assert built.headline.endswith("control 0.0 % of 6 exam problems")


def test_every_sample_is_kept_with_its_verdict(built: Built) -> None:
    rows = list(built.artifact.rows("samples"))
    assert [(row["model"], row["task_id"]) for row in rows] == [
        (model, task["task_id"]) for model in ("control", "base", "tuned") for task in TASK_ROWS
    ]
    best = rows[-1]
    assert best["verdict"] == "passed"
    assert best["completion"] == "\n" + TASK_ROWS[-1]["solution"]
    facts = built.artifact.facts
    assert facts["verdicts"]["tuned"] == {"passed": 6}
    assert sum(facts["verdicts"]["control"].values()) == 6
    assert {(example["model"], example["passed"]) for example in facts["examples"]} >= {
        ("control", False),
        ("tuned", True),
    }
    assert facts["concepts"][-1] == {"concept": "numbers", "problems": 6, "control": 0, "base": 3, "tuned": 6}


def test_bits_per_byte_cover_both_sets_for_every_model_at_equal_bytes(built: Built) -> None:
    rows = list(built.artifact.rows("bits_per_byte"))
    models = ["base", "control/base", "control", "tuned"]
    assert list(dict.fromkeys(row["model"] for row in rows)) == models
    by_model = [[(row["doc_id"], row["bytes"]) for row in rows if row["model"] == model] for model in models]
    assert all(found == by_model[0] for found in by_model)
    heldout, solutions = built.artifact.facts["bits_per_byte"]
    assert (heldout["text_set"], solutions["text_set"]) == ("heldout", "humaneval-solutions")
    assert solutions["bytes"] == len("\n\n    return 3 * x\n")
    assert [row["second"] for row in heldout["comparisons"]] == ["control/base", "control", "tuned"]
    values = {row["model"]: row["value"] for row in heldout["models"]}
    assert values["control/base"] == values["control"]
    # A model that has learnt nothing spreads its bets over the vocabulary.
    assert 1 < values["control"] < 9


def test_workers_and_crashes_change_no_byte(
    built: Built, inputs: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(stage_module, "grade", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        run(inputs, tmp_path, processes=2)
    done = sorted((tmp_path / ".partial").glob("*/.work/units/*"))
    assert len(done) == 7
    times = [folder.stat().st_mtime_ns for folder in done]
    with monkeypatch.context() as patched:
        patched.setattr(Store, "publish", keep_times(times, done, Store.publish))
        again = run(inputs, tmp_path)
    assert again.artifact.manifest == built.artifact.manifest


def keep_times(times: list[int], folders: list[Path], publish: Any) -> Any:
    """Return ``publish``, preceded by a look at the finished units: they must not have been made again."""

    def checked(*arguments: Any) -> Artifact:
        assert [folder.stat().st_mtime_ns for folder in folders] == times
        result: Artifact = publish(*arguments)
        return result

    return checked


def test_a_solution_is_scored_after_its_prompt_which_is_only_read(built: Built, checkpoints: dict[str, Path]) -> None:
    (model, _), tokenizer = load(checkpoints["half"]), Tokenizer.load(checkpoints["half"])
    before = [tokenizer.end_of_text, *tokenizer.encode(HUMANEVAL["prompt"].rstrip())]
    scored = "\n\n    return 3 * x\n"
    [bits] = bits_of(model, [([*before, *tokenizer.encode(scored)], len(before))])
    [row] = [
        row
        for row in built.artifact.rows("bits_per_byte")
        if (row["model"], row["text_set"]) == ("base", "humaneval-solutions")
    ]
    assert row["doc_id"] == "HumanEval/0"
    assert row["bytes"] == len(scored)
    assert row["bits"] == pytest.approx(bits, rel=1e-4)


def test_a_unit_computes_on_one_thread_and_gives_the_others_back(
    inputs: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(units, "_answer", lambda *_: used.append(torch.get_num_threads()))
    units.work(units.Job("answers", "base", inputs["base"].path, tmp_path, 1), tmp_path)
    assert (used, torch.get_num_threads()) == ([1], 2)
    torch.set_num_threads(threads)


def test_what_cannot_be_measured_is_a_warning(
    inputs: dict[str, Artifact], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "inputs")
    bare = {
        **inputs,
        "exam": publish(store, "exam", {"exam": (TASKS, TASK_ROWS[:2])}, {}),
        "quality": publish(store, "quality", {"kept": (KEPT, [document(100, "train")])}, {}),
        "control": inputs["base"],
    }
    console = Console("auto")
    tools = graded_by_tests(console)
    built = run_stage(EvaluationStage(), SETTINGS, bare, "1" * 16, Store(tmp_path / "store"), tools)
    warned = " ".join(capsys.readouterr().err.split())
    assert "no held-out document was kept" in warned
    assert "the control has one phase only" in warned
    assert built.artifact.facts["bits_per_byte"] == []


def test_the_only_held_out_document_is_not_measured_where_a_model_was_trained_looking_at_it(
    inputs: dict[str, Artifact], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "inputs")
    watched = {
        **inputs,
        "exam": publish(store, "exam", {"exam": (TASKS, TASK_ROWS[:2])}, {}),
        "quality": publish(store, "quality", {"kept": (KEPT, [document(100, "heldout")])}, {}),
    }
    looking = watched["base"].manifest | {"settings": {"phases": [{"name": "base"}], "heldout_every": 5}}
    watched["base"] = dataclasses.replace(watched["base"], manifest=looking)
    tools = graded_by_tests(Console("auto"))
    built = run_stage(EvaluationStage(), SETTINGS, watched, "1" * 16, Store(tmp_path / "store"), tools)
    warned = " ".join(capsys.readouterr().err.split())
    assert "held-out loss during training" in warned and "corpus.heldout_fraction" in warned
    assert built.artifact.facts["bits_per_byte"] == []


def test_held_out_texts_are_chosen_by_seed_up_to_the_bytes_and_cut_at_lines(inputs: dict[str, Artifact]) -> None:
    first, again, other = (
        [row for row in choose_texts(inputs, 600, 200, seed) if row["text_set"] == "heldout"] for seed in (1, 1, 2)
    )
    assert first == again
    assert [row["doc_id"] for row in first] != [row["doc_id"] for row in other]
    sizes = [len(row["text"]) for row in first]
    assert 600 <= sum(sizes) < 600 + 200
    assert max(sizes) <= 200
    assert any(row["cut"] for row in first)
    assert all(row["text"].endswith("\n") for row in first)
    assert {row["doc_id"] for row in first} <= {row["doc_id"] for row in HELDOUT}


def test_what_was_looked_at_in_training_is_not_measured_again(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    looked = {"phases": [{"name": "base"}], "heldout_every": 100}
    watched = {**inputs, "base": publish(Store(tmp_path), "base", {}, {}, settings=looked)}
    shown = set(watched_texts(inputs["quality"], 1))
    assert len(shown) == len(HELDOUT) // 2
    assert shown <= {row["text"] for row in HELDOUT}

    def measured(artifacts: dict[str, Artifact]) -> set[str]:
        return {row["text"] for row in choose_texts(artifacts, 10**6, 200, 1) if row["text_set"] == "heldout"}

    assert len(measured(inputs)) == len(HELDOUT)
    starts = tuple(measured(watched))
    assert len(starts) == len(HELDOUT) - len(shown)
    assert not any(text.startswith(starts) for text in shown)


def test_the_control_is_compared_where_base_ends(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    checkpoint, store = inputs["control"].path / "phases" / "base", Store(tmp_path)
    phases = [{"name": name} for name in ("base", "annealed", "tuned")]
    copies = {f"phases/{name}": checkpoint for name in ("base", "annealed")}
    annealed = {
        **inputs,
        "control": publish(store, "control", {}, copies, settings={"phases": phases}),
        "base": publish(store, "base", {}, {}, settings={"phases": phases[:2]}),
    }
    assert list(measured_models(annealed)) == ["base", "control/annealed", "control", "tuned"]


def test_no_bytes_means_no_held_out_text(inputs: dict[str, Artifact]) -> None:
    assert [row["text_set"] for row in choose_texts(inputs, 0, 200, 1)] == ["humaneval-solutions"]


@pytest.mark.parametrize(("name", "score"), [("all", 1.0), ("half", 0.75), ("none", 0.0)])
def test_the_validation_score_is_the_fraction_of_validation_problems_solved(
    checkpoints: dict[str, Path], inputs: dict[str, Artifact], name: str, score: float
) -> None:
    model, _ = load(checkpoints[name])
    assert validation_score(Tier.jailed, model, Tokenizer.load(checkpoints[name]), inputs["exam"]) == score


def test_the_samples_given_as_a_file_of_answers_get_the_stages_verdicts(
    built: Built, inputs: dict[str, Artifact], tmp_path: Path
) -> None:
    for model in MODELS:
        samples = [row for row in built.artifact.rows("samples", None, SampleRow) if row["model"] == model]
        answers = tmp_path / f"{model}.jsonl"
        lines = [json.dumps({"task_id": row["task_id"], "completion": row["completion"]}) for row in samples]
        answers.write_text("\n".join(lines))
        facts = evaluate_benchmark(
            EvaluationRequest(str(answers), str(inputs["exam"].path), output=tmp_path / model), QUIET
        )
        again = list(read_rows(tmp_path / model / "samples", None, SampleRow))
        assert again == samples
        assert facts["verdicts"] == built.artifact.facts["verdicts"][model]
        assert facts["references_that_fail"] == []
