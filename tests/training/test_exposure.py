"""What was trained on, where runs went back and steps were skipped."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.training.test_faults import LONG, spoil
from tests.training.training_inputs import SETTINGS, build

from codeprimer.core.artifact import Artifact, Store
from codeprimer.training.batches import Batches
from codeprimer.training.exposure import StepSpan, steps_taken
from codeprimer.training.loop import Loop
from codeprimer.training.plan import Plan


def test_without_trouble_every_phase_is_a_stretch() -> None:
    assert list(steps_taken(Plan(SETTINGS), [], ())) == [StepSpan(range(6), 0), StepSpan(range(6, 12), 0)]


def test_what_a_run_went_back_from_and_what_it_skipped_is_left_out() -> None:
    plan = Plan(LONG)
    back = [{"from": 27, "to": 20}, {"from": 33, "to": 30}]
    assert list(steps_taken(plan, back, {3, 39})) == [
        StepSpan(range(3), 0),
        StepSpan(range(4, 20), 0),
        StepSpan(range(20, 30), 7),
        StepSpan(range(30, 39), 10),
    ]
    again = [{"from": 33, "to": 30}, {"from": 31, "to": 20}]
    assert list(steps_taken(plan, again, ())) == [StepSpan(range(20), 0), StepSpan(range(20, 40), 14)]


def test_the_table_counts_the_data_of_the_steps_that_led_to_the_end(
    store: Store, inputs: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, lambda step, jumped: float("nan") if step + jumped in (5, 24, 25, 26, 45) else 1.0)
    used: list[tuple[int, int]] = []
    note = Loop._write_metrics

    def noted(self: Loop, facts: dict[str, Any]) -> None:
        note(self, facts)
        del used[self.step - 1 :]  # what it went back from
        used.append((self.step - 1, self.guard.jumped if not facts.get("skipped") else -1))

    monkeypatch.setattr(Loop, "_write_metrics", noted)
    artifact = build(store, inputs, LONG)
    assert artifact.facts["rollbacks"] == [{"from": 27, "to": 20}]
    assert [jumped for _, jumped in used] == [0] * 5 + [-1] + [0] * 14 + [7] * 18 + [-1] + [7]
    batches = Batches(inputs["tokens"], Plan(LONG), 1)
    counted: Counter[str] = Counter()
    for step, jumped in used:
        for name, numbers in batches.plan.sequences(step, jumped).items() if jumped >= 0 else ():
            sampler = next(of for stream, of in batches.streams.items() if stream.name == name)
            for number in numbers:
                for document, tokens in enumerate(sampler.seen(range(number, number + 1)).tolist()):
                    counted[f"{name}-{document}"] += tokens
    assert {row["doc_id"]: row["tokens_seen"] for row in artifact.rows("exposure")} == +counted
