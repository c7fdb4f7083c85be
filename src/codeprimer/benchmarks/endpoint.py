"""Whatever model answers behind an OpenAI-style address: vLLM, llama.cpp, TGI, a hosted one.

Reads the answers of a server, and the journal of teachers for those that it has given before. One idea: a score needs
many answers and no other client, so they come by the way of the teachers: many in flight, tried again, paid once, and
found again by an evaluation that was interrupted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codeprimer.benchmarks.answering import Asking
from codeprimer.benchmarks.questions import DONE, Question
from codeprimer.core.console import Console
from codeprimer.core.errors import RecipeError, UserError
from codeprimer.core.seeds import derive_seed
from codeprimer.teachers import (
    BareQuestion,
    BudgetError,
    Message,
    Reply,
    Request,
    Teacher,
    TeacherError,
    TeacherSettings,
    Usage,
)
from codeprimer.teachers.endpoint import DOCTOR
from codeprimer.teachers.estimate import estimate
from codeprimer.teachers.outcomes import FailureReason
from codeprimer.teachers.prices import tariff_of
from codeprimer.teachers.questions import WITHHELD
from codeprimer.teachers.requests import MAX_STOPS

SECTION = "endpoint"
"""What the teachers' messages call this; ``_as_options`` makes options of it."""

UNCAPPED = 10**15
"""A cap that no evaluation reaches [tokens]: where the price is not known, tokens have to be counted."""

MOST_SECONDS = 600.0
"""How long one answer may take [s]; a server of one's own answers slowly while many are in flight."""

SEEDS = 2**30
"""The seeds of one question's samples begin below this, so that every server takes them as whole numbers."""

_INSTRUCTION = (
    "Complete this Python code. Answer with the complete code, what is given included, in one block that begins with "
    "```python, and with nothing else.\n\n```python\n{}\n```"
)
_BLOCK = re.compile(r"^([ \t]*)```[^\n]*\n(?P<code>.*?)(?:^\1```|\Z)", re.DOTALL | re.MULTILINE)
_END_OF_THOUGHT = "</think>"

_NO_ANSWER = {
    FailureReason.BAD_REQUEST.value: "were not taken by the server",
    FailureReason.EMPTY_ANSWER.value: "got an empty answer again and again",
    WITHHELD: "got an answer that the server kept back",
}
"""What is the question's own fault and counts as a wrong answer; everything else ends the evaluation."""


def is_address(text: str) -> bool:
    """Tell whether a text names a server."""
    return text.startswith(("http://", "https://"))


@dataclass(frozen=True)
class Reach:
    """How a server is asked."""

    chat: bool = False
    """By conversation, for servers that do not continue texts."""
    api_key_env: str | None = None
    in_flight: int = 32
    """Most requests at once."""
    budget_tokens: int | None = None


class EndpointAnswerer:
    """A model behind an address."""

    def __init__(self, address: str, model: str, reach: Reach, folder: Path, account: str, console: Console) -> None:
        """Keep answers in the journal in ``folder``, on ``account``. Raises UserError for what can be no address."""
        self._reach = reach
        self._folder = folder
        self._account = account
        self._console = console
        self._usage = Usage()
        self._faults: Counter[str] = Counter()
        self._details: dict[str, str] = {}
        self._known = self._unmetered = self._differing = self._samples = 0
        try:
            self._settings = TeacherSettings(
                base_url=address,
                model=model,
                api_key_env=reach.api_key_env,
                max_in_flight=reach.in_flight,
                timeout_seconds=MOST_SECONDS,
                set_aside=True,
                budget_tokens=reach.budget_tokens or UNCAPPED,
            )
        except ValidationError as error:
            said = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
            raise UserError(f"{address}: {said}") from None

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return 0: how much the model reads is known to the server, whose refusals ``remarks`` counts."""
        del questions
        return 0

    def answers(self, questions: Sequence[Question], asking: Asking) -> Iterator[list[str]]:
        """Yield answers; a question that the server does not take gets empty ones.

        Raises UserError where the server cannot be asked, or fails too often; what it answered is in the journal then.
        """
        settings, self._samples = self._sampling(asking), asking.samples
        requests = [self._request(question, asking, n) for question in questions for n in range(asking.samples)]
        self._tell(settings, requests)
        try:
            with Teacher(settings, self._folder, self._account, SECTION) as teacher:
                replies = teacher.ask(map(BareQuestion, requests), len(requests))
                for question in questions:
                    texts = [self._read(question, next(replies)) for _ in range(asking.samples)]
                    self._differing += len(set(texts)) > 1
                    yield texts
        except (TeacherError, BudgetError, RecipeError) as error:
            raise UserError(self._as_options(str(error))) from None
        if self._faults[FailureReason.BAD_REQUEST.value] == len(requests):
            raise UserError(f"{self._settings.base_url}: {self._details[FailureReason.BAD_REQUEST.value]}")

    def remarks(self) -> list[str]:
        """Return sentences about what has been answered and may not be as it seems."""
        said = [
            f"{count:,} questions {_NO_ANSWER[fault]} and count as wrong: {self._details[fault]}"
            for fault, count in sorted(self._faults.items())
        ]
        if self._unmetered:
            said.append(
                f"the server does not say how many tokens it used for {self._unmetered:,} answers; the most that it can "
                "be is counted"
            )
        if self._samples > 1 and not self._differing:
            said.append(
                f"all {self._samples:,} samples of every question are alike, so the server does not seem to draw; look at "
                "how it is told to (transformers serve: do_sample in the model's generation_config.json)"
            )
        return said

    def facts(self) -> dict[str, Any]:
        """Return what was asked of whom, and what it cost."""
        form = "chat" if self._reach.chat else "completions"
        facts = {"backend": "endpoint", "address": self._settings.base_url, "form": form, **self._usage.facts()}
        return facts if tariff_of(self._settings).is_known else {name: facts[name] for name in facts if name != "usd"}

    @property
    def known(self) -> int:
        """How many answers the journal had already."""
        return self._known

    def _sampling(self, asking: Asking) -> TeacherSettings:
        """Return the settings with this way of drawing; what greedy answers do not need is not sent."""
        drawn = {"temperature": asking.temperature, "top_p": asking.top_p if asking.temperature else None}
        limits = {"max_tokens": asking.new_tokens, "max_tokens_on_retry": asking.new_tokens}
        return self._settings.model_copy(update=drawn | limits)

    def _request(self, question: Question, asking: Asking, number: int) -> Request:
        """Return the request for one answer; samples have seeds, so that one answer does not stand for all."""
        first = 1 + derive_seed(asking.seed, "samples", question.task_id) % SEEDS
        sample = first + number if asking.temperature else 0
        template = f"evaluate/1/{asking.seed}"
        if self._reach.chat:
            return Request((Message("user", wording(question)),), template, sample)
        return Request((), template, sample, prompt=question.prompt.rstrip(), stop=question.stops[:MAX_STOPS])

    def _tell(self, settings: TeacherSettings, requests: Sequence[Request]) -> None:
        characters = sum(len(one.prompt) + sum(len(said.content) for said in one.messages) for one in requests)
        expected = estimate(settings, len(requests), characters, settings.max_tokens // 2)
        shown = settings.model_copy(update={"budget_tokens": self._reach.budget_tokens})
        self._console.say(expected.sentence(shown, tariff_of(settings)))

    def _read(self, question: Question, reply: Reply) -> str:
        self._usage.count(reply)
        self._known += sum(not answer.is_new for answer in reply.answers)
        self._unmetered += sum(not answer.is_metered for answer in reply.answers)
        if not reply.reason:
            return code_of(question, reply.value) if self._reach.chat else question.cut(reply.value)
        if reply.reason not in _NO_ANSWER:
            raise TeacherError(
                f"{self._settings.base_url}: a request failed again and again, though others were answered: "
                f"{reply.detail}; run again, nothing is asked twice"
            )
        self._faults[reply.reason] += 1
        self._details.setdefault(reply.reason, reply.detail)
        return ""

    def _as_options(self, said: str) -> str:
        """Return a message about a teacher in the words of this command, with what can be done here."""
        said = said.removesuffix(DOCTOR).removeprefix(f"{SECTION}: ")
        for name in ("budget_tokens", "api_key_env"):
            said = said.replace(f"{SECTION}.{name}", f"--{name.replace('_', '-')}")
        if "(status 404)" in said and "; try http" not in said and not self._reach.chat:
            return f"{said}; correct the address or --model, or give --chat for a server that has chat only"
        if "key is not accepted" in said:
            return f"{said}; name the environment variable that holds the key with --api-key-env"
        return said


def wording(question: Question) -> str:
    """Return what a chat model is told; where examples show how to answer, these are enough."""
    return question.prompt if question.stops == DONE else _INSTRUCTION.format(question.prompt.rstrip())


def code_of(question: Question, said: str) -> str:
    """Return the program in a chat model's answer.

    That is the first block of code that defines what is asked for, else the first one, else all that was said.
    """
    said = said.rpartition(_END_OF_THOUGHT)[2]
    if question.stops == DONE:
        said = question.cut(said)
    blocks = [found["code"] for found in _BLOCK.finditer(said)]
    defining = [block for block in blocks if f"def {question.entry_point}(" in block]
    return "\n" + next(iter(defining + blocks), said)
