from __future__ import annotations

import pytest
from pydantic import ValidationError

from codeprimer.curriculum.audiences import AUDIENCES
from codeprimer.textbooks.settings import TextbooksSettings


def test_the_defaults_write_for_every_audience() -> None:
    settings = TextbooksSettings()
    assert settings.audiences == AUDIENCES
    assert settings.sections == 1500


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"audiences": ("nobody",)}, "'nobody' .*beginner"),
        ({"audiences": ("pupil", "pupil")}, "twice"),
        ({"audiences": ()}, "at least 1 item"),
        ({"min_words": 450}, r"min_words \(450\) must be below max_words \(450\)"),
        ({"sections": 0}, "greater than or equal to 1"),
        ({"words": 3}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TextbooksSettings(**values)  # type: ignore[arg-type]  # wrong on purpose
