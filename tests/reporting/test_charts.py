"""Charts: every chart is an SVG of its own, with the data in it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from codeprimer.reporting import charts

POINTS = [{"model": model, "tokens": tokens, "loss": 3.0} for model in charts.COLORS for tokens in (1000, 2000)]
SCORES = [{"model": model, "value": 0.5, "low": 0.4, "high": 0.6} for model in charts.COLORS]
BINS = [{"low": 0.0, "high": 0.5, "count": 3, "kept": False}, {"low": 0.5, "high": 1.0, "count": 1, "kept": True}]
RELIABILITY = [{"predicted": 0.2, "observed": 0.3, "count": 10}, {"predicted": 0.8, "observed": 0.7, "count": 5}]


def test_every_chart_is_well_formed_svg_without_scripts_or_links() -> None:
    pictures = [
        charts.loss_curves(POINTS),
        charts.loss_curves(POINTS, POINTS[:4]),
        charts.score_intervals(SCORES),
        charts.bars({"near_duplicate": 5, "syntax_error": 2}, "files"),
        charts.score_histogram(BINS, 0.5),
        charts.reliability(RELIABILITY),
    ]
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        assert root.tag.endswith("svg")
        assert "<script" not in picture
        assert "href" not in picture


def test_axes_keep_their_titles_where_layers_share_them() -> None:
    titles = {
        charts.score_intervals(SCORES): ["problems solved (pass@1), 95 % interval"],
        charts.score_histogram(BINS, 0.5): ["score (calibrated probability)", "documents"],
        charts.reliability(RELIABILITY): ["predicted probability", "fraction labelled good"],
    }
    for picture, wanted in titles.items():
        shown = [
            "".join(text.itertext())
            for text in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
        ]
        assert set(wanted) <= set(shown)


def test_losses_on_held_out_code_are_lines_of_their_own_and_only_where_there_are_any() -> None:
    plain, both = charts.loss_curves(POINTS), charts.loss_curves(POINTS, POINTS)
    assert "stroke-dasharray" not in plain
    assert "held-out code" not in plain
    assert both.count('stroke-dasharray="5,3"') >= 3
    assert "held-out code" in both


def test_bars_show_the_largest_counts_first_and_no_more_than_asked() -> None:
    picture = charts.bars({f"reason {number}": number for number in range(1, 50)}, "files", most=3)
    shown = [word for word in (f"reason {number}" for number in range(1, 50)) if f">{word}<" in picture]
    assert shown == ["reason 47", "reason 48", "reason 49"]
