"""Questions: each determines what follows an answer: another request or the result.

Reads answers; sends nothing. Key idea: an answer that was cut off is never repaired, but requested again with a larger
limit. An answer that does not match the schema is sent back once, with the error. After that, the question is set aside
with the reason and all its answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from codeprimer.teachers.requests import Answer, Message, Request
from codeprimer.teachers.settings import TeacherSettings

GROWTH = 2
"""Factor by which the token limit grows after an answer that was cut off."""

CUT_OFF, OTHER_FORM, WITHHELD = "cut_off", "other_form", "withheld"
"""Why a question is set aside: its answer was cut off even at the largest limit, did not match the schema, or was withheld."""


@dataclass(frozen=True, slots=True)
class Result:
    """A question's result: a value, or the reason why there is none."""

    value: Any = None
    reason: str = ""
    """One word; empty if there is a value."""
    detail: str = ""


class Question(Protocol):
    """A question, which may take several requests."""

    def first(self) -> Request:
        """Return the first request."""
        ...

    def then(self, request: Request, answer: Answer) -> Request | Result:
        """Return what follows an answer: another request or the result."""
        ...


class PlainQuestion:
    """Asks for text."""

    def __init__(self, request: Request, settings: TeacherSettings) -> None:
        self._request = request
        self._settings = settings

    def first(self) -> Request:
        """Return the request."""
        return self._request

    def then(self, request: Request, answer: Answer) -> Request | Result:
        """Return the text, or the same request with a larger token limit."""
        if answer.is_cut_off:
            return self._longer(request)
        if answer.finish != "stop":
            return Result(None, WITHHELD, f"finish_reason {answer.finish!r}")
        return self.read(request, answer)

    def read(self, request: Request, answer: Answer) -> Request | Result:
        """Return the result of a complete answer."""
        del request
        return Result(answer.text)

    def _longer(self, request: Request) -> Request | Result:
        limit = self._settings.max_tokens if request.max_tokens is None else request.max_tokens
        if limit >= self._settings.max_tokens_on_retry:
            return Result(None, CUT_OFF, f"longer than {limit:,} tokens")
        return request.longer(min(limit * GROWTH, self._settings.max_tokens_on_retry))


class BareQuestion:
    """Asks for text and accepts it even if it was cut off."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def first(self) -> Request:
        """Return the request."""
        return self._request

    def then(self, request: Request, answer: Answer) -> Request | Result:
        """Return the text, unless the server withheld it."""
        del request
        if answer.finish not in ("stop", "length"):
            return Result(None, WITHHELD, f"finish_reason {answer.finish!r}")
        return Result(answer.text)


class EmbeddingQuestion:
    """Asks for the embeddings of texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(texts)

    def first(self) -> Request:
        """Return the request."""
        return Request(inputs=self._texts)

    def then(self, request: Request, answer: Answer) -> Request | Result:
        """Return one vector per text, as lists of floats."""
        try:
            vectors = orjson.loads(answer.text)
        except orjson.JSONDecodeError:
            vectors = None
        if not isinstance(vectors, list):
            return Result(None, OTHER_FORM, "the answer has no vectors")
        if len(vectors) != len(request.inputs):
            return Result(None, OTHER_FORM, f"{len(vectors)} vectors for {len(request.inputs)} texts")
        return Result(vectors)


ModelType = TypeVar("ModelType", bound=BaseModel)


class StructuredQuestion(PlainQuestion, Generic[ModelType]):
    """Asks for a JSON object that matches a pydantic model; ``check`` can also reject the object."""

    def __init__(
        self,
        request: Request,
        settings: TeacherSettings,
        form: type[ModelType],
        check: Callable[[ModelType], str] | None = None,
    ) -> None:
        """``check`` returns an objection or an empty string."""
        super().__init__(_with_form(request, settings, form), settings)
        self._form = form
        self._check = check

    def read(self, request: Request, answer: Answer) -> Request | Result:
        """Return the object; for the first invalid answer, a request with the objection."""
        try:
            filled = self._form.model_validate(read_json(answer.text))
            objection = self._check(filled) if self._check else ""
        except ValidationError as error:
            objection = _objection(error)
        except ValueError as error:
            objection = str(error)
        if not objection:
            return Result(filled)
        if len(request.messages) > len(self._request.messages):
            return Result(None, OTHER_FORM, objection)
        return request.continued(
            answer.text, f"That will not do: {objection}. Answer again, with nothing but the JSON."
        )


def _with_form(request: Request, settings: TeacherSettings, form: type[BaseModel]) -> Request:
    schema = strict_schema(form)
    messages = request.messages
    if settings.structured != "json_schema":
        said = f"\n\nAnswer with one JSON object of this schema, and nothing else:\n{orjson.dumps(schema).decode()}"
        *before, last = messages
        messages = (*before, Message(last.role, last.content + said))
    return Request(messages, request.template, request.sample, request.max_tokens, request.temperature, schema)


_SCHEMAS: dict[type[BaseModel], dict[str, Any]] = {}


def strict_schema(form: type[BaseModel]) -> dict[str, Any]:
    """Return a model's JSON schema with all fields required and no others allowed, as strict servers require."""
    if form not in _SCHEMAS:
        schema = _bare(form.model_json_schema())
        for part in (schema, *schema.get("$defs", {}).values()):
            if part.get("type") == "object":
                part["additionalProperties"] = False
                part["required"] = list(part.get("properties", {}))
        _SCHEMAS[form] = schema
    return _SCHEMAS[form]


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without titles and descriptions, which pydantic takes from names and docstrings.

    The schema is part of the request, so editing a docstring would otherwise change the request.
    """
    bare: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            bare[key] = {name: _bare(part) for name, part in value.items()}
        elif key not in ("title", "description"):
            bare[key] = _bare_value(value)
    return bare


def _bare_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _bare(value)
    return [_bare_value(part) for part in value] if isinstance(value, list) else value


def digest_of(*words: str, forms: Sequence[type[BaseModel]] = ()) -> str:
    """Return a digest of the words and schemas that a template contributes to a request."""
    content = orjson.dumps([list(words), [strict_schema(form) for form in forms]])
    return hashlib.sha256(content).hexdigest()[:16]


def read_json(text: str) -> Any:
    """Parse a complete answer as JSON; tolerate a Markdown fence and trailing commas.

    Raises ValueError if it is not JSON; the message is sent to the model as an objection.
    """
    text = _without_fence(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return orjson.loads(_without_last_commas(text))
    except orjson.JSONDecodeError as error:
        raise ValueError(f"it is no JSON ({error})") from None


def _without_fence(text: str) -> str:
    """Return the text between Markdown fences, or the text itself."""
    text = text.strip()
    first, found, rest = text.partition("\n")
    if not found or not first.startswith("```") or not rest.endswith("```"):
        return text
    return rest.removesuffix("```")


def _without_last_commas(text: str) -> str:
    """Return JSON without trailing commas, in one pass."""
    kept: list[str] = []
    in_string = is_escaped = False
    comma = -1
    for character in text:
        if in_string:
            in_string = is_escaped or character != '"'
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            in_string, comma = True, -1
        elif character == ",":
            comma = len(kept)
        elif character in "]}":
            if comma >= 0:
                kept[comma] = ""
            comma = -1
        elif not character.isspace():
            comma = -1
        kept.append(character)
    return "".join(kept)


def _objection(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "the whole"
    return f"{place}: {first['msg']}"
