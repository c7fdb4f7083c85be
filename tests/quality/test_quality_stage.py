"""The quality stage from clean documents to the kept set."""

from __future__ import annotations

import json
import os
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from tests.support import Listener, stage_tools

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.documents import DOCUMENTS, document_id
from codeprimer.core.errors import PluginError, RecipeError, SourceError, StoreError, UserError
from codeprimer.core.shards import TableWriter
from codeprimer.core.stage import identify, run_stage
from codeprimer.quality.scoring import open_scorer
from codeprimer.quality.settings import QualitySettings
from codeprimer.quality.stage import QualityStage
from codeprimer.run.loading import parse_recipe

LIBRARY = Path(sysconfig.get_path("stdlib"))
SMALL = {"embedder": {"kind": "hashing", "bucket_bits": 10}, "scorer": {"kind": "forest", "trees": 30, "components": 8}}


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


@pytest.fixture(scope="module")
def few(corpus: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """About 100 real files, more than one batch, for tests of what plug-ins may do."""
    texts = {row["path"]: row["text"] for index, row in enumerate(corpus.rows("documents")) if index % 2 == 0}
    return write_corpus(tmp_path_factory.mktemp("few"), texts)


def build(
    corpus: Artifact, store: Path, processes: int = 1, console: Console | None = None, **settings: Any
) -> Artifact:
    chosen = QualitySettings.model_validate({**SMALL, "sample": 180, **settings})
    tools = stage_tools(console or Listener(), 5, processes)
    stage = QualityStage()
    identity = identify(stage, chosen, {"corpus": corpus.id}, tools)
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


def test_keep_fraction_is_the_kept_fraction_of_bytes(quality: Artifact, corpus: Artifact, tmp_path: Path) -> None:
    def fraction(artifact: Artifact) -> float:
        kept, everything = (
            sum(len(row["text"].encode()) for row in table if row["split"] == "train")
            for table in (artifact.rows("kept"), corpus.rows("documents"))
        )
        return kept / everything

    assert 0.2 < fraction(quality) <= 0.25
    assert 0.55 < fraction(build(corpus, tmp_path, keep_fraction=0.6)) <= 0.6


def test_held_out_documents_get_the_same_threshold_and_are_never_learned_from(quality: Artifact) -> None:
    assert "email" not in {row["package"] for row in quality.rows("labels")}
    heldout = [row for table in ("kept", "dropped") for row in quality.rows(table) if row["split"] == "heldout"]
    assert heldout
    assert quality.facts["heldout_kept"]["documents"] == sum("reason" not in row for row in heldout)


def test_labels_say_why_and_packages_are_in_one_split(quality: Artifact) -> None:
    labels = list(quality.rows("labels"))
    assert len(labels) == 180
    splits: dict[str, set[str]] = {}
    for row in labels:
        splits.setdefault(row["package"], set()).add(row["split"])
        assert row["annotator"] == "rubric"
        assert row["label"] == (row["points"] >= 2.75)
    assert all(len(found) == 1 for found in splits.values())
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
    scorer = open_scorer(quality.path)
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
    from codeprimer.quality import extraction, score_all

    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(score_all, "score_in_worker", die)
    with pytest.raises(KeyboardInterrupt):
        build(corpus, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(extraction, "extract", die)  # what was extracted is not extracted again
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


def test_an_annotator_may_run_in_the_parent_process(foreign: None, corpus: Artifact, tmp_path: Path) -> None:
    artifact = build(corpus, tmp_path, processes=2, annotator="length")
    assert artifact.facts["annotator"] == "length"
    assert artifact.facts["annotation"] == {"looks": "long"}
    assert artifact.facts["test"]["baselines"]["length"]["spearman_with_points"] > 0.95
    assert artifact.facts["test"]["average_precision"] > 0.9


@pytest.mark.parametrize("processes", [1, 2])
def test_an_annotator_in_workers_may_leave_documents_unlabelled(
    foreign: None, few: Artifact, tmp_path: Path, processes: int
) -> None:
    artifact = build(few, tmp_path, processes, annotator="choosy")
    unlabelled = list(artifact.rows("unlabelled"))
    assert len(unlabelled) == artifact.facts["unlabelled"]["skipped"] > 0
    assert all((row["doc_id"][0], row["answers"]) == ("0", ["no"]) for row in unlabelled)
    assert len(unlabelled) + artifact.facts["labels"]["documents"] == sum(1 for _ in few.rows("documents"))


def test_an_annotator_that_labels_too_few_documents_is_named(foreign: None, few: Artifact, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"annotator 'silent' .* labels for \d+ documents"):
        build(few, tmp_path, annotator="silent")


def test_an_embedder_with_tools_runs_in_the_parent_once_per_document(
    foreign: None, corpus: Artifact, tmp_path: Path
) -> None:
    import foreign_scoring  # type: ignore[import-not-found]

    artifact = build(corpus, tmp_path, processes=2, embedder={"kind": "asking_letters", "letters": "aeiou"})
    assert (
        foreign_scoring.EMBEDDED.total() == artifact.facts["kept"]["documents"] + artifact.facts["dropped"]["documents"]
    )
    assert set(foreign_scoring.EMBEDDED.values()) == {1}
    assert artifact.facts["test"]["average_precision"] > 0.5
    assert artifact.facts["scorer"]["embedder"] == "asking_letters"
    assert "dimensions" not in artifact.facts["scorer"]["features"]  # 5 letters are fewer than 8 components
    with pytest.raises(PluginError, match=r"'asking_letters' .*'console'"):
        open_scorer(artifact.path)
    row = next(artifact.rows("kept"))
    opened = open_scorer(artifact.path, stage_tools(seed=5).toolbox)
    assert opened.score_texts([row["text"]]).tolist() == pytest.approx([row["score"]], abs=1e-6)


def test_plugins_give_the_same_scores_in_workers_as_in_the_parent(foreign: None, few: Artifact, tmp_path: Path) -> None:
    def scores(prefix: str, processes: int) -> list[Any]:
        plugins: dict[str, Any] = {"embedder": f"{prefix}letters", "scorer": f"{prefix}centroids"}
        artifact = build(few, tmp_path / f"{prefix}{processes}", processes, **plugins)
        assert artifact.facts["scorer"]["model"] == f"the scorer {prefix}centroids"
        row = next(artifact.rows("kept"))
        assert open_scorer(artifact.path).score_texts([row["text"]]).tolist() == pytest.approx([row["score"]], abs=1e-6)
        return list(artifact.rows("scores"))

    assert scores("", 2) == scores("worker_", 2)


@pytest.mark.parametrize(
    ("plugins", "facts"),
    [
        ({"embedder": "failing"}, r"'failing' \(foreign_scoring\) .*ValueError: no model"),
        ({"embedder": "growing"}, r"'growing' \(foreign_scoring\) .*ValueError"),
        ({"embedder": "letters", "scorer": "broken"}, r"'broken' \(foreign_scoring\) .*ZeroDivisionError: no labels"),
        ({"embedder": "letters", "scorer": "out_of_range"}, "scorer 'out_of_range' .*outside 0-1"),
        ({"scorer": "centroids"}, "'centroids' .*foreign_scoring.py"),  # it wants arrays, and hashing gives sparse ones
    ],
)
def test_an_exception_of_an_embedder_or_scorer_names_it(
    foreign: None, plugins: dict[str, Any], facts: str, few: Artifact, tmp_path: Path
) -> None:
    with pytest.raises(PluginError, match=facts):
        build(few, tmp_path, **plugins)


@pytest.mark.parametrize(
    ("key", "plugin"),
    [
        ("embedder.leters", "embedder 'letters', package foreign_scoring 1.2"),
        ("scorer.depth", "scorer 'centroids', package foreign_scoring 1.2"),
    ],
)
def test_an_unknown_setting_is_named_with_its_key_and_plugin(foreign: None, key: str, plugin: str) -> None:
    section, name = key.split(".")
    kind = {"embedder": "letters", "scorer": "centroids"}[section]
    recipe = {"name": "x", "quality": {section: {"kind": kind, name: 1}}}
    with pytest.raises(RecipeError, match=rf"quality\.{key}: .*{plugin}"):
        parse_recipe(recipe, "recipe.yaml")


def test_a_folder_without_a_scorer_is_named(quality: Artifact, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=str(tmp_path)):
        open_scorer(tmp_path)
    for path in ("scorer.json", "calibration.json"):
        (tmp_path / path).write_bytes((quality.path / path).read_bytes())
    record = json.loads((tmp_path / "scorer.json").read_text())
    for change, fact in (
        ({"signs": ["length"]}, "version of codeprimer"),
        ({"scorer": {"kind": "gone"}}, "scorer 'gone'"),
    ):
        (tmp_path / "scorer.json").write_text(json.dumps(record | change))
        with pytest.raises(UserError, match=fact):
            open_scorer(tmp_path)


def test_a_small_folder_of_one_package_still_gets_a_kept_set(tmp_path: Path) -> None:
    names = ("heapq", "bisect", "stat", "colorsys", "this", "abc", "types", "shlex", "csv", "keyword", "copy", "glob")
    texts = {f"mine/{name}.py": (LIBRARY / f"{name}.py").read_text() for name in names}
    console = Listener()
    artifact = build(write_corpus(tmp_path / "corpus", texts), tmp_path / "store", console=console)
    assert 1 <= artifact.facts["kept"]["documents"] < len(names)
    assert len({row["score"] for row in artifact.rows("scores")}) > 3
    said = " ".join(console.warnings)
    assert "quality.sample (180)" in said
    assert "1 packages" in said


def test_documents_that_are_all_alike_are_an_error(tmp_path: Path) -> None:
    texts = {f"p{i}/m.py": f"VALUE_{i} = {i}\n" for i in range(20)}
    with pytest.raises(SourceError, match="20 labelled documents"):
        build(write_corpus(tmp_path / "corpus", texts), tmp_path / "store")


def test_the_best_document_is_kept_with_a_warning_even_if_it_exceeds_the_fraction(
    corpus: Artifact, tmp_path: Path
) -> None:
    console = Listener()
    artifact = build(corpus, tmp_path, console=console, keep_fraction=0.0001)
    assert 1 <= artifact.facts["kept"]["documents"] <= 5  # the best, and those that score the same
    assert any("more than quality.keep_fraction" in warning for warning in console.warnings)
