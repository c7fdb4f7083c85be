"""The journal: every paid answer, in one SQLite file, so that no answer is paid for twice.

Reads and writes ``journal.sqlite``. Key idea: an answer is treated as received once it is on disk. Failures are never
stored. Answers are stored as they came and parsed again in each run, so a better parser needs no new requests.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeprimer.core.errors import StoreError
from codeprimer.teachers.requests import Answer

FILE_NAME = "journal.sqlite"
VERSION = 1
BEGIN_TRIES, BEGIN_PAUSE = 200, 0.05
"""How often, and at what interval [s], to retry opening a file that another process is creating."""

LOOK_UP_AT_ONCE = 256
SHORT = 4096
"""Longer texts are compressed [bytes]."""

_TABLES = """
create table if not exists answers (
    key blob primary key, account text not null, model text not null, request blob not null, text blob not null,
    finish text not null, prompt_tokens integer not null, completion_tokens integer not null, cost integer not null,
    metered integer not null, served_by text not null, seconds real not null, at integer not null
);
create index if not exists answers_by_account on answers (account, model, cost, prompt_tokens, completion_tokens);
create table if not exists accounts (
    account text not null, model text not null, open integer not null, open_tokens integer not null,
    perhaps integer not null, perhaps_tokens integer not null, primary key (account, model)
) without rowid;
create table if not exists batches (
    name text primary key, account text not null, model text not null, identity text not null, content blob not null,
    at integer not null
);
"""


NOTE_ACCOUNT = "insert or replace into accounts values (?,?,?,?,?,?)"


@dataclass(frozen=True)
class Batch:
    """A batch of requests that has been submitted or is about to be."""

    name: str
    """Our name for the batch, which is also in its metadata at the provider."""
    identity: str
    """The provider's id; empty until it is known."""
    content: bytes
    """Its requests as JSON lines."""


class Journal:
    """The answers of all runs that share a store; thread-safe."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal. Raises StoreError if the file is not a journal or cannot be written."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader = connect(path)
            self._begin()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{path}: the teachers' journal cannot be used ({error}); move it elsewhere or repair it"
            ) from None
        self._lock = threading.Lock()

    def _begin(self) -> None:
        version = self._version()
        if version == 0:
            self._reader.execute("begin immediate")
            try:
                version = self._version()  # another process may have created it in the meantime
                if version == 0:
                    self._make_tables()
                    version = VERSION
                self._reader.execute("commit")
            except BaseException:
                self._reader.rollback()
                raise
        if version != VERSION:
            raise StoreError(
                f"{self.path}: the journal has version {version}, but this codeprimer reads version {VERSION}; use the "
                "codeprimer that wrote it, or another folder with --runs"
            )

    def _version(self) -> int:
        [(version,)] = self._reader.execute("pragma user_version").fetchall()
        return int(version)

    def _make_tables(self) -> None:
        if self._reader.execute("select count(*) from sqlite_master").fetchone()[0]:
            raise StoreError(f"{self.path}: this SQLite file belongs to another program; move it away")
        for statement in filter(str.strip, _TABLES.split(";")):
            self._reader.execute(statement)
        self._reader.execute(f"pragma user_version = {VERSION}")

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """Return the stored answers for these keys. Raises StoreError if the file is damaged."""
        with self._lock:
            try:
                return find_answers(self._reader, keys)
            except (sqlite3.Error, zlib.error, UnicodeDecodeError) as error:
                raise self._damaged(error) from None

    def spent(self, account: str, model: str) -> Spent:
        """Return an account's spending on a model."""
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
        return StoreError(f"{self.path}: the journal cannot be read ({error}); move it elsewhere or repair it")

    def note_open(self, account: str, model: str, reserved: tuple[int, int, int, int]) -> None:
        """Record reservations before their requests are sent. Raises StoreError if the journal cannot be written."""
        self._change(NOTE_ACCOUNT, (account, model, *reserved))

    def note_batch(self, account: str, model: str, batch: Batch) -> None:
        """Record a batch until its answers are collected. Raises StoreError if the journal cannot be written."""
        row = (batch.name, account, model, batch.identity, zlib.compress(batch.content, 1), int(time.time()))
        self._change("insert or replace into batches values (?,?,?,?,?,?)", row)

    def forget_batch(self, name: str) -> None:
        """Delete a batch whose answers have been collected. Raises StoreError if the journal cannot be written."""
        self._change("delete from batches where name = ?", (name,))

    def open_batches(self, account: str, model: str) -> list[Batch]:
        """Return the batches whose answers have not been collected, oldest first."""
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
        """Close the file."""
        with self._lock:
            self._reader.close()


class Spent:
    """An account's spending."""

    def __init__(self, cost: int, tokens: int, answers: int, maybe_billed: int, maybe_billed_tokens: int) -> None:
        self.cost = cost
        """[nano-USD]"""
        self.tokens = tokens
        self.answers = answers
        self.maybe_billed = maybe_billed
        """Worst-case cost of requests that were sent but never answered [nano-USD]."""
        self.maybe_billed_tokens = maybe_billed_tokens


def find_answers(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, Answer]:
    """Return the stored answers for these keys."""
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
    """Return a text in stored form: a string if it is short, otherwise compressed bytes; SQLite keeps the type."""
    if len(content) <= SHORT:
        try:
            return content.decode()
        except UnicodeDecodeError:
            pass  # half of a surrogate pair
    return zlib.compress(content, 1)


def unpacked(stored: str | bytes) -> str:
    """Return a stored text as a string."""
    return stored if isinstance(stored, str) else zlib.decompress(stored).decode("utf-8", "surrogatepass")


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection in WAL mode that waits for other processes and syncs every transaction."""
    connection = sqlite3.connect(path, timeout=60.0, isolation_level=None, check_same_thread=False)
    for attempt in range(BEGIN_TRIES):
        try:
            connection.execute("pragma journal_mode = wal")
            break
        except sqlite3.OperationalError as error:  # SQLite's own timeout does not cover this statement
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt + 1 == BEGIN_TRIES:
                raise
            time.sleep(BEGIN_PAUSE)
    connection.execute("pragma synchronous = full")
    return connection
