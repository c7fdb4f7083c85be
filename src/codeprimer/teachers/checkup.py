"""Diagnoses an endpoint with two requests: one for text, one for JSON.

Reads the settings and two responses. Key idea: each possible problem is checked separately, so the first failed check
shows what to fix.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from codeprimer.core.errors import RecipeError
from codeprimer.teachers.client import Client, NotSent
from codeprimer.teachers.endpoint import Endpoint
from codeprimer.teachers.outcomes import FATAL, FINAL, Failure, FailureReason, Success
from codeprimer.teachers.prices import as_usd, tariff_of
from codeprimer.teachers.questions import StructuredQuestion, read_json
from codeprimer.teachers.requests import Message, Request, RequestEncoder
from codeprimer.teachers.settings import TeacherSettings
from codeprimer.teachers.teacher import key_of

PATIENCE = 30.0
"""Timeout of a request [s]."""

ANSWER_TOKENS = 64
TRIES, PAUSE = 3, 0.5
_TRANSIENT = frozenset(FailureReason) - FATAL - FINAL - {FailureReason.UNREACHABLE, FailureReason.TIMED_OUT}

_REMEDIES = {
    FailureReason.UNREACHABLE: "start the server, or correct teacher.base_url",
    FailureReason.DROPPED: "check the server's log, and any proxy or gateway in between",
    FailureReason.TIMED_OUT: "check the server: it accepts requests but does not answer",
    FailureReason.RATE_LIMITED: "wait a moment, or lower teacher.max_in_flight and requests_per_minute",
    FailureReason.SERVER_ERROR: "check the server's log",
    FailureReason.BROKEN_ANSWER: "check any proxy or gateway between here and the server",
    FailureReason.EMPTY_ANSWER: "choose another model, or check the server's log",
    FailureReason.BAD_REQUEST: "remove unknown fields from teacher.extra, or set teacher.structured: prompt",
    FailureReason.WRONG_SETUP: "correct teacher.base_url, teacher.model or the key",
}


class Colour(BaseModel):
    """A schema that any model can follow."""

    colour: str


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    is_good: bool
    detail: str


def check_up(settings: TeacherSettings) -> Iterator[Check]:
    """Yield the checks; stop after a failure that makes further checks pointless."""
    try:
        tariff = tariff_of(settings)
        costs = as_usd(tariff.cost(1_000_000, 0)), as_usd(tariff.cost(0, 1_000_000))
        price = (
            f"{costs[0]} per million input tokens, {costs[1]} per million output tokens"
            if tariff.is_known
            else "unknown"
        )
        yield Check("price", True, "free" if costs == ("0.00 USD", "0.00 USD") and tariff.is_known else price)
    except RecipeError as error:
        yield Check("price", False, str(error))
    try:
        key = key_of(settings)
    except RecipeError as error:
        yield Check("key", False, str(error))
        return
    yield Check("key", True, f"from {settings.api_key_env}" if key else "none")
    for address in settings.addresses:
        yield from _check_address(settings, address, key)


def _check_address(settings: TeacherSettings, address: str, key: str) -> Iterator[Check]:
    plain = Request((Message("user", "Say the word blue, and nothing else."),), max_tokens=ANSWER_TOKENS)
    outcome, seconds = _send(settings, address, key, plain)
    if isinstance(outcome, Failure):
        yield Check("answer", False, f"{address}: {outcome.detail}; {_REMEDIES[outcome.reason]}")
        return
    served = f" by {_short(outcome.model)}" if outcome.model and outcome.model != settings.model else ""
    yield Check("answer", True, f"{address} answers in {seconds:.2f} s{served}: {_short(outcome.text)}")
    if outcome.prompt_tokens is None or outcome.completion_tokens is None:
        yield Check("usage", False, "the server does not report token usage; the worst case will be counted")
    else:
        yield Check("usage", True, f"{outcome.prompt_tokens} input tokens, {outcome.completion_tokens} output tokens")
    yield _check_form(settings, address, key)


def _check_form(settings: TeacherSettings, address: str, key: str) -> Check:
    asked = Request((Message("user", "What colour is the sky on a clear day?"),), max_tokens=ANSWER_TOKENS)
    outcome, _ = _send(settings, address, key, StructuredQuestion(asked, settings, Colour).first())
    if isinstance(outcome, Failure):
        other = "json_object" if settings.structured == "json_schema" else "prompt"
        return Check("JSON", False, f"structured: {settings.structured} is rejected ({outcome.detail}); try {other}")
    try:
        Colour.model_validate(read_json(outcome.text))
    except ValueError:
        said = _short(outcome.text)
        return Check("JSON", False, f"structured: {settings.structured} does not yield valid JSON: {said}")
    return Check("JSON", True, f"structured: {settings.structured} yields valid JSON")


def _send(settings: TeacherSettings, address: str, key: str, request: Request) -> tuple[Success | Failure, float]:
    """Send a request, retrying transient failures as a run does."""
    for attempt in range(TRIES):
        outcome, seconds = _send_once(settings, address, key, request)
        if isinstance(outcome, Success) or outcome.reason not in _TRANSIENT:
            break
        if attempt + 1 < TRIES:
            time.sleep(PAUSE)
    return outcome, seconds


def _send_once(settings: TeacherSettings, address: str, key: str, request: Request) -> tuple[Success | Failure, float]:
    async def send() -> Success | Failure:
        client = Client(key, max_in_flight=1)
        endpoint = Endpoint(address, settings, client)
        try:
            return await asyncio.wait_for(
                endpoint.send(request.path, RequestEncoder(settings).encode(request)[0]), PATIENCE
            )
        except (TimeoutError, NotSent):
            return Failure(FailureReason.TIMED_OUT, f"no answer within {PATIENCE:.0f} s")
        finally:
            await client.close()
            await asyncio.sleep(0)  # transports close in the next iteration of the loop

    started = time.perf_counter()
    return asyncio.run(send()), time.perf_counter() - started


def _short(text: str) -> str:
    shown = " ".join(text.split())
    return repr(shown if len(shown) <= 60 else shown[:57] + "...")
