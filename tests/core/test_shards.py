"""Sharded tables: rows in, the same rows out, in the same bytes, for any shard size."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeprimer.core.shards import TableWriter, count_rows, read_rows, shard_paths

SCHEMA = pa.schema(
    [("doc_id", pa.string()), ("text", pa.string()), ("names", pa.list_(pa.string())), ("score", pa.float32())]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "doc_id": st.text(max_size=8),
            "text": st.text(max_size=40) | st.none(),
            "names": st.lists(st.text(max_size=3), max_size=2),
        }
    ),
    max_size=20,
)


def write(folder: Path, rows: list[dict[str, object]], shard_bytes: int = 2**20) -> None:
    with TableWriter(folder, SCHEMA, shard_bytes) as table:
        table.write_all(rows)


@given(rows=ROWS)
@settings(max_examples=30, deadline=None)
def test_any_rows_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    folder = tmp_path_factory.mktemp("table") / "t"
    write(folder, rows)
    assert [{**row, "score": None} for row in rows] == list(read_rows(folder))
    assert count_rows(folder) == len(rows)


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"doc_id": str(index), "text": "x" * 1000} for index in range(100)]
    write(tmp_path / "a", rows)
    write(tmp_path / "b", rows)
    assert (tmp_path / "a" / "00000.parquet").read_bytes() == (tmp_path / "b" / "00000.parquet").read_bytes()


def test_a_table_is_cut_into_shards_that_read_as_one(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"doc_id": str(index), "text": "x" * 2**20} for index in range(20)]
    write(tmp_path / "t", rows, shard_bytes=8 * 2**20)
    assert len(shard_paths(tmp_path / "t")) == 3
    assert [row["doc_id"] for row in read_rows(tmp_path / "t")] == [str(index) for index in range(20)]


def test_an_empty_table_is_still_a_table_with_its_schema(tmp_path: Path) -> None:
    write(tmp_path / "t", [])
    assert len(shard_paths(tmp_path / "t")) == 1
    assert list(read_rows(tmp_path / "t")) == []


def test_a_column_that_the_schema_does_not_have_is_a_bug(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "t", SCHEMA) as table, pytest.raises(AssertionError, match="no column"):
        table.write({"unknown": 1})
