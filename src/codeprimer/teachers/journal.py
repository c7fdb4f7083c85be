"""The journal: every answer that was paid for, in one SQLite file, so that none is paid for twice.

Reads and writes ``journal.sqlite``. Its one idea: an answer counts as received once it is on disk. Answers are written
by a thread of its own, all that have come meanwhile in one transaction; only then is whoever asked told. Failures are
never kept. What was made of an answer is kept apart, under the name of the parser, so that a better parser pays nothing.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeprimer.core.errors import StoreError
from codeprimer.teachers.requests import Answer

_log = logging.getLogger(__name__)

FILE_NAME = "journal.sqlite"
VERSION = 1
GROUP_SECONDS = 0.04
"""How long answers are collected before they are written together [s]."""

LOCKED_TRIES = 10
"""So many minutes another process may hold the journal before answers that came are given up."""

BEGIN_TRIES, BEGIN_PAUSE = 200, 0.05
"""How often, and how long apart [s], it is tried to open a file that another process is beginning."""

LOOK_UP_AT_ONCE = 256
SHORT = 4096
"""Texts up to this length are not compressed [bytes]."""

_TABLES = """
create table if not exists answers (
    key blob primary key, account text not null, model text not null, request blob not null, text blob not null,
    finish text not null, prompt_tokens integer not null, completion_tokens integer not null, cost integer not null,
    metered integer not null, served_by text not null, seconds real not null, at integer not null
);
create index if not exists answers_by_account on answers (account, model, cost, prompt_tokens, completion_tokens);
create table if not exists readings (
    key blob not null, parser text not null, value text, fault text, primary key (key, parser)
) without rowid;
create table if not exists accounts (
    account text not null, model text not null, open integer not null, open_tokens integer not null,
    perhaps integer not null, perhaps_tokens integer not null, primary key (account, model)
) without rowid;
create table if not exists batches (
    name text primary key, account text not null, model text not null, identity text not null, content blob not null,
    at integer not null
);
"""


_NOTE_ACCOUNT = "insert or replace into accounts values (?,?,?,?,?,?)"


@dataclass(frozen=True)
class Batch:
    """A batch of requests that was handed in, or is about to be."""

    name: str
    """What it is called here, and in its metadata there."""
    identity: str
    """What the server calls it; nothing until it has said so."""
    content: bytes
    """The file of requests."""


class Journal:
    """The answers of all runs that share a store."""

    def __init__(self, path: Path) -> None:
        """Open the journal, or begin one. Raises StoreError where the file is none of ours or cannot be written."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader = _connect(path)
            self._begin()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{path}: the journal of teachers cannot be used ({error}); move it away or mend it"
            ) from None
        self._lock = threading.Lock()

    def _begin(self) -> None:
        version = self._version()
        if version == 0:
            self._reader.execute("begin immediate")
            try:
                version = self._version()  # another process may have begun it meanwhile
                if version == 0:
                    self._make_tables()
                    version = VERSION
                self._reader.execute("commit")
            except BaseException:
                self._reader.rollback()
                raise
        if version != VERSION:
            raise StoreError(
                f"{self.path}: a journal of version {version}, and this codeprimer reads version {VERSION}; use the "
                "codeprimer that wrote it, or another folder with --runs"
            )

    def _version(self) -> int:
        [(version,)] = self._reader.execute("pragma user_version").fetchall()
        return int(version)

    def _make_tables(self) -> None:
        if self._reader.execute("select count(*) from sqlite_master").fetchone()[0]:
            raise StoreError(f"{self.path}: an SQLite file of somebody else's; move it away")
        for statement in filter(str.strip, _TABLES.split(";")):
            self._reader.execute(statement)
        self._reader.execute(f"pragma user_version = {VERSION}")

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """Return the answers that are there; any thread may ask. Raises StoreError where the file is damaged."""
        with self._lock:
            try:
                return _find(self._reader, keys)
            except (sqlite3.Error, zlib.error, UnicodeDecodeError) as error:
                raise self._damaged(error) from None

    def spent(self, account: str, model: str) -> Spent:
        """Return what an account has spent on a model so far."""
        [(cost, tokens, answers)] = self._rows(
            "select coalesce(sum(cost), 0), coalesce(sum(prompt_tokens + completion_tokens), 0), count(*) "
            "from answers where account = ? and model = ?",
            (account, model),
        )
        [left] = self._rows(
            "select open + perhaps, open_tokens + perhaps_tokens from accounts where account = ? and model = ?",
            (account, model),
        ) or [(0, 0)]
        return Spent(cost, tokens, answers, *left)

    def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._reader.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> StoreError:
        return StoreError(f"{self.path}: the journal cannot be read ({error}); move it away or mend it")

    def note_open(self, account: str, model: str, reserved: tuple[int, int, int, int]) -> None:
        """Keep what is about to be in flight. Raises StoreError where it cannot be written."""
        self._change(_NOTE_ACCOUNT, (account, model, *reserved))

    def note_batch(self, account: str, model: str, batch: Batch) -> None:
        """Keep a batch until its answers have been taken. Raises StoreError where it cannot be written."""
        row = (batch.name, account, model, batch.identity, zlib.compress(batch.content, 1), int(time.time()))
        self._change("insert or replace into batches values (?,?,?,?,?,?)", row)

    def forget_batch(self, name: str) -> None:
        """Say that a batch's answers have been taken. Raises StoreError where it cannot be written."""
        self._change("delete from batches where name = ?", (name,))

    def open_batches(self, account: str, model: str) -> list[Batch]:
        """Return the batches whose answers have not been taken, the oldest first."""
        rows = self._rows(
            "select name, identity, content from batches where account = ? and model = ? order by at, name",
            (account, model),
        )
        return [Batch(name, identity, zlib.decompress(content)) for name, identity, content in rows]

    def _change(self, statement: str, values: tuple[object, ...]) -> None:
        with self._lock:
            try:
                self._reader.execute(statement, values)
            except sqlite3.Error as error:
                raise StoreError(f"{self.path}: the journal cannot be written ({error}); free some space") from None

    def close(self) -> None:
        """Close the connection of readers."""
        with self._lock:
            self._reader.close()


class Spent:
    """What an account has spent."""

    def __init__(self, cost: int, tokens: int, answers: int, perhaps: int, perhaps_tokens: int) -> None:
        self.cost = cost
        """[nano-USD]"""
        self.tokens = tokens
        self.answers = answers
        self.perhaps = perhaps
        """For requests that were sent and never answered: the most that the provider may still ask for [nano-USD]."""
        self.perhaps_tokens = perhaps_tokens


class Entry:
    """One answer to be written, and whose it is."""

    __slots__ = ("answer", "body", "item")

    def __init__(self, answer: Answer, body: bytes, item: Any) -> None:
        self.answer = answer
        self.body = body
        self.item = item


Reading = tuple[bytes, str, str | None, str | None]
"""A key, the name of a parser, and what it made of the answer: a value as JSON, or a fault."""


class Writer:
    """Writes what one account has received, in a thread of its own, until it is closed."""

    def __init__(
        self,
        journal: Journal,
        account: str,
        model: str,
        reserved: Callable[[], tuple[int, int, int, int]],
        pay_twice: Callable[[int, int], None],
        written: Callable[[Sequence[Entry]], None],
    ) -> None:
        """``reserved`` tells, at any time, what is open and what was perhaps billed (money, tokens, money, tokens).

        ``pay_twice`` is told of answers that the journal had already (money, tokens), from another process; those that
        it had are passed on instead. ``written`` is called, in the writer's thread, with answers that are on disk.
        """
        self._path = journal.path
        self._account = account
        self._model = model
        self._reserved = reserved
        self._pay_twice = pay_twice
        self._written = written
        self._entries: list[Entry] = []
        self._readings: list[Reading] = []
        self._changed = threading.Condition()
        self._is_closing = False
        self.failure: str = ""
        self._thread = threading.Thread(target=self._write_on, name="teachers journal", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Have an answer written."""
        with self._changed:
            self._entries.append(entry)
            if len(self._entries) == 1:
                self._changed.notify()

    def note(self, readings: Iterable[Reading]) -> None:
        """Have what parsers made of answers written, with the next answers."""
        with self._changed:
            self._readings += readings

    def close(self) -> None:
        """Write what is left and end."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _write_on(self) -> None:
        try:
            self._write_all()
        except Exception as error:  # nobody waits for this thread: whoever waits for answers has to hear of it
            self.failure = self.failure or f"{self._path}: answers cannot be written ({type(error).__name__}: {error})"
            self._written([])

    def _write_all(self) -> None:
        connection = _connect(self._path)
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
                    readings, self._readings = self._readings, []
                try:
                    self._write_patiently(connection, entries, readings)
                except sqlite3.Error as error:
                    self.failure = f"{self._path}: answers cannot be written ({error}); free some space, then run again"
                if entries or self.failure:
                    self._written(entries)
                if self.failure or (is_closing and not entries):
                    return  # only now: what was reserved for the last answers stands open in their own transaction
        finally:
            connection.close()

    def _write_patiently(self, connection: sqlite3.Connection, entries: list[Entry], readings: list[Reading]) -> None:
        """Write, however long another process holds the journal: what came is paid for."""
        for attempt in range(LOCKED_TRIES):
            try:
                self._write(connection, entries, readings)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt + 1 == LOCKED_TRIES:
                    raise
                _log.warning("%s: another process has held the journal for a minute; still waiting", self._path)
            else:
                return

    def _write(self, connection: sqlite3.Connection, entries: list[Entry], readings: list[Reading]) -> None:
        now = int(time.time())
        connection.execute("begin immediate")
        try:
            had = _find(connection, [entry.answer.key for entry in entries])
            rows = [self._row(entry, now) for entry in entries if entry.answer.key not in had]
            connection.executemany(f"insert or ignore into answers values ({','.join('?' * 13)})", rows)
            for entry in entries:
                if entry.answer.key in had:
                    self._pay_twice(entry.answer.cost, entry.answer.prompt_tokens + entry.answer.completion_tokens)
                    entry.answer = had[entry.answer.key]
            connection.executemany("insert or replace into readings values (?,?,?,?)", readings)
            connection.execute(_NOTE_ACCOUNT, (self._account, self._model, *self._reserved()))
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


def _find(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, Answer]:
    found: dict[bytes, Answer] = {}
    for start in range(0, len(keys), LOOK_UP_AT_ONCE):
        part = keys[start : start + LOOK_UP_AT_ONCE]
        rows = connection.execute(
            "select key, text, finish, prompt_tokens, completion_tokens, cost, served_by, seconds, metered "
            f"from answers where key in ({','.join('?' * len(part))})",
            part,
        )
        for key, text, finish, prompt, completion, cost, served_by, seconds, metered in rows:
            answer = (unpacked(text), finish, prompt, completion, cost, served_by, seconds, bool(metered))
            found[key] = Answer(key, *answer, is_new=False)
    return found


def packed(content: bytes) -> str | bytes:
    """Return a text as it is stored: as text where it is short, else compressed; SQLite tells the two apart."""
    if len(content) <= SHORT:
        try:
            return content.decode()
        except UnicodeDecodeError:
            pass  # half of a surrogate pair
    return zlib.compress(content, 1)


def unpacked(stored: str | bytes) -> str:
    """Return a text that was stored."""
    return stored if isinstance(stored, str) else zlib.decompress(stored).decode("utf-8", "surrogatepass")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60.0, isolation_level=None, check_same_thread=False)
    for attempt in range(BEGIN_TRIES):
        try:
            connection.execute("pragma journal_mode = wal")
            break
        except sqlite3.OperationalError as error:  # here SQLite does not wait for others by itself
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt + 1 == BEGIN_TRIES:
                raise
            time.sleep(BEGIN_PAUSE)
    connection.execute("pragma synchronous = full")
    return connection
