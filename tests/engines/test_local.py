"""The local engine: every unit once, results in order, the same bytes with any number of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from codeprimer.core.console import Console
from codeprimer.core.errors import Interrupted, UserError
from codeprimer.engines.local import LocalEngine, local_engine

QUIET = Console("quiet")


def square(number: int, folder: Path) -> None:
    (folder / "result").write_text(str(number**2))


def fail_on_three(number: int, folder: Path) -> None:
    if number == 3:
        raise ValueError("three")
    square(number, folder)


def die(number: int, folder: Path) -> None:
    del number, folder
    os.kill(os.getpid(), signal.SIGKILL)


def read_all(engine: LocalEngine, work: Path, count: int = 10) -> list[str]:
    return [(folder / "result").read_text() for folder in engine.map(square, range(count), work, "squares")]


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_units(tmp_path: Path, processes: int) -> None:
    assert read_all(local_engine(QUIET, processes), tmp_path) == [str(number**2) for number in range(10)]


def test_a_unit_that_an_earlier_attempt_finished_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "00002").mkdir()
    (tmp_path / "00002" / "result").write_text("kept")
    assert read_all(local_engine(QUIET, 1), tmp_path)[2] == "kept"


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_in_a_unit_reaches_the_caller_and_finished_units_stay(tmp_path: Path, processes: int) -> None:
    engine = local_engine(QUIET, processes)
    with pytest.raises(ValueError, match="three"):
        list(engine.map(fail_on_three, range(5), tmp_path, "squares"))
    assert (tmp_path / "00000" / "result").exists()
    assert not (tmp_path / "00003").exists()


def test_an_interrupt_that_comes_while_the_workers_end_reaches_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = ProcessPoolExecutor.shutdown

    def end_and_interrupt(pool: ProcessPoolExecutor, **how: bool) -> None:
        end(pool, **how)
        raise Interrupted

    monkeypatch.setattr(ProcessPoolExecutor, "shutdown", end_and_interrupt)
    with pytest.raises(Interrupted), closing(local_engine(QUIET, 2).map(square, range(4), tmp_path, "squares")) as made:
        for _ in range(4):
            next(made)


def test_a_worker_that_is_killed_is_one_sentence_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a worker process was killed.*--processes 1"):
        list(local_engine(QUIET, 2).map(die, range(4), tmp_path, "deaths"))


def test_an_interrupt_ends_workers_in_the_middle_of_a_unit_and_a_second_one_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    parent, pids = _start_sleepers(tmp_path)
    parent.send_signal(signal.SIGINT)
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=20) != 0
    assert not any(map(_alive, pids))


def test_killing_the_parent_leaves_no_worker_behind(tmp_path: Path) -> None:
    parent, pids = _start_sleepers(tmp_path)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 30
    while any(map(_alive, pids)):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)


def _start_sleepers(tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """Start a process whose two workers sleep for a minute; return it, and their ids."""
    script = tmp_path / "sleepers.py"
    script.write_text(
        "import os, time\n"
        "from pathlib import Path\n"
        "from codeprimer.core.interrupts import StopHandler\n"
        "from codeprimer.core.console import Console\n"
        "from codeprimer.engines.local import local_engine\n"
        "def sleep(unit, folder):\n"
        "    Path(os.environ['PIDS'], str(os.getpid())).touch()\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    StopHandler().install()\n"
        "    list(local_engine(Console('quiet'), 2).map(sleep, range(2), Path(os.environ['PIDS'], 'work'), ''))\n"
    )
    parent = subprocess.Popen([sys.executable, script], env={**os.environ, "PIDS": str(tmp_path)})
    deadline = time.monotonic() + 30
    while len(pids := [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return parent, pids


def _alive(pid: int) -> bool:
    try:
        # A zombie counts as dead.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
