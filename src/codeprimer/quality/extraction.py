"""Extracts the features and labels of selected documents, in worker processes if the plug-ins allow it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from codeprimer.core.artifact import Workspace
from codeprimer.core.errors import PluginError
from codeprimer.core.plugins import PluginSettings, make, reporting
from codeprimer.core.stage import Tools
from codeprimer.embedders.embedder import Embedder
from codeprimer.quality.annotator import Annotator, Label, ShownDocument, Unlabelled
from codeprimer.quality.features import (
    SIGN_NAMES,
    Features,
    load_signs,
    save_signs,
    save_vectors,
    stack,
    text_signs,
    vectors_of,
)
from codeprimer.quality.row_groups import SelectedRows


@dataclass(frozen=True)
class SampledFeatures:
    """Rows of a row group whose features are stored in a folder, so that they are not computed twice."""

    indices: tuple[int, ...]
    folder: Path


@dataclass(frozen=True)
class Extraction:
    """Selected rows, and what a worker extracts from them."""

    rows: SelectedRows
    embedder: PluginSettings | None
    """None if the embedder runs in the parent process."""
    annotator: PluginSettings | None
    """None if the annotator runs in the parent process, or if no labels are wanted."""


def extract(extraction: Extraction, folder: Path) -> None:
    """Write the dense features of selected rows into a folder, and their vectors and labels if wanted."""
    embedder: Embedder | None = make("embedder", extraction.embedder) if extraction.embedder else None
    annotator: Annotator | None = make("annotator", extraction.annotator) if extraction.annotator else None
    signs, vectors, labels = [], [], []
    for batch in extraction.rows.batches():
        for document in batch:
            # One document at a time, so that the annotator and the feature extraction share one syntax tree.
            signs.append(text_signs(document["text"]))
            if annotator is not None:
                labels.append(_label_of(annotator, document))
        if embedder is not None:
            vectors.append(vectors_of([document["text"] for document in batch], embedder))
    save_signs(folder, np.array(signs, dtype=np.float32).reshape(len(signs), len(SIGN_NAMES)))
    if embedder is not None:
        with reporting(embedder.settings.kind, type(embedder)):
            save_vectors(folder, stack(vectors))
    (folder / "labels.json").write_bytes(orjson.dumps([asdict(label) for label in labels]))


def _label_of(annotator: Annotator, document: ShownDocument) -> Label | Unlabelled:
    labels = list(annotator.label([document]))
    check_labels(annotator, labels, [document])
    return labels[0]


def check_labels(
    annotator: Annotator, labels: Sequence[Label | Unlabelled], documents: Iterable[ShownDocument]
) -> None:
    """Raise PluginError if an annotator did not give one label with 0 to 5 points per document, in the documents' order."""
    given, shown = [label.doc_id for label in labels], [document["doc_id"] for document in documents]
    off = [label for label in labels if isinstance(label, Label) and not 0 <= label.points <= 5]
    if given != shown:
        found = f"gave {len(given)} labels for {len(shown)} documents, or not in their order"
    elif off:
        found = f"gave {off[0].points!r} points to the document {off[0].doc_id}; points are 0 to 5"
    else:
        return
    raise PluginError(
        f"annotator {annotator.settings.kind!r} ({type(annotator).__module__}) {found}; label() must yield one Label or "
        "Unlabelled per document, in order"
    )


def read_labels(folder: Path) -> list[Label | Unlabelled]:
    """Return the labels that ``extract`` wrote."""
    return [_label(row) for row in orjson.loads((folder / "labels.json").read_bytes())]


def _label(row: dict[str, Any]) -> Label | Unlabelled:
    if "points" in row:
        return Label(**row | {"why": tuple(row["why"])})
    return Unlabelled(**row | {"answers": tuple(row["answers"])})


def extract_features(
    rows: Sequence[SelectedRows], embedder: Embedder, annotator: Annotator, out: Workspace, tools: Tools
) -> tuple[list[Path], list[Label | Unlabelled]]:
    """Return the features folder of each selection, and all labels if the annotator runs in workers."""
    embedding = embedder.settings if embedder.in_workers else None
    labelling = annotator.settings if annotator.in_workers else None
    extractions = [Extraction(selected, embedding, labelling) for selected in rows]
    folders = list(tools.engine.map(extract, extractions, out.work / "sample", "quality: labelling a sample"))
    labels = [label for folder in folders for label in read_labels(folder)]
    return folders if embedder.in_workers else _embed_here(rows, folders, embedder, out, tools), labels


def _embed_here(
    rows: Sequence[SelectedRows], folders: Sequence[Path], embedder: Embedder, out: Workspace, tools: Tools
) -> list[Path]:
    """Embed in this process and return folders with complete features; each folder is kept for a later attempt."""
    complete = []
    with tools.console.task(f"quality: embedding with {embedder.settings.kind}", len(folders)) as task:
        for selected, folder in zip(rows, folders, strict=True):
            complete.append(out.once(f"embedded/{folder.name}", partial(_embed_rows, selected, folder, embedder)))
            task.advance()
    return complete


def _embed_rows(rows: SelectedRows, extracted: Path, embedder: Embedder, folder: Path) -> None:
    vectors = [vectors_of([document["text"] for document in batch], embedder) for batch in rows.batches()]
    with reporting(embedder.settings.kind, type(embedder)):
        Features(stack(vectors), load_signs(extracted)).save(folder)
