"""Batch files: many requests in one file, answered within a day at a lower price.

Reads and writes files of JSON lines over HTTP, and the journal. Its one idea: a batch is noted in the journal before it is
handed in, under a name that the server gets too, so a run that was killed at any moment finds it again instead of paying
twice; its answers are taken in by the keys that they were asked under, in whatever order they come.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import aiohttp
import orjson

from codeprimer.teachers.endpoint import headers_of
from codeprimer.teachers.errors import BudgetError, TeacherError
from codeprimer.teachers.items import Item, follow
from codeprimer.teachers.journal import Batch, Entry, Writer
from codeprimer.teachers.ledger import Books
from codeprimer.teachers.outcomes import Success, Trouble, read_response
from codeprimer.teachers.questions import Settled
from codeprimer.teachers.requests import Form
from codeprimer.teachers.settings import TeacherSettings

FIRST_LOOK, LAST_LOOK = 1.0, 60.0
"""How long it is waited between two looks at a batch, at first and at most [s]; the time doubles."""

ENDED = frozenset({"completed", "expired", "failed", "cancelled"})
UNDER_WAY = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
LONGEST_BATCH = 26 * 3600.0
"""A batch is answered within a day [s]."""

WAIT_SECONDS = 60.0
"""How long one HTTP request of the batch interface may take [s]."""

TRIES = 5
TELL_SECONDS = 600.0
_log = logging.getLogger(__name__)
NAME = "codeprimer"
"""The key in a batch's metadata under which its name stands."""


class BatchAsker:
    """Asks by batch files, one after another; what a batch leaves open goes into the next one."""

    def __init__(self, settings: TeacherSettings, form: Form, books: Books, key: str) -> None:
        self._settings = settings
        self._form = form
        self._books = books
        self._address = settings.addresses[0]
        self._headers = headers_of(key)
        self._resume()

    def settle(self, items: Sequence[Item]) -> None:
        """Settle all items, whose first requests are not in the journal.

        Raises BudgetError where they do not fit under the cap, TeacherError where the server takes no batches.
        """
        pending = list(items)
        while pending:
            asked = self._affordable(pending)
            failed = self._ask(asked)
            known = self._books.journal.find([item.key for item in asked])
            left = pending[len(asked) :]
            for item in asked:
                if item.key in known:
                    item.failures = 0
                    follow(item, replace(known[item.key], is_new=True), self._form, self._books.journal)
                else:
                    self._count_failure(item, failed.get(item.key.hex(), "the batch has no line for it"))
                if item.settled is None:
                    left.append(item)
            pending = left

    def _count_failure(self, item: Item, detail: str) -> None:
        item.failures += 1
        if item.failures >= self._settings.attempts:
            item.settled = Settled(None, Trouble.OVERLOADED.value, detail)

    def _affordable(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the first items, as many as fit under the cap, with what they may cost set aside.

        Raises BudgetError where none does.
        """
        assert not any(item.request.inputs for item in items), "texts are embedded by single requests"
        seen: set[bytes] = set()
        for number, item in enumerate(items):
            item.reserved = None
            if item.key in seen:  # equal requests are asked once
                continue
            seen.add(item.key)
            most = self._books.ledger.most(
                len(item.body), len(item.request.messages), self._form.max_tokens(item.request)
            )
            if not self._books.ledger.reserve(most):
                if number == 0:
                    raise BudgetError("the cap is reached")
                return items[:number]
            item.reserved = most
        return items

    def _ask(self, items: Sequence[Item]) -> dict[str, str]:
        """Hand in one batch and take its answers; return what went wrong, by the keys in hex."""
        lines = {item.key.hex(): item.body for item in items}
        self._books.ledger.to_note()
        self._note()
        try:
            return self._take(self._hand_in(lines))
        finally:
            for item in items:
                if item.reserved is not None:
                    self._books.ledger.release(item.reserved)  # what came has been added, by the answers themselves
            self._books.ledger.forget_note()
            self._note()

    def _note(self) -> None:
        """Have the journal know what is open."""
        books = self._books
        books.journal.note_open(books.account, self._settings.model, books.ledger.reserved())

    def _hand_in(self, lines: dict[str, bytes]) -> Batch:
        content = b"\n".join(_line(name, body) for name, body in lines.items())
        batch = Batch(hashlib.sha256(content + str(time.time_ns()).encode()).hexdigest(), "", content)
        self._books.journal.note_batch(self._books.account, self._settings.model, batch)
        file = self._json(self._send("POST", "/files", content))
        asked = {
            "input_file_id": self._id_of(file),
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {NAME: batch.name},
        }
        found = self._make(batch, orjson.dumps(asked))
        self._books.journal.note_batch(self._books.account, self._settings.model, found)
        return found

    def _make(self, batch: Batch, asked: bytes) -> Batch:
        """Have the server make a batch, once: where its word got lost, it is asked whether it has made it."""
        for attempt in range(TRIES):
            status, content = asyncio.run(self._once("POST", "/batches", asked))
            if 0 < status < 300:
                return replace(batch, identity=self._id_of(self._json(content)))
            if 0 < status < 500 and status != 429:
                break
            time.sleep(min(LAST_LOOK, FIRST_LOOK * float(2**attempt)))
            if (made := self._find(batch)) is not None:
                return made
        raise self._unusable("/batches", status, content)

    def _resume(self) -> None:
        """Take the answers of batches that an earlier run has handed in and not taken."""
        for batch in self._books.journal.open_batches(self._books.account, self._settings.model):
            if not batch.identity:
                batch = self._find(batch) or batch
            if batch.identity and self._is_known(batch):
                _log.warning(
                    "the answers of a batch that an earlier run has handed in (%s) are taken first", batch.identity
                )
                self._take(batch)
            else:
                self._books.journal.forget_batch(batch.name)  # it was never handed in, or nobody knows it any longer

    def _is_known(self, batch: Batch) -> bool:
        status, _ = asyncio.run(self._once("GET", f"/batches/{batch.identity}", None))
        if status in (404, 410):
            _log.warning("%s knows the batch %s no longer; its requests are asked anew", self._address, batch.identity)
            return False
        return True

    def _find(self, batch: Batch) -> Batch | None:
        """Return a batch with the identity that the server gave it, if it got it at all."""
        after = ""
        while True:
            listed = self._json(self._send("GET", f"/batches?limit=100{after}"))
            found = listed.get("data") or []
            for one in found:
                if (one.get("metadata") or {}).get(NAME) == batch.name:
                    return replace(batch, identity=str(one["id"]))
            if not listed.get("has_more") or not found:
                return None
            after = f"&after={found[-1]['id']}"

    def _take(self, batch: Batch) -> dict[str, str]:
        """Wait for a batch and write its answers; return what went wrong, by the keys in hex."""
        state = self._wait(batch)
        bodies = {
            line["custom_id"]: orjson.dumps(line["body"]) for line in map(orjson.loads, batch.content.splitlines())
        }
        failed: dict[str, str] = {}
        entries: list[Entry] = []
        for name in ("output_file_id", "error_file_id"):
            if state.get(name):
                for line in self._send("GET", f"/files/{state[name]}/content").splitlines():
                    self._read(line, bodies, entries, failed)
        if state["status"] == "failed" and not entries:
            self._books.journal.forget_batch(batch.name)  # else every later run would end at it
            raise TeacherError(f"teacher: {self._address} failed the batch {batch.identity}: {_said(state)}")
        self._write(entries)
        self._books.journal.forget_batch(batch.name)
        return failed

    def _read(self, line: bytes, bodies: dict[str, bytes], entries: list[Entry], failed: dict[str, str]) -> None:
        """Take one line of a batch's output into account; what cannot be read is as if it were not there."""
        try:
            found = orjson.loads(line)
            name, response = found["custom_id"], found.get("response") or {}
            outcome = read_response(
                response.get("status_code", 500), {}, orjson.dumps(response.get("body") or found.get("error"))
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return
        if name not in bodies:
            return
        if not isinstance(outcome, Success):
            failed[name] = outcome.detail
            return
        fields = orjson.loads(bodies[name])
        limit = fields.get(self._settings.limit_field, self._settings.most_tokens)
        most = self._books.ledger.most(len(bodies[name]), len(fields["messages"]), limit)
        answer = self._books.ledger.answer(bytes.fromhex(name), outcome, most, 0.0)
        entries.append(Entry(answer, bodies[name], None))

    def _write(self, entries: Sequence[Entry]) -> None:
        books = self._books
        known = books.journal.find([entry.answer.key for entry in entries])
        ledger = books.ledger
        writer = Writer(
            books.journal, books.account, self._settings.model, ledger.reserved, ledger.pay_twice, lambda written: None
        )
        for entry in entries:
            if entry.answer.key not in known:
                answer = entry.answer
                books.ledger.add(answer.cost, answer.prompt_tokens + answer.completion_tokens)
                writer.add(entry)
        writer.close()
        if writer.failure:
            raise TeacherError(writer.failure)

    def _wait(self, batch: Batch) -> dict[str, Any]:
        pause, told = FIRST_LOOK, 0.0
        started = time.monotonic()
        while True:
            state = self._json(self._send("GET", f"/batches/{batch.identity}"))
            if state.get("status") in ENDED:
                return state
            if state.get("status") not in UNDER_WAY or time.monotonic() - started > LONGEST_BATCH:
                raise TeacherError(
                    f"teacher: {self._address} says of the batch {batch.identity}: status {state.get('status')!r}; look "
                    "at it there, and run again, nothing is paid twice"
                )
            if time.monotonic() - started > told:
                counts = state.get("request_counts") or {}
                _log.info("batch %s: %s, %s", batch.identity, state.get("status"), counts)
                told += TELL_SECONDS
            time.sleep(pause)
            pause = min(LAST_LOOK, 2 * pause)

    def _id_of(self, made: dict[str, Any]) -> str:
        if not isinstance(made.get("id"), str):
            raise TeacherError(f"teacher: {self._address} does not say under which id; take out teacher.batch")
        identity: str = made["id"]
        return identity

    def _json(self, content: bytes) -> dict[str, Any]:
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise TeacherError(
                f"teacher: {self._address} does not answer as the batch interface does; take out teacher.batch"
            )
        return found

    def _send(self, method: str, path: str, data: bytes | None = None) -> bytes:
        """Send one request of the batch interface; what passes is tried again. Raises TeacherError."""
        for attempt in range(TRIES):
            status, content = asyncio.run(self._once(method, path, data))
            if status < 300 and status:
                return content
            if 0 < status < 500 and status != 429:
                break
            time.sleep(min(LAST_LOOK, FIRST_LOOK * float(2**attempt)))
        raise self._unusable(path, status, content)

    def _unusable(self, path: str, status: int, content: bytes) -> TeacherError:
        outcome = read_response(status or 503, {}, content)
        said = "no connection" if not status else getattr(outcome, "detail", "")
        return TeacherError(f"teacher: {self._address}{path.partition('?')[0]} cannot be used for batches: {said}")

    async def _once(self, method: str, path: str, data: Any) -> tuple[int, bytes]:
        headers = self._headers
        if path == "/files":
            headers = {name: value for name, value in headers.items() if name != "Content-Type"}  # the form has its own
            form = aiohttp.FormData()
            form.add_field("purpose", "batch")
            form.add_field("file", data, filename="requests.jsonl", content_type="application/jsonl")
            data = form
        timeout = aiohttp.ClientTimeout(total=WAIT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(
                    method, self._address + path, data=data, headers=headers, allow_redirects=False
                ) as response,
            ):
                return response.status, await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return 0, b""


def _line(name: str, body: bytes) -> bytes:
    line = {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": orjson.loads(body)}
    return orjson.dumps(line)


def _said(state: dict[str, Any]) -> str:
    errors = (state.get("errors") or {}).get("data") or [{}]
    return str(errors[0].get("message") or state.get("status"))
