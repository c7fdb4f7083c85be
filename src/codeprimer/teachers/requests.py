"""Requests and answers, and the key under which the journal stores them.

Reads and writes nothing. Key idea: the key covers everything that determines the answer and nothing else, so an answer is
found again after a crash, in a later run, at a different URL, or with a different API key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from codeprimer.teachers.settings import TeacherSettings

Role = Literal["system", "user", "assistant"]

MAX_STOPS = 4
"""Many servers accept no more stop strings than this."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a chat model, a completion model or an embedding model."""

    messages: tuple[Message, ...] = ()
    template: str = ""
    """Name and version of the prompt, such as ``quality/1``; a different version makes a different request."""
    sample: int = 0
    """Sample index: a different index gives a different answer to the same messages."""
    max_tokens: int | None = None
    """Maximum answer length [tokens]; None: the value in the settings."""
    temperature: float | None = None
    schema: dict[str, Any] | None = None
    """The JSON schema of the answer."""
    inputs: tuple[str, ...] = ()
    """Texts to embed, instead of messages."""
    prompt: str = ""
    """A text to continue, instead of messages."""
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these strings; many servers accept at most ``MAX_STOPS``."""

    def longer(self, max_tokens: int) -> Request:
        """Return the same request with a different token limit."""
        return replace(self, max_tokens=max_tokens)

    def continued(self, answer: str, objection: str) -> Request:
        """Return the conversation continued with an answer and an objection to it."""
        turn = (Message("assistant", answer), Message("user", objection))
        return replace(self, messages=self.messages + turn)

    @property
    def path(self) -> str:
        """The path below the base URL."""
        if self.inputs:
            return "/embeddings"
        return "/completions" if self.prompt else "/chat/completions"


class RequestEncoder:
    """Encodes the requests to one teacher, for the network and for the journal."""

    def __init__(self, settings: TeacherSettings) -> None:
        self._settings = settings
        # Sorted, so that reordering a recipe does not change the request.
        self._extra = orjson.loads(orjson.dumps(settings.extra, option=orjson.OPT_SORT_KEYS))
        self._fixed = {"model": settings.model, **self._extra}
        if settings.top_p is not None:
            self._fixed["top_p"] = settings.top_p

    def encode(self, request: Request) -> tuple[bytes, bytes]:
        """Return the JSON body, and the SHA-256 of everything that determines the answer.

        The hash covers the order of a schema's properties, because constrained decoding writes them in this order.
        """
        body = orjson.dumps(self._fields(request))
        return body, hashlib.sha256(b"%s\n%s\n%d" % (body, request.template.encode(), request.sample)).digest()

    def max_tokens(self, request: Request) -> int:
        """Return the maximum answer length [tokens]; 0 for embeddings."""
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
        """Return the messages or the prompt, and the token limit."""
        limit = self.max_tokens(request)
        if request.prompt:  # this API knows only the older name of the limit
            return {"prompt": request.prompt, "max_tokens": limit}
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        return {"messages": messages, self._settings.limit_field: limit}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, as the journal stores it."""

    key: bytes
    text: str
    finish: str
    """``stop``, or ``length`` if it was cut off; otherwise, the server's own finish reason."""
    prompt_tokens: int
    completion_tokens: int
    cost: int
    """[nano-USD]"""
    model: str
    """The model's name in the response."""
    seconds: float
    """From sending to the last byte [s]."""
    is_metered: bool = True
    """False if the server did not report the usage; the worst case is then counted."""
    is_new: bool = True
    """False if it was already in the journal."""

    @property
    def is_cut_off(self) -> bool:
        """Whether the answer reached its token limit."""
        return self.finish == "length"

    @property
    def request_id(self) -> str:
        """The key in hex, for tables."""
        return self.key.hex()
