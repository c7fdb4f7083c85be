"""Endpoints on loopback for tests: the mock, in a thread of this process, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from codeprimer.teachers import Message, PlainQuestion, Request, StructuredQuestion, Teacher, TeacherSettings
from codeprimer.teachers.mock import Manner, Mock

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(manner: Manner | None = None) -> Iterator[Mock]:
    """Run a mock until the end of the block; its ``url`` says where."""
    mock = Mock(manner)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(mock.start(), loop).result()
    try:
        yield mock
    finally:
        asyncio.run_coroutine_threadsafe(mock.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def serving_apart(*arguments: str) -> Iterator[str]:
    """Run the mock in a process of its own, which outlives whoever is killed; yield its address."""
    command = [sys.executable, "-m", "codeprimer.teachers.mock", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def facts_of(url: str) -> dict[str, Any]:
    """Return what a mock has counted."""
    with urllib.request.urlopen(url.replace("/v1", "/mock/facts")) as response:
        found: dict[str, Any] = json.loads(response.read())
    return found


def settings(url: str, **changes: Any) -> TeacherSettings:
    """Return settings for an endpoint that costs nothing, unless something else is said."""
    return TeacherSettings(**({"base_url": url, "model": "mock", "price": "free"} | changes))


def plain(text: str, of: TeacherSettings, **changes: Any) -> PlainQuestion:
    """Return a question of one message."""
    return PlainQuestion(Request((Message("user", text),), "test/1", **changes), of)


class Points(BaseModel):
    """A form."""

    why: str
    points: int = Field(ge=0, le=5)


def form(text: str, of: TeacherSettings) -> StructuredQuestion[Points]:
    """Return a question for a form."""
    return StructuredQuestion(Request((Message("user", text),), "test/1"), of, Points)


def teacher(of: TeacherSettings, folder: Path, account: str = "run") -> Teacher:
    """Return a teacher whose journal lies in a folder."""
    return Teacher(of, folder, account)
