"""Everything that a run prints: bars on a terminal, one line per minute otherwise, one JSON object per line for
programs.

The only module that writes to standard output or error while stages run.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Literal

import orjson
import rich.console
import rich.markup
import rich.progress
from rich.table import Table

Mode = Literal["auto", "json", "quiet"]

LINE_SECONDS = 60.0
"""How often a progress line is printed where there is no terminal [s]."""


class Task:
    """One piece of work whose progress is shown."""

    def __init__(self, title: str, total: int) -> None:
        self.title = title
        self.total = total
        self.done = 0

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say that ``amount`` more is done; ``note`` is shown beside the bar."""
        self.done += amount
        self.show(note)

    def show(self, note: str) -> None:
        """Show the state; the quiet task shows nothing."""


class _BarTask(Task):
    def __init__(self, title: str, total: int, bars: rich.progress.Progress) -> None:
        super().__init__(title, total)
        self._bars = bars
        self._bar = bars.add_task(title, total=total or None, note="")

    def show(self, note: str) -> None:
        self._bars.update(self._bar, completed=self.done, note=note)


class _LineTask(Task):
    def __init__(self, title: str, total: int, console: Console) -> None:
        super().__init__(title, total)
        self._console = console
        self._next = time.monotonic() + LINE_SECONDS

    def show(self, note: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_SECONDS
            self._console.progress_line(self, note)


class Console:
    """Where stages report to; ``quiet`` prints nothing at all."""

    def __init__(self, mode: Mode = "auto") -> None:
        self.mode = mode
        self.out = rich.console.Console(highlight=False)
        self.err = rich.console.Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """Print one line for people."""
        if self.mode == "auto":
            self.out.print(text, soft_wrap=True)

    def table(self, table: Table) -> None:
        """Print a table for people."""
        if self.mode == "auto":
            self.out.print(table)

    def event(self, name: str, **facts: object) -> None:
        """Print one JSON line for programs."""
        if self.mode == "json":
            sys.stdout.write(orjson.dumps({"event": name, **facts}).decode() + "\n")
            sys.stdout.flush()

    def warn(self, text: str) -> None:
        """Print a warning: something was asked for and will not happen, or is likely not meant."""
        if self.mode == "json":
            self.event("warning", text=text)
        elif self.mode == "auto":
            self.err.print(f"[yellow]warning:[/] {rich.markup.escape(text)}", soft_wrap=True)

    def progress_line(self, task: Task, note: str) -> None:
        """Print the state of a task as one line."""
        if self.mode == "json":
            self.event("progress", title=task.title, done=task.done, total=task.total, note=note)
        else:
            of_total = f"/{task.total:,}" if task.total else ""
            self.say(f"  {task.title}: {task.done:,}{of_total} {note}".rstrip())

    @contextlib.contextmanager
    def task(self, title: str, total: int = 0) -> Iterator[Task]:
        """Show the progress of one piece of work; ``total`` 0 means unknown."""
        if self.mode == "quiet":
            yield Task(title, total)
        elif self.mode == "auto" and self.out.is_terminal:
            with rich.progress.Progress(
                rich.progress.TextColumn("  {task.description}"),
                rich.progress.BarColumn(),
                rich.progress.MofNCompleteColumn(),
                rich.progress.TimeRemainingColumn(),
                rich.progress.TextColumn("{task.fields[note]}"),
                console=self.out,
                transient=True,
            ) as bars:
                yield _BarTask(title, total, bars)
        else:
            yield _LineTask(title, total, self)
