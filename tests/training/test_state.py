from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from codeprimer.training.state import Progress, States


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def states(tmp_path: Path, warnings: list[str]) -> States:
    return States(tmp_path, warnings.append)


def position(step: int) -> Progress:
    return Progress(step, 7 * step, "", 0.5, 3, {"skipped": step})


def save(states: States, step: int) -> None:
    states.save(position(step), {"weight": torch.full((2, 3), float(step))}.items())
    states.wait()


def loaded_step(states: States) -> int:
    """Return the step of the newest state, which is consistent."""
    loaded = states.load()
    assert loaded is not None
    at, tensors = loaded
    assert at == position(at.step)
    assert torch.equal(tensors["weight"], torch.full((2, 3), float(at.step)))
    return at.step


def test_the_newest_state_comes_back_and_two_are_kept(states: States, tmp_path: Path) -> None:
    assert states.load() is None
    for step in (5, 10, 15):
        save(states, step)
    assert loaded_step(states) == 15
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000010", "00000015"]


def test_what_was_given_may_change_while_it_is_written(states: States) -> None:
    weight = torch.full((2, 3), 5.0)
    states.save(position(5), {"weight": weight}.items())
    weight.zero_()
    assert loaded_step(states) == 5


def test_a_state_that_was_made_before_is_made_again(states: States) -> None:
    save(states, 5)
    states.save(Progress(5, 1, "", 0.0), {"weight": torch.zeros(1)}.items())
    loaded = states.load()
    assert loaded is not None
    assert loaded[0] == Progress(5, 1, "", 0.0)


def test_a_state_that_cannot_be_written_is_a_warning_and_the_last_one_is_kept(
    states: States, tmp_path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(states, 5)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("codeprimer.training.state.write_atomically", fail)
        save(states, 10)
    [warning] = warnings
    assert warning.startswith(str(tmp_path))
    assert all(fact in warning for fact in ("No space left on device", "step 5 is kept"))
    assert [path.name for path in tmp_path.iterdir()] == ["00000005"]
    assert loaded_step(states) == 5
    save(states, 15)
    assert loaded_step(states) == 15
    assert len(warnings) == 1


def test_what_nobody_has_thought_of_is_raised(states: States, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("codeprimer.training.state.write_atomically", fail)
    states.save(position(5), {"weight": torch.zeros(1)}.items())
    with pytest.raises(ZeroDivisionError):
        states.wait()
    states.wait()


@pytest.mark.parametrize("name", ["tensors.safetensors", "position.json"])
@pytest.mark.parametrize("left", [0, 1, 9, 40])
def test_a_state_that_was_cut_off_is_passed_over(
    name: str, left: int, states: States, tmp_path: Path, warnings: list[str]
) -> None:
    for step in (5, 10):
        save(states, step)
    path = tmp_path / "00000010" / name
    path.write_bytes(path.read_bytes()[:left])
    assert loaded_step(states) == 5
    assert "00000010" in warnings[0]
    assert "previous state" in warnings[0]
    assert not (tmp_path / "00000010").exists()


def test_a_full_disk_leaves_the_last_state_whole_and_is_told_once_until_there_is_room_again(tmp_path: Path) -> None:
    mounted = tmp_path / "small"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(mounted)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs root to mount a small file system")
    try:
        warnings: list[str] = []
        states = States(mounted / "states", warnings.append)
        (mounted / "states").mkdir()
        whole = 0
        for step, numbers in ((5, 1000), (10, 10**6), (12, 10**6), (15, 1000), (20, 10**6)):
            states.save(position(step), {"weight": torch.full((numbers,), float(step))}.items())
            states.wait()
            loaded = states.load()
            assert loaded is not None
            whole = step if numbers == 1000 else whole
            assert loaded[0].step == whole
        assert [warning.partition("; ")[2] for warning in warnings] == [
            "the state of step 5 is kept; training continues",
            "the state of step 15 is kept; training continues",
        ]
        assert "No space left on device" in warnings[0]
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)  # the last state is still mapped


KILLED = """
import os, sys, threading, time, torch
from pathlib import Path
from codeprimer.training.state import Progress, States

states = States(Path(sys.argv[1]), print)
threading.Thread(target=lambda: (time.sleep(float(sys.argv[2])), os.kill(os.getpid(), 9)), daemon=True).start()
for step in range(1, 10**6):
    states.save(Progress(step, 7 * step, "", 0.5, 3, {"skipped": step}), {"weight": torch.full((2, 3), float(step))}.items())
"""


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.05, 0.11, 0.2])
def test_a_process_killed_at_any_moment_leaves_a_whole_state_or_none(
    seconds: float, states: States, tmp_path: Path, warnings: list[str]
) -> None:
    child = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(seconds)], check=False)
    assert child.returncode == -9
    if states.load() is not None:
        loaded_step(states)
    assert not warnings
