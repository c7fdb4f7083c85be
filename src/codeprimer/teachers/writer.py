"""Writes answers to the journal, in a separate thread.

Reads only the queue. Key idea: all answers that have arrived since the last transaction are committed in one transaction,
and are reported only after that.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from codeprimer.teachers.budget import Account
from codeprimer.teachers.journal import NOTE_ACCOUNT, connect, find_answers, packed
from codeprimer.teachers.requests import Answer

_log = logging.getLogger(__name__)

GROUP_SECONDS = 0.04
"""How long answers are collected for one transaction [s]."""

LOCKED_TRIES = 10
"""How long another process may lock the journal before the run fails [minutes]."""


class Entry:
    """An answer to write, with its request and its item."""

    __slots__ = ("answer", "body", "item")

    def __init__(self, answer: Answer, body: bytes, item: Any) -> None:
        self.answer = answer
        self.body = body
        self.item = item


class Writer:
    """Writes one account's answers until it is closed."""

    def __init__(self, account: Account, model: str, written: Callable[[Sequence[Entry]], None]) -> None:
        """``written`` is called in the writer's thread with answers that are on disk.

        If the journal already has an answer from another process, that answer is passed instead.
        """
        self._path = account.journal.path
        self._account = account.name
        self._budget = account.budget
        self._model = model
        self._written = written
        self._entries: list[Entry] = []
        self._changed = threading.Condition()
        self._is_closing = False
        self.failure: str = ""
        self._thread = threading.Thread(target=self._write_on, name="teachers journal", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Queue an answer."""
        with self._changed:
            self._entries.append(entry)
            if len(self._entries) == 1:
                self._changed.notify()

    def close(self) -> None:
        """Write everything in the queue and stop."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _write_on(self) -> None:
        try:
            self._write_all()
        except Exception as error:  # no caller waits for this thread, so it reports its own failure
            self.failure = self.failure or f"{self._path}: answers cannot be written ({type(error).__name__}: {error})"
            self._written([])

    def _write_all(self) -> None:
        connection = connect(self._path)
        try:
            while True:
                with self._changed:
                    while not self._entries and not self._is_closing:
                        self._changed.wait()
                    is_closing = self._is_closing
                if not is_closing:
                    time.sleep(GROUP_SECONDS)
                with self._changed:
                    entries, self._entries = self._entries, []
                try:
                    self._write_patiently(connection, entries)
                except sqlite3.Error as error:
                    self.failure = f"{self._path}: answers cannot be written ({error}); free some space, then run again"
                if entries or self.failure:
                    self._written(entries)
                if self.failure or (is_closing and not entries):
                    return  # only now: the transaction of the last answers still records their reservations as open
        finally:
            connection.close()

    def _write_patiently(self, connection: sqlite3.Connection, entries: list[Entry]) -> None:
        """Write; wait if another process locks the journal, because the answers are paid for."""
        for attempt in range(LOCKED_TRIES):
            try:
                self._write(connection, entries)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt + 1 == LOCKED_TRIES:
                    raise
                _log.warning("%s: another process has locked the journal for a minute; still waiting", self._path)
            else:
                return

    def _write(self, connection: sqlite3.Connection, entries: list[Entry]) -> None:
        now = int(time.time())
        connection.execute("begin immediate")
        try:
            had = find_answers(connection, [entry.answer.key for entry in entries])
            rows = [self._row(entry, now) for entry in entries if entry.answer.key not in had]
            connection.executemany(f"insert or ignore into answers values ({','.join('?' * 13)})", rows)
            for entry in entries:
                if entry.answer.key in had:
                    self._budget.count_duplicate(
                        entry.answer.cost, entry.answer.prompt_tokens + entry.answer.completion_tokens
                    )
                    entry.answer = had[entry.answer.key]
            connection.execute(NOTE_ACCOUNT, (self._account, self._model, *self._budget.reserved()))
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise

    def _row(self, entry: Entry, now: int) -> tuple[object, ...]:
        answer = entry.answer
        return (
            answer.key,
            self._account,
            self._model,
            packed(entry.body),
            packed(answer.text.encode("utf-8", "surrogatepass")),
            answer.finish,
            answer.prompt_tokens,
            answer.completion_tokens,
            answer.cost,
            answer.is_metered,
            answer.model,
            answer.seconds,
            now,
        )
