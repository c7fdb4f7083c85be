"""From a recipe to labels, sections and exercises by a teacher that fails in every way."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from codeprimer.core.artifact import Artifact, open_artifact
from tests.conftest import codeprimer
from tests.teachers.endpoints import facts_of, serving_apart

FAULTS = "refused=0.1,error=0.05,cut_off=0.01,broken=0.01,hang=0.01,no_form=0.01"
RECIPE = """\
name: written
seed: 3
teacher: {{base_url: '{url}', model: gpt-4o-mini, max_in_flight: 128, budget_usd: 50, timeout_seconds: 20}}
exam: {{problems: 24, validation: 12}}
corpus:
  sources: [{sources}]
quality: {{annotator: endpoint, sample: {sample}}}
textbooks: {{author: endpoint, sections: {sections}}}
exercises: {{author: endpoint, count: {exercises}}}
"""


def endpoint() -> AbstractContextManager[str]:
    """Run the mock with the script in a process of its own."""
    return serving_apart("--latency", "0.05", "--faults", FAULTS, "--script", "codeprimer.teachers.scripted:answer")


def run(folder: Path, until: str) -> str:
    """Run the recipe in a folder up to a step."""
    finished = codeprimer("run", "recipe.yaml", "--until", until, cwd=folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def made(folder: Path, link: str) -> Artifact:
    """Return an artefact of the run."""
    return open_artifact(folder / "runs" / "written" / link)


def facts(folder: Path, link: str) -> dict[str, Any]:
    """Return the facts of an artefact."""
    found: dict[str, Any] = json.loads((folder / "runs" / "written" / link / "manifest.json").read_text())["facts"]
    return found


def write_recipe(folder: Path, url: str, sources: str, sample: int, sections: int, exercises: int) -> None:
    """Write the recipe."""
    sizes = {"sample": sample, "sections": sections, "exercises": exercises}
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url, sources=sources, **sizes))


def check_exercises(folder: Path, count: int) -> None:
    """Check that exactly so many were accepted, and that everything else has a reason and an answer in the journal."""
    found = made(folder, "40-exercises")
    rows = list(found.rows("exercises"))
    assert len(rows) == count
    assert all(row["verdict"] == "passed" and len(row["request_id"]) == 64 for row in rows)
    assert all(row["solution"].strip() and '"""' in row["prompt"] and len(row["tests"]) >= 3 for row in rows)
    reasons = Counter(row["reason"] for row in found.rows("rejected"))
    assert reasons["failed"] > 0
    assert reasons["other_form"] > 0
    assert all(row["request_id"] for row in found.rows("rejected") if row["reason"] in ("failed", "other_form"))
    writing = facts(folder, "40-exercises")["writing"]
    assert writing["usd"] > 0
    assert writing["replies"]["accepted"] >= count


def check_sections(folder: Path, count: int) -> None:
    """Check that so many sections were accepted, and that those that claim what is not printed were rejected."""
    found = made(folder, "30-textbooks")
    rows = list(found.rows("sections"))
    assert len(rows) == count
    assert all(len(row["request_id"]) == 64 and "```python" in row["text"] for row in rows)
    assert [row["position"] for row in rows] == sorted(row["position"] for row in rows)
    assert Counter(row["reason"] for row in found.rows("rejected"))["failed"] > 0


@pytest.mark.slow
def test_ten_thousand_labels_five_hundred_sections_and_two_thousand_exercises_come_through_all_faults(
    tmp_path: Path,
) -> None:
    code = tmp_path / "code"
    for number in range(11_000):
        package = code / f"package_{number % 500:03d}"
        package.mkdir(parents=True, exist_ok=True)
        body = "".join(f"    total = total + {k} * value\n" for k in range(number % 7 + 1, number % 7 + 12))
        (package / f"part_{number}.py").write_text(
            f'"""Part {number}."""\n\n\ndef weigh_{number}(value: int, total: int = {number}) -> int:\n'
            f'    """Return a weight for case {number}."""\n{body}    return total\n'
        )
    with endpoint() as url:
        write_recipe(tmp_path, url, "{kind: folder, name: code, path: code}", 10_000, 500, 2_000)
        recipe = (tmp_path / "recipe.yaml").read_text()
        # Files that are made here are all alike.
        all_kept = "corpus:\n  near_duplicates: {enabled: false}\n  heldout_fraction: 0.02\n"
        (tmp_path / "recipe.yaml").write_text(recipe.replace("corpus:\n", all_kept))
        said = run(tmp_path, "quality") + run(tmp_path, "textbooks") + run(tmp_path, "exercises")
    assert "gpt-4o-mini: about" in said
    check_sections(tmp_path, 500)
    check_exercises(tmp_path, 2_000)
    annotation = facts(tmp_path, "20-quality")["annotation"]
    assert annotation["replies"]["accepted"] > 9_000


def test_a_small_run_is_labelled_and_written_by_a_teacher_and_equal_when_made_again(tmp_path: Path) -> None:
    library = Path(os.__file__).parent
    code = tmp_path / "code"
    for name in ("json", "email", "html", "http", "logging", "unittest", "concurrent", "importlib"):
        for path in sorted((library / name).glob("*.py")):
            (code / name).mkdir(parents=True, exist_ok=True)
            (code / name / path.name).write_text(path.read_text(encoding="utf-8"))
    with endpoint() as url:
        write_recipe(tmp_path, url, "{kind: folder, name: code, path: code}", 60, 60, 80)
        second = f"second_teacher: {{base_url: '{url}', model: gpt-4o, budget_usd: 50, timeout_seconds: 20}}\n"
        with (tmp_path / "recipe.yaml").open("a") as file:
            file.write(second)
        said = run(tmp_path, "quality") + run(tmp_path, "textbooks") + run(tmp_path, "exercises")
        check_sections(tmp_path, 60)
        check_exercises(tmp_path, 80)
        links = ("20-quality", "30-textbooks", "40-exercises")
        manifests = [(tmp_path / "runs" / "written" / link / "manifest.json").read_bytes() for link in links]
        asked = facts_of(url)["outcomes"]
        for link in links:
            subprocess.run(["rm", "-r", (tmp_path / "runs" / "written" / link).resolve()], check=True)
        run(tmp_path, "quality")
        run(tmp_path, "textbooks")
        run(tmp_path, "exercises")
        assert facts_of(url)["outcomes"] == asked
    again = [(tmp_path / "runs" / "written" / link / "manifest.json").read_bytes() for link in links]
    assert again == manifests
    assert said.count("gpt-4o-mini: about") == said.count("gpt-4o: about") == 3
    check_comparison(tmp_path)


def check_comparison(folder: Path) -> None:
    """Check that the second teacher was asked the same, that its texts were judged alike, and that none was taken."""
    agreement = facts(folder, "20-quality")["annotation"]["second"]["agreement"]
    assert agreement["documents"] > 40
    for link, table, orders in (("30-textbooks", "sections", 60), ("40-exercises", "exercises", 80)):
        writing = facts(folder, link)["writing"]
        other = writing["second"]
        compared = other["compared"]
        assert (other["model"], compared["orders"]) == ("gpt-4o", orders)
        # The same script answers both, so their shares are alike; only the faults fall on different requests.
        assert compared["first"] > 0.5 * orders
        assert abs(compared["first"] - compared["second"]) < 0.25 * orders
        assert other["usd"] > 5 * writing["usd"] * sum(other["replies"].values()) / sum(writing["replies"].values())
        taken = {row["request_id"] for row in made(folder, link).rows(table)}
        assert len(taken) == orders
