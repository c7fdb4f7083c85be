"""Times a peer's client: ``python ask_teachers.py PEER INPUT OUTPUT``, with the peer's interpreter.

PEER is ``openai`` (its asynchronous client, a semaphore, its own retries) or ``curator``. Reads the endpoint and
the questions; writes the elapsed time, the CPU time of this process, and the answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Given = dict[str, Any]
Texts = list[str | None]
"""The answer to each question; None if there is none."""

Ask = Callable[[], Texts]
"""Asks all questions; imports and set-up have already been done."""


def main() -> int:
    """Ask all questions through one peer and time it."""
    peer, given, output = sys.argv[1:]
    content = json.loads(Path(given).read_text())
    ask = PEERS[peer](content)
    usage, started = used(), time.perf_counter()
    texts = ask()
    seconds, processor = time.perf_counter() - started, used() - usage
    result = {"seconds": seconds, "processor_seconds": processor, "texts": texts}
    Path(output).write_text(json.dumps(result))
    return 0


def used() -> float:
    """Return the CPU time of this process and its children [s]."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def ask_openai(content: Given) -> Ask:
    """Use the openai package as documented: one task per question, a semaphore, two retries."""
    from openai import AsyncOpenAI

    async def run() -> Texts:
        client = AsyncOpenAI(base_url=content["url"], api_key="none", timeout=content["timeout"])
        room = asyncio.Semaphore(content["in_flight"])

        async def ask(question: str) -> str | None:
            async with room:
                try:
                    answer = await client.chat.completions.create(
                        model="mock",
                        messages=[{"role": "user", "content": question}],
                        max_tokens=512,
                        response_format=content["response_format"],
                    )
                except Exception:
                    return None
            text: str | None = answer.choices[0].message.content if answer.choices else None
            return text

        return await asyncio.gather(*(ask(question) for question in content["questions"]))

    return lambda: asyncio.run(run())


def ask_curator(content: Given) -> Ask:
    """Use bespokelabs-curator's online backend."""
    os.environ["CURATOR_CACHE_DIR"] = str(Path.cwd())
    os.environ["CURATOR_DISABLE_CACHE"] = "1"
    os.environ["TELEMETRY_ENABLED"] = "false"
    os.environ["CURATOR_VIEWER"] = "0"
    os.environ["OPENAI_API_KEY"] = "none"
    # curator counts tokens with a vocabulary that tiktoken downloads; its dependency litellm includes the same file.
    [vocabulary] = find_spec("litellm").submodule_search_locations  # type: ignore[union-attr, misc]
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(vocabulary) / "litellm_core_utils" / "tokenizers")
    from bespokelabs import curator  # type: ignore[import-not-found]
    from datasets import Dataset

    class Asker(curator.LLM):  # type: ignore[misc]
        def prompt(self, row: dict[str, str]) -> str:
            return row["question"]

        def parse(self, row: dict[str, str], response: str) -> dict[str, str]:
            return {"question": row["question"], "text": response}

    asker = Asker(
        model_name="openai/mock",
        backend="openai",
        backend_params={
            "base_url": content["url"],
            "max_concurrent_requests": content["in_flight"],
            "max_requests_per_minute": 10**7,
            "max_tokens_per_minute": 10**10,
            "request_timeout": content["timeout"],
        },
    )
    questions = Dataset.from_dict({"question": content["questions"]})

    def run() -> Texts:
        found = asker(questions)
        rows = found.dataset if hasattr(found, "dataset") else found
        texts = {row["question"]: row["text"] for row in rows}
        return [texts.get(question) for question in content["questions"]]

    return run


PEERS: dict[str, Callable[[Given], Ask]] = {"openai": ask_openai, "curator": ask_curator}

if __name__ == "__main__":
    sys.exit(main())
