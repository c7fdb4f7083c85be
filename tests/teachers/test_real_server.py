"""A server that nobody here wrote: ``transformers serve``, with a model that this project has trained."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeprimer.benchmarks.backends.backend import SamplingOptions
from codeprimer.benchmarks.backends.endpoint import EndpointBackend, EndpointOptions
from codeprimer.benchmarks.backends.phi import PhiBackend
from codeprimer.benchmarks.benchmark import BODY_STOPS, Question, cut_at
from codeprimer.core.console import Console
from codeprimer.teachers.checkup import check_up
from tests.conftest import SmallRun
from tests.teachers.endpoints import plain, settings, teacher

pytestmark = pytest.mark.slow

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
PATIENCE = 120.0
PROMPT = 'def total(numbers: list[int]) -> int:\n    """Add up all numbers."""\n'


@pytest.fixture(scope="module")
def served(small_run: SmallRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Serve the tuned model of the small run; yield the address and the model's name."""
    for package in ("openai", "uvicorn", "fastapi", "accelerate"):
        pytest.importorskip(package, reason="needs the extra dev")
    folder = tmp_path_factory.mktemp("served") / "tuned"
    shutil.copytree((small_run.folder / "72-tuned").resolve(), folder)
    configuration = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration | {"chat_template": TEMPLATE}))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    log = folder.with_name("log")
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        process.terminate()
        process.wait(20)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers at all."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"the server does not answer: {log.read_text()[-2000:]}")


def test_a_real_server_answers_and_each_answer_is_asked_for_once(served: tuple[str, str], tmp_path: Path) -> None:
    url, model = served
    of = settings(url, model=model, temperature=0.0, max_tokens=24, max_tokens_on_retry=48, max_in_flight=4)
    found = []
    for _ in range(2):
        with teacher(of, tmp_path) as asked:
            found.append(list(asked.ask(plain(PROMPT * n, of) for n in range(1, 7))))
    first, second = found
    assert all(reply.answers and reply.answers[0].text for reply in first)
    assert all(answer.prompt_tokens > 0 and answer.completion_tokens > 0 for reply in first for answer in reply.answers)
    assert all(reply.reason in ("", "cut_off") for reply in first)
    assert not any(answer.is_new for reply in second for answer in reply.answers)
    assert [reply.value for reply in first] == [reply.value for reply in second]


def test_the_checkup_says_what_a_real_server_can_do(served: tuple[str, str]) -> None:
    url, model = served
    found = {check.name: check for check in check_up(settings(url, model=model, max_tokens=24))}
    assert found["answer"].is_good, found["answer"].detail
    assert found["usage"].is_good, found["usage"].detail
    assert found["JSON"].detail


def test_a_real_server_without_that_path_is_one_sentence(served: tuple[str, str]) -> None:
    url, model = served
    found = {check.name: check for check in check_up(settings(url.replace("/v1", "/v9"), model=model))}
    assert not found["answer"].is_good
    assert "no such address or model" in found["answer"].detail


def test_a_real_server_continues_texts_as_its_model_does_here(
    served: tuple[str, str], small_run: SmallRun, tmp_path: Path
) -> None:
    url, model = served
    asked = [Question(f"HumanEval/{n}", PROMPT * n, BODY_STOPS, "total") for n in range(1, 5)]
    console = Console("quiet")
    who = EndpointBackend(url, model, EndpointOptions(in_flight=4), tmp_path, "evaluate/test", console)
    greedy = SamplingOptions(new_tokens=24)
    ours = PhiBackend(small_run.folder / "72-tuned")
    texts = [[cut_at(text, BODY_STOPS) for [text] in of.completions(asked, greedy)] for of in (who, ours)]
    assert texts[0] == texts[1]
    assert who.facts()["tokens"] > 0
    sampled = list(who.completions(asked, SamplingOptions(samples=4, new_tokens=24, temperature=1.5)))
    assert all(len(row) == 4 for row in sampled)
    assert all(len(set(row)) == 1 for row in sampled), "it draws only where the model's own configuration says so"
    assert "all 4 samples of every question are equal" in who.remarks()[0]
