"""The quality stage: judge a sample, learn from it, score everything, keep the best share.

Writes ``labels``, ``scores``, ``kept``, ``dropped`` and the scorer (``scorer.npz``, ``scorer.json``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.quality.annotator import Annotator
from codeprimer.quality.features import DENSE_NAMES
from codeprimer.quality.judging import Judged, judge_sample
from codeprimer.quality.learning import evidence, labels_facts, learn
from codeprimer.quality.scorer import Scorer
from codeprimer.quality.selection import find_threshold
from codeprimer.quality.settings import QualitySettings
from codeprimer.quality.units import ScoreUnit, row_groups, score_unit
from codeprimer.quality.writing import write_labels, write_scored, write_unlabelled
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts


class QualityStage(Stage[QualitySettings]):
    """From clean documents to those worth learning from."""

    name = "quality"
    number = 20
    version = 4
    Settings = QualitySettings
    reads = ("corpus",)
    required_tables = ("kept",)

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on what was kept, and how good the scorer is."""
        from codeprimer.quality.chapter import quality_chapter

        return quality_chapter(facts, examples)

    def run(self, settings: QualitySettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the artefact."""
        annotator: Annotator = tools.make("annotator", settings.annotator)
        judged = judge_sample(settings, annotator, inputs["corpus"].table("documents"), out, tools)
        scorer = learn(judged, settings, tools.seed, tools.console)
        scorer.save(out.path)
        scores, sizes, train = _score_all(judged, inputs["corpus"], out, tools)
        threshold = find_threshold(scores[train], sizes[train], settings.keep_fraction)
        _warn_of_ties(scores[train], sizes[train], threshold, settings, tools)
        write_labels(out, judged, settings.annotator.kind)
        write_unlabelled(out, judged)
        tally = write_scored(out, inputs["corpus"].table("documents"), scores, threshold, judged.labels)
        facts = {
            "annotator": settings.annotator.kind,
            "about_labels": annotator.about,
            "annotation": annotator.facts(),
            "unlabelled": dict(sorted(Counter(one.reason for one in judged.unlabelled).items())),
            "labels": labels_facts(judged),
            "scorer": _describe(scorer),
            "test": evidence(scorer, judged, threshold),
            "keep_fraction": settings.keep_fraction,
            "keep_fraction_of": "bytes of documents that may be trained on",
            "threshold": round(threshold, 6),
            **tally.facts(),
        }
        kept = facts["kept"]
        headline = (
            f"{kept['documents']:,} documents kept of {len(scores):,}, {kept['bytes'] / 1e6:.1f} MB, at a score of "
            f"{threshold:.2f}; labels come from {settings.annotator.kind}"
        )
        return Stats(headline, facts)


def _score_all(
    judged: Judged, corpus: Artifact, out: Workspace, tools: Tools
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return every document's score, its size [bytes], and whether it may be trained on."""
    groups = row_groups(corpus.table("documents"))
    units = [ScoreUnit(group, out.path, judged.folders.get(group)) for group in groups]
    folders: list[Path] = list(tools.engine.map(score_unit, units, out.work / "scores", "quality: scoring"))
    scores = np.concatenate([np.load(folder / "scores.npy") for folder in folders])
    sizes = np.concatenate([np.load(folder / "bytes.npy") for folder in folders])
    train = np.array([row["split"] == "train" for row in corpus.rows("documents", ["split"])])
    return scores, sizes, train


def _warn_of_ties(
    scores: npt.NDArray[np.float32],
    sizes: npt.NDArray[np.int64],
    threshold: float,
    settings: QualitySettings,
    tools: Tools,
) -> None:
    share = float(sizes[scores >= threshold].sum()) / float(sizes.sum())
    if share > settings.keep_fraction:
        tools.console.warn(
            f"quality: {share:.0%} of the bytes are kept, more than quality.keep_fraction ({settings.keep_fraction:.0%}), "
            "because the best document alone is larger, or because the scorer cannot tell the best documents apart"
        )


def _describe(scorer: Scorer) -> dict[str, object]:
    return {
        "features": (
            f"Words and pairs of words hashed into {1 << scorer.bucket_bits:,} buckets, log counts times inverse "
            f"document frequency, reduced to {scorer.axes.shape[1]} dimensions by a truncated SVD; and "
            f"{len(DENSE_NAMES)} dense signs of the text and its syntax tree, those that the rubric reads among them"
        ),
        "model": f"a random forest of {len(scorer.forest.roots)} trees, {len(scorer.forest.feature):,} nodes",
        "calibration": {"slope": scorer.calibration.slope, "shift": scorer.calibration.shift},
    }
