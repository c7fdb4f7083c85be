"""The quality stage: labels a sample, learns from it, scores every document, and keeps the best fraction.

Writes the ``labels``, ``scores``, ``kept`` and ``dropped`` tables, and the scorer (``scorer.json``, ``calibration.json``
and the ``scorer`` folder).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from codeprimer.core.artifact import Artifact, Workspace
from codeprimer.core.console import Console
from codeprimer.core.documents import Document
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.embedders.embedder import Embedder
from codeprimer.quality.annotator import Annotator
from codeprimer.quality.features import SIGN_NAMES
from codeprimer.quality.labelling import LabelledSample, label_sample
from codeprimer.quality.learning import fit_scorer, label_facts, scorer_facts
from codeprimer.quality.row_groups import row_groups
from codeprimer.quality.score_all import score_all
from codeprimer.quality.scorer import Scorer
from codeprimer.quality.scoring import CalibratedScorer
from codeprimer.quality.selection import find_threshold
from codeprimer.quality.settings import QualitySettings
from codeprimer.quality.writing import write_labels, write_scored, write_unlabelled
from codeprimer.reporting.blocks import Chapter
from codeprimer.reporting.facts import Facts


class QualityStage(Stage[QualitySettings]):
    """Selects the documents that are worth learning from."""

    name = "quality"
    number = 20
    version = 5
    Settings = QualitySettings
    reads = ("corpus",)
    required_tables = ("kept",)

    @classmethod
    def chapter(cls, facts: Facts, examples: int) -> Chapter:
        """Return the report's chapter on the kept documents and the quality of the scorer."""
        from codeprimer.quality.chapter import quality_chapter

        return quality_chapter(facts, examples)

    def run(self, settings: QualitySettings, inputs: Mapping[str, Artifact], out: Workspace, tools: Tools) -> Stats:
        """Write the artefact."""
        corpus = inputs["corpus"]
        documents = corpus.table("documents")
        annotator: Annotator = tools.make("annotator", settings.annotator)
        embedder: Embedder = tools.make("embedder", settings.embedder)
        scorer: Scorer = tools.make("scorer", settings.scorer)
        labelled = label_sample(settings, annotator, embedder, documents, out, tools)
        fitted = fit_scorer(labelled, embedder, scorer, tools.seed, tools.console)
        fitted.save(out.path)
        scores, sizes = score_all(row_groups(documents), labelled.extracted, fitted, out, tools)
        train = np.array([row["split"] == "train" for row in corpus.rows("documents", ["split"], Document)])
        threshold = find_threshold(scores[train], sizes[train], settings.keep_fraction)
        _warn_of_ties(scores[train], sizes[train], threshold, settings.keep_fraction, tools.console)
        write_labels(out, labelled, settings.annotator.kind)
        write_unlabelled(out, labelled.unlabelled)
        tally = write_scored(out, documents, scores, threshold, labelled.labels)
        facts = _facts(settings, annotator, labelled, fitted, threshold) | tally.facts()
        return Stats(_headline(facts["kept"], len(scores), threshold, settings), facts)


def _facts(
    settings: QualitySettings,
    annotator: Annotator,
    labelled: LabelledSample,
    fitted: CalibratedScorer,
    threshold: float,
) -> dict[str, Any]:
    return {
        "annotator": settings.annotator.kind,
        "about_labels": annotator.about,
        "annotation": annotator.facts(),
        "unlabelled": dict(sorted(Counter(document.reason for document in labelled.unlabelled).items())),
        "labels": label_facts(labelled),
        "scorer": _describe(fitted),
        "test": scorer_facts(fitted, labelled, threshold),
        "keep_fraction": settings.keep_fraction,
        "keep_fraction_of": "the bytes of documents that may be trained on",
        "threshold": round(threshold, 6),
    }


def _headline(kept: Mapping[str, int], documents: int, threshold: float, settings: QualitySettings) -> str:
    return (
        f"{kept['documents']:,} documents kept of {documents:,}, {kept['bytes'] / 1e6:.1f} MB, at a score threshold "
        f"of {threshold:.2f}; labels come from {settings.annotator.kind}"
    )


def _warn_of_ties(
    scores: npt.NDArray[np.float32],
    sizes: npt.NDArray[np.int64],
    threshold: float,
    keep_fraction: float,
    console: Console,
) -> None:
    kept = float(sizes[scores >= threshold].sum()) / float(sizes.sum())
    if kept > keep_fraction:
        console.warn(
            f"quality: {kept:.0%} of the bytes are kept, more than quality.keep_fraction ({keep_fraction:.0%}): the best "
            "document alone exceeds this fraction, or the scorer gives the best documents equal scores"
        )


def _describe(fitted: CalibratedScorer) -> dict[str, Any]:
    described = {"inputs": "", **fitted.scorer.describe()}
    vectors = ", ".join(filter(None, (fitted.embedder.about, described.pop("inputs"))))
    return {
        "features": (
            f"{vectors[:1].upper()}{vectors[1:]}; and {len(SIGN_NAMES)} dense features of the text and its syntax tree, "
            "including those that the rubric reads"
        ),
        **described,
        "embedder": fitted.embedder.settings.kind,
        "kind": fitted.scorer.settings.kind,
        "calibration": {"slope": fitted.calibration.slope, "shift": fitted.calibration.shift},
    }
