"""The console: a line per minute without a terminal, JSON lines for programs."""

from __future__ import annotations

import io
import json

import pytest
import rich.console

from codeprimer.core.console import Console, StoppedError


def test_json_mode_prints_one_object_per_line_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console("json")
    console.say("for people")
    console.event("step_done", step="corpus")
    console.warn("careful")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [{"event": "step_done", "step": "corpus"}, {"event": "warning", "text": "careful"}]


def test_without_a_terminal_progress_is_one_line_per_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("codeprimer.core.console.time.monotonic", lambda: now[0])
    with Console("auto").task("reading", 600) as task:
        for _ in range(600):
            now[0] += 1.0
            task.advance()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[0].strip() == "reading: 60/600, 0:09:00 left"


def test_what_an_earlier_attempt_did_is_no_sign_of_how_fast_this_one_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("codeprimer.core.console.time.monotonic", lambda: now[0])
    with Console("json").task("training", 1000) as task:
        task.advance(900)
        for _ in range(30):
            now[0] += 2.0
            task.advance(1, "loss 2.000")
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["done"], line["seconds_left"], line["note"]) == (930, 140, "loss 2.000")


@pytest.mark.parametrize("width", [80, 120, 200])
def test_in_a_narrow_terminal_only_the_note_loses_its_end(width: int) -> None:
    console = Console("auto")
    console.out = rich.console.Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    with console.task("70-control", 1420) as task:
        task.advance(116, "loss 3.214, 4,368 tokens/s, 41% of what products reach here, 612 MB, 412,000 tokens")
        assert console._bars is not None
        console.out.print(console._bars.get_renderable())
    shown = next(line for line in console.out.file.getvalue().splitlines() if "loss" in line)  # type: ignore[attr-defined]  # it is a StringIO
    assert "70-control" in shown
    assert "116/1420" in shown
    assert "loss 3.214, 4,368 tokens" in shown
    assert ("412,000 tokens" in shown) == (width == 200)


def test_warnings_go_to_standard_error_with_their_text_unharmed(capsys: pytest.CaptureFixture[str]) -> None:
    Console("auto").warn("sources[0] is empty")
    assert capsys.readouterr().err == "warning: sources[0] is empty\n"


def test_work_side_by_side_shares_one_display() -> None:
    console = Console("auto")
    console.out = rich.console.Console(file=io.StringIO(), force_terminal=True, width=100)
    with console.task("control", 10) as control, console.task("base", 5) as base:
        control.advance(3, "loss 2.000")
        base.advance(1, "loss 3.000")
        assert console._bars is not None
        assert [(bar.description, bar.completed) for bar in console._bars.tasks] == [("control", 3), ("base", 1)]
    assert console._bars is None


def test_a_task_ends_at_its_next_step_when_all_work_is_to_stop() -> None:
    console = Console("quiet")
    with console.task("base", 5) as task:
        task.advance()
        console.stop.set()
        with pytest.raises(StoppedError, match="base"):
            task.advance()
