"""Files of benchmarks: the forms as distributed, found by name or by what they contain, and one sentence for the rest."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support import given

from codeprimer.benchmarks.benchmark import BENCHMARK
from codeprimer.benchmarks.files import FOLDER_VARIABLE
from codeprimer.core.console import Console
from codeprimer.core.documents import Task
from codeprimer.core.errors import SourceError, UserError
from codeprimer.core.plugins import make

HUMANEVAL: dict[str, Any] = {
    "task_id": "HumanEval/0",
    "prompt": 'def double(n: int) -> int:\n    """Double n."""\n',
    "entry_point": "double",
    "canonical_solution": "    return 2 * n\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}
MBPP: dict[str, Any] = {
    "task_id": 11,
    "text": "Write a function to double a number.",
    "code": "def double(n):\r\n\treturn 2 * n",
    "test_setup_code": "",
    "test_list": ["assert double(2) == 4", "assert double(0) == 0"],
}
QUIET = Console("quiet")


def write(path: Path, *records: Any) -> Path:
    content = b"".join(orjson.dumps(record) + b"\n" for record in records)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def benchmark(word: object, console: Console = QUIET) -> Any:
    """Return the benchmark that a word or a mapping of a recipe stands for."""
    return make("benchmark", BENCHMARK.parse(word), {"console": given(console)})


def tasks(path: Path) -> list[Task]:
    return list(benchmark(str(path)).tasks())


def test_humaneval_is_read_as_distributed(tmp_path: Path) -> None:
    (row,) = tasks(write(tmp_path / "HumanEval.jsonl.gz", HUMANEVAL))
    assert (row["task_id"], row["entry_point"], row["blueprint"]) == ("HumanEval/0", "double", None)
    space: dict[str, Any] = {}
    exec(row["prompt"] + row["solution"] + row["tests"][0], space)


def test_mbpp_is_read_as_distributed(tmp_path: Path) -> None:
    (row,) = tasks(write(tmp_path / "mbpp.jsonl", MBPP))
    assert (row["task_id"], row["entry_point"]) == ("MBPP/11", "double")
    assert row["prompt"] == '"""Write a function to double a number."""\n'
    space: dict[str, Any] = {}
    exec(row["prompt"] + row["solution"] + "\n".join(row["tests"]), space)


def test_the_verified_part_of_mbpp_is_one_json_array(tmp_path: Path) -> None:
    path = tmp_path / "sanitized.json"
    path.write_bytes(orjson.dumps([{**MBPP, "prompt": MBPP["text"]} | {"text": "x"}]))
    assert [row["task_id"] for row in tasks(path)] == ["MBPP/11"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"task_id": 1\n', "line 1: not JSON"),
        (
            b'\n{"task_id": 1, "text": "t", "code": "c"}\n',
            r"no installed benchmark .*mbpp.* reads .*task_id, text, code",
        ),
        (
            b'{"task_id": 1, "text": "t", "code": "c", "test_list": ["f()"]}\n{"task_id": 2, "text": "t", "code": "c"}',
            "record 2: not a task of the benchmark 'mbpp': it has no 'test_list'",
        ),
        (b'{"task_id": 1, "text": 5, "code": "c", "test_list": ["f()"]}', "record 1.*text is not text"),
        (b'{"task_id": 1, "text": "t", "code": "c", "test_list": []}', "record 1: not a task"),
        (b'{"task_id": 1, "text": "t", "code": "c", "test_list": ["=="]}', "record 1: not a task"),
        (b"[1, 2]\n", "record 1: a list, not an object"),
    ],
)
def test_a_malformed_file_is_one_sentence_with_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        tasks(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_compressed_after_all_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "HumanEval.jsonl.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(SourceError, match="cannot be read"):
        tasks(path)


def test_names_are_looked_up_in_the_benchmark_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    mbpp = write(tmp_path / "mbpp.jsonl", MBPP)
    assert benchmark("mbpp").path == mbpp
    with pytest.raises(SourceError, match=r"HumanEval\.jsonl.*github\.com"):
        benchmark("humaneval").digest()
    write(tmp_path / "HumanEval.jsonl", HUMANEVAL)
    assert [task["task_id"] for task in benchmark("auto").tasks()] == ["HumanEval/0", "MBPP/11"]


def test_auto_warns_where_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert benchmark("auto", Console()).digest() == ""
    monkeypatch.delenv(FOLDER_VARIABLE)
    auto = benchmark("auto", Console())
    assert (auto.digest(), list(auto.tasks())) == ("", [])
    printed = " ".join(capsys.readouterr().err.split())
    assert printed.count("humaneval, mbpp") == 2
    assert FOLDER_VARIABLE in printed


def test_what_is_neither_a_file_nor_a_kind_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(SourceError, match=r"humanevil is neither .* did you mean 'humaneval'"):
        benchmark("humanevil").digest()
    with pytest.raises(SourceError, match="is not set"):
        benchmark("mbpp").digest()
    with pytest.raises(SourceError, match="neither a file, nor an artefact"):
        benchmark(str(tmp_path)).digest()


def test_what_stands_for_several_benchmarks_asks_nothing(tmp_path: Path) -> None:
    for word in ("auto", str(tmp_path)):
        with pytest.raises(UserError, match="cannot be evaluated"):
            benchmark(word).asked()


def test_the_digest_follows_the_content_alone(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.jsonl", MBPP), write(tmp_path / "b.jsonl", MBPP)
    assert benchmark(str(first)).digest() == benchmark(str(second)).digest()
    write(second, MBPP, MBPP)
    assert benchmark(str(first)).digest() != benchmark(str(second)).digest()


@pytest.mark.parametrize("content", ["{}", "3", "null", "[3]", "[[]]", '["canonical_solution"]'])
def test_a_json_file_that_is_no_list_of_tasks_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "benchmark.json"
    path.write_text(content)
    with pytest.raises(SourceError, match=r"benchmark\.json.*(not a list of tasks|not an object)"):
        tasks(path)


@pytest.mark.parametrize(("name", "content"), [("empty.jsonl", ""), ("empty.json", "[]")])
def test_a_benchmark_without_a_task_is_an_error(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(SourceError, match="contains no task"):
        tasks(path)
