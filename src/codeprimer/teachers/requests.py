"""What is asked and what is answered, and the key under which both are kept.

Reads and writes nothing. Its one idea: a request is known by everything that decides its answer and by nothing else, so
an answer is found again after a crash, from another run, from another address, or with another key of the same provider.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from codeprimer.teachers.settings import TeacherSettings

Role = Literal["system", "user", "assistant"]

MOST_STOPS = 4
"""So many texts that end an answer every server takes."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a chat model, a text to be continued, or texts for a model that embeds."""

    messages: tuple[Message, ...] = ()
    template: str = ""
    """Which wording this is, such as ``quality/1``; another version is another request, whatever the words are."""
    sample: int = 0
    """The how-manieth answer to the same words this is to be, from 0."""
    max_tokens: int | None = None
    """How long the answer may be [tokens]; None: what the settings say."""
    temperature: float | None = None
    schema: dict[str, Any] | None = None
    """A JSON schema that the answer must have."""
    inputs: tuple[str, ...] = ()
    """Texts that are to be embedded; there are no messages then."""
    prompt: str = ""
    """A text that is to be continued; there are no messages then."""
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these; many servers take no more than ``MOST_STOPS``."""

    def longer(self, max_tokens: int) -> Request:
        """Return the same question with another limit."""
        return replace(self, max_tokens=max_tokens)

    def continued(self, answer: str, objection: str) -> Request:
        """Return the question that goes on after an answer that will not do."""
        turn = (Message("assistant", answer), Message("user", objection))
        return replace(self, messages=self.messages + turn)

    @property
    def path(self) -> str:
        """Where it is sent, below the address."""
        if self.inputs:
            return "/embeddings"
        return "/completions" if self.prompt else "/chat/completions"


class Form:
    """How the requests to one teacher look on the wire and in the journal."""

    def __init__(self, settings: TeacherSettings) -> None:
        self._settings = settings
        # In an order of its own, so that another order in a recipe is no other request.
        self._extra = orjson.loads(orjson.dumps(settings.extra, option=orjson.OPT_SORT_KEYS))
        self._fixed = {"model": settings.model, **self._extra}
        if settings.top_p is not None:
            self._fixed["top_p"] = settings.top_p

    def encode(self, request: Request) -> tuple[bytes, bytes]:
        """Return what is sent, as JSON, and the SHA-256 of everything that decides the answer.

        The order of a schema's properties is part of that: a model that is held to a schema writes them in this order.
        """
        body = orjson.dumps(self._fields(request))
        return body, hashlib.sha256(b"%s\n%s\n%d" % (body, request.template.encode(), request.sample)).digest()

    def max_tokens(self, request: Request) -> int:
        """Return how long the answer may be [tokens]; vectors are not counted."""
        if request.inputs:
            return 0
        return self._settings.max_tokens if request.max_tokens is None else request.max_tokens

    def _fields(self, request: Request) -> dict[str, Any]:
        settings = self._settings
        if request.inputs:
            return {"model": settings.model, "input": list(request.inputs), **self._extra}
        fields = self._fixed | self._words(request)
        if request.stop:
            fields["stop"] = list(request.stop)
        temperature = settings.temperature if request.temperature is None else request.temperature
        if temperature is not None:
            fields["temperature"] = temperature
        if request.sample:
            fields["seed"] = request.sample
        if request.schema is not None:
            if settings.structured == "json_schema":
                schema = {"name": "answer", "schema": request.schema, "strict": True}
                fields["response_format"] = {"type": "json_schema", "json_schema": schema}
            elif settings.structured == "json_object":
                fields["response_format"] = {"type": "json_object"}
        return fields

    def _words(self, request: Request) -> dict[str, Any]:
        """Return what is said, and how long the answer may be."""
        limit = self.max_tokens(request)
        if request.prompt:  # this form is older than the other name of the limit
            return {"prompt": request.prompt, "max_tokens": limit}
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        return {"messages": messages, self._settings.limit_field: limit}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a teacher answered, as it is kept."""

    key: bytes
    text: str
    finish: str
    """``stop``; ``length`` where it was cut off; else what the server says."""
    prompt_tokens: int
    completion_tokens: int
    cost: int
    """[nano-USD]"""
    model: str
    """What the server says that it is."""
    seconds: float
    """From sending to the last byte [s]."""
    is_metered: bool = True
    """False where the server did not say what it used, and the most that it can have been is counted."""
    is_new: bool = True
    """False where it was in the journal already."""

    @property
    def is_cut_off(self) -> bool:
        """Whether the answer ended because it had become too long."""
        return self.finish == "length"

    @property
    def request_id(self) -> str:
        """The key as text, for the tables."""
        return self.key.hex()
