"""codeprimer evaluate: models and files of answers on a benchmark."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.conftest import SmallRun, codeprimer
from tests.teachers.endpoints import serving

from codeprimer.teachers.mock import Manner

PROBLEMS = [
    {
        "task_id": f"HumanEval/{number}",
        "prompt": f'def add_{number}(x: int) -> int:\n    """Return x plus {number}."""\n',
        "canonical_solution": f"    return x + {number}\n",
        "test": f"def check(candidate):\n    assert candidate(1) == {1 + number}\n",
        "entry_point": f"add_{number}",
    }
    for number in range(4)
]


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    return lines(tmp_path / "problems.jsonl", PROBLEMS)


def lines(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def answers(path: Path, *bodies: str) -> Path:
    rows = [{"task_id": p["task_id"], "completion": b or p["canonical_solution"]} for b in bodies for p in PROBLEMS]
    return lines(path, rows)


def test_the_benchmarks_own_solutions_score_100_percent(benchmark: Path, tmp_path: Path) -> None:
    finished = codeprimer("evaluate", answers(tmp_path / "own.jsonl", ""), "--on", benchmark, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "100.0 %" in finished.stdout
    facts = json.loads((tmp_path / "own-problems" / "scores.json").read_text())
    assert facts["verdicts"] == {"passed": 4}
    assert facts["tier"] in ("jailed", "confined")
    rows = pq.read_table(tmp_path / "own-problems" / "samples").to_pylist()
    assert [row["task_id"] for row in rows] == [problem["task_id"] for problem in PROBLEMS]


def test_several_answers_per_task_give_pass_at_k(benchmark: Path, tmp_path: Path) -> None:
    file = answers(
        tmp_path / "mixed.jsonl", "", "    return None\n", "    return 1 + 1\n", "    return -x\n", "    pass\n"
    )
    finished = codeprimer("evaluate", file, "--on", benchmark, "--json", cwd=tmp_path)
    facts = json.loads(finished.stdout.splitlines()[-1])
    scores = {row["k"]: row["value"] for row in facts["scores"]}
    assert scores[5] == 1.0
    assert 0.2 <= scores[1] <= 0.3


def test_a_task_that_cannot_be_passed_here_is_named(tmp_path: Path) -> None:
    broken = lines(tmp_path / "broken.jsonl", [*PROBLEMS[:3], {**PROBLEMS[3], "canonical_solution": "    return 0\n"}])
    finished = codeprimer("evaluate", answers(tmp_path / "own.jsonl", ""), "--on", broken, cwd=tmp_path)
    assert "1 reference solutions (such as HumanEval/3)" in finished.stderr


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"task_id": "HumanEval/0"}\n', "line 1: not an answer"),
        ("no json\n", "line 1: not an answer"),
        ('{"task_id": "HumanEval/0", "completion": "x"}\n', "0 answers to HumanEval/1, 1 to others"),
    ],
)
def test_a_bad_file_of_answers_is_one_sentence(benchmark: Path, tmp_path: Path, content: str, expected: str) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(content)
    finished = codeprimer("evaluate", file, "--on", benchmark, cwd=tmp_path)
    assert finished.returncode == 2
    assert expected in finished.stderr
    assert "Traceback" not in finished.stderr


def test_what_cannot_be_evaluated_is_one_sentence(benchmark: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("years of work")
    own = answers(tmp_path / "own.jsonl", "")
    for arguments, expected in [
        (("nowhere", "--on", benchmark), "nowhere does not exist"),
        ((full, "--on", benchmark), "config.json"),
        ((own, "--on", "humanevil"), "humanevil is neither a file"),
        ((own, "--on", benchmark, "--output", full), f"--output {full} is not empty"),
        ((full, "--on", benchmark, "--samples", "3"), "--samples: greedy answers"),
        ((own, "--on", "mbpp", "--shots", "2"), "shots: input should be 0 or 3, got 2 (a setting of benchmark 'mbpp'"),
        ((own, "--on", "mbpp", "-s", "shoots=3"), "did you mean 'shots'"),
        ((own, "--on", benchmark, "--grader", "test"), "did you mean 'tests'"),
    ]:
        finished = codeprimer("evaluate", *map(str, arguments), cwd=tmp_path)
        assert finished.returncode == 2, arguments
        assert expected in finished.stderr
        assert "Traceback" not in finished.stderr
    assert (full / "thesis.txt").exists()


def test_a_run_and_its_checkpoint_answer_alike(small_run: SmallRun, benchmark: Path, tmp_path: Path) -> None:
    texts = {}
    for what, name in [(small_run.folder, "run"), (small_run.folder / "72-tuned", "checkpoint")]:
        options = ("--on", benchmark, "--output", tmp_path / name, "--max-new-tokens", "24")
        finished = codeprimer("evaluate", what, *options, cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr
        texts[name] = [row["completion"] for row in pq.read_table(tmp_path / name / "samples").to_pylist()]
    assert texts["run"] == texts["checkpoint"]


def test_an_evaluation_that_is_replaced_by_one_that_was_asked_otherwise_is_told(
    benchmark: Path, tmp_path: Path
) -> None:
    given = answers(tmp_path / "given.jsonl", "")

    def evaluate(tokens: int) -> str:
        done = codeprimer("evaluate", given, "--on", benchmark, "--max-new-tokens", str(tokens), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert "is replaced" not in evaluate(9) + evaluate(9)
    assert "contains an evaluation with new_tokens 9, which is replaced" in evaluate(5)


def test_a_folder_that_holds_the_answers_is_never_written_anew(benchmark: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "scores.json").write_text("{}")
    given = answers(output / "answers.jsonl", "")
    finished = codeprimer("evaluate", given, "--on", benchmark, "--output", output, cwd=tmp_path)
    assert finished.returncode == 2
    assert "would be overwritten" in finished.stderr
    assert given.exists()


def test_an_order_that_cannot_be_met_is_one_sentence(benchmark: Path, tmp_path: Path) -> None:
    given = answers(tmp_path / "answers.jsonl", "")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    orders: list[tuple[tuple[str | Path, ...], str]] = [
        (("--on", "auto"), "benchmark 'auto' cannot be evaluated"),
        (("--on", benchmark, "--top-p", "0"), "--top-p 0: give"),
        (("--on", benchmark, "--output", tmp_path / "link"), "is a link or is below a file"),
        (("--on", benchmark, "--output", given / "below"), "is a link or is below a file"),
    ]
    for arguments, said in orders:
        finished = codeprimer("evaluate", given, *arguments, cwd=tmp_path)
        assert finished.returncode == 2
        assert said in finished.stderr


def test_lines_that_answer_other_tasks_are_named(benchmark: Path, tmp_path: Path) -> None:
    other = lines(tmp_path / "other.jsonl", [{"task_id": "humaneval/0", "completion": "x"}])
    finished = codeprimer("evaluate", other, "--on", benchmark, cwd=tmp_path)
    assert (
        "no line answers a task of this benchmark, such as 'HumanEval/0'; the first line has 'humaneval/0'"
        in finished.stderr
    )
    more = answers(tmp_path / "more.jsonl", "")
    with more.open("a") as file:
        file.write(json.dumps({"task_id": "HumanEval/999", "completion": "x"}) + "\n")
    finished = codeprimer("evaluate", more, "--on", benchmark, cwd=tmp_path)
    assert finished.returncode == 0
    assert "1 lines answer none" in " ".join(finished.stderr.split())


def test_a_file_of_mbpp_outside_its_test_split_says_so(tmp_path: Path) -> None:
    problem = {"task_id": 2, "text": "Return 1.", "code": "def one(): return 1", "test_list": ["assert one() == 1"]}
    path = lines(tmp_path / "mbpp.jsonl", [problem | {"test_setup_code": "", "challenge_test_list": []}])  # type: ignore[list-item]
    given = lines(tmp_path / "answers.jsonl", [{"task_id": "MBPP/2", "completion": "def one(): return 1"}])
    finished = codeprimer("evaluate", given, "--on", path, cwd=tmp_path)
    assert finished.returncode == 2
    assert "no task of MBPP's test split" in finished.stderr
    by_number = lines(tmp_path / "numbers.jsonl", [{"task_id": 2, "completion": "def one(): return 1"}])  # type: ignore[dict-item]
    for answered, option in (given, ("--whole",)), (by_number, ("-s", "whole=true")):
        finished = codeprimer("evaluate", answered, "--on", path, *option, cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert "100.0 %" in finished.stdout


def test_options_that_change_nothing_are_named(benchmark: Path, tmp_path: Path) -> None:
    given = answers(tmp_path / "answers.jsonl", "")
    options = ("--samples", "3", "--temperature", "0.2", "--shots", "3", "--whole", "--model", "base")
    finished = codeprimer("evaluate", given, "--on", benchmark, *options, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    said = " ".join(finished.stderr.split())
    assert "--model, --samples, --temperature, --shots, --whole: ignored" in said
    finished = codeprimer("evaluate", given, "--on", benchmark, cwd=tmp_path)
    assert "ignored" not in finished.stderr


def test_answers_in_markdown_are_pointed_out(benchmark: Path, tmp_path: Path) -> None:
    given = answers(
        tmp_path / "answers.jsonl", "```python\n    return 1\n```\n", '    """No ``` here."""\n    return 1\n'
    )
    finished = codeprimer("evaluate", given, "--on", benchmark, cwd=tmp_path)
    assert "4 answers have lines that begin with ```" in " ".join(finished.stderr.split())


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({"task_id": "HumanEval/0"}, "it has no 'completion'"),
        ({"completion": "x"}, "it has no 'task_id'"),
        ({"task_id": "HumanEval/0", "completion": None}, "its 'completion' has the wrong type"),
        ({"task_id": True, "completion": ""}, "its 'task_id' has the wrong type"),
        (["HumanEval/0", "x"], "it is not a JSON object"),
    ],
)
def test_a_line_that_is_no_answer_says_what_it_lacks(
    record: object, fault: str, benchmark: Path, tmp_path: Path
) -> None:
    (tmp_path / "answers.jsonl").write_text(json.dumps(record))
    finished = codeprimer("evaluate", tmp_path / "answers.jsonl", "--on", benchmark, cwd=tmp_path)
    assert finished.returncode == 2
    assert f"line 1: not an answer: {fault}" in " ".join(finished.stderr.split())


def test_a_checkpoint_of_a_run_is_evaluated_beside_it_and_nothing_is_added_to_the_store(
    small_run: SmallRun, benchmark: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_run.folder.parent, tmp_path / "runs", symlinks=True)
    run = tmp_path / "runs" / small_run.folder.name
    before = sorted((run.parent / "store").rglob("*"))
    for model in ("--model", "tunned"), ("--model", "base"):
        finished = codeprimer("evaluate", run, "--on", benchmark, "--max-new-tokens", "8", *model, cwd=tmp_path)
        if model[1] == "tunned":
            assert finished.returncode == 2
            assert "control, base, tuned" in " ".join(finished.stderr.split())
    finished = codeprimer("evaluate", run / "72-tuned", "--on", benchmark, "--max-new-tokens", "8", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert sorted(path.name for path in (run / "evaluations").iterdir()) == ["base-problems", "tuned-problems"]
    finished = codeprimer("evaluate", (run / "72-tuned").resolve(), "--on", benchmark, cwd=tmp_path)
    assert finished.returncode == 2
    assert "name a folder with --output" in " ".join(finished.stderr.split())
    assert sorted((run.parent / "store").rglob("*")) == before


def test_a_server_is_evaluated_by_its_address_and_a_second_time_from_what_it_has_answered(
    benchmark: Path, tmp_path: Path
) -> None:
    with serving(Manner(script=lambda fields: "    return x + 1\nprint(1)", model="some/model")) as mock:
        order = ("evaluate", mock.url, "--model", "some/model", "--on", benchmark)
        first, second = (codeprimer(*order, cwd=tmp_path) for _ in range(2))
        assert first.returncode == second.returncode == 0, first.stderr
        assert sum(mock.answered.values()) == len(PROBLEMS)
    assert "25.0 %" in first.stdout
    assert "some/model: about 4 requests" in first.stdout
    assert "4 of these answers were in runs/store/teachers" in second.stdout
    facts = json.loads((tmp_path / "evaluations" / "some-model-problems" / "scores.json").read_text())
    assert facts["model"] == "some/model"
    assert (facts["answered_by"]["form"], facts["answered_by"]["answers"]) == ("completions", 4)
    assert facts["answered_by"]["tokens"] == sum(mock.tokens.values())


def test_a_backend_that_is_asked_for_by_name_is_used_or_refused(
    small_run: SmallRun, benchmark: Path, tmp_path: Path
) -> None:
    texts = []
    for backend in "codeprimer", "transformers":
        options = ("--on", benchmark, "--output", tmp_path / backend, "--max-new-tokens", "24", "--backend", backend)
        finished = codeprimer("evaluate", small_run.folder, *options, cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr
        texts.append([row["completion"] for row in pq.read_table(tmp_path / backend / "samples").to_pylist()])
    assert texts[0] == texts[1]
    given = answers(tmp_path / "answers.jsonl", "")
    refused: list[tuple[str | Path, str, str]] = [
        (small_run.folder, "endpoint", "is not a URL"),
        (given, "transformers", "is a file of answers"),
        ("http://127.0.0.1:9/v1", "codeprimer", "http://127.0.0.1:9/v1 is a URL"),
        ("http://127.0.0.1:9/v1", "auto", "with --model"),
    ]
    for what, backend, said in refused:
        finished = codeprimer("evaluate", what, "--on", benchmark, "--backend", backend, cwd=tmp_path)
        assert finished.returncode == 2
        assert said in " ".join(finished.stderr.split())
    ignored = codeprimer("evaluate", given, "--on", benchmark, "--chat", "--in-flight", "3", cwd=tmp_path)
    assert "--chat, --in-flight: ignored" in " ".join(ignored.stderr.split())


def test_the_exam_as_a_file_of_answers_gets_the_runs_verdicts(small_run: SmallRun, tmp_path: Path) -> None:
    samples = pq.read_table(small_run.folder / "80-evaluation" / "samples").to_pylist()
    for model in ("base", "tuned"):
        expected = [row for row in samples if row["model"] == model]
        given = lines(
            tmp_path / f"{model}.jsonl", [{key: row[key] for key in ("task_id", "completion")} for row in expected]
        )
        finished = codeprimer("evaluate", given, "--on", small_run.folder / "05-exam", cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr
        found = pq.read_table(tmp_path / f"{model}-05-exam" / "samples").to_pylist()
        keys = ("task_id", "verdict", "detail")
        assert [[row[key] for key in keys] for row in found] == [[row[key] for key in keys] for row in expected]
    output = ("-s", "table=validation", "--output", tmp_path / "validation", "--max-new-tokens", "24")
    finished = codeprimer("evaluate", small_run.folder, "--on", small_run.folder / "05-exam", *output, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    rows = pq.read_table(tmp_path / "validation" / "samples").to_pylist()
    assert {row["task_id"].partition("/")[0] for row in rows} == {"validation"}


def test_a_benchmark_that_repeats_a_task_id_is_refused(benchmark: Path, tmp_path: Path) -> None:
    twice = lines(tmp_path / "twice.jsonl", [*PROBLEMS, PROBLEMS[1]])
    finished = codeprimer("evaluate", answers(tmp_path / "own.jsonl", ""), "--on", twice, cwd=tmp_path)
    assert finished.returncode == 2
    assert "1 task ids occur more than once, such as HumanEval/1" in finished.stderr
