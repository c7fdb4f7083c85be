"""A mock endpoint that answers from a script and fails on purpose: ``python -m codeprimer.teachers.mock``.

For tests, benchmarks and dry runs of a recipe. Key idea: a fault depends on the seed, the request and how often the request
has arrived, not on timing, so two runs get the same faults.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import importlib
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from codeprimer.teachers.mock_batches import Batches, json_response

Script = Callable[[dict[str, Any]], str]
"""Maps a request's fields to the answer's text."""

KINDS = (
    *("refused", "busy", "error", "forbidden", "cut_off", "broken", "dropped", "hang"),
    *("page", "no_choices", "no_usage", "no_form"),
)
"""429 with Retry-After and 503, both immediately; 500; 403; finish_reason length; a truncated body; a closed connection;
no response; HTML; an empty list of choices; no usage; an answer that does not match the schema."""


@dataclass
class Faults:
    """The rate of each kind of fault, as a fraction of all requests."""

    rates: dict[str, float] = field(default_factory=dict)
    seed: int = 0

    def draw(self, content: bytes, times: int) -> str:
        """Return the fault for a request, or an empty string."""
        if not self.rates:
            return ""
        digest = hashlib.blake2b(content, digest_size=8, key=f"{self.seed}/{times}".encode()).digest()
        drawn = int.from_bytes(digest, "big") / 2**64
        for kind, rate in self.rates.items():
            if drawn < rate:
                return kind
            drawn -= rate
        return ""


@dataclass(frozen=True)
class Manner:
    """How an endpoint behaves."""

    script: Script | None = None
    faults: Faults = field(default_factory=Faults)
    latency: float = 0.0
    """Latency of each answer [s]."""
    per_second: float = 0.0
    """Maximum requests per second, above which requests are refused; 0: no limit."""
    retry_after: float | None = 0.2
    """The Retry-After header of the fault ``refused`` [s]; None: not sent."""
    key: str = ""
    """The required API key, if any."""
    model: str = ""
    """The only model that exists; empty: any."""
    paths: tuple[str, ...] = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
    """The paths that exist."""
    longest: int = 0
    """Maximum length of a prompt to continue [characters]; 0: no limit."""


class Mock:
    """The server; ``facts`` returns counts of requests and of the tokens that would have been billed."""

    def __init__(self, manner: Manner | None = None) -> None:
        manner = manner or Manner()
        self._script = manner.script or default_script
        self._faults = manner.faults
        self._latency = manner.latency
        self._per_second = manner.per_second
        self._retry_after = manner.retry_after
        self._key = manner.key
        self._model = manner.model
        self._paths = manner.paths
        self._longest = manner.longest
        self._level, self._at = manner.per_second, time.monotonic()
        self._times: Counter[bytes] = Counter()
        self.answered: Counter[str] = Counter()
        """Number of answers by the SHA-256 of the request's body, in hex."""
        self.outcomes: Counter[str] = Counter()
        self.tokens = {"prompt_tokens": 0, "completion_tokens": 0}
        self._in_flight = 0
        self.most_in_flight = 0
        self._batches = Batches(self._line, manner.latency)
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def start(self, port: int = 0) -> None:
        """Listen on the loopback interface."""
        self._ended = asyncio.Event()
        self._runner = web.ServerRunner(
            web.Server(self._handle, access_log=None), handle_signals=False, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, backlog=4096)
        await site.start()
        assert self._runner.addresses
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def stop(self) -> None:
        """Stop, even if requests hang."""
        if self._runner is not None:
            self._ended.set()
            await self._runner.cleanup()

    def facts(self) -> dict[str, Any]:
        """Return the counts."""
        return {
            "outcomes": dict(self.outcomes),
            "answered": dict(self.answered),
            "tokens": self.tokens,
            "most_in_flight": self.most_in_flight,
        }

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/mock/facts":
            return json_response(200, self.facts())
        if request.path == "/v1/models":
            return json_response(200, {"object": "list", "data": [{"id": self._model or "mock", "object": "model"}]})
        if request.path.startswith(("/v1/files", "/v1/batches")):
            return await self._batches.handle(request)
        if request.path not in self._paths:
            return json_response(404, {"error": {"message": f"no such path: {request.path}"}})
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            return await self._answer(request, await request.read())
        finally:
            self._in_flight -= 1

    async def _answer(self, request: web.BaseRequest, content: bytes) -> web.StreamResponse:
        if self._key and request.headers.get("Authorization") != f"Bearer {self._key}":
            return self._refuse("wrong_key", 401, "Incorrect API key provided", "invalid_api_key")
        try:
            fields = orjson.loads(content)
        except orjson.JSONDecodeError:
            fields = None
        if not _is_request(fields):
            return self._refuse("malformed", 400, "messages, prompt or input is required", "invalid_request_error")
        if self._model and fields.get("model") != self._model:
            return self._refuse(
                "wrong_model", 404, f"The model {fields.get('model')!r} does not exist", "model_not_found"
            )
        if self._longest and len(fields.get("prompt", "")) > self._longest:
            return self._refuse("too_long", 400, "The prompt is too long for the context", "context_length_exceeded")
        if (wait := self._wait()) > 0:
            self.outcomes["limited"] += 1
            return json_response(429, {"error": {"message": "Rate limit reached"}}, {"Retry-After": f"{wait:.3f}"})
        digest = hashlib.sha256(content).digest()
        fault = self._faults.draw(content, self._times[digest])
        self._times[digest] += 1
        if fault == "refused":
            self.outcomes[fault] += 1
            error = {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}
            return json_response(
                429, error, {} if self._retry_after is None else {"Retry-After": f"{self._retry_after:g}"}
            )
        if fault == "busy":
            return self._refuse(fault, 503, "The server is busy", "server_error")
        if fault == "hang":
            self.outcomes[fault] += 1
            await self._ended.wait()
            return json_response(503, {})
        if self._latency:
            await asyncio.sleep(self._latency)
        if fault == "error":
            return self._refuse(fault, 500, "The server had an error", "server_error")
        if fault == "forbidden":
            return self._refuse(fault, 403, "Not now", "forbidden")
        if fault == "dropped":
            self.outcomes[fault] += 1
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if fault == "page":
            self.outcomes[fault] += 1
            return web.Response(text="<html><title>Bad gateway</title></html>", content_type="text/html")
        reply = self._completion(fields, fault)
        self.outcomes[fault or "good"] += 1
        self.answered[digest.hex()] += 1
        if fault == "broken":
            return await _break_off(request, orjson.dumps(reply))
        return json_response(200, reply)

    def _line(self, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and body of an answer in a batch."""
        content = orjson.dumps(fields)
        digest = hashlib.sha256(content).digest()
        fault = self._faults.draw(content, self._times[digest])
        self._times[digest] += 1
        self.outcomes[fault or "good"] += 1
        if fault in ("refused", "error", "hang", "page", "broken"):
            return 500, {"error": {"message": "The server had an error"}}
        self.answered[digest.hex()] += 1
        return 200, self._completion(fields, fault)

    def _completion(self, fields: dict[str, Any], fault: str) -> dict[str, Any]:
        if "input" in fields:
            return self._embeddings(fields)
        text, finish = before_stops(self._script(fields), fields.get("stop") or ()), "stop"
        limit = fields.get("max_tokens", 10**9)
        if fault == "no_form":
            text = "I would rather not."
        if fault == "cut_off" or len(text) // 4 > limit:
            text, finish = text[: min(len(text) // 2, 4 * limit)], "length"
        is_continuation = "prompt" in fields
        said = [fields["prompt"]] if is_continuation else [message["content"] for message in fields["messages"]]
        prompt = sum(map(len, said)) // 4 + 1
        completion = limit if finish == "length" else len(text) // 4 + 1
        usage = {"prompt_tokens": prompt, "completion_tokens": completion}
        for name, amount in usage.items():
            self.tokens[name] += amount
        answer = {"text": text} if is_continuation else {"message": {"role": "assistant", "content": text}}
        choice = {"index": 0, **answer, "finish_reason": finish}
        return {
            "id": "chatcmpl-mock",
            "object": "text_completion" if is_continuation else "chat.completion",
            "created": 0,
            "model": "mock" if fields.get("model", "mock") == "mock" else f"mock of {fields['model']}",
            "choices": [] if fault == "no_choices" else [choice],
        } | ({} if fault == "no_usage" else {"usage": usage | {"total_tokens": prompt + completion}})

    def _embeddings(self, fields: dict[str, Any]) -> dict[str, Any]:
        given = fields["input"]
        texts = [given] if isinstance(given, str) else given
        used = sum(len(text) // 4 + 1 for text in texts)
        self.tokens["prompt_tokens"] += used
        data = [{"object": "embedding", "index": place, "embedding": _vector(text)} for place, text in enumerate(texts)]
        return {"object": "list", "data": data, "usage": {"prompt_tokens": used, "total_tokens": used}}

    def _wait(self) -> float:
        """Return how long the rate limit makes a request wait [s]; 0 if it is admitted."""
        if not self._per_second:
            return 0.0
        now = time.monotonic()
        self._level = min(self._per_second, self._level + (now - self._at) * self._per_second)
        self._at = now
        if self._level < 1:
            return (1 - self._level) / self._per_second
        self._level -= 1
        return 0.0

    def _refuse(self, outcome: str, status: int, message: str, code: str) -> web.Response:
        self.outcomes[outcome] += 1
        return json_response(status, {"error": {"message": message, "code": code}})


async def _break_off(request: web.BaseRequest, content: bytes) -> web.StreamResponse:
    """Announce the whole body in the headers and send half of it."""
    response = web.StreamResponse(headers={"Content-Length": str(len(content)), "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _is_request(fields: Any) -> bool:
    """Return whether a request is well-formed."""
    if not isinstance(fields, dict):
        return False
    if fields.get("input"):
        return True
    if "prompt" in fields:
        return isinstance(fields["prompt"], str)
    messages = fields.get("messages")
    return (
        isinstance(messages, list)
        and len(messages) > 0
        and all(isinstance(one, dict) and isinstance(one.get("content"), str) for one in messages)
    )


def _vector(text: str) -> list[float]:
    drawn = random.Random(text)
    return [round(drawn.uniform(-1, 1), 6) for _ in range(16)]


def before_stops(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first stop string."""
    return text[: min([place for stop in stops if (place := text.find(stop)) >= 0], default=len(text))]


def default_script(fields: dict[str, Any]) -> str:
    """Return JSON that matches the requested schema, or repeat the last message or the prompt."""
    if "prompt" in fields:
        return f" and again: {fields['prompt']}"
    content = fields["messages"][-1]["content"]
    form = fields.get("response_format") or {}
    if "json_schema" in form:
        schema = form["json_schema"]["schema"]
        return orjson.dumps(filled(schema, schema, random.Random(content))).decode()
    return f"You said: {content}"


def filled(schema: dict[str, Any], root: dict[str, Any], drawn: random.Random) -> Any:
    """Return a random value that matches a JSON schema."""
    if "$ref" in schema:
        return filled(root["$defs"][schema["$ref"].rpartition("/")[2]], root, drawn)
    if "enum" in schema:
        return drawn.choice(schema["enum"])
    if "anyOf" in schema:
        return filled(schema["anyOf"][0], root, drawn)
    match schema.get("type"):
        case "object":
            return {name: filled(part, root, drawn) for name, part in schema.get("properties", {}).items()}
        case "array":
            least = schema.get("minItems", 1)
            return [filled(schema["items"], root, drawn) for _ in range(least)]
        case "integer" | "number":
            return drawn.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 5)))
        case "boolean":
            return drawn.random() < 0.5
    return "because it is so"


def parse_faults(text: str, seed: int = 0) -> Faults:
    """Parse faults such as ``refused=0.1,error=0.05``. Raises ValueError for an unknown kind."""
    rates = {}
    for part in filter(None, text.split(",")):
        kind, _, rate = part.partition("=")
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not a fault; known: {', '.join(KINDS)}")
        if not _is_rate(rate):
            raise ValueError(f"{part!r}: give a rate between 0 and 1, such as {kind}=0.1")
        rates[kind] = float(rate)
    if sum(rates.values()) > 1:
        raise ValueError("the rates of all faults add up to more than 1")
    return Faults(rates, seed)


def _is_rate(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _script_named(name: str) -> Script:
    module, _, function = name.partition(":")
    script: Script = getattr(importlib.import_module(module), function)
    return script


async def _serve(mock: Mock, port: int) -> None:
    await mock.start(port)
    sys.stdout.write(f"{mock.url}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await mock.stop()


def main() -> int:
    """Serve until a signal arrives; the first line of output is the URL."""
    parser = argparse.ArgumentParser(prog="python -m codeprimer.teachers.mock", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="Port; 0: any free port.")
    parser.add_argument("--latency", type=float, default=0.0, help="Latency of each answer [s].")
    parser.add_argument(
        "--faults", default="", help=f"Fault rates, such as refused=0.1,error=0.05; kinds: {', '.join(KINDS)}."
    )
    parser.add_argument("--seed", type=int, default=0, help="Seed for the faults.")
    parser.add_argument("--retry-after", type=float, default=0.2, help="Retry-After header of the fault 'refused' [s].")
    parser.add_argument("--per-second", type=float, default=0.0, help="Maximum requests per second; 0: no limit.")
    parser.add_argument("--script", default="", help="module:function that maps a request's fields to the answer.")
    parser.add_argument("--key", default="", help="Required API key.")
    parser.add_argument("--model", default="", help="The only model that exists; default: any.")
    given = parser.parse_args()
    try:
        faults = parse_faults(given.faults, given.seed)
        script = _script_named(given.script) if given.script else None
    except (ValueError, ImportError, AttributeError) as error:
        parser.error(str(error))
    manner = Manner(script, faults, given.latency, given.per_second, given.retry_after, given.key, given.model)
    try:
        asyncio.run(_serve(Mock(manner), given.port))
    except (OSError, OverflowError) as error:
        parser.error(f"--port {given.port}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
