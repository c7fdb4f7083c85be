from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.training.training_inputs import SETTINGS, make_inputs

from codeprimer.core.artifact import Artifact, Store
from codeprimer.model.packed import open_packed
from codeprimer.training.batches import Batches
from codeprimer.training.plan import DataStream, Plan


@pytest.fixture
def tokens(tmp_path: Path) -> Artifact:
    return make_inputs(Store(tmp_path))["tokens"]


def batches(tokens: Artifact, seed: int = 1) -> Batches:
    return Batches(tokens, Plan(SETTINGS), seed)


def test_a_batch_is_a_pure_function_of_seed_and_step(tokens: Artifact) -> None:
    forward = [batches(tokens).batch(step) for step in range(12)]
    again = batches(tokens)
    for step in reversed(range(12)):
        assert np.array_equal(again.batch(step).ids, forward[step].ids)
        assert np.array_equal(again.batch(step).loss_weights, forward[step].loss_weights)
    assert not np.array_equal(batches(tokens, seed=2).batch(0).ids, forward[0].ids)
    assert forward[0].ids.shape == forward[0].loss_weights.shape == (4, 33)
    assert forward[0].ids.dtype == np.int64


def test_a_prompt_counts_as_its_phase_says_and_filling_not_at_all(tokens: Artifact) -> None:
    tuned = SETTINGS.phases[-1].model_copy(update={"prompt_weight": 0.25})
    settings = SETTINGS.model_copy(update={"phases": (*SETTINGS.phases[:-1], tuned)})
    plan = Plan(settings)
    weighed = Batches(tokens, plan, 1)
    assert {float(share) for step in range(6) for share in weighed.batch(step).loss_weights.flat} == {0.0, 1.0}
    assert {float(share) for step in range(6, 12) for share in weighed.batch(step).loss_weights.flat} == {
        0.0,
        0.25,
        1.0,
    }


def test_sequences_of_exercises_begin_with_an_exercise_and_those_of_code_anywhere(tokens: Artifact) -> None:
    packed = open_packed(tokens, "exercises")
    beginnings = {tuple(packed.document(number)[:8].tolist()) for number in range(packed.documents)}
    cut = batches(tokens)
    assert all(tuple(row[:8]) in beginnings for step in range(6, 12) for row in cut.batch(step).ids.tolist())
    code = [cut.streams[DataStream("code")].get(number).ids[:8].tolist() for number in range(15)]
    assert sum(tuple(row) in beginnings for row in code) < 8


def test_the_epochs_are_told_by_set(tokens: Artifact) -> None:
    epochs = batches(tokens).epochs()
    drawn = Plan(SETTINGS).drawn()
    assert epochs.keys() == drawn.keys() == {"code", "exercises"}
    assert epochs["exercises"] == pytest.approx(
        drawn["exercises"] * 32 / open_packed(tokens, "exercises").tokens, rel=0.4
    )
