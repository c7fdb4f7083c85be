"""Chapters and blocks: a chapter is a list of blocks, a block is plain data that the page's template renders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from codeprimer.reporting.wording import number

Block = Mapping[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Tile:
    """One headline figure at the top of the page; ``kind`` is its CSS class."""

    value: str
    label: str
    kind: str = ""


@dataclass(frozen=True)
class Chapter:
    """A chapter of the report, as a stage returns it."""

    id: str
    title: str
    blocks: Sequence[Block]
    tiles: Sequence[Tile] = ()
    result: str = ""
    """The result of the run in one sentence; a chapter that has one opens the page."""


def interleaved(lists: Sequence[Sequence[Item]]) -> list[Item]:
    """Return the first item of every list, then the second of every list, and so on, so that a prefix shows every list."""
    return [one[place] for place in range(max(map(len, lists), default=0)) for one in lists if place < len(one)]


def text(words: str, soft: bool = False) -> Block:
    """A paragraph; ``soft`` for a side remark."""
    return {"kind": "text", "text": words, "soft": soft}


def heading(words: str) -> Block:
    """A heading inside a chapter."""
    return {"kind": "heading", "text": words}


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Block:
    """A table; columns that hold only numbers (or nothing) are set right-aligned with separators."""
    listed = [list(row) for row in rows]
    numbers = [
        index
        for index in range(len(headings))
        if listed and all(isinstance(row[index], int | float) or row[index] in ("", None) for row in listed)
    ]
    cells = [
        [number(cell) if isinstance(cell, int | float) else ("" if cell is None else cell) for cell in row]
        for row in listed
    ]
    return {"kind": "table", "headings": list(headings), "cells": cells, "numbers": numbers}


def chart(svg: str) -> Block:
    """A picture as SVG text."""
    return {"kind": "chart", "svg": svg}


def code(caption: str, source: str, mark: str = "") -> Block:
    """A listing; ``mark`` colours its edge (kept, dropped, passed, failed)."""
    return {"kind": "code", "caption": caption, "text": source, "mark": mark}


def side_by_side(left: Sequence[Block], right: Sequence[Block]) -> Block:
    """Two columns of listings."""
    return {"kind": "side_by_side", "sides": [left, right]}


def details(summary: str, content: str) -> Block:
    """Text that the reader can expand."""
    return {"kind": "details", "summary": summary, "text": content}
