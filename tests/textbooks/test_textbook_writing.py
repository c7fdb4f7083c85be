from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from codeprimer.authors.author import Author
from codeprimer.core.documents import RejectedSection, SectionRow
from codeprimer.core.plugins import PluginSettings, make, selected
from codeprimer.core.shards import read_rows
from codeprimer.curriculum.blueprints import Rejection, Section, SectionBlueprint
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.sandbox import Limits, Tier
from codeprimer.textbooks import writing
from codeprimer.textbooks.heldout_index import HeldOutIndex
from codeprimer.textbooks.settings import TextbooksSettings
from codeprimer.textbooks.writing import UNIT_SECTIONS, SectionUnit, passed, units_for, write_sections

NOTHING_HELD_OUT = HeldOutIndex()
OFFLINE = make("author", selected("author", "offline"))
WORDS = " ".join(["word"] * 200)


def section(blueprint: SectionBlueprint, code: str, words: str = WORDS) -> Section:
    text = f"# {blueprint.concept} {blueprint.seed}\n\n{words}\n\n```python\n{code}\n```\n"
    return Section(blueprint.concept, blueprint.audience, "integers>total", (blueprint.concept,), text)


class Careless(Author):
    """An author whose first drafts are bad in every way there is, and whose second drafts are good."""

    in_workers = True

    drafts = (
        "print(1)  # 2",
        "print(nothing)",
        "while True:\n    pass",
        "import os\nos._exit(0)",
        "def broken(:",
    )

    def __init__(self) -> None:
        super().__init__(PluginSettings(kind="careless"))
        self.calls = 0

    def sections(self, blueprints: Iterable[SectionBlueprint], held_out: HeldOut) -> Iterator[Section | Rejection]:
        self.calls += 1
        for number, blueprint in enumerate(blueprints):
            if self.calls > 1:
                yield section(blueprint, "print(1)  # 1")
            elif number < len(self.drafts):
                yield section(blueprint, self.drafts[number])
            else:
                yield (
                    section(blueprint, "x = 1", "few words"),
                    section(blueprint, "x = 1", WORDS * 3),
                    replace(section(blueprint, ""), text=f"{WORDS}, but no code"),
                    Rejection("not_written", "no idea"),
                )[number - len(self.drafts)]


def write(
    monkeypatch: pytest.MonkeyPatch, folder: Path, author: Author, attempts: int
) -> tuple[list[SectionRow], list[RejectedSection]]:
    monkeypatch.setattr(writing, "LIMITS", Limits(seconds=0.3))
    settings = TextbooksSettings(sections=9, attempts=attempts)
    write_sections(author, SectionUnit(0, 9, settings, 1, NOTHING_HELD_OUT, Tier.jailed), folder)
    sections = list(read_rows(folder / "sections", None, SectionRow))
    return sections, list(read_rows(folder / "rejected", None, RejectedSection))


def test_bad_drafts_are_rejected_with_their_reasons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept, rejected = write(monkeypatch, tmp_path, Careless(), attempts=1)
    assert kept == []
    reasons = {row["position"]: row["reason"] for row in rejected}
    assert reasons == {
        0: "failed",
        1: "raised",
        2: "timed_out",
        3: "killed",
        4: "not_python",
        5: "too_short",
        6: "too_long",
        7: "no_code",
        8: "not_written",
    }
    assert "the text says ['2'], it prints ['1']" in next(row["detail"] for row in rejected if row["position"] == 0)


def test_a_rejected_section_is_written_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    author = Careless()
    kept, rejected = write(monkeypatch, tmp_path, author, attempts=4)
    assert [row["position"] for row in kept] == list(range(9))
    assert len(rejected) == 9
    assert author.calls == 2


def test_the_offline_author_writes_sections_that_pass(tmp_path: Path) -> None:
    settings = TextbooksSettings(sections=30)
    unit = SectionUnit(10, 25, settings, 1, NOTHING_HELD_OUT, Tier.jailed)
    write_sections(OFFLINE, unit, tmp_path)
    rows = list(read_rows(tmp_path / "sections"))
    assert [row["position"] for row in rows] == list(range(10, 25))
    assert list(read_rows(tmp_path / "rejected")) == []
    assert passed(unit, tmp_path) == len(unit) == 15
    assert passed(replace(unit, stop=20), tmp_path) == 10


def test_the_cut_into_units_does_not_change_the_sections(tmp_path: Path) -> None:
    settings = TextbooksSettings(sections=20)
    for name, cuts in (("whole", (0, 20)), ("cut", (0, 7, 20))):
        for start, stop in pairwise(cuts):
            folder = tmp_path / name / str(start)
            folder.mkdir(parents=True)
            write_sections(OFFLINE, SectionUnit(start, stop, settings, 3, NOTHING_HELD_OUT, Tier.jailed), folder)
    texts = {
        name: [row["text"] for path in sorted((tmp_path / name).iterdir()) for row in read_rows(path / "sections")]
        for name in ("whole", "cut")
    }
    assert len(texts["whole"]) == 20
    assert texts["whole"] == texts["cut"]


def test_units_cover_every_section_once() -> None:
    for count in (1, UNIT_SECTIONS, random.Random(1).randrange(200, 2000)):
        units = units_for(TextbooksSettings(sections=count), 1, NOTHING_HELD_OUT, Tier.jailed)
        assert [number for unit in units for number in range(unit.start, unit.stop)] == list(range(count))
