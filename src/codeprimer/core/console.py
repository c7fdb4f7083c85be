"""A run's output: progress bars on a terminal, otherwise one line per minute, or JSON lines.

The only module that writes to standard output or error while stages run.
"""

from __future__ import annotations

import contextlib
import datetime
import sys
import threading
import time
from collections.abc import Iterator
from typing import Literal

import orjson
import rich.console
import rich.markup
import rich.progress
from rich.table import Column, Table

Mode = Literal["auto", "json", "quiet"]

LINE_SECONDS = 60.0
"""Time between progress lines if the output is not a terminal [s]."""

WIDE = 150
"""A terminal of at least this width has room for a long bar [characters]."""


class StoppedError(Exception):
    """The work has to stop early, because parallel work failed or was interrupted."""


class Task:
    """A unit of work with visible progress."""

    def __init__(self, title: str, total: int, stop: threading.Event) -> None:
        self.title = title
        self.total = total
        self.done = 0
        self._stop = stop

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Report progress of ``amount``; ``note`` is shown next to the bar.

        Raises StoppedError if the console's ``stop`` is set.
        """
        if self._stop.is_set():
            raise StoppedError(self.title)
        self.done += amount
        self.show(note)

    def show(self, note: str) -> None:
        """Show the progress; a quiet task shows nothing."""

    def seconds_left(self) -> float | None:
        """Return the estimated time left [s], or None if it is unknown."""
        return None


class _BarTask(Task):
    def __init__(self, title: str, total: int, stop: threading.Event, bars: rich.progress.Progress) -> None:
        super().__init__(title, total, stop)
        self._bars = bars
        self.bar = bars.add_task(title, total=total or None, note="")

    def show(self, note: str) -> None:
        self._bars.update(self.bar, completed=self.done, note=note)


class _LineTask(Task):
    def __init__(self, title: str, total: int, stop: threading.Event, console: Console) -> None:
        super().__init__(title, total, stop)
        self._console = console
        self._next = time.monotonic() + LINE_SECONDS
        self._began: tuple[float, int] | None = None

    def show(self, note: str) -> None:
        now = time.monotonic()
        if self._began is None:
            self._began = now, self.done  # progress of an earlier attempt says nothing about this attempt's rate
        if now >= self._next:
            self._next = now + LINE_SECONDS
            self._console.progress_line(self, note)

    def seconds_left(self) -> float | None:
        """Return the estimated time left at the rate so far [s], or None if it is unknown."""
        if self._began is None or not self.total:
            return None
        since, before = self._began
        done = self.done - before
        return (self.total - self.done) * (time.monotonic() - since) / done if done else None


class Console:
    """The output of stages; the mode ``quiet`` prints nothing."""

    def __init__(self, mode: Mode = "auto") -> None:
        self.mode = mode
        self.out = rich.console.Console(highlight=False)
        self.err = rich.console.Console(stderr=True, highlight=False)
        self.stop = threading.Event()
        """Once set, every running task stops at its next step."""
        self._bars: rich.progress.Progress | None = None
        self._bar_tasks = 0
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Print one human-readable line."""
        if self.mode == "auto":
            self.out.print(text, soft_wrap=True)

    def table(self, table: Table) -> None:
        """Print a human-readable table."""
        if self.mode == "auto":
            self.out.print(table)

    def event(self, name: str, **facts: object) -> None:
        """Print one JSON line, if the mode is ``json``."""
        if self.mode == "json":
            sys.stdout.write(orjson.dumps({"event": name, **facts}).decode() + "\n")
            sys.stdout.flush()

    def warn(self, text: str) -> None:
        """Print a warning about user input that has no effect or is probably a mistake."""
        if self.mode == "json":
            self.event("warning", text=text)
        elif self.mode == "auto":
            self.err.print(f"[yellow]warning:[/] {rich.markup.escape(text)}", soft_wrap=True)

    def progress_line(self, task: Task, note: str) -> None:
        """Print a task's progress as one line."""
        left = task.seconds_left()
        if self.mode == "json":
            facts = {"title": task.title, "done": task.done, "total": task.total, "note": note}
            self.event("progress", **facts, seconds_left=left and round(left))
        else:
            of_total = f"/{task.total:,}" if task.total else ""
            rest = "" if left is None else f", {datetime.timedelta(seconds=round(left))} left"
            self.say(f"  {task.title}: {task.done:,}{of_total}{rest} {note}".rstrip())

    @contextlib.contextmanager
    def task(self, title: str, total: int = 0) -> Iterator[Task]:
        """Show the progress of a unit of work; ``total`` 0 means unknown."""
        if self.mode == "quiet":
            yield Task(title, total, self.stop)
        elif self.mode == "auto" and self.out.is_terminal:
            with self._shared_bars() as bars:
                task = _BarTask(title, total, self.stop, bars)
                yield task
                bars.remove_task(task.bar)
        else:
            yield _LineTask(title, total, self.stop, self)

    @contextlib.contextmanager
    def _shared_bars(self) -> Iterator[rich.progress.Progress]:
        """Yield the live display; a terminal can show only one, so parallel tasks share it."""
        with self._lock:
            if self._bars is None:
                self._bars = _make_bars(self.out)
                self._bars.start()
            self._bar_tasks += 1
            bars = self._bars
        try:
            yield bars
        finally:
            with self._lock:
                self._bar_tasks -= 1
                if not self._bar_tasks:
                    bars.stop()
                    self._bars = None


def _make_bars(out: rich.console.Console) -> rich.progress.Progress:
    """Return the live display; in a narrow terminal the bar is short and only the note is truncated."""
    rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return rich.progress.Progress(
        rich.progress.TextColumn("  {task.description}"),
        rich.progress.BarColumn(40 if out.width >= WIDE else 12),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
        rich.progress.TextColumn("{task.fields[note]}", table_column=rest),
        console=out,
        transient=True,
        expand=True,
    )


def without_controls(text: str, kept: str = "\n\t") -> str:
    """Return untrusted text with control characters escaped, except those in ``kept``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in text)
