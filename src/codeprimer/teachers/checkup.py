"""What is wrong with an endpoint, in plain words: one plain request, and one for a form.

Reads the settings and two responses. Its one idea: each thing that can be wrong is looked at on its own, so that the first
sentence names the one that has to be mended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from codeprimer.core.errors import RecipeError
from codeprimer.teachers.endpoint import Endpoint
from codeprimer.teachers.outcomes import Failure, Success, Trouble
from codeprimer.teachers.prices import as_usd, tariff_of
from codeprimer.teachers.questions import FormQuestion, read_json
from codeprimer.teachers.requests import Form, Message, Request
from codeprimer.teachers.settings import TeacherSettings
from codeprimer.teachers.teacher import key_of

PATIENCE = 30.0
"""How long an answer is waited for [s]."""

ANSWER_TOKENS = 64
TRIES, PAUSE = 3, 0.5
_PASSING = frozenset({Trouble.REFUSED, Trouble.OVERLOADED, Trouble.DROPPED, Trouble.BROKEN, Trouble.EMPTY})

_REMEDIES = {
    Trouble.UNREACHABLE: "start the server, or correct teacher.base_url",
    Trouble.DROPPED: "look at the server's own log, and at what lies between here and there",
    Trouble.SILENT: "look at the server: it takes requests and does not answer them",
    Trouble.REFUSED: "wait a little, or lower teacher.max_in_flight and requests_per_minute",
    Trouble.OVERLOADED: "look at the server's own log",
    Trouble.BROKEN: "look at what lies between here and the server, such as a proxy",
    Trouble.EMPTY: "choose another model, or look at the server's own log",
    Trouble.BAD_REQUEST: "take out what the server does not know, in teacher.extra, or set teacher.structured: prompt",
    Trouble.WRONG_SETUP: "correct teacher.base_url, teacher.model or the key",
}


class Colour(BaseModel):
    """A form that any model can fill."""

    colour: str


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    is_good: bool
    detail: str


def check_up(settings: TeacherSettings) -> Iterator[Check]:
    """Yield what is found, and stop at what makes everything after it pointless."""
    try:
        tariff = tariff_of(settings)
        costs = as_usd(tariff.cost(1_000_000, 0)), as_usd(tariff.cost(0, 1_000_000))
        price = (
            f"{costs[0]} per million tokens sent, {costs[1]} answered" if tariff.is_known else "not known, tokens count"
        )
        yield Check("price", True, "free" if costs == ("0.00 USD", "0.00 USD") and tariff.is_known else price)
    except RecipeError as error:
        yield Check("price", False, str(error))
    try:
        key = key_of(settings)
    except RecipeError as error:
        yield Check("key", False, str(error))
        return
    yield Check("key", True, f"taken from {settings.api_key_env}" if key else "none is sent")
    for address in settings.addresses:
        yield from _check_address(settings, address, key)


def _check_address(settings: TeacherSettings, address: str, key: str) -> Iterator[Check]:
    plain = Request((Message("user", "Say the word blue, and nothing else."),), max_tokens=ANSWER_TOKENS)
    outcome, seconds = _send(settings, address, key, plain)
    if isinstance(outcome, Failure):
        yield Check("answer", False, f"{address}: {outcome.detail}; {_REMEDIES[outcome.trouble]}")
        return
    served = f" by {_short(outcome.model)}" if outcome.model and outcome.model != settings.model else ""
    yield Check("answer", True, f"{address} answers within {seconds:.2f} s{served}: {_short(outcome.text)}")
    if outcome.prompt_tokens is None or outcome.completion_tokens is None:
        yield Check(
            "usage", False, "the server does not say how many tokens it used; the most that it can be is counted"
        )
    else:
        yield Check("usage", True, f"{outcome.prompt_tokens} tokens sent and {outcome.completion_tokens} answered")
    yield _check_form(settings, address, key)


def _check_form(settings: TeacherSettings, address: str, key: str) -> Check:
    asked = Request((Message("user", "Which colour has the sky on a clear day?"),), max_tokens=ANSWER_TOKENS)
    outcome, _ = _send(settings, address, key, FormQuestion(asked, settings, Colour, "").first())
    if isinstance(outcome, Failure):
        other = "json_object" if settings.structured == "json_schema" else "prompt"
        return Check("form", False, f"structured: {settings.structured} is not taken ({outcome.detail}); try {other}")
    try:
        Colour.model_validate(read_json(outcome.text))
    except ValueError:
        said = _short(outcome.text)
        return Check(
            "form", False, f"structured: {settings.structured} does not lead to the form that is asked for: {said}"
        )
    return Check("form", True, f"structured: {settings.structured} leads to the form that is asked for")


def _send(settings: TeacherSettings, address: str, key: str, request: Request) -> tuple[Success | Failure, float]:
    """Send a request; what passes is tried again, as a run does."""
    for attempt in range(TRIES):
        outcome, seconds = _send_once(settings, address, key, request)
        if isinstance(outcome, Success) or outcome.trouble not in _PASSING:
            break
        if attempt + 1 < TRIES:
            time.sleep(PAUSE)
    return outcome, seconds


def _send_once(settings: TeacherSettings, address: str, key: str, request: Request) -> tuple[Success | Failure, float]:
    async def send() -> Success | Failure:
        endpoint = Endpoint(address, settings, key)
        try:
            return await asyncio.wait_for(endpoint.send(request.path, Form(settings).encode(request)[0]), PATIENCE)
        except TimeoutError:
            return Failure(Trouble.SILENT, f"no answer within {PATIENCE:.0f} s")
        finally:
            endpoint.close()
            await asyncio.sleep(0)  # connections end in the next round of the loop

    started = time.perf_counter()
    return asyncio.run(send()), time.perf_counter() - started


def _short(text: str) -> str:
    shown = " ".join(text.split())
    return repr(shown if len(shown) <= 60 else shown[:57] + "...")
