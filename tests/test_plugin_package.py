"""Another package: one plug-in of every role, installed, found by its entry points, and used in a whole run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codeprimer.core.artifact import open_artifact
from codeprimer.core.plugins import ROLES
from codeprimer.run.folder import RunFolder
from codeprimer.teachers.mock import Manner
from tests.conftest import codeprimer, write_code
from tests.teachers.endpoints import serving

PACKAGE = Path(__file__).parent / "plugin_package"

NOTES = """\
# Notes

```python
def twice(x):
    \"\"\"Return x twice.\"\"\"
    result = x + x
    return result
```

```python
x = 1
```
"""

KATAS = [
    {"id": n, "level": n % 2 + 1, "signature": f"kata_{n}(x)", "task": f"Multiply x by {n}.", "answer": f"    return {n} * x\n",
     "checks": [f"assert kata_{n}(3) == {3 * n}"]}
    for n in range(6)
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A folder with the recipe and its data, and the folder that the package is installed into."""

    folder: Path
    installed: Path

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return codeprimer(*arguments, cwd=self.folder, PYTHONPATH=str(self.installed))


def install(folder: Path) -> Path:
    """Install the package into a folder of its own; the environment stays as it is."""
    shutil.copytree(PACKAGE, folder / "package")
    target = folder / "installed"
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(folder / "package")], check=True
    )
    return target


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("toy")
    write_code(folder / "code")
    (folder / "notes").mkdir()
    for number in range(3):
        (folder / "notes" / f"note{number}.md").write_text(NOTES.replace("twice", f"twice_{number}"))
    (folder / "katas.jsonl").write_text("".join(json.dumps(kata) + "\n" for kata in KATAS))
    shutil.copy(PACKAGE / "recipe.yaml", folder / "toy.yaml")
    return Place(folder, install(folder))


def yes_or_no(fields: dict[str, Any]) -> str:
    """Answer by chance, but always the same."""
    return "Yes." if zlib.crc32(fields["messages"][-1]["content"].encode()) % 2 else "No."


@pytest.fixture(scope="module")
def run(place: Place) -> Iterator[RunFolder]:
    with serving(Manner(script=yes_or_no)) as mock:
        finished = place.run("run", "toy.yaml", "-s", f"teacher.base_url={mock.url}")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    yield RunFolder(place.folder / "runs" / "toy")


def rows(run: RunFolder, step: str, table: str) -> list[dict[str, Any]]:
    return list(run.artifact(step).rows(table))


def test_every_role_has_a_plugin_of_the_package(place: Place) -> None:
    listed = json.loads(place.run("plugins", "--json").stdout)
    mine = {one["role"]: one for one in listed if one["package"] == "codeprimer-toy 1.0"}
    assert mine.keys() == ROLES.keys()
    assert all(one["settings"] and not one["problem"] for one in mine.values())


def test_a_source_and_a_filter_of_the_package_decide_what_the_corpus_holds(run: RunFolder) -> None:
    assert {row["path"] for row in rows(run, "corpus", "documents") if row["source"] == "notes"} == {
        f"note{n}/0.py" for n in range(3)
    }
    short = [row for row in rows(run, "corpus", "dropped") if row["reason"] == "short"]
    assert {(row["path"], row["detail"]) for row in short if row["source"] == "notes"} == {
        (f"note{n}/1.py", "1 lines") for n in range(3)
    }


def test_an_annotator_an_embedder_and_a_scorer_of_the_package_decide_what_is_kept(run: RunFolder) -> None:
    labels = rows(run, "quality", "labels")
    assert {(row["annotator"], row["said"], row["points"]) for row in labels} == {
        ("one_word", "Yes.", 5.0), ("one_word", "No.", 0.0),
    }  # fmt: skip
    record = json.loads((run.artifact("quality").path / "scorer.json").read_bytes())
    assert record["embedder"] == {"kind": "letters", "letters": "etaoinshrdlu"}
    assert record["scorer"] == {"kind": "centroid", "steepness": 30.0}
    assert rows(run, "quality", "kept")


def test_an_author_of_the_package_writes_sections_and_exercises(run: RunFolder) -> None:
    sections = rows(run, "textbooks", "sections")
    assert sections and all("Let us add two numbers today." in row["text"] for row in sections)
    exercises = rows(run, "exercises", "exercises")
    assert len(exercises) == 60
    assert all(row["entry_point"].startswith("add_") and row["verdict"] == "passed" for row in exercises)


def test_a_benchmark_of_the_package_is_sealed_and_answered(place: Place, run: RunFolder) -> None:
    assert {row["task_id"] for row in rows(run, "exam", "benchmarks")} == {"katas/0", "katas/2", "katas/4"}
    answers = [{"task_id": f"katas/{kata['id']}", "completion": kata["answer"]} for kata in KATAS]
    answers[1]["completion"] = "    return None\n"
    (place.folder / "answers.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    finished = place.run("evaluate", "answers.jsonl", "--on", "katas.jsonl", "--json")
    assert finished.returncode == 0, finished.stderr
    facts = json.loads(finished.stdout.splitlines()[-1])
    assert facts["verdicts"] == {"failed": 1, "passed": 5}


def test_a_grader_of_the_package_gives_the_verdicts_of_the_run(run: RunFolder) -> None:
    samples = rows(run, "evaluation", "samples")
    assert samples
    long = [row for row in samples if row["completion"].strip().count("\n") >= 10]
    assert all(row["verdict"] == "failed" and row["detail"].endswith(" lines") for row in long)


def test_an_engine_of_the_package_runs_the_units(place: Place, run: RunFolder) -> None:
    (place.installed / "toy" / "engine.py").rename(place.installed / "toy" / "engine.bak")
    try:
        finished = place.run("status", run.path)
    finally:
        (place.installed / "toy" / "engine.bak").rename(place.installed / "toy" / "engine.py")
    assert finished.returncode == 2
    assert "engine 'serial' (toy.engine:SerialEngine, package codeprimer-toy 1.0)" in finished.stderr


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("engine={kind: serial, evry: 1}", "engine.evry: unknown key of engine 'serial'"),
        ("corpus.sources=[{kind: markdown, name: x, path: a, fense: b}]", "corpus.sources.0.fense: unknown key of source"),
        ("corpus.filters=[{kind: short, min_lines: 0}]", "corpus.filters.0.min_lines: "),
        ("quality.annotator={kind: one_word, question: 3}", "quality.annotator.question: "),
        ("quality.embedder={kind: letters, leters: a}", "quality.embedder.leters: unknown key of embedder 'letters'"),
        ("quality.scorer={kind: centroid, steepness: much}", "quality.scorer.steepness: "),
        ("textbooks.author={kind: sums, openning: x}", "textbooks.author.openning: unknown key of author 'sums'"),
        ("exam.benchmarks=[{kind: katas, levl: 1}]", "exam.benchmarks.0.levl: unknown key of benchmark 'katas'"),
        ("evaluation.grader={kind: concise, max_line: 1}", "evaluation.grader.max_line: unknown key of grader 'concise'"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_file_key_and_plugin(place: Place, setting: str, expected: str) -> None:
    finished = place.run("recipe", "toy.yaml", "-s", setting)
    assert finished.returncode == 2
    message = " ".join(finished.stderr.split())
    assert f"toy.yaml: {expected}" in message
    assert "package codeprimer-toy 1.0" in message


def test_an_exception_in_a_plugin_names_it_even_from_a_worker_process(place: Place, tmp_path: Path) -> None:
    broken = tmp_path / "installed"
    shutil.copytree(place.installed, broken)
    code = (broken / "toy" / "filter.py").read_text()
    (broken / "toy" / "filter.py").write_text(code.replace('file.text.count("\\n")', "file.txt.count()"))
    recipe = place.folder / "broken.yaml"
    recipe.write_text(
        "corpus:\n  sources: [{kind: folder, name: code, path: code}]\n  filters: [short]\n  unit_bytes: 20000\n"
    )
    finished = codeprimer(
        "run", recipe, "--until", "corpus", "--processes", "2", cwd=place.folder, PYTHONPATH=str(broken)
    )
    assert finished.returncode == 2
    message = " ".join(finished.stderr.split())
    assert "'short' (toy.filter) failed with AttributeError" in message
    assert "toy/filter.py:" in message
    assert "Traceback" not in message


def test_a_changed_plugin_makes_its_step_anew(place: Place, run: RunFolder, tmp_path: Path) -> None:
    changed = tmp_path / "installed"
    shutil.copytree(place.installed, changed)
    (changed / "toy" / "filter.py").write_text((changed / "toy" / "filter.py").read_text() + "\n# another version\n")
    finished = codeprimer("status", run.path, "--json", cwd=place.folder, PYTHONPATH=str(changed))
    states = {
        one["step"]: one["state"] for one in map(json.loads, finished.stdout.splitlines()) if one["event"] == "step"
    }
    assert states["corpus"] == "to do"
    assert open_artifact(run.links()["corpus"]).manifest["ingredients"]["plugins"]["filters.1"]["code"]
