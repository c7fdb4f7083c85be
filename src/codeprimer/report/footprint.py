"""A run's footprint: core-hours and GPU-hours, energy, CO2 and money.

Hours are recorded. Prices and power are settings in the recipe's ``report.cost`` section, whose defaults are estimates.
"""

from __future__ import annotations

from typing import Any

from codeprimer.model.devices import known_device
from codeprimer.report.settings import CostSettings
from codeprimer.reporting.facts import Facts

_HOUR = 3600.0

MEASURES = ("core_hours", "gpu_hours", "kwh", "co2_grams", "usd")


def footprint(costs: Facts, speeds: Facts, settings: CostSettings) -> dict[str, Any]:
    """Return the footprint of each step, their total, and the steps whose footprint is unknown.

    ``costs`` and ``speeds`` hold the contents of ``cost.json`` and ``speed.json``, by step.
    """
    steps = {step: _of_step(cost, speeds.get(step, {}), settings) for step, cost in costs.items()}
    known = {step: of for step, of in steps.items() if of is not None}
    return {
        "steps": known,
        "total": {measure: sum(of[measure] for of in known.values()) for measure in MEASURES},
        "unknown": [step for step, of in steps.items() if of is None],
        "power_is_measured": any(of["power_is_measured"] for of in known.values()),
        "assumed": settings.model_dump(),
    }


def _of_step(cost: Facts, speed: Facts, settings: CostSettings) -> dict[str, Any] | None:
    """Return a step's footprint; None if its number of cores or the power of its GPUs is unknown."""
    if "cores" not in cost:
        return None
    hours = cost["seconds"] / _HOUR
    gpus = 0 if speed.get("device", "cpu") == "cpu" else int(speed["processes"])
    watts = gpu_watts(str(speed.get("device")), speed.get("watts"), gpus, settings) if gpus else 0.0
    if watts is None:
        return None
    is_measured = bool(gpus and speed.get("watts") and not settings.watts_per_gpu)
    return estimate(hours * cost["cores"], hours * gpus, hours * watts, settings) | {"power_is_measured": is_measured}


def estimate(core_hours: float, gpu_hours: float, gpu_watt_hours: float, settings: CostSettings) -> dict[str, float]:
    """Return the measures of a footprint; ``gpu_watt_hours`` is the energy used by all GPUs [Wh]."""
    kwh = (core_hours * settings.watts_per_core + gpu_watt_hours) / 1000
    return {
        "core_hours": core_hours,
        "gpu_hours": gpu_hours,
        "kwh": kwh,
        "co2_grams": kwh * settings.co2_grams_per_kwh,
        "usd": core_hours * settings.usd_per_core_hour + gpu_hours * settings.usd_per_gpu_hour,
    }


def gpu_watts(name: str, measured: float | None, gpus: int, settings: CostSettings) -> float | None:
    """Return the power of all GPUs [W]: as set, else as measured, else from the datasheet; None if unknown."""
    if settings.watts_per_gpu:
        return settings.watts_per_gpu * gpus
    if measured is not None:
        return measured
    known = known_device(name)
    return known.watts * gpus if known else None
