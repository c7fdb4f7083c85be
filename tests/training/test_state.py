from __future__ import annotations

from pathlib import Path

import pytest
import torch

from codeprimer.training.state import Position, load_state, save_state


def test_the_newest_state_comes_back_and_two_are_kept(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    for step in (5, 10, 15):
        save_state(tmp_path, Position(step, 7 * step, 0.5), {"weight": torch.full((2, 3), float(step))})
    loaded = load_state(tmp_path)
    assert loaded is not None
    position, tensors = loaded
    assert position == Position(15, 105, 0.5)
    assert torch.equal(tensors["weight"], torch.full((2, 3), 15.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000010", "00000015"]


def test_a_state_that_was_not_finished_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_state(tmp_path, Position(5, 0, 0.0), {"weight": torch.zeros(1)})

    def fail(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr("codeprimer.training.state.write_atomically", fail)
        save_state(tmp_path, Position(10, 0, 0.0), {"weight": torch.ones(1)})
    loaded = load_state(tmp_path)
    assert loaded is not None
    assert loaded[0].step == 5
    save_state(tmp_path, Position(10, 0, 0.0), {"weight": torch.ones(1)})
    again = load_state(tmp_path)
    assert again is not None
    assert again[0].step == 10
