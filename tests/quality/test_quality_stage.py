"""The quality stage from clean documents to the kept set."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.support import stage_tools

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import DOCUMENTS, document_id
from codeprimer.core.errors import SourceError
from codeprimer.core.shards import Row, TableWriter
from codeprimer.core.stage import identify, run_stage
from codeprimer.quality.annotator import AskingAnnotator, Label
from codeprimer.quality.scorer import load_scorer
from codeprimer.quality.settings import QualitySettings, ScorerSettings
from codeprimer.quality.stage import QualityStage

LIBRARY = Path(sysconfig.get_path("stdlib"))
SCORER = ScorerSettings(trees=30, components=8, bucket_bits=10)


class Listener(Console):
    """A quiet console that remembers its warnings."""

    def __init__(self) -> None:
        super().__init__("quiet")
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def write_corpus(folder: Path, texts: dict[str, str], heldout: str = "") -> Artifact:
    """Return a corpus artefact of texts by path; a path's first part is its package."""
    with TableWriter(folder / "documents", DOCUMENTS) as table:
        for path, text in texts.items():
            package = path.split("/")[0]
            table.write(
                {
                    "doc_id": document_id(text),
                    "text": text,
                    "source": "mine",
                    "package": package,
                    "path": path,
                    "license": "MIT",
                    "origins": [f"mine:{path}"],
                    "split": "heldout" if package == heldout else "train",
                }
            )
    return Artifact(folder, {"id": "0123456789abcdef", "stage": "corpus", "files": {}, "facts": {}})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """About 200 real files."""
    texts = {}
    for path in sorted(LIBRARY.glob("*.py")) + sorted(LIBRARY.glob("*/[a-m]*.py")):
        relative = path.relative_to(LIBRARY).as_posix()
        if 300 < path.stat().st_size < 40_000 and not relative.startswith(("test/", "site-packages/", "encodings/")):
            texts[f"{relative.removesuffix('.py')}/{path.name}"] = path.read_text(encoding="utf-8")
    return write_corpus(tmp_path_factory.mktemp("corpus"), texts, heldout="email")


def build(
    corpus: Artifact,
    store: Path,
    processes: int = 1,
    console: Console | None = None,
    annotator: AskingAnnotator | None = None,
    **settings: Any,
) -> Artifact:
    chosen = QualitySettings(**{"scorer": SCORER, "sample": 180, **settings})
    console = console or Listener()
    tools = stage_tools(console, 5, processes)
    stage = QualityStage(annotator)
    identity = identify(stage, chosen, {"corpus": corpus.id}, stage_tools(console, 5))
    return run_stage(stage, chosen, {"corpus": corpus}, identity, Store(store), tools).artifact


@pytest.fixture(scope="module")
def quality(corpus: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return build(corpus, tmp_path_factory.mktemp("store"))


def test_every_document_is_scored_and_either_kept_or_dropped_with_a_reason(quality: Artifact, corpus: Artifact) -> None:
    everything = [row["doc_id"] for row in corpus.rows("documents")]
    scores = {row["doc_id"]: row for row in quality.rows("scores")}
    kept = {row["doc_id"]: row for row in quality.rows("kept")}
    dropped = {row["doc_id"]: row for row in quality.rows("dropped")}
    assert [row["doc_id"] for row in quality.rows("scores")] == everything
    assert sorted([*kept, *dropped]) == sorted(everything)
    threshold = min(row["score"] for row in kept.values())
    assert all(row["score"] < threshold and row["reason"] == "below_threshold" for row in dropped.values())
    assert all(scores[name]["kept"] and scores[name]["reason"] is None for name in kept)
    assert all(0 < row["score"] < 1 for row in scores.values())


def test_the_kept_share_of_bytes_is_the_knob(quality: Artifact, corpus: Artifact, tmp_path: Path) -> None:
    def share(artifact: Artifact) -> float:
        kept, everything = (
            sum(len(row["text"].encode()) for row in table if row["split"] == "train")
            for table in (artifact.rows("kept"), corpus.rows("documents"))
        )
        return kept / everything

    assert 0.2 < share(quality) <= 0.25
    assert 0.55 < share(build(corpus, tmp_path, keep_fraction=0.6)) <= 0.6


def test_held_out_documents_are_judged_by_the_same_threshold_and_never_learned_from(quality: Artifact) -> None:
    assert "email" not in {row["package"] for row in quality.rows("labels")}
    heldout = [row for table in ("kept", "dropped") for row in quality.rows(table) if row["split"] == "heldout"]
    assert heldout
    assert quality.facts["heldout_kept"]["documents"] == sum("reason" not in row for row in heldout)


def test_labels_say_why_and_packages_are_in_one_part(quality: Artifact) -> None:
    labels = list(quality.rows("labels"))
    assert len(labels) == 180
    parts: dict[str, set[str]] = {}
    for row in labels:
        parts.setdefault(row["package"], set()).add(row["part"])
        assert row["annotator"] == "rubric"
        assert row["label"] == (row["points"] >= 2.75)
    assert all(len(found) == 1 for found in parts.values())
    assert {"trivial", "skewed_topic"} <= {word for row in labels for word in row["why"]}


def test_the_facts_hold_the_evidence_and_say_where_labels_come_from(quality: Artifact) -> None:
    facts = quality.facts
    test = facts["test"]
    assert "come from rules" in facts["about_labels"]
    assert test["average_precision"] > test["baselines"]["length"]["average_precision"]
    assert test["spearman_with_points"] > 0.5 > abs(test["baselines"]["length"]["spearman_with_points"])
    assert 0 < test["brier"] < 0.25
    assert sum(row["documents"] for row in test["reliability"]) == test["documents"]
    assert sum(bar["documents"] for bar in facts["score_histogram"]) == sum(
        facts[side]["documents"] for side in ("kept", "dropped")
    )
    assert facts["sources"]["mine"]["kept"] == facts["kept"]
    sides = {kind.split(":")[0] for kind in facts["examples"]}
    assert sides == {"kept", "dropped"}
    assert all(example["excerpt"] for examples in facts["examples"].values() for example in examples)


def test_the_published_scorer_scores_alone_what_the_table_says(quality: Artifact, corpus: Artifact) -> None:
    scorer = load_scorer(quality.path)
    rows = list(corpus.rows("documents"))[:20]
    expected = {row["doc_id"]: row["score"] for row in quality.rows("scores")}
    for row, score in zip(rows, scorer.score_texts([row["text"] for row in rows]).tolist(), strict=True):
        assert score == pytest.approx(expected[row["doc_id"]], abs=1e-6)
    assert all(path.suffix in {".parquet", ".json", ".npz"} for path in quality.path.rglob("*") if path.is_file())


def test_processes_change_no_byte(quality: Artifact, corpus: Artifact, tmp_path: Path) -> None:
    assert build(corpus, tmp_path, processes=2).manifest == quality.manifest


def test_the_order_of_the_documents_changes_no_score(quality: Artifact, corpus: Artifact, tmp_path: Path) -> None:
    rows = list(corpus.rows("documents"))
    texts = {row["path"]: row["text"] for row in rows[::-1]}
    turned = build(write_corpus(tmp_path / "turned", texts, heldout="email"), tmp_path / "store")

    def scores(artifact: Artifact) -> dict[str, float]:
        return {row["doc_id"]: row["score"] for row in artifact.rows("scores")}

    assert scores(turned) == pytest.approx(scores(quality), abs=1e-6)


def test_a_killed_run_continues_to_the_same_bytes(
    quality: Artifact, corpus: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codeprimer.quality import judging, stage

    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "score_unit", die)
    with pytest.raises(KeyboardInterrupt):
        build(corpus, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(judging, "sample_unit", die)  # what was judged need not be judged again
    assert build(corpus, tmp_path).manifest == quality.manifest


def test_the_kept_set_opens_as_a_data_set(quality: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="needs the extra hub")
    shards = [str(path) for path in sorted(quality.table("kept").glob("*.parquet"))]
    loaded = datasets.load_dataset("parquet", data_files=shards, split="train", cache_dir=str(tmp_path))
    assert loaded["text"][0] == next(iter(quality.rows("kept")))["text"]
    assert loaded.num_rows == quality.facts["kept"]["documents"]
    folder = datasets.load_dataset(str(quality.table("kept")), split="train", cache_dir=str(tmp_path / "second"))
    assert folder.num_rows == loaded.num_rows


class ByLength:
    """An annotator that is asked in the parent process, as one with many requests in flight would be."""

    name: ClassVar[str] = "length"
    in_workers: ClassVar[bool] = False
    about: ClassVar[str] = "Longer is better."
    progress: ClassVar[str] = "nothing yet"

    def identity(self) -> dict[str, Any]:
        return {"by": "length"}

    def estimate(self, documents: int, characters: int) -> str:
        return f"about {documents} looks at {characters} characters"

    def facts(self) -> dict[str, Any]:
        return {"looks": "long"}

    def label(self, documents: Iterable[Row]) -> Iterator[Label]:
        for row in documents:
            yield Label(row["doc_id"], min(5.0, len(row["text"]) / 4_000), ())


def test_an_annotator_that_is_handed_in_replaces_the_rubric(corpus: Artifact, tmp_path: Path) -> None:
    artifact = build(corpus, tmp_path, processes=2, annotator=ByLength())
    assert artifact.facts["annotator"] == "length"
    assert artifact.facts["annotation"] == {"looks": "long"}
    assert artifact.facts["test"]["baselines"]["length"]["spearman_with_points"] > 0.95
    assert artifact.facts["test"]["average_precision"] > 0.9


def test_a_small_folder_of_one_package_still_gets_a_kept_set(tmp_path: Path) -> None:
    names = ("heapq", "bisect", "stat", "colorsys", "this", "abc", "types", "shlex", "csv", "keyword", "copy", "glob")
    texts = {f"mine/{name}.py": (LIBRARY / f"{name}.py").read_text() for name in names}
    console = Listener()
    artifact = build(write_corpus(tmp_path / "corpus", texts), tmp_path / "store", console=console)
    assert 1 <= artifact.facts["kept"]["documents"] < len(names)
    assert len({row["score"] for row in artifact.rows("scores")}) > 3
    said = " ".join(console.warnings)
    assert "fewer than quality.sample" in said
    assert "only 1 packages" in said


def test_documents_that_are_all_alike_are_an_error(tmp_path: Path) -> None:
    texts = {f"p{i}/m.py": f"VALUE_{i} = {i}\n" for i in range(20)}
    with pytest.raises(SourceError, match="not enough to learn from"):
        build(write_corpus(tmp_path / "corpus", texts), tmp_path / "store")


def test_when_not_even_the_best_fits_the_share_it_is_kept_and_that_is_said(corpus: Artifact, tmp_path: Path) -> None:
    console = Listener()
    artifact = build(corpus, tmp_path, console=console, keep_fraction=0.0001)
    assert 1 <= artifact.facts["kept"]["documents"] <= 5  # the best, and those that score the same
    assert any("more than quality.keep_fraction" in warning for warning in console.warnings)
