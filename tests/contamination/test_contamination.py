"""Contamination: repeated wording and repeated trees are found, removed and shown; everything else passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support import stage_tools

from codeprimer.analysis.prose import code_blocks, problem_prose
from codeprimer.contamination import scanning
from codeprimer.contamination.scanning import RAW, SOURCES, chunks
from codeprimer.contamination.settings import ContaminationSettings
from codeprimer.contamination.stage import ContaminationStage
from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import DOCUMENTS, EXERCISES, KEPT, SECTIONS, TASKS, document_id
from codeprimer.core.errors import EmptyOutputError
from codeprimer.core.stage import Built, identify, run_stage

QUIET = Console("quiet")
Rows = Iterable[Mapping[str, Any]]

PROSE = "Return the sum of the squares of those numbers in the list that are divisible by three."
SHORT = "Return the longest word of a sentence."
PROMPT = f'def squares(numbers: list[int]) -> int:\n    """{PROSE}"""\n'
SOLUTION = "    return sum(number * number for number in numbers if number % 3 == 0)\n"
TASKS_ROWS = [
    {"task_id": "exam/0000", "prompt": PROMPT, "solution": SOLUTION},
    {
        "task_id": "exam/0001",
        "prompt": f'def longest(text: str) -> str:\n    """{SHORT[:-1]} by length."""\n',
        "solution": "    return max(text.split(), key=len)\n",
    },
]
OTHER = "def other(value):\n    return [value for _ in range(value)]\n"


def publish(store: Store, stage: str, tables: Mapping[str, tuple[Any, Rows]]) -> Artifact:
    """Return a real artefact that holds these tables."""
    with store.workspace(stage, "0" * 16) as workspace:
        for name, (schema, rows) in tables.items():
            with workspace.table(name, schema) as table:
                table.write_all(rows)
        manifest = {"stage": stage, "id": "0" * 16, "facts": {}, "headline": ""}
        return store.publish(workspace, manifest, (), {})


def document(text: str, split: str = "train") -> dict[str, Any]:
    return {"doc_id": document_id(text), "text": text, "split": split}


def exercise(prompt: str, solution: str) -> dict[str, Any]:
    return {"doc_id": document_id(prompt + solution), "prompt": prompt, "solution": solution}


def run(
    tmp_path: Path,
    raw: Rows = (),
    textbooks: Rows = (),
    exercises: Rows = (),
    benchmarks: Rows = (),
    only_code: Rows = (),
    processes: int = 1,
    **settings: int,
) -> Built:
    """Run the stage on these rows, with one harmless document in every set."""
    clean = document(OTHER)
    raw = [clean, *raw]
    store = Store(tmp_path / "store")
    inputs = {
        "exam": publish(
            store,
            "exam",
            {"exam": (TASKS, TASKS_ROWS), "validation": (TASKS, []), "benchmarks": (TASKS, benchmarks)},
        ),
        "corpus": publish(store, "corpus", {"documents": (DOCUMENTS, raw)}),
        "quality": publish(store, "quality", {"kept": (KEPT, [*raw, *only_code])}),
        "textbooks": publish(store, "textbooks", {"sections": (SECTIONS, [document_without_split(OTHER), *textbooks])}),
        "exercises": publish(store, "exercises", {"exercises": (EXERCISES, [exercise(OTHER, ""), *exercises])}),
    }
    stage, chosen = ContaminationStage(), ContaminationSettings(**settings)
    identity = identify(stage, chosen, {name: artifact.id for name, artifact in inputs.items()}, stage_tools(QUIET, 1))
    return run_stage(stage, chosen, inputs, identity, store, stage_tools(QUIET, 1, processes))


def document_without_split(text: str) -> dict[str, Any]:
    return {"doc_id": document_id(text), "text": text}


def matches(built: Built) -> list[tuple[str, str, str]]:
    return [
        (row["training_set"], row["task_id"], row["measure"])
        for row in sorted(built.artifact.rows("matches"), key=lambda row: (row["training_set"], row["task_id"]))
    ]


def test_thirteen_common_words_are_found_regardless_of_case_and_punctuation(tmp_path: Path) -> None:
    comment = "# We return the SUM of the 'squares' of those numbers; in the list, that are odd.\nx = 1\n"
    built = run(tmp_path, raw=[document(comment)])
    assert matches(built) == [("code", "exam/0000", "words-13gram"), ("raw", "exam/0000", "words-13gram")]
    row = next(built.artifact.rows("matches"))
    assert row["removed"] is True
    assert row["document_excerpt"] == "return the sum of the squares of those numbers in the list that"
    assert row["task_excerpt"].startswith(PROSE)
    assert row["value"] == pytest.approx(2 / 5)
    assert [row["text"] for row in built.artifact.rows("raw")] == [OTHER]


def test_kept_code_that_is_no_raw_document_is_compared_too(tmp_path: Path) -> None:
    built = run(tmp_path, only_code=[document(f"# {PROSE}\nx = 1\n"), document("x = 2\n")])
    assert matches(built) == [("code", "exam/0000", "words-13gram")]
    assert [row["text"] for row in built.artifact.rows("code")] == [OTHER, "x = 2\n"]
    assert [row["text"] for row in built.artifact.rows("raw")] == [OTHER]


def test_twelve_common_words_of_a_long_prose_do_not_match(tmp_path: Path) -> None:
    comment = "# " + " ".join(PROSE.split()[:12]) + "\nx = 1\n"
    assert matches(run(tmp_path, raw=[document(comment)])) == []


def test_short_prose_is_matched_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    copied = document("# return the longest word of a sentence by length\nx = 1\n")
    assert ("raw", "exam/0001", "words-13gram") in matches(run(tmp_path / "a", raw=[copied]))
    built = run(tmp_path / "b", raw=[copied], shortest_prose=11)
    assert matches(built) == []
    assert built.artifact.facts["task_sets"][0]["without_words"] == 1


def test_the_same_tree_under_other_names_is_found(tmp_path: Path) -> None:
    renamed = "def energy(values):\n    return sum(v * v for v in values if v % 3 == 0)\n"
    changed = "def energy(values):\n    return sum(v * v for v in values if v % 5 == 0)\n"
    built = run(tmp_path, raw=[document("import os\n\n" + renamed), document(changed)])
    assert matches(built) == [("code", "exam/0000", "syntax-tree"), ("raw", "exam/0000", "syntax-tree")]
    assert [row["text"] for row in built.artifact.rows("code")] == [OTHER, changed]
    assert next(built.artifact.rows("matches"))["document_excerpt"].startswith("def energy")


def test_trees_that_are_too_small_are_not_compared_and_counted(tmp_path: Path) -> None:
    renamed = document("def energy(values):\n    return sum(v * v for v in values if v % 3 == 0)\n")
    built = run(tmp_path, raw=[renamed], min_nodes=100)
    assert matches(built) == []
    assert built.artifact.facts["task_sets"] == [
        {"task_set": "exam", "tasks": 2, "without_words": 0, "without_tree": 2}
    ]


def test_building_blocks_inside_a_problems_function_may_be_trained_on(tmp_path: Path) -> None:
    inner = "def helper(items):\n    return [item for item in items if item % 7 == 0 and item > 2]\n"
    indented = "".join(f"    {line}\n" for line in inner.splitlines())
    task = {
        "task_id": "HumanEval/0",
        "prompt": 'def whole(items):\n    """Count."""\n',
        "solution": f"{indented}    return len(helper(items))\n",
    }
    built = run(tmp_path, raw=[document(inner)], benchmarks=[task])
    assert matches(built) == []


def test_special_methods_of_a_problem_may_be_trained_on(tmp_path: Path) -> None:
    special = "class A:\n    def __init__(self, a, b, c):\n        self.a = a\n        self.b = b\n        self.c = c\n"
    asked = '    def get(self):\n        """Get a."""\n'
    task = {"task_id": "MBPP/0", "prompt": special + asked, "solution": "        return self.a\n"}
    assert matches(run(tmp_path, raw=[document(special)], benchmarks=[task])) == []


def test_textbooks_are_compared_block_by_block_even_when_one_is_not_python(tmp_path: Path) -> None:
    section = (
        f"# Sums\n\n```python\nnot python(\n```\n\nMore:\n\n```python\n{PROMPT.replace(PROSE, 'Add.')}{SOLUTION}```\n"
    )
    built = run(tmp_path, textbooks=[document_without_split(section)])
    assert matches(built) == [("textbooks", "exam/0000", "syntax-tree")]
    assert code_blocks(section)[0] == "not python(\n"


def test_an_exercise_is_compared_with_its_solution_and_reported_by_set_of_problems(tmp_path: Path) -> None:
    benchmark = {"task_id": "MBPP/5", "prompt": PROMPT, "solution": SOLUTION}
    built = run(tmp_path, exercises=[exercise(PROMPT, SOLUTION)], benchmarks=[benchmark])
    facts = built.artifact.facts["training_sets"]["exercises"]
    assert facts["documents"] == 2
    assert facts["removed"] == 1
    assert facts["matches"]["words-13gram"]["MBPP"] == {"pairs": 1, "documents": 1}
    assert facts["matches"]["syntax-tree"]["exam"] == {"pairs": 1, "documents": 1}
    assert built.headline == "1 of 5 training texts removed: they repeat one of 3 problems"


def test_held_out_documents_are_not_training_documents(tmp_path: Path) -> None:
    built = run(tmp_path, raw=[document("x = 1\n", split="heldout")])
    assert built.artifact.facts["training_sets"]["raw"]["documents"] == 1
    assert [row["text"] for row in built.artifact.rows("code")] == [OTHER]


def test_a_set_that_is_removed_altogether_is_an_error(tmp_path: Path) -> None:
    task = {"task_id": "MBPP/1", "prompt": "def same(value):\n", "solution": OTHER.split("\n", 1)[1]}
    with pytest.raises(EmptyOutputError, match="raw"):
        run(tmp_path, benchmarks=[task], min_nodes=5)


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "CHUNK_BYTES", 1)
    rows = [document(f"# {PROSE}\nx = {number}\n") for number in range(20)]
    first, second = (run(tmp_path / str(count), raw=rows, processes=count) for count in (1, 2))
    assert first.artifact.manifest["files"] == second.artifact.manifest["files"]
    assert first.artifact.facts["training_sets"]["raw"]["removed"] == 20


@pytest.mark.parametrize(("chunk_bytes", "count"), [(1, 4), (10**9, 1)])
def test_chunks_cover_every_row_once(
    chunk_bytes: int, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codeprimer.core.shards.GROUP_ROWS", 3)
    monkeypatch.setattr(scanning, "CHUNK_BYTES", chunk_bytes)
    rows = [document(f"x = {number}\n") for number in range(10)]
    artifact = publish(Store(tmp_path), "corpus", {"documents": (DOCUMENTS, rows)})
    cut = list(chunks(SOURCES[RAW], artifact.table("documents")))
    assert len(cut) == count
    assert [text["text"] for chunk in cut for text in chunk.texts()] == [row["text"] for row in rows]


@pytest.mark.parametrize(
    ("prompt", "solution", "prose"),
    [
        (PROMPT, SOLUTION, [PROSE]),
        (
            'def f(x):\n    """Do it.\n\n    >>> f(1)\n    2\n\n    Then stop.\n    """\n',
            "    return x\n",
            ["Do it.\n\n\nThen stop."],
        ),
        ("Write a function that adds.", "def f(a, b):\n    return a + b", ["Write a function that adds."]),
        ("def f(x):\n", "    return x\n", ["def f(x):\n"]),
    ],
)
def test_a_problems_prose_is_its_docstrings_without_examples_or_else_its_prompt(
    prompt: str, solution: str, prose: list[str]
) -> None:
    assert problem_prose(prompt, solution) == prose
