from __future__ import annotations

from typing import Any

import pytest

from codeprimer.report.cost import cost_chapter, seconds_at_work
from codeprimer.report.footprint import footprint
from codeprimer.report.settings import CostSettings
from codeprimer.run.loading import parse_recipe

HOUR = {"seconds": 3600.0, "ended": 7200.0, "peak_memory": 2**30}
SETTINGS = CostSettings(watts_per_core=20.0, co2_grams_per_kwh=100.0, usd_per_core_hour=0.1, usd_per_gpu_hour=3.0)
GPU = {"device": "NVIDIA H100 80GB HBM3", "processes": 2, "watts": None}


def test_hours_of_cores_become_energy_carbon_and_money() -> None:
    found = footprint(
        {"corpus": HOUR | {"cores": 2}, "base": HOUR | {"cores": 1}}, {"base": {"device": "cpu"}}, SETTINGS
    )
    assert found["steps"]["corpus"] == {
        "core_hours": 2.0,
        "gpu_hours": 0.0,
        "kwh": 0.04,
        "co2_grams": 4.0,
        "usd": 0.2,
        "power_is_measured": False,
    }
    assert found["total"] == pytest.approx(
        {"core_hours": 3.0, "gpu_hours": 0.0, "kwh": 0.06, "co2_grams": 6.0, "usd": 0.3}
    )


@pytest.mark.parametrize(
    ("speed", "set_watts", "watts"),
    [
        (GPU | {"watts": 900.0}, 0.0, 900.0),
        (GPU, 0.0, 1400.0),
        (GPU | {"watts": 900.0}, 300.0, 600.0),
    ],
    ids=["measured", "by datasheet", "as set"],
)
def test_the_power_of_gpus_is_as_set_else_measured_else_by_datasheet(
    speed: dict[str, Any], set_watts: float, watts: float
) -> None:
    settings = SETTINGS.model_copy(update={"watts_per_gpu": set_watts})
    found = footprint({"base": HOUR | {"cores": 1}}, {"base": speed}, settings)
    assert found["total"]["kwh"] == pytest.approx((20.0 + watts) / 1000)
    assert found["total"]["gpu_hours"] == 2.0
    assert found["total"]["usd"] == pytest.approx(0.1 + 6.0)
    assert found["power_is_measured"] == (watts == 900.0)


def test_unknown_footprints_are_named_and_not_counted() -> None:
    speeds = {"base": {"device": "a device of tomorrow", "processes": 1, "watts": None}}
    found = footprint({"corpus": HOUR, "base": HOUR | {"cores": 1}}, speeds, SETTINGS)
    assert found["unknown"] == ["corpus", "base"]
    assert found["total"]["usd"] == 0


def test_the_page_says_what_is_recorded_what_is_assumed_and_what_is_not_known() -> None:
    speed = {
        "tokens_per_second": 4368.4,
        "utilization": 0.31,
        "mfu": None,
        "device": "cpu",
        "precision": "bfloat16",
        "threads": 1,
        "processes": 1,
    }
    cost = {"corpus": HOUR, "base": HOUR | {"cores": 2}}
    facts = {
        "cost": cost,
        "speed": {"base": speed, "old": {"seconds": 1.0}},
        "footprint": footprint(cost, {"base": speed}, SETTINGS),
        "artefacts": {step: {"headline": "made"} for step in cost},
    }
    shown = cost_chapter(facts).blocks
    texts = " ".join(block["text"] for block in shown if block["kind"] == "text")
    assert "20 W per core" in texts
    assert "100 g of CO2 per kWh, 0.1 USD per core-hour" in texts
    assert "not counted: corpus." in texts
    tables = [block["cells"] for block in shown if block["kind"] == "table"]
    assert tables[1] == [["base", "4,368", "31.0 %", "-", "cpu", "bfloat16", "1"]]
    assert tables[2][-1] == ["total", "2", "40", "4", "0.200"]
    gpus = footprint({"base": HOUR | {"cores": 1}}, {"base": GPU}, SETTINGS)
    with_gpus = cost_chapter(facts | {"footprint": gpus}).blocks
    assert "the datasheet's power limit of a GPU, 3 USD per GPU-hour" in " ".join(map(str, with_gpus))
    assert ["base", "1", "2", "1,420", "142", "6.100"] in [row for of in with_gpus for row in of.get("cells", [])]


def test_a_price_changes_no_step_but_the_report() -> None:
    cheap, dear = (
        parse_recipe({"name": "x", "report": {"cost": {"usd_per_core_hour": price}}}, "test") for price in (0.1, 0.2)
    )
    assert cheap.training == dear.training
    assert cheap.report.identity() != dear.report.identity()


def test_time_in_which_steps_ran_side_by_side_counts_once() -> None:
    costs = [{"seconds": 4.0, "ended": 10.0}, {"seconds": 3.0, "ended": 9.0}, {"seconds": 2.0, "ended": 11.0}, {}]
    assert seconds_at_work(costs) == 5.0
    assert seconds_at_work([*costs, {"seconds": 1.0, "ended": 100.0}]) == 6.0
