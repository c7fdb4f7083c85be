"""Inputs for the training tests, and a tiny run of the stage; also run as a program, to be killed."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.support import stage_tools

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import TASKS, TOKEN_INDEX
from codeprimer.core.errors import Interrupted
from codeprimer.core.stage import identify, run_stage
from codeprimer.model.checkpoint import save_model
from codeprimer.model.packed import INDEX, PackedWriter
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.tokens.vocabulary import learn_vocabulary
from codeprimer.training import loop
from codeprimer.training.heldout import OpenHeldout
from codeprimer.training.settings import LoraSettings, ModelSettings, Phase, TrainingSettings
from codeprimer.training.stage import TrainingStage

MODEL = ModelSettings(layers=2, hidden=32, heads=2, intermediate=64, context=32)
SETTINGS = TrainingSettings(
    model=MODEL,
    phases=(
        Phase(
            name="first", mixture={"code": 0.7, "exercises": 0.3}, tokens=6 * 4 * 32, batch_sequences=4, warmup_steps=2
        ),
        Phase(name="second", mixture={"exercises": 1.0}, tokens=6 * 4 * 32, batch_sequences=4, warmup_steps=2),
    ),
    precision="bfloat16",
    device="cpu",
    threads=1,
    checkpoint_every=3,
    selections=2,
    micro_sequences=3,
    attention_dropout=0.1,
    residual_dropout=0.1,
)

ADAPTERS = SETTINGS.model_copy(
    update={
        "lora": LoraSettings(rank=4, alpha=8.0, dropout=0.2),
        "attention_dropout": 0.0,
        "residual_dropout": 0.0,
    }
)
"""Training of adapters, with no dropout but theirs; it has to start from a model."""

EXACT = SETTINGS.model_copy(update={"attention_dropout": 0.0, "residual_dropout": 0.0, "precision": "float32"})
"""What runs that compute in another order are compared by."""

QUIET = Console("quiet")

EXERCISES = [
    f'def {verb}_{n}(x: int) -> int:\n    """Return x {verb} {n}."""\n    return x {sign} {n}\n'
    for n in range(12)
    for verb, sign in (("plus", "+"), ("minus", "-"), ("times", "*"))
]
CODE = ["".join(EXERCISES[start : start + 6]) for start in range(0, 36, 4)]


def manifest(stage: str) -> dict[str, Any]:
    """Return what a stage would have told of an artefact that only tests make."""
    facts: dict[str, Any] = {"settings": {}, "inputs": {}, "facts": {}}
    return facts | {"stage": stage, "id": "0" * 16, "version": 1, "headline": ""}


def make_inputs(store: Store, *more: str) -> dict[str, Artifact]:
    """Publish a tokens artefact with two sets, an exam and, where it is asked for, "start"; made once per process."""
    shutil.copytree(_made(), store.root, dirs_exist_ok=True)
    return find_inputs(store, *more)


def find_inputs(store: Store, *more: str) -> dict[str, Artifact]:
    """Return the inputs that have been published."""
    found = {name: store.find(name, "0" * 16) for name in ("tokens", "exam", *more)}
    return {name: artifact for name, artifact in found.items() if artifact is not None}


@cache
def _made() -> Path:
    """Return the root of a store that holds nothing but the inputs."""
    root = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root)
    _make_inputs(Store(root))
    return root


def _make_inputs(store: Store) -> None:
    tokenizer = Tokenizer(learn_vocabulary(EXERCISES, 300))
    with store.workspace("tokens", "0" * 16) as workspace:
        with workspace.table(INDEX, TOKEN_INDEX) as index:
            for name, texts in (("code", CODE), ("exercises", EXERCISES)):
                with PackedWriter(workspace.path, name, index, shard_tokens=400) as writer:
                    for number, text in enumerate(texts):
                        writer.write(
                            f"{name}-{number}",
                            np.asarray([*tokenizer.encode(text), 0], np.uint16),
                            3 * (name == "exercises"),
                        )
        tokenizer.save(workspace.path, MODEL.context)
        store.publish(workspace, manifest("tokens"), (), {})
    with store.workspace("start", "0" * 16) as workspace:
        save_model(workspace.path, Phi(MODEL.config(300, 0)).initialise(7), tokenizer)
        store.publish(workspace, manifest("start"), (), {})
    with store.workspace("exam", "0" * 16) as workspace:
        with workspace.table("validation", TASKS) as table:
            table.write({"task_id": "validation/0", "prompt": EXERCISES[0]})
        store.publish(workspace, manifest("exam"), (), {})


def score(model: Phi, tokenizer: Tokenizer, exam: Artifact) -> float:
    """Score by how likely the validation text is."""
    assert not model.training
    (row,) = exam.rows("validation", ["prompt"])
    ids_BS = torch.tensor([tokenizer.encode(row["prompt"])[: MODEL.context + 1]])
    return -float(model.token_losses(ids_BS[:, :-1], ids_BS[:, 1:]).mean())


def _score_in_tier(judge: Callable[[Phi, Tokenizer, Artifact], float], tier: object, *model: Any) -> float:
    """Score without running programs, in whatever tier they would run."""
    del tier
    return judge(*model)


def build(
    store: Store,
    inputs: dict[str, Artifact],
    settings: TrainingSettings = SETTINGS,
    judge: Callable[[Phi, Tokenizer, Artifact], float] | None = score,
    seed: int = 1,
    console: Console = QUIET,
    heldout: OpenHeldout | None = None,
) -> Artifact:
    """Run the stage on inputs that may hold "start" and "adapter"."""
    tools = stage_tools(console, seed, 1)
    in_tier = None if judge is None else partial(_score_in_tier, judge)
    stage = TrainingStage("start" in inputs, in_tier, heldout, "adapter" in inputs)
    ids = {name: artifact.id for name, artifact in inputs.items()}
    return run_stage(stage, settings, inputs, identify(stage, settings, ids, tools), store, tools).artifact


def rows_of(artifact: Artifact) -> list[dict[str, Any]]:
    """Return what a run has told of each step."""
    return [json.loads(line) for line in (artifact.path / "metrics.jsonl").read_text().splitlines()]


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Arrange that training is interrupted after so many steps."""
    advance = loop.Loop._advance

    def stop(self: loop.Loop, *given: Any) -> None:
        if self.step == step:
            raise KeyboardInterrupt
        advance(self, *given)

    monkeypatch.setattr(loop.Loop, "_advance", stop)


def killed(root: Path, place: str, *more: str) -> None:
    """Run in a process that gets SIGKILL at a place of the run.

    All such processes are forked from one server that has imported everything, which takes most of a process's time.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=main, args=(str(root), place, *more))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert Store(root).partials()


def die_at(place: str, root: Path) -> None:
    """Arrange that this process gets SIGKILL at a place of the run."""
    from codeprimer.training import selection, session, state

    def kill(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def kill_at_call(module: Any, name: str, number: int) -> None:
        original, calls = getattr(module, name), []

        def wrapped(*arguments: Any, **keywords: Any) -> Any:
            calls.append(1)
            return kill() if len(calls) == number else original(*arguments, **keywords)

        setattr(module, name, wrapped)

    if place == "in a step":
        kill_at_call(loop.Loop, "_train_step", 9)
    elif place == "while a state is written":
        kill_at_call(state, "write_atomically", 2)
    elif place == "after a checkpoint was scored":
        kill_at_call(selection, "_read", 1)
    elif place == "at a phase's end":
        kill_at_call(session, "save_checkpoint", 1)
    elif place == "before publishing":
        kill_at_call(session, "_publish_rest", 1)
    elif place.startswith("after nine"):
        threading.Thread(target=kill_after_lines, args=(9, root), daemon=True).start()
    elif place == "slowly":
        advance = loop.Loop._advance

        def slow(self: Any, *arguments: Any) -> None:
            time.sleep(0.05)
            advance(self, *arguments)

        loop.Loop._advance = slow  # type: ignore[assignment,method-assign]  # so that a signal meets it under way


def kill_after_lines(lines: int, root: Path) -> None:
    """Kill this process, and with it all that it started, once the metrics have this many lines."""
    while True:
        for path in root.glob("**/metrics.jsonl"):
            if len(path.read_bytes().splitlines()) >= lines:
                os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.001)


def stop(*_: object) -> None:
    """What the command line does about a signal."""
    raise Interrupted("stopped")


def main(folder: str, place: str, processes: str = "1", kind: str = "") -> None:
    """Build in a store until the process dies at a place, or is interrupted."""
    root = Path(folder)
    die_at(place, root)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    chosen = ADAPTERS if kind == "adapters" else EXACT if "exact" in place else SETTINGS
    chosen = chosen.model_copy(update={"processes": int(processes), "sharded": "shared" in place})
    try:
        build(Store(root), find_inputs(Store(root), *(["start"] if kind == "adapters" else [])), chosen)
    except Interrupted as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
