from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codeprimer.core.artifact import Artifact
from codeprimer.core.documents import TOKEN_INDEX
from codeprimer.core.shards import TableWriter
from codeprimer.model.packed import INDEX, PackedWriter, open_packed, packed_sets

DOCUMENTS = {
    "code": [np.arange(1, n + 2, dtype=np.uint16) % 500 for n in (3, 9, 1, 30, 4, 4)],
    "exercises": [np.full(5, 65_535, np.uint16)],
}


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    """Two sets; no file holds more than 12 tokens unless one document does."""
    with TableWriter(tmp_path / INDEX, TOKEN_INDEX) as index:
        for name, documents in DOCUMENTS.items():
            with PackedWriter(tmp_path, name, index, shard_tokens=12) as writer:
                for number, ids in enumerate(documents):
                    writer.write(f"{name}-{number}", ids, number)
            assert writer.documents == len(documents)
            assert writer.tokens == sum(map(len, documents))
    return Artifact(tmp_path, {})


def test_documents_come_back_in_order_with_their_ids(artifact: Artifact) -> None:
    for name, documents in DOCUMENTS.items():
        packed = open_packed(artifact, name)
        assert packed.documents == len(documents)
        assert packed.tokens == sum(map(len, documents))
        assert packed.prompt_of.tolist() == list(range(len(documents)))
        for number, ids in enumerate(documents):
            assert np.array_equal(packed.document(number), ids)
    rows = list(artifact.rows(INDEX))
    assert [row["doc_id"] for row in rows][:2] == ["code-0", "code-1"]
    assert rows[-1]["training_set"] == "exercises"


def test_no_document_is_split_between_files(artifact: Artifact) -> None:
    sizes = [path.stat().st_size // 2 for path in sorted(artifact.path.glob("code-*.bin"))]
    assert sizes == [4, 12, 31, 10]
    assert packed_sets(artifact) == ["code", "exercises"]


def test_the_files_are_little_endian_whatever_the_machine(artifact: Artifact) -> None:
    assert (artifact.path / "code-00000.bin").read_bytes() == bytes([1, 0, 2, 0, 3, 0, 4, 0])


def test_a_set_without_documents_is_empty(artifact: Artifact) -> None:
    packed = open_packed(artifact, "textbooks")
    assert (packed.documents, packed.tokens, packed.shards) == (0, 0, ())
