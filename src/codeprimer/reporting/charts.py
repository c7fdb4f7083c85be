"""Charts as SVG strings, rendered from Vega-Lite specifications, so that the page needs neither scripts nor a network.

The colours are from the Okabe-Ito palette, which is suitable for colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

COLORS = {"control": "#999999", "base": "#0072B2", "tuned": "#D55E00"}
KEPT, DROPPED = "#009E73", "#BBBBBB"
WIDTH, HEIGHT = 560, 240

Values = Sequence[Mapping[str, Any]]


@cache
def _converter() -> Any:
    import vl_convert

    return vl_convert


def render(spec: dict[str, Any]) -> str:
    """Return the SVG for a Vega-Lite specification."""
    frame = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": HEIGHT,
        "padding": {
            "left": 24,
            "right": 12,
            "top": 5,
            "bottom": 5,
        },  # the reader's font may be wider than the font measured here
        "config": {
            "font": "Helvetica, Arial, sans-serif",
            "axis": {"labelFontSize": 12, "titleFontSize": 12, "grid": True, "gridColor": "#eeeeee"},
            "legend": {"labelFontSize": 12, "titleFontSize": 12},
            "view": {"stroke": None},
        },
    }
    return str(_converter().vegalite_to_svg({**frame, **spec}))


def _field(name: str, kind: str, title: str | None = None, **more: Any) -> dict[str, Any]:
    """Return the encoding of an axis or a colour.

    Layers share axes, so every layer must give the title; a layer without a title removes it.
    """
    return {"field": name, "type": kind, "title": title, **more}


def _model_color() -> dict[str, Any]:
    scale = {"domain": list(COLORS), "range": list(COLORS.values())}
    return _field("model", "nominal", scale=scale)


def loss_curves(points: Values, heldout: Values = ()) -> str:
    """Return a chart of loss over tokens, one line per model; points have ``model``, ``tokens`` and ``loss`` [nats per token].

    ``heldout`` adds a second, dashed line per model, for the loss on held-out code.
    """
    encoding: dict[str, Any] = {
        "x": _field("tokens", "quantitative", "training tokens", axis={"format": "~s"}),
        "y": _field("loss", "quantitative", "loss [nats per token]", scale={"zero": False}),
        "color": _model_color(),
    }
    values = list(points)
    if heldout:
        kinds = ("training", "held-out code")
        values = [{**point, "text": kind} for kind, of in zip(kinds, (points, heldout), strict=True) for point in of]
        scale = {"domain": list(kinds), "range": [[1, 0], [5, 3]]}
        encoding["strokeDash"] = _field("text", "nominal", "loss on", scale=scale)
    return render({"data": {"values": values}, "mark": {"type": "line", "strokeWidth": 1.8}, "encoding": encoding})


def score_intervals(rows: Values) -> str:
    """Return a chart of each model's pass@1 with its interval; rows have ``model``, ``value``, ``low``, ``high`` (0-1)."""
    percent = {"axis": {"format": ".0%"}, "scale": {"domain": [0, 1]}}
    y = _field("model", "nominal", sort=list(COLORS))
    x = _field("value", "quantitative", "problems solved (pass@1), 95 % interval", **percent)
    layers = [
        {
            "mark": {"type": "bar", "height": 18},
            "encoding": {"x": x, "y": y, "color": {**_model_color(), "legend": None}},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
        },
    ]
    return render({"data": {"values": list(rows)}, "height": 110, "layer": layers})


def bars(counts: Mapping[str, int], title: str, color: str = "#0072B2", most: int = 24) -> str:
    """Return a horizontal bar chart of the largest counts."""
    largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    encoding = {
        "x": _field("count", "quantitative", title, axis={"format": ",d", "tickMinStep": 1}),
        "y": _field("name", "nominal", None, sort=None),
    }
    values = [{"name": name, "count": count} for name, count in largest]
    mark = {"type": "bar", "color": color}
    return render({"data": {"values": values}, "mark": mark, "encoding": encoding, "height": 18 * max(len(values), 1)})


def score_histogram(bins: Values, threshold: float) -> str:
    """Return a histogram of scores with the threshold; bins have ``low``, ``high``, ``count`` and ``kept``."""
    title = "score (calibrated probability)"
    encoding = {
        "x": _field("low", "quantitative", title, bin={"binned": True}),
        "x2": {"field": "high"},
        "y": _field("count", "quantitative", "documents"),
        "color": {"condition": {"test": "datum.kept", "value": KEPT}, "value": DROPPED},
    }
    rule = {
        "data": {"values": [{"threshold": threshold}]},
        "mark": {"type": "rule", "strokeDash": [4, 3], "strokeWidth": 1.5},
        "encoding": {"x": _field("threshold", "quantitative", title)},
    }
    return render({"layer": [{"data": {"values": list(bins)}, "mark": "bar", "encoding": encoding}, rule]})


def reliability(rows: Values) -> str:
    """Return a chart of observed against predicted frequency; rows have ``predicted``, ``observed`` and ``count``."""
    unit = {"scale": {"domain": [0, 1]}}
    encoding = {
        "x": _field("predicted", "quantitative", "predicted probability", **unit),
        "y": _field("observed", "quantitative", "fraction labelled good", **unit),
    }
    diagonal = {
        "data": {"values": [{"predicted": 0, "observed": 0}, {"predicted": 1, "observed": 1}]},
        "mark": {"type": "line", "color": "#bbbbbb", "strokeDash": [4, 3]},
        "encoding": encoding,
    }
    points = {
        "data": {"values": list(rows)},
        "mark": {"type": "line", "point": {"size": 60, "color": COLORS["base"]}, "color": COLORS["base"]},
        "encoding": encoding,
    }
    return render({"width": 260, "height": 240, "layer": [diagonal, points]})
