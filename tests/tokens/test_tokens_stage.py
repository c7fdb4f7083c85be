from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support import stage_tools
from tests.tokens.token_inputs import EXERCISES, Publish, tasks, texts

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.documents import document_id
from codeprimer.core.errors import EmptyOutputError, RecipeError, UserError
from codeprimer.core.stage import Tools, identify, run_stage
from codeprimer.model.packed import open_packed
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.run.loading import parse_recipe
from codeprimer.tokens import encoding
from codeprimer.tokens.settings import TokensSettings
from codeprimer.tokens.stage import TokensStage

SETTINGS = TokensSettings(vocabulary=400, context=128, sample_bytes=50_000, checked_documents=5)


def build(inputs: Mapping[str, Artifact], store: Store, tools: Tools, **changes: Any) -> Artifact:
    settings = SETTINGS.model_copy(update=changes)
    ids = {name: artifact.id for name, artifact in inputs.items()}
    stage = TokensStage("start" in inputs)
    identity = identify(stage, settings, ids, stage_tools(tools.console, tools.seed))
    return run_stage(stage, settings, inputs, identity, store, tools).artifact


@pytest.fixture
def inputs(exam: Artifact, contamination: Artifact) -> dict[str, Artifact]:
    return {"exam": exam, "contamination": contamination}


def test_every_document_is_packed_and_found_by_its_id(inputs: dict[str, Artifact], store: Store, tools: Tools) -> None:
    artifact = build(inputs, store, tools)
    tokenizer = Tokenizer.load(artifact.path)
    index = list(artifact.rows("index"))
    for name in ("raw", "code", "textbooks", "exercises"):
        packed = open_packed(artifact, name)
        rows = [row for row in index if row["training_set"] == name]
        originals = list(inputs["contamination"].rows(name))
        assert [row["doc_id"] for row in rows] == [row["doc_id"] for row in originals]
        for number, row in enumerate(originals):
            ids = packed.document(number).tolist()
            assert ids[-1] == tokenizer.end_of_text
            assert document_id(tokenizer.decode(ids)) == row["doc_id"]
        assert artifact.facts["sets"][name]["tokens"] == packed.tokens


def test_the_facts_tell_what_was_encoded_and_checked(inputs: dict[str, Artifact], store: Store, tools: Tools) -> None:
    facts = build(inputs, store, tools).facts
    assert facts["vocabulary"] == 400
    assert facts["sets"]["exercises"]["documents"] == len(EXERCISES)
    assert facts["sets"]["exercises"]["checked_against_tokenizers"] == 5
    assert 2 < facts["sets"]["exercises"]["bytes_per_token"] < 6
    assert facts["sets"]["raw"]["longer_than_context"] > 10
    fits = facts["fits"]["exam"]
    assert (fits["problems"], fits["fit"], fits["longest_task"]) == (6, 6, "exam/0000")
    assert 15 < fits["longest"] < 40
    assert "".join(facts["sample"]).startswith("def keep_large(values")


def test_bytes_do_not_depend_on_processes_or_on_the_size_of_units(
    inputs: dict[str, Artifact], store: Store, tmp_path: Path, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(inputs, store, tools)
    parallel = stage_tools(tools.console, tools.seed, 2)
    second = build(inputs, Store(tmp_path / "second"), parallel)
    monkeypatch.setattr(encoding, "UNIT_GROUPS", 1)
    third = build(inputs, Store(tmp_path / "third"), tools)
    assert first.manifest["files"] == second.manifest["files"] == third.manifest["files"]


def test_a_limit_takes_a_random_part_and_says_what_was_left_out(
    inputs: dict[str, Artifact], store: Store, tools: Tools
) -> None:
    artifact = build(inputs, store, tools, limit_tokens={"exercises": 1000})
    facts = artifact.facts["sets"]
    assert facts["exercises"]["tokens"] == pytest.approx(1000, abs=120)
    assert facts["exercises"]["documents"] + facts["exercises"]["documents_left_out"] == len(EXERCISES)
    assert facts["raw"]["documents_left_out"] == 0
    everything = [row["doc_id"] for row in inputs["contamination"].rows("exercises")]
    taken = [row["doc_id"] for row in artifact.rows("index") if row["training_set"] == "exercises"]
    assert taken == [doc_id for doc_id in everything if doc_id in taken], "in the order of the table"


def test_a_problem_that_does_not_fit_with_its_answer_is_an_error(
    publish: Publish, contamination: Artifact, store: Store, tools: Tools
) -> None:
    long = tasks("exam", 2, "    return 123456789\n" * 20)
    exam = publish("exam", {"exam": tasks("exam", 3), "validation": long, "benchmarks": tasks("HumanEval", 0)})
    with pytest.raises(UserError, match=r"2 of 2 validation problems .*tokens\.context = 128 .*exam/000"):
        build({"exam": exam, "contamination": contamination}, store, tools)


def test_a_benchmark_that_does_not_fit_is_counted(
    publish: Publish, contamination: Artifact, store: Store, tools: Tools
) -> None:
    long = tasks("HumanEval", 2, "    return 123456789\n" * 20)
    exam = publish("exam", {"exam": tasks("exam", 3), "validation": tasks("validation", 2), "benchmarks": long})
    facts = build({"exam": exam, "contamination": contamination}, store, tools).facts
    assert facts["fits"]["benchmarks"]["problems"] == 2
    assert facts["fits"]["benchmarks"]["fit"] == 0


@pytest.mark.parametrize(
    ("tokens", "fault"),
    [
        ({"mixture": {"text": 1.0}}, r"tokens\.mixture\.text: "),
        ({"limit_tokens": {"rw": 5}}, r"tokens\.limit_tokens\.rw: .* 'raw'"),
    ],
)
def test_an_unknown_training_set_is_named(tokens: dict[str, object], fault: str) -> None:
    with pytest.raises(RecipeError, match=fault):
        parse_recipe({"name": "x", "tokens": tokens}, "test")


def test_an_empty_set_is_allowed_but_not_all_of_them(
    publish: Publish, exam: Artifact, store: Store, tools: Tools
) -> None:
    names = ("raw", "code", "textbooks", "exercises")
    some = publish("contamination", {name: texts(EXERCISES if name == "exercises" else []) for name in names})
    artifact = build({"exam": exam, "contamination": some}, store, tools)
    assert open_packed(artifact, "code").documents == 0
    assert artifact.facts["sets"]["code"]["bytes_per_token"] is None
    none = publish("contamination", {name: texts([]) for name in names})
    with pytest.raises(EmptyOutputError, match="index"):
        build({"exam": exam, "contamination": none}, store, tools, vocabulary=320)


def test_another_seed_learns_from_another_sample(inputs: dict[str, Artifact], store: Store, tools: Tools) -> None:
    def vocabulary(seed: int) -> str:
        artifact = build(inputs, store, Tools(tools.engine, tools.console, seed), sample_bytes=10_000)
        return hashlib.sha256((artifact.path / "tokenizer.json").read_bytes()).hexdigest()

    assert vocabulary(1) != vocabulary(2)


def test_a_killed_attempt_keeps_its_vocabulary_and_its_finished_units(
    inputs: dict[str, Artifact], store: Store, tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build(inputs, Store(tmp_path / "whole"), tools)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("codeprimer.tokens.stage._stats", stop)
        with pytest.raises(KeyboardInterrupt):
            build(inputs, store, tools)
    with monkeypatch.context() as patch:
        patch.setattr("codeprimer.tokens.vocabulary.learn_vocabulary", stop)
        patch.setattr("codeprimer.tokens.encoding.Tokenizer.encode", stop)
        patch.setattr("codeprimer.tokens.stage.check_fit", lambda *_: whole.facts["fits"])
        patch.setattr("codeprimer.tokens.stage._check", lambda *_: (5, 3.0))
        patch.setattr("codeprimer.tokens.stage._sample_tokenisation", lambda *_: whole.facts["sample"])
        again = build(inputs, store, tools)
    assert again.manifest["files"] == whole.manifest["files"]
    assert np.array_equal(open_packed(again, "code").document(0), open_packed(whole, "code").document(0))


def test_the_tokenizer_of_a_model_to_start_from_is_taken_as_it_is(
    inputs: dict[str, Artifact], store: Store, tools: Tools
) -> None:
    learnt = build(inputs, store, tools, vocabulary=350)
    artifact = build({**inputs, "start": learnt}, store, tools)
    assert Tokenizer.load(artifact.path).description == Tokenizer.load(learnt.path).description
    assert artifact.facts["vocabulary"] == learnt.facts["vocabulary"] == 350
    assert (artifact.facts["taken"], "taken" in learnt.facts) == (True, False)
