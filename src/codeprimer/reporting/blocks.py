"""Chapters and blocks: a chapter is a list of blocks; a block is plain data that the page template renders."""

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
    """A chapter of the report, as returned by a stage."""

    id: str
    title: str
    blocks: Sequence[Block]
    tiles: Sequence[Tile] = ()
    result: str = ""
    """The run's result in one sentence; a chapter with a result is the first on the page."""


def interleaved(lists: Sequence[Sequence[Item]]) -> list[Item]:
    """Return the first item in every list, then the second, and so on, so that a prefix has items from every list."""
    return [one[place] for place in range(max(map(len, lists), default=0)) for one in lists if place < len(one)]


def text(words: str, soft: bool = False) -> Block:
    """Return a paragraph; ``soft`` marks a side remark."""
    return {"kind": "text", "text": words, "soft": soft}


def heading(words: str) -> Block:
    """Return a heading within a chapter."""
    return {"kind": "heading", "text": words}


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Block:
    """Return a table; columns of only numbers and empty cells are right-aligned, with thousands separators."""
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
    """Return a chart from an SVG string."""
    return {"kind": "chart", "svg": svg}


def code(caption: str, source: str, mark: str = "") -> Block:
    """Return a listing; ``mark`` sets the colour of its edge (kept, dropped, passed, failed)."""
    return {"kind": "code", "caption": caption, "text": source, "mark": mark}


def side_by_side(left: Sequence[Block], right: Sequence[Block]) -> Block:
    """Return two columns of listings."""
    return {"kind": "side_by_side", "sides": [left, right]}


def details(summary: str, content: str) -> Block:
    """Return text that the reader can expand."""
    return {"kind": "details", "summary": summary, "text": content}
