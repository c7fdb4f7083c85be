"""What is asked for, until it is settled: an answer in one piece, of the right form, after one objection at most.

Reads answers; sends nothing. Its one idea: a question decides what follows an answer. An answer that was cut off is asked
for again under a larger limit and never repaired; one that is not of the form that was wanted is sent back once with what
is wrong about it; then it is put aside with the reason and everything that was said.
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
"""How much longer the next answer may be."""

CUT_OFF, OTHER_FORM, WITHHELD = "cut_off", "other_form", "withheld"
"""Why an answer is put aside: too long even under the largest limit; not of the form; the server's filter."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of a question: a value, or a fault and what it was."""

    value: Any = None
    fault: str = ""
    detail: str = ""


class Question(Protocol):
    """Something to be asked, with as many requests as it takes."""

    def first(self) -> Request:
        """Return the first request."""
        ...

    def then(self, request: Request, answer: Answer) -> Request | Settled:
        """Return what follows an answer: another request, or the end."""
        ...


class PlainQuestion:
    """Asks for text."""

    parser = ""

    def __init__(self, request: Request, settings: TeacherSettings) -> None:
        self._request = request
        self._settings = settings

    def first(self) -> Request:
        """Return the request."""
        return self._request

    def then(self, request: Request, answer: Answer) -> Request | Settled:
        """Return the text, or the same request with a larger limit."""
        if answer.is_cut_off:
            return self._longer(request)
        if answer.finish != "stop":
            return Settled(None, WITHHELD, f"finish_reason {answer.finish!r}")
        return self.read(request, answer)

    def read(self, request: Request, answer: Answer) -> Request | Settled:
        """Return what a whole answer says."""
        del request
        return Settled(answer.text)

    def _longer(self, request: Request) -> Request | Settled:
        limit = self._settings.max_tokens if request.max_tokens is None else request.max_tokens
        if limit >= self._settings.most_tokens:
            return Settled(None, CUT_OFF, f"longer than {limit:,} tokens")
        return request.longer(min(limit * GROWTH, self._settings.most_tokens))


class BareQuestion:
    """Asks for text and takes it as it comes: one that was cut off is an answer too."""

    parser = ""

    def __init__(self, request: Request) -> None:
        self._request = request

    def first(self) -> Request:
        """Return the request."""
        return self._request

    def then(self, request: Request, answer: Answer) -> Request | Settled:
        """Return the text, unless the server kept it back."""
        del request
        if answer.finish not in ("stop", "length"):
            return Settled(None, WITHHELD, f"finish_reason {answer.finish!r}")
        return Settled(answer.text)


class EmbeddingQuestion:
    """Asks for the vectors of some texts."""

    parser = ""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(texts)

    def first(self) -> Request:
        """Return the request."""
        return Request(inputs=self._texts)

    def then(self, request: Request, answer: Answer) -> Request | Settled:
        """Return a vector per text, as lists of floats."""
        try:
            vectors = orjson.loads(answer.text)
        except orjson.JSONDecodeError:
            vectors = None
        if not isinstance(vectors, list):
            return Settled(None, OTHER_FORM, "no vectors")
        if len(vectors) != len(request.inputs):
            return Settled(None, OTHER_FORM, f"{len(vectors)} vectors for {len(request.inputs)} texts")
        return Settled(vectors)


FormType = TypeVar("FormType", bound=BaseModel)


class FormQuestion(PlainQuestion, Generic[FormType]):
    """Asks for a filled form, which ``check`` may object to as well."""

    def __init__(
        self,
        request: Request,
        settings: TeacherSettings,
        form: type[FormType],
        parser: str,
        check: Callable[[FormType], str] | None = None,
    ) -> None:
        """``parser`` names this way of reading answers and its version; ``check`` returns an objection or nothing."""
        super().__init__(_with_form(request, settings, form), settings)
        self._form = form
        self._check = check
        self.parser = parser

    def read(self, request: Request, answer: Answer) -> Request | Settled:
        """Return the filled form; the first time that it is none, an objection."""
        try:
            filled = self._form.model_validate(read_json(answer.text))
            objection = self._check(filled) if self._check else ""
        except ValidationError as error:
            objection = _objection(error)
        except ValueError as error:
            objection = str(error)
        if not objection:
            return Settled(filled)
        if len(request.messages) > len(self._request.messages):
            return Settled(None, OTHER_FORM, objection)
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
    """Return a form's JSON schema with all fields required and no others allowed, as servers that enforce one want it."""
    if form not in _SCHEMAS:
        schema = _bare(form.model_json_schema())
        for part in (schema, *schema.get("$defs", {}).values()):
            if part.get("type") == "object":
                part["additionalProperties"] = False
                part["required"] = list(part.get("properties", {}))
        _SCHEMAS[form] = schema
    return _SCHEMAS[form]


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without titles and descriptions, which pydantic makes of names and docstrings.

    They are part of what is asked, so another docstring would be another request, to be paid anew.
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
    """Return a digest of everything in a request that a template decides: its words and its forms."""
    content = orjson.dumps([list(words), [strict_schema(form) for form in forms]])
    return hashlib.sha256(content).hexdigest()[:16]


def read_json(text: str) -> Any:
    """Return the JSON value of a whole answer; a fence around it and commas before closing brackets are forgiven.

    Raises ValueError where it is none.
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
    """Return what stands between fences; the text itself where it stands between none."""
    text = text.strip()
    first, found, rest = text.partition("\n")
    if not found or not first.startswith("```") or not rest.endswith("```"):
        return text
    return rest.removesuffix("```")


def _without_last_commas(text: str) -> str:
    """Return JSON without commas before closing brackets, in one pass over it."""
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
