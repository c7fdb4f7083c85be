"""Several processes train one model, over gloo, as one would."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.training_inputs import EXACT, SETTINGS, build, find_inputs, killed, make_inputs, rows_of

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.errors import CodeprimerError, RecipeError
from codeprimer.training import loop, together
from codeprimer.training.ranks import Ranks

TWO = SETTINGS.model_copy(update={"processes": 2})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """What two processes make, with dropout, accumulation and bfloat16."""
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    return build(store, make_inputs(store), TWO)


def losses(artifact: Artifact) -> list[float]:
    return [row["loss"] for row in rows_of(artifact)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """What one process makes in float32 without dropout, to compare with."""
    store = Store(tmp_path_factory.mktemp("alone"))
    return build(store, make_inputs(store), EXACT)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a run of two processes that was killed after nine steps; tests copy it."""
    store = Store(tmp_path_factory.mktemp("interrupted"))
    make_inputs(store)
    killed(store.root, "after nine steps", "2")
    return store.root


def copied(root: Path, store: Store) -> dict[str, Artifact]:
    """Copy a store and return the inputs in it."""
    shutil.copytree(root, store.root, dirs_exist_ok=True)
    return find_inputs(store)


def test_two_processes_have_the_loss_curve_of_one(store: Store, alone: Artifact) -> None:
    both = build(store, make_inputs(store), EXACT.model_copy(update={"processes": 2}))
    assert losses(both) == pytest.approx(losses(alone), rel=1e-4)
    assert both.id == alone.id
    assert both.facts["selection"]["published_step"] == alone.facts["selection"]["published_step"]


def test_a_run_of_two_that_was_killed_ends_in_the_same_bytes(
    store: Store, undisturbed: Artifact, interrupted: Path
) -> None:
    assert build(store, copied(interrupted, store), TWO).manifest == undisturbed.manifest


def test_one_goes_on_where_two_were_killed_with_the_same_data(store: Store, alone: Artifact) -> None:
    inputs = make_inputs(store)
    killed(store.root, "after nine exact steps", "2")
    went_on = build(store, inputs, EXACT)
    assert losses(went_on) == pytest.approx(losses(alone), rel=1e-4)
    assert list(went_on.rows("exposure")) == list(alone.rows("exposure"))


def test_two_processes_that_share_one_model_have_the_loss_curve_of_one(store: Store, alone: Artifact) -> None:
    shared = EXACT.model_copy(update={"processes": 2, "sharded": True})
    both = build(store, make_inputs(store), shared)
    assert losses(both) == pytest.approx(losses(alone), rel=1e-4)
    assert both.id == alone.id
    assert both.facts["selection"]["published_step"] == alone.facts["selection"]["published_step"]


def test_one_goes_on_where_two_that_shared_a_model_were_killed(store: Store, alone: Artifact) -> None:
    inputs = make_inputs(store)
    killed(store.root, "after nine exact steps, shared", "2")
    assert losses(build(store, inputs, EXACT)) == pytest.approx(losses(alone), rel=1e-4)


def test_two_that_share_a_model_go_on_where_two_were_killed(
    store: Store, undisturbed: Artifact, interrupted: Path
) -> None:
    shared = build(store, copied(interrupted, store), TWO.model_copy(update={"sharded": True}))
    assert losses(shared) == pytest.approx(losses(undisturbed), rel=2e-2)


def test_a_process_without_rows_of_its_own_takes_part(store: Store, tmp_path: Path) -> None:
    phases = tuple(phase.model_copy(update={"batch_sequences": 1, "tokens": 6 * 32}) for phase in EXACT.phases)
    one_row = EXACT.model_copy(update={"phases": phases})
    alone = build(store, make_inputs(store), one_row)
    for number, sharded in enumerate((False, True)):
        other = Store(tmp_path / f"other{number}")
        both = build(other, make_inputs(other), one_row.model_copy(update={"processes": 2, "sharded": sharded}))
        assert losses(both) == pytest.approx(losses(alone), rel=1e-4)


def test_muon_is_refused_where_a_model_is_shared(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Two(Ranks):
        def __init__(self, device: torch.device | None = None) -> None:
            super().__init__(device)
            self.count = 2

    monkeypatch.setattr(loop, "Ranks", Two)
    phase = EXACT.phases[0].model_copy(update={"optimizer": "muon"})
    shared = EXACT.model_copy(update={"sharded": True, "phases": (phase,)})
    with pytest.raises(RecipeError, match=r"phase 'first' uses muon, .* optimizer: adamw"):
        build(store, make_inputs(store), shared)


def test_an_error_of_a_process_is_the_error_of_the_run(store: Store) -> None:
    phase = SETTINGS.phases[0].model_copy(update={"mixture": {"raw": 1.0}})
    with pytest.raises(RecipeError, match="'raw', which has no tokens"):
        build(store, make_inputs(store), TWO.model_copy(update={"phases": (phase,)}))


def test_a_process_that_dies_ends_the_run_instead_of_hanging_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    listen = together._listen

    def kill_the_second(processes: Any, *given: Any) -> Any:
        threading.Timer(4.0, os.kill, (processes[1].pid, signal.SIGKILL)).start()
        return listen(processes, *given)

    monkeypatch.setattr(together, "_listen", kill_the_second)
    long = TWO.phases[0].model_copy(update={"tokens": 10**7})
    with pytest.raises(CodeprimerError, match=r"rank 1 .*signal 9; run again"):
        build(store, make_inputs(store), TWO.model_copy(update={"phases": (long,)}))
