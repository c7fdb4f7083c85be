"""The mock's batch API.

Keeps files in memory. Key idea: the mock produces batch answers by its usual rules, and returns them in random order.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web


def json_response(status: int, value: Any, headers: dict[str, str] | None = None) -> web.Response:
    """Return a response with JSON as its body."""
    return web.Response(body=orjson.dumps(value), status=status, headers=headers, content_type="application/json")


class Batches:
    """Files and batches. A batch completes after the latency, with its answers shuffled."""

    def __init__(self, answer: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]], latency: float) -> None:
        self._answer = answer
        self._latency = latency
        self._files: dict[str, bytes] = {}
        self._made: dict[str, dict[str, Any]] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        parts = request.path.split("/")[2:]
        if request.method == "POST" and parts == ["files"]:
            form = await request.post()
            upload = form["file"]
            assert isinstance(upload, web.FileField)
            return json_response(200, {"id": self._keep(upload.file.read()), "object": "file", "purpose": "batch"})
        if request.method == "POST" and parts == ["batches"]:
            return json_response(200, self._begin(orjson.loads(await request.read())))
        if parts == ["batches"]:
            return json_response(200, {"object": "list", "data": [self._state(name) for name in self._made]})
        if parts[0] == "batches" and parts[1] in self._made:
            return json_response(200, self._state(parts[1]))
        if parts[0] == "files" and parts[1] in self._files:
            return web.Response(body=self._files[parts[1]])
        return json_response(404, {"error": {"message": f"no such path: {request.path}"}})

    def _keep(self, content: bytes) -> str:
        name = f"file-{len(self._files)}"
        self._files[name] = content
        return name

    def _begin(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = f"batch-{len(self._made)}"
        self._made[name] = {"asked": asked, "ready": time.monotonic() + self._latency, "output": None}
        return self._state(name)

    def _state(self, name: str) -> dict[str, Any]:
        made = self._made[name]
        if made["output"] is None and time.monotonic() >= made["ready"]:
            made["output"] = self._keep(self._run(self._files[made["asked"]["input_file_id"]]))
        status = "in_progress" if made["output"] is None else "completed"
        state = {"id": name, "object": "batch", "status": status, "output_file_id": made["output"]}
        return state | {"metadata": made["asked"].get("metadata")}

    def _run(self, content: bytes) -> bytes:
        lines = []
        for given in map(orjson.loads, content.splitlines()):
            status, body = self._answer(given["body"])
            lines.append(
                orjson.dumps({"custom_id": given["custom_id"], "response": {"status_code": status, "body": body}})
            )
        random.Random(len(lines)).shuffle(lines)
        return b"\n".join(lines)
