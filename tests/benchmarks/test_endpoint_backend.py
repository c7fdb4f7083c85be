"""Answers from a server: many at once, each once, and none taken for another."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.conftest import questions
from tests.evaluation.conftest import TASK_ROWS
from tests.teachers.endpoints import serving

from codeprimer.benchmarks.backends.backend import SamplingOptions
from codeprimer.benchmarks.backends.endpoint import EndpointBackend, EndpointOptions, code_of
from codeprimer.benchmarks.benchmark import Question
from codeprimer.core.console import Console
from codeprimer.core.errors import UserError
from codeprimer.teachers import endpoint as teachers_endpoint
from codeprimer.teachers.mock import Faults, Manner

QUIET = Console("quiet")


def asked(count: int = 6) -> list[Question]:
    return questions(TASK_ROWS[:count])


def answerer(url: str, folder: Path, **changes: Any) -> EndpointBackend:
    return EndpointBackend(url, "mock", EndpointOptions(**changes), folder, "evaluate/test", QUIET)


def solution(fields: dict[str, Any]) -> str:
    """Write the body."""
    [row] = [row for row in TASK_ROWS if row["prompt"].rstrip() == fields["prompt"]]
    return f"\n{row['solution']}"


def in_markdown(fields: dict[str, Any]) -> str:
    """Write what a chat model writes."""
    [row] = [row for row in TASK_ROWS if row["prompt"].rstrip() in fields["messages"][0]["content"]]
    return f"Sure!\n```python\n{row['prompt']}{row['solution']}```\nIt is tested so:\n```python\nassert 1\n```\n"


def test_a_server_answers_as_the_solutions_do_whatever_goes_wrong(tmp_path: Path) -> None:
    faults = Faults({"refused": 0.2, "busy": 0.1, "dropped": 0.1, "broken": 0.1}, seed=2)
    with serving(Manner(script=solution, faults=faults, retry_after=0.02)) as mock:
        rows = list(answerer(mock.url, tmp_path).completions(asked(), SamplingOptions()))
        assert len(mock.outcomes) > 1
    assert rows == [[f"\n{task['solution']}"] for task in TASK_ROWS]


def test_an_evaluation_that_is_run_again_asks_nothing_again_and_another_seed_asks_anew(tmp_path: Path) -> None:
    with serving(Manner(script=solution)) as mock:
        for asking, total, known in (
            (SamplingOptions(), 6, 0),
            (SamplingOptions(), 6, 6),
            (SamplingOptions(seed=2), 12, 0),
        ):
            who = answerer(mock.url, tmp_path)
            list(who.completions(asked(), asking))
            assert (sum(mock.answered.values()), who.known) == (total, known)


def test_an_evaluation_that_was_interrupted_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    with serving(Manner(script=solution)) as mock:
        for question in asked()[:2]:
            list(answerer(mock.url, tmp_path).completions([question], SamplingOptions()))
        stopped = answerer(mock.url, tmp_path, in_flight=1).completions(asked(), SamplingOptions())
        next(stopped)
        stopped.close()  # type: ignore[attr-defined]  # what is iterated over is a generator
        rows = list(answerer(mock.url, tmp_path).completions(asked(), SamplingOptions()))
        assert set(mock.answered.values()) == {1}
        assert sum(mock.answered.values()) == 6
    assert all(row[0] for row in rows)


def test_samples_are_drawn_one_by_one_and_more_of_them_ask_only_for_more(tmp_path: Path) -> None:
    with serving(
        Manner(script=lambda fields: f" seed {fields['seed']} {fields['temperature']} {fields['top_p']}")
    ) as mock:
        few, more = (
            list(
                answerer(mock.url, tmp_path).completions(
                    asked(), SamplingOptions(samples=n, temperature=0.8, top_p=0.9)
                )
            )
            for n in (3, 5)
        )
        assert sum(mock.answered.values()) == 5 * len(asked())
    assert all(len(set(row)) == 5 for row in more)
    assert [row[:3] for row in more] == few
    assert all(text.endswith(" 0.8 0.9") for row in more for text in row)


def test_a_server_that_does_not_draw_is_pointed_out(tmp_path: Path) -> None:
    drawing = SamplingOptions(samples=2, temperature=0.8)
    with serving(Manner(script=lambda fields: " always")) as mock:
        who = answerer(mock.url, tmp_path)
        list(who.completions(asked(), drawing))
        [remark] = who.remarks()
        assert remark.startswith("all 2 samples of every question are equal")
    with serving(Manner(script=lambda fields: f" {fields['seed']}")) as mock:
        who = answerer(mock.url, tmp_path / "other")
        list(who.completions(asked(), drawing))
        assert who.remarks() == []


def test_greedy_answers_are_asked_for_without_what_only_sampling_needs(tmp_path: Path) -> None:
    with serving(Manner(script=lambda fields: repr(sorted(fields)) + str(fields["temperature"]))) as mock:
        [[text]] = answerer(mock.url, tmp_path).completions(asked(1), SamplingOptions())
    assert text == "['max_tokens', 'model', 'prompt', 'stop', 'temperature']0.0"


def test_more_stops_than_every_server_takes_are_not_sent(tmp_path: Path) -> None:
    sent: list[list[str]] = []

    def script(fields: dict[str, Any]) -> str:
        sent.append(fields["stop"])
        return " 1"

    with serving(Manner(script=script)) as mock:
        [[text]] = answerer(mock.url, tmp_path).completions(asked(1), SamplingOptions())
    assert [len(stops) for stops in sent] == [4]
    assert text == " 1"


def test_a_chat_model_gives_the_code_of_its_answer(tmp_path: Path) -> None:
    with serving(Manner(script=in_markdown, paths=("/v1/chat/completions",))) as mock:
        rows = list(answerer(mock.url, tmp_path, chat=True).completions(asked(), SamplingOptions()))
    assert rows == [[f"\n{task['prompt']}{task['solution']}"] for task in TASK_ROWS]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("    return 2 * x\n", "    return 2 * x\n"),
        ("<think>\n```\ndef double(x): no\n```\n</think>\n```py\ndef double(x): yes\n```", "def double(x): yes\n"),
        ("```\nfirst = 1\n```\n```\ndef double(x): 2\n```", "def double(x): 2\n"),
        ("```python\ndef double(x):\n    '''So:\n    ```\n    1\n    ```\n    '''\n```", None),
        ("```python\ndef double(x):\n    return 2", "def double(x):\n    return 2"),
        ("", ""),
    ],
)
def test_code_is_found_in_what_a_chat_model_says(said: str, code: str | None) -> None:
    wanted = "def double(x):\n    '''So:\n    ```\n    1\n    ```\n    '''\n" if code is None else code
    assert code_of(asked(1)[0], said) == "\n" + wanted


def test_examples_that_show_how_to_answer_are_all_that_a_chat_model_gets(tmp_path: Path) -> None:
    shown = [dataclasses.replace(asked(1)[0], stops=("[DONE]",), shows_form=True)]
    with serving(Manner(script=lambda fields: f"{len(fields['messages'])} x = 1\n[DONE]\nmore")) as mock:
        [[text]] = answerer(mock.url, tmp_path, chat=True).completions(shown, SamplingOptions())
    assert text == "\n1 x = 1\n"


def test_what_the_server_does_not_take_is_counted_and_nothing_else_is_lost(tmp_path: Path) -> None:
    with serving(Manner(script=solution, longest=len(asked()[1].prompt.rstrip()) + 1)) as mock:
        who = answerer(mock.url, tmp_path)
        rows = list(who.completions(asked(), SamplingOptions()))
        refused = Counter(bool(text) for [text] in rows)[False]
        assert 0 < refused < len(rows)
        [remark] = who.remarks()
        assert remark.startswith(f"{refused} questions were rejected by the server and count as wrong: ")
        assert "too long" in remark
    with serving(Manner(longest=1)) as mock, pytest.raises(UserError, match="status 400"):
        list(answerer(mock.url, tmp_path / "other").completions(asked(), SamplingOptions()))


def test_what_was_used_is_counted_where_the_server_says_it_and_pointed_out_where_not(tmp_path: Path) -> None:
    with serving(Manner(script=solution)) as mock:
        who = answerer(mock.url, tmp_path)
        list(who.completions(asked(), SamplingOptions()))
        facts = who.facts()
        assert facts["tokens"] == sum(mock.tokens.values())
        assert facts["form"] == "completions"
        assert "usd" not in facts
        assert who.remarks() == []
    with serving(Manner(script=solution, faults=Faults({"no_usage": 1.0}))) as mock:
        who = answerer(mock.url, tmp_path / "other")
        list(who.completions(asked(), SamplingOptions()))
        assert "how many tokens it used for 6 answers" in who.remarks()[0]


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ({"key": "secret"}, "the key is not accepted .* --api-key-env"),
        ({"model": "other"}, "'mock' does not exist .* --model, or give --chat"),
        ({"paths": ("/v1/chat/completions",)}, "no such path: /v1/completions; correct .* give --chat"),
    ],
)
def test_what_is_wrong_with_a_server_is_one_sentence(manner: dict[str, Any], said: str, tmp_path: Path) -> None:
    with serving(Manner(**manner)) as mock, pytest.raises(UserError, match=said) as raised:
        list(answerer(mock.url, tmp_path).completions(asked(), SamplingOptions()))
    assert "doctor" not in str(raised.value)
    assert "endpoint" not in str(raised.value)


def test_an_address_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"of \d requests: no connection: Connection refused$"):
        list(answerer("http://127.0.0.1:9/v1", tmp_path).completions(asked(), SamplingOptions()))
    with serving() as mock, pytest.raises(UserError, match=r"no such path: /completions; try http://.*/v1$"):
        list(answerer(mock.url.removesuffix("/v1"), tmp_path).completions(asked(), SamplingOptions()))
    with pytest.raises(UserError, match="password") as raised:
        answerer("http://me:secret@127.0.0.1:9/v1", tmp_path)
    assert "secret" not in str(raised.value)


def test_a_server_that_fails_for_good_ends_the_evaluation_and_what_it_answered_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codeprimer.teachers.scheduler.FIRST_WAIT", 0.001)
    monkeypatch.setattr(teachers_endpoint, "OUTAGE_SECONDS", 60.0)
    first = asked()[0].prompt.rstrip()

    def script(fields: dict[str, Any]) -> str:
        if fields["prompt"] == first:
            raise RuntimeError("no")
        return solution(fields)

    said = "failed on every retry, though others were answered"
    with serving(Manner(script=script)) as mock, pytest.raises(UserError, match=said):
        list(answerer(mock.url, tmp_path).completions([*asked()[1:], asked()[0]], SamplingOptions()))
    with serving(Manner(script=solution)) as mock:
        assert all(text for [text] in answerer(mock.url, tmp_path).completions(asked(), SamplingOptions()))
        assert sum(mock.answered.values()) == 1


def test_the_key_comes_from_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--api-key-env: the environment variable A_KEY is not set"):
        list(answerer("http://127.0.0.1:9/v1", tmp_path, api_key_env="A_KEY").completions(asked(), SamplingOptions()))
    monkeypatch.setenv("A_KEY", "secret")
    with serving(Manner(script=solution, key="secret")) as mock:
        assert all(
            text for [text] in answerer(mock.url, tmp_path, api_key_env="A_KEY").completions(asked(), SamplingOptions())
        )
    assert b"secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_the_cap_ends_an_evaluation_that_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    with serving(Manner(script=solution)) as mock:
        with pytest.raises(UserError, match=r"--budget-tokens: .*770 tokens"):
            list(answerer(mock.url, tmp_path, budget_tokens=770, in_flight=1).completions(asked(), SamplingOptions()))
        assert 0 < sum(mock.answered.values()) < 6
        list(answerer(mock.url, tmp_path, budget_tokens=90_000).completions(asked(), SamplingOptions()))
        assert sum(mock.answered.values()) == 6
