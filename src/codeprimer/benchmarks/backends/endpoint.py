"""A model behind an OpenAI-compatible endpoint: vLLM, llama.cpp, TGI, or a hosted model.

Requests go through the teachers' client, with many in flight and with retries. Each answer is paid for once and kept in
the journal, from which an interrupted evaluation resumes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codeprimer.benchmarks.backends.backend import SamplingOptions
from codeprimer.benchmarks.benchmark import Question, cut_at
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
"""The section name in the teachers' messages; ``_as_options`` replaces it with command-line options."""

UNCAPPED = 10**15
"""A token cap that no evaluation reaches; needed because teachers without a known price require a cap [tokens]."""

MOST_SECONDS = 600.0
"""Timeout for one request [s]; a local server is slow when many requests are in flight."""

SEEDS = 2**30
"""Upper bound for the first seed of a question's samples, so that every server accepts it as an integer."""

_INSTRUCTION = (
    "Complete this Python code. Answer with the complete code, what is given included, in one block that begins with "
    "```python, and with nothing else.\n\n```python\n{}\n```"
)
_BLOCK = re.compile(r"^([ \t]*)```[^\n]*\n(?P<code>.*?)(?:^\1```|\Z)", re.DOTALL | re.MULTILINE)
_END_OF_THOUGHT = "</think>"

_NO_ANSWER = {
    FailureReason.BAD_REQUEST.value: "were rejected by the server",
    FailureReason.EMPTY_ANSWER.value: "got only empty answers",
    WITHHELD: "got an answer that the server withheld",
}
"""Faults that concern one question only and count as wrong answers; every other fault ends the evaluation."""


def is_address(text: str) -> bool:
    """Return whether a string is a server's URL."""
    return text.startswith(("http://", "https://"))


@dataclass(frozen=True)
class EndpointOptions:
    """How requests are sent to a server."""

    chat: bool = False
    """Whether to use chat completions, for servers without text completions."""
    api_key_env: str | None = None
    """The name of the environment variable that contains the API key."""
    in_flight: int = 32
    """Maximum requests in flight."""
    budget_tokens: int | None = None
    """Maximum tokens, prompts and answers together; None: no limit."""


class EndpointBackend:
    """A model behind an endpoint."""

    def __init__(
        self, address: str, model: str, endpoint: EndpointOptions, folder: Path, account: str, console: Console
    ) -> None:
        """Keep answers in the journal in ``folder``, charged to ``account``. Raises UserError for an invalid URL."""
        self._endpoint = endpoint
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
                api_key_env=endpoint.api_key_env,
                max_in_flight=endpoint.in_flight,
                timeout_seconds=MOST_SECONDS,
                set_aside=True,
                budget_tokens=endpoint.budget_tokens or UNCAPPED,
            )
        except ValidationError as error:
            said = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
            shown = re.sub(r"//[^/@]*@", "//***@", address)  # it may hold a password
            raise UserError(f"{shown}: {said}") from None

    @property
    def gives_answers(self) -> bool:
        """Whether the code has already been extracted from a chat message."""
        return self._endpoint.chat

    def too_long(self, questions: Sequence[Question]) -> int:
        """Return 0: only the server knows its context length; ``remarks`` counts the questions that it rejects."""
        del questions
        return 0

    def completions(self, questions: Sequence[Question], options: SamplingOptions) -> Iterator[list[str]]:
        """Yield completions; a question that the server rejects gets empty completions.

        Raises UserError if the server cannot be reached or fails too often; its answers remain in the journal.
        """
        settings, self._samples = self._sampling(options), options.samples
        requests = [self._request(question, options, n) for question in questions for n in range(options.samples)]
        self._tell(settings, requests)
        try:
            with Teacher(settings, self._folder, self._account, SECTION) as teacher:
                replies = teacher.ask(map(BareQuestion, requests), len(requests))
                for question in questions:
                    texts = [self._read(question, next(replies)) for _ in range(options.samples)]
                    self._differing += len(set(texts)) > 1
                    yield texts
        except (TeacherError, BudgetError, RecipeError) as error:
            raise UserError(self._as_options(str(error))) from None
        if self._faults[FailureReason.BAD_REQUEST.value] == len(requests):
            raise UserError(f"{self._settings.base_url}: {self._details[FailureReason.BAD_REQUEST.value]}")

    def remarks(self) -> list[str]:
        """Return warnings about the answers, one sentence each."""
        said = [
            f"{count:,} questions {_NO_ANSWER[fault]} and count as wrong: {self._details[fault]}"
            for fault, count in sorted(self._faults.items())
        ]
        if self._unmetered:
            said.append(
                f"the server does not report how many tokens it used for {self._unmetered:,} answers; an upper bound is counted"
            )
        if self._samples > 1 and not self._differing:
            said.append(
                f"all {self._samples:,} samples of every question are equal, so the server seems to decode greedily; enable "
                "sampling there (transformers serve: do_sample in the model's generation_config.json)"
            )
        return said

    def facts(self) -> dict[str, Any]:
        """Return the URL, the form of the requests, and their cost."""
        form = "chat" if self._endpoint.chat else "completions"
        facts = {"backend": "endpoint", "address": self._settings.base_url, "form": form, **self._usage.facts()}
        return facts if tariff_of(self._settings).is_known else {name: facts[name] for name in facts if name != "usd"}

    @property
    def known(self) -> int:
        """The number of answers that were already in the journal."""
        return self._known

    def _sampling(self, options: SamplingOptions) -> TeacherSettings:
        """Return the settings with these options; greedy requests do not contain ``top_p``."""
        drawn = {"temperature": options.temperature, "top_p": options.top_p if options.temperature else None}
        limits = {"max_tokens": options.new_tokens, "max_tokens_on_retry": options.new_tokens}
        return self._settings.model_copy(update=drawn | limits)

    def _request(self, question: Question, options: SamplingOptions, number: int) -> Request:
        """Return the request for one answer; each sample has its own seed, and so its own entry in the journal."""
        first = 1 + derive_seed(options.seed, "samples", question.task_id) % SEEDS
        sample = first + number if options.temperature else 0
        template = f"evaluate/1/{options.seed}"
        if self._endpoint.chat:
            return Request((Message("user", wording(question)),), template, sample)
        return Request((), template, sample, prompt=question.prompt.rstrip(), stop=question.stops[:MAX_STOPS])

    def _tell(self, settings: TeacherSettings, requests: Sequence[Request]) -> None:
        characters = sum(len(one.prompt) + sum(len(said.content) for said in one.messages) for one in requests)
        expected = estimate(settings, len(requests), characters, settings.max_tokens // 2)
        shown = settings.model_copy(update={"budget_tokens": self._endpoint.budget_tokens})
        self._console.say(expected.sentence(shown, tariff_of(settings)))

    def _read(self, question: Question, reply: Reply) -> str:
        self._usage.count(reply)
        self._known += sum(not answer.is_new for answer in reply.answers)
        self._unmetered += sum(not answer.is_metered for answer in reply.answers)
        if not reply.reason:
            return code_of(question, reply.value) if self._endpoint.chat else reply.value
        if reply.reason not in _NO_ANSWER:
            raise TeacherError(
                f"{self._settings.base_url}: a request failed on every retry, though others were answered: {reply.detail}; "
                "run again; answered requests are not repeated"
            )
        self._faults[reply.reason] += 1
        self._details.setdefault(reply.reason, reply.detail)
        return ""

    def _as_options(self, said: str) -> str:
        """Return a teacher's message, reworded with this command's options and remedies."""
        said = said.removesuffix(DOCTOR).removeprefix(f"{SECTION}: ")
        for name in ("budget_tokens", "api_key_env"):
            said = said.replace(f"{SECTION}.{name}", f"--{name.replace('_', '-')}")
        if "(status 404)" in said and "; try http" not in said and not self._endpoint.chat:
            return f"{said}; correct the URL or --model, or give --chat if the server supports only chat"
        if "key is not accepted" in said:
            return f"{said}; set --api-key-env to the name of the environment variable that holds the key"
        return said


def wording(question: Question) -> str:
    """Return the message to a chat model; prompts with examples of an answer's form do not need an instruction."""
    return question.prompt if question.shows_form else _INSTRUCTION.format(question.prompt.rstrip())


def code_of(question: Question, said: str) -> str:
    """Return the program in a chat model's message: the first code block that defines the entry point, or else the first
    block, or else the whole message.
    """
    said = said.rpartition(_END_OF_THOUGHT)[2]
    if question.shows_form:
        said = cut_at(said, question.stops)
    blocks = [found["code"] for found in _BLOCK.finditer(said)]
    defining = [block for block in blocks if f"def {question.entry_point}(" in block]
    return "\n" + next(iter(defining + blocks), said)
