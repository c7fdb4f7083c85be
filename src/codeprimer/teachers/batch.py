"""The batch API: many requests in one file are answered within a day at a lower price.

Transfers files of JSON lines over HTTP; reads and writes the journal. Key idea: a batch is recorded in the journal before
it is submitted, under a name that the server also stores. A run that was killed at any moment therefore finds it again
instead of paying for it twice. Answers are matched by key, in any order.
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

from codeprimer.teachers.budget import Account
from codeprimer.teachers.client import headers_of
from codeprimer.teachers.errors import BudgetError, TeacherError
from codeprimer.teachers.items import Item, follow
from codeprimer.teachers.journal import Batch
from codeprimer.teachers.outcomes import FailureReason, Success, read_response
from codeprimer.teachers.questions import Result
from codeprimer.teachers.requests import RequestEncoder
from codeprimer.teachers.settings import TeacherSettings
from codeprimer.teachers.writer import Entry, Writer

FIRST_POLL, MAX_POLL = 1.0, 60.0
"""Polling interval, first and maximum [s]; it doubles."""

ENDED = frozenset({"completed", "expired", "failed", "cancelled"})
UNDER_WAY = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
MAX_BATCH_SECONDS = 26 * 3600.0
"""Maximum wait for a batch [s]; providers promise the answers within a day."""

WAIT_SECONDS = 60.0
"""Timeout for one HTTP request to the batch API [s]."""

TRIES = 5
LOG_SECONDS = 600.0
_log = logging.getLogger(__name__)
NAME = "codeprimer"
"""The metadata key under which a batch stores our name for it."""


class BatchAsker:
    """Sends batches one after another; requests that one batch leaves unanswered go into the next."""

    def __init__(self, settings: TeacherSettings, encoder: RequestEncoder, account: Account, key: str) -> None:
        self._settings = settings
        self._encoder = encoder
        self._account = account
        self._address = settings.addresses[0]
        self._headers = headers_of(key)
        self._resume()

    def settle(self, items: Sequence[Item]) -> None:
        """Get a result for every item; the items' first requests must not be in the journal.

        Raises BudgetError if the items do not fit the budget, and TeacherError if the server has no batch API.
        """
        pending = list(items)
        while pending:
            asked = self._affordable(pending)
            failed = self._ask(asked)
            known = self._account.journal.find([item.key for item in asked])
            left = pending[len(asked) :]
            for item in asked:
                if item.key in known:
                    item.failures = 0
                    follow(item, replace(known[item.key], is_new=True), self._encoder, self._account.journal)
                else:
                    self._count_failure(item, failed.get(item.key.hex(), "the batch has no line for this request"))
                if item.result is None:
                    left.append(item)
            pending = left

    def _count_failure(self, item: Item, detail: str) -> None:
        item.failures += 1
        if item.failures >= self._settings.attempts:
            item.result = Result(None, FailureReason.SERVER_ERROR.value, detail)

    def _affordable(self, items: Sequence[Item]) -> Sequence[Item]:
        """Reserve the worst-case cost of as many items as fit the budget, and return these items.

        Raises BudgetError if none fits.
        """
        assert not any(item.request.inputs for item in items), "embeddings are not batched"
        seen: set[bytes] = set()
        for number, item in enumerate(items):
            item.reserved = None
            if item.key in seen:  # identical requests are sent once
                continue
            seen.add(item.key)
            worst = self._account.budget.worst_case(
                len(item.body), len(item.request.messages), self._encoder.max_tokens(item.request)
            )
            if not self._account.budget.reserve(worst):
                if number == 0:
                    raise BudgetError("the budget is reached")
                return items[:number]
            item.reserved = worst
        return items

    def _ask(self, items: Sequence[Item]) -> dict[str, str]:
        """Submit one batch and collect its answers; return the failures by key in hex."""
        lines = {item.key.hex(): item.body for item in items}
        self._account.budget.to_record()
        self._note()
        try:
            return self._take(self._submit(lines))
        finally:
            for item in items:
                if item.reserved is not None:
                    self._account.budget.release(item.reserved)  # the answers received have been charged
            self._account.budget.release_record()
            self._note()

    def _note(self) -> None:
        """Record the open reservations in the journal."""
        account = self._account
        account.journal.note_open(account.name, self._settings.model, account.budget.reserved())

    def _submit(self, lines: dict[str, bytes]) -> Batch:
        content = b"\n".join(_line(name, body) for name, body in lines.items())
        batch = Batch(hashlib.sha256(content + str(time.time_ns()).encode()).hexdigest(), "", content)
        self._account.journal.note_batch(self._account.name, self._settings.model, batch)
        file = self._json(self._send("POST", "/files", content))
        asked = {
            "input_file_id": self._id_of(file),
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {NAME: batch.name},
        }
        found = self._make(batch, orjson.dumps(asked))
        self._account.journal.note_batch(self._account.name, self._settings.model, found)
        return found

    def _make(self, batch: Batch, asked: bytes) -> Batch:
        """Create a batch once: if the response was lost, look for the batch before trying again."""
        for attempt in range(TRIES):
            status, content = asyncio.run(self._once("POST", "/batches", asked))
            if 0 < status < 300:
                return replace(batch, identity=self._id_of(self._json(content)))
            if 0 < status < 500 and status != 429:
                break
            time.sleep(min(MAX_POLL, FIRST_POLL * float(2**attempt)))
            if (made := self._find(batch)) is not None:
                return made
        raise self._unusable("/batches", status, content)

    def _resume(self) -> None:
        """Collect batches that an earlier run submitted."""
        for batch in self._account.journal.open_batches(self._account.name, self._settings.model):
            if not batch.identity:
                batch = self._find(batch) or batch
            if batch.identity and self._is_known(batch):
                _log.warning("first collecting batch %s, which an earlier run submitted", batch.identity)
                self._take(batch)
            else:
                self._account.journal.forget_batch(batch.name)  # it was never submitted, or the provider deleted it

    def _is_known(self, batch: Batch) -> bool:
        status, _ = asyncio.run(self._once("GET", f"/batches/{batch.identity}", None))
        if status in (404, 410):
            _log.warning("%s no longer has the batch %s; its requests are sent again", self._address, batch.identity)
            return False
        return True

    def _find(self, batch: Batch) -> Batch | None:
        """Return a batch with the provider's id, or None if the provider does not have it."""
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
        """Wait for a batch and write its answers; return the failures by key in hex."""
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
            self._account.journal.forget_batch(batch.name)  # otherwise every later run would stop here
            raise TeacherError(f"teacher: {self._address} rejected the batch {batch.identity}: {_said(state)}")
        self._write(entries)
        self._account.journal.forget_batch(batch.name)
        return failed

    def _read(self, line: bytes, bodies: dict[str, bytes], entries: list[Entry], failed: dict[str, str]) -> None:
        """Read one line of a batch's output; unreadable lines are skipped."""
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
        limit = fields.get(self._settings.limit_field, self._settings.max_tokens_on_retry)
        worst = self._account.budget.worst_case(len(bodies[name]), len(fields["messages"]), limit)
        answer = self._account.budget.answer(bytes.fromhex(name), outcome, worst, 0.0)
        entries.append(Entry(answer, bodies[name], None))

    def _write(self, entries: Sequence[Entry]) -> None:
        account = self._account
        known = account.journal.find([entry.answer.key for entry in entries])
        writer = Writer(account, self._settings.model, lambda written: None)
        for entry in entries:
            if entry.answer.key not in known:
                answer = entry.answer
                account.budget.add(answer.cost, answer.prompt_tokens + answer.completion_tokens)
                writer.add(entry)
        writer.close()
        if writer.failure:
            raise TeacherError(writer.failure)

    def _wait(self, batch: Batch) -> dict[str, Any]:
        pause, logged = FIRST_POLL, 0.0
        started = time.monotonic()
        while True:
            state = self._json(self._send("GET", f"/batches/{batch.identity}"))
            if state.get("status") in ENDED:
                return state
            if state.get("status") not in UNDER_WAY or time.monotonic() - started > MAX_BATCH_SECONDS:
                raise TeacherError(
                    f"teacher: {self._address} reports status {state.get('status')!r} for the batch {batch.identity}; "
                    "check it at the provider, then run again; no request is paid for twice"
                )
            if time.monotonic() - started > logged:
                counts = state.get("request_counts") or {}
                _log.info("batch %s: %s, %s", batch.identity, state.get("status"), counts)
                logged += LOG_SECONDS
            time.sleep(pause)
            pause = min(MAX_POLL, 2 * pause)

    def _id_of(self, made: dict[str, Any]) -> str:
        if not isinstance(made.get("id"), str):
            raise TeacherError(f"teacher: {self._address} returns no id; set teacher.batch: false")
        identity: str = made["id"]
        return identity

    def _json(self, content: bytes) -> dict[str, Any]:
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise TeacherError(f"teacher: {self._address} does not answer like a batch API; set teacher.batch: false")
        return found

    def _send(self, method: str, path: str, data: bytes | None = None) -> bytes:
        """Send one request to the batch API, with retries. Raises TeacherError if they all fail."""
        for attempt in range(TRIES):
            status, content = asyncio.run(self._once(method, path, data))
            if status < 300 and status:
                return content
            if 0 < status < 500 and status != 429:
                break
            time.sleep(min(MAX_POLL, FIRST_POLL * float(2**attempt)))
        raise self._unusable(path, status, content)

    def _unusable(self, path: str, status: int, content: bytes) -> TeacherError:
        outcome = read_response(status or 503, {}, content)
        said = "no connection" if not status else getattr(outcome, "detail", "")
        return TeacherError(f"teacher: {self._address}{path.partition('?')[0]} cannot be used for batches: {said}")

    async def _once(self, method: str, path: str, data: Any) -> tuple[int, bytes]:
        headers = self._headers
        if path == "/files":
            headers = {
                name: value for name, value in headers.items() if name != "Content-Type"
            }  # the form sets its own content type
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
