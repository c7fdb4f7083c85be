"""The forecast of a whole run.

Reads a recipe and the run's folder and queries the hardware; writes nothing. Key idea: training is measured or computed, all
other steps are assumed to take as long as last time, and energy and cost follow from the hours, as in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codeprimer.core.artifact import open_artifact
from codeprimer.core.console import Console
from codeprimer.core.errors import SourceError
from codeprimer.core.extras import require_torch
from codeprimer.core.stage import available_cores
from codeprimer.model.devices import Device
from codeprimer.report.footprint import estimate
from codeprimer.run.execute import plan
from codeprimer.run.flow import flow
from codeprimer.run.folder import RunFolder
from codeprimer.run.forecast.prediction import Forecast, ForecastRequest, Prediction
from codeprimer.run.forecast.recorded import as_last_time
from codeprimer.run.machine import choices, recorded_tier, with_machine
from codeprimer.run.recipe import Recipe
from codeprimer.run.schedule import Planned, span
from codeprimer.run.tools import make_tools
from codeprimer.training.settings import TrainingSettings

_HOUR = 3600.0


def forecast(recipe: Recipe, folder: RunFolder, request: ForecastRequest, console: Console) -> Forecast:
    """Return the forecast of a recipe's steps.

    Raises RecipeError for an unknown machine, MissingExtraError if a model is to be trained and torch is not installed,
    StoreError if the run's folder is damaged, CodeprimerError if a trial dies.
    """
    device = request.device()
    planned, warnings = _planned(recipe, folder, device, console)
    wanted = [item for item in planned if request.everything or item.state != "up to date"]
    training = [item for item in wanted if isinstance(item.step.settings, TrainingSettings)]
    if training:
        require_torch("a forecast of training")
    last = {step: open_artifact(path) for step, path in folder.links().items()}
    trained = {}
    if training:
        from codeprimer.run.forecast.training import TrainingForecaster

        copies = 1 if device else _side_by_side(training)
        forecaster = TrainingForecaster(recipe, folder.store, request, device, copies)
        trained = {item.step.name: forecaster.predict(item, last.get(item.step.name)) for item in training}
        warnings += forecaster.warnings
    predictions = []
    for item in planned:
        if item not in wanted:
            predictions.append(Prediction(item.step.link, item.state, "up to date"))
        else:
            predictions.append(trained.get(item.step.name) or as_last_time(item, last.get(item.step.name)))
    has_tried = bool(training) and forecaster.has_tried
    if request.utilization is not None and (has_tried or not any(of.basis == "computed" for of in predictions)):
        warnings.append("--utilization is ignored: no step is computed; on this machine, give --tflops too")
    return replace(_total(recipe, request, device, planned, predictions), warnings=tuple(warnings))


def _planned(
    recipe: Recipe, folder: RunFolder, device: Device | None, console: Console
) -> tuple[list[Planned], list[str]]:
    """Return the steps with their states, and a warning if the states are unknown because a source cannot be read.

    The states are those in the run's folder. For a named machine, automatic settings are resolved as on that machine.
    """
    there = {} if device is None else {"device": "cuda", "precision": "bfloat16"}
    decided = folder.machine()
    settled = with_machine(recipe, choices(recipe, there | decided))
    steps = flow(settled)
    warnings = []
    try:
        planned = plan(steps, folder.store, make_tools(settled, folder, recorded_tier(folder), console))
    except SourceError as error:
        planned = [Planned(step, "", "to do") for step in steps]
        warnings.append(f"every step is treated as still to do: {error}")
    if there:
        elsewhere = flow(with_machine(recipe, choices(recipe, there)))
        planned = [replace(item, step=step) for item, step in zip(planned, elsewhere, strict=True)]
    return planned, warnings


def _side_by_side(training: Sequence[Planned]) -> int:
    """Return how many models will train in parallel on this machine: the control and one other, if there are enough cores."""
    available = available_cores()
    if len(training) < 2 or not any(item.step.name == "control" for item in training):
        return 1
    return min(2, available // max(item.cores(available) for item in training))


def _total(
    recipe: Recipe,
    request: ForecastRequest,
    device: Device | None,
    planned: list[Planned],
    predictions: list[Prediction],
) -> Forecast:
    """Return the run's forecast: the time with parallel steps, and energy and cost from ``report.cost`` or a given price."""
    cost, available = recipe.report.cost, available_cores()
    seconds = {item.step.name: found.seconds or 0.0 for item, found in zip(planned, predictions, strict=True)}
    if device is None:
        # Parallel steps share the machine, and therefore its price.
        total = span(planned, seconds, available)
        cores, gpus, watts = [item.cores(available) for item in planned], [0] * len(planned), 0.0
        core_hours, gpu_hours = available * total / _HOUR, 0.0
        price = available * cost.usd_per_core_hour if request.price is None else request.price
        cost = cost.model_copy(update={"usd_per_core_hour": price / available})
        power, whose = available * cost.watts_per_core, "this machine"
    else:
        total = sum(seconds.values())
        cores = [0] * len(planned)
        gpus = [recipe.training.processes if of.basis == "computed" else 0 for of in predictions]
        core_hours = 0.0
        gpu_hours = sum((of.seconds or 0.0) * count for of, count in zip(predictions, gpus, strict=True)) / _HOUR
        price = cost.usd_per_gpu_hour if request.price is None else request.price
        cost = cost.model_copy(update={"usd_per_gpu_hour": price})
        power = watts = cost.watts_per_gpu or device.watts
        whose = f"one {device.label}"
    priced = []
    for of, core_count, gpu_count in zip(predictions, cores, gpus, strict=True):
        hours = None if of.seconds is None or not core_count + gpu_count else of.seconds / _HOUR
        usd = None if hours is None else estimate(hours * core_count, hours * gpu_count, 0.0, cost)["usd"]
        priced.append(replace(of, usd=usd))
    whole = estimate(core_hours, gpu_hours, gpu_hours * watts, cost)
    given = "assumed" if request.price is None else "given"
    return Forecast(
        machine=request.machine,
        steps=tuple(priced),
        seconds=total,
        usd=whole["usd"],
        kwh=whole["kwh"],
        co2_grams=whole["co2_grams"],
        assumed=f"{given}: {price:g} USD per hour of {whose}; assumed: {power:g} W, {cost.co2_grams_per_kwh:g} g of CO2 per "
        "kWh (report.cost)",
    )
