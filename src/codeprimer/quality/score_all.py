"""Scores every document in the corpus, in workers if the embedder and scorer allow it, else in the parent process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codeprimer.core.artifact import Workspace
from codeprimer.core.stage import Tools
from codeprimer.quality.extraction import Extraction, SampledFeatures, extract
from codeprimer.quality.features import Features, Signs, load_signs
from codeprimer.quality.row_groups import RowGroup, SelectedRows
from codeprimer.quality.scoring import CalibratedScorer, open_scorer


@dataclass(frozen=True)
class Scoring:
    """A row group to score."""

    group: RowGroup
    sampled: SampledFeatures | None

    def others(self) -> tuple[int, ...]:
        """Return the rows whose features are not yet known."""
        known = frozenset(self.sampled.indices if self.sampled else ())
        return tuple(index for index in range(self.group.rows) if index not in known)


def score_all(
    groups: Sequence[RowGroup],
    sampled: Mapping[RowGroup, SampledFeatures],
    scorer: CalibratedScorer,
    out: Workspace,
    tools: Tools,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return every document's score and size [bytes of UTF-8]; the scorer must already be saved in ``out``."""
    scorings = [Scoring(group, sampled.get(group)) for group in groups]
    if scorer.in_workers:
        score = partial(score_in_worker, out.path)
        folders = list(tools.engine.map(score, scorings, out.work / "scores", "quality: scoring"))
    else:
        folders = _score_here(scorings, scorer, out, tools)
    scores = np.concatenate([np.load(folder / "scores.npy") for folder in folders])
    return scores, np.concatenate([np.load(folder / "bytes.npy") for folder in folders])


def score_in_worker(artifact: Path, scoring: Scoring, folder: Path) -> None:
    """Score a row group with the scorer saved in an artefact's folder."""
    score_rows(scoring, folder, open_scorer(artifact))


def score_rows(scoring: Scoring, folder: Path, scorer: CalibratedScorer, signs: Signs | None = None) -> None:
    """Write a row group's scores (``scores.npy``, float32) and text sizes (``bytes.npy``).

    ``signs`` are the dense features of all rows that were not sampled, if already known.
    """
    scores = np.empty(scoring.group.rows, dtype=np.float32)
    sizes: list[int] = []
    if scoring.sampled is not None:
        scores[list(scoring.sampled.indices)] = scorer.score(Features.load(scoring.sampled.folder))
    others, done = frozenset(scoring.others()), 0
    for batch in scoring.group.batches(["text"]):
        texts = {index: row["text"] for index, row in enumerate(batch, start=len(sizes)) if index in others}
        sizes += [len(row["text"].encode("utf-8", "surrogatepass")) for row in batch]
        known = None if signs is None else signs[done : done + len(texts)]
        scores[list(texts)] = scorer.score_texts(list(texts.values()), known)
        done += len(texts)
    np.save(folder / "scores.npy", scores)
    np.save(folder / "bytes.npy", np.array(sizes, dtype=np.int64))


def _score_here(scorings: Sequence[Scoring], scorer: CalibratedScorer, out: Workspace, tools: Tools) -> list[Path]:
    """Compute all scores in this process, from dense features that workers extract, and return their folders."""
    others = [Extraction(SelectedRows(scoring.group, scoring.others()), None, None) for scoring in scorings]
    extracted = list(tools.engine.map(extract, others, out.work / "signs", "quality: extracting features"))
    folders = []
    with tools.console.task(f"quality: scoring with {scorer.scorer.settings.kind}", len(scorings)) as task:
        for scoring, signs in zip(scorings, extracted, strict=True):
            score = partial(_score_extracted, scoring, signs, scorer)
            folders.append(out.once(f"scores/{signs.name}", score))
            task.advance()
    return folders


def _score_extracted(scoring: Scoring, extracted: Path, scorer: CalibratedScorer, folder: Path) -> None:
    score_rows(scoring, folder, scorer, load_signs(extracted))
