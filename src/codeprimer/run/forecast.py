"""``codeprimer plan``: what the steps of a recipe will take, before any of them starts.

Reads a recipe, the run's folder and this machine; writes nothing. Its one idea: say of every figure where it comes from.
Training is tried here (a few real steps), or computed for a machine that is named; other steps take what they took last
time, and where there was no last time nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson
from rich.table import Table

from codeprimer.core.artifact import Artifact, Store, open_artifact
from codeprimer.core.console import Console
from codeprimer.core.errors import RecipeError, SourceError, StoreError, nearest
from codeprimer.core.extras import require_torch
from codeprimer.core.stage import available_cores
from codeprimer.evaluation.settings import EvaluationSettings
from codeprimer.model.config import PhiConfig
from codeprimer.model.devices import DEVICES, Device
from codeprimer.reporting.wording import duration, percent, size
from codeprimer.run.execute import plan
from codeprimer.run.flow import flow
from codeprimer.run.folder import RunFolder
from codeprimer.run.machine import choices, recorded_tier, vocabulary_of, with_machine
from codeprimer.run.recipe import Recipe
from codeprimer.run.schedule import Planned, State, span
from codeprimer.run.tools import make_tools
from codeprimer.training.settings import MOST_SEQUENCES, Phase, TrainingSettings
from codeprimer.training.stage import TrainingStage

HERE = "here"
"""The name of the machine at hand."""

PROCESS_BYTES = 450 * 2**20
"""What a process with torch takes before it has a model [bytes]; assumed where nothing is tried."""

PROGRAM_BYTES = 64 * 2**20
"""What the rest of the program and open training sets take beside what is tried [bytes]; assumed."""

QUIET = 0.75
"""A trial that was given less of its cores' time has met other programs."""

LAUNCH_SECONDS = 0.5e-3
"""The least that a layer of a step takes on a device, however small it is [s]: its kernels are started one by one."""

_HOUR = 3600.0

Basis = Literal["tried", "computed", "as last time", "not predicted", "up to date"]


@dataclass(frozen=True)
class Order:
    """For which machine a forecast is made, and what is given about it."""

    machine: str = HERE
    tflops: float | None = None
    """What products reach, instead of what is measured or stands in a datasheet [TFLOP/s]."""
    share: float | None = None
    """The share of that which training is expected to reach."""
    price: float | None = None
    """Of the machine at hand, or of a device of the named kind [USD/h]; None: as the recipe's section report.cost has it."""
    everything: bool = False
    """Whether steps that are up to date are forecast too."""


@dataclass(frozen=True)
class Prediction:
    """What one step will take."""

    step: str
    state: State
    basis: Basis
    seconds: float | None = None
    """[s]"""
    memory: int | None = None
    """The most at a time [bytes]: here of the process, on a named machine of each device."""
    disk: int | None = None
    """What stays [bytes]."""
    disk_at_most: int | None = None
    """The most while it runs [bytes]."""
    usd: float | None = None
    """[USD]"""
    notes: tuple[str, ...] = ()
    """Where the figures come from, and what they leave out."""


@dataclass(frozen=True)
class Forecast:
    """What a run will take."""

    machine: str
    steps: tuple[Prediction, ...]
    seconds: float
    """Of the steps that are predicted, side by side as they will run [s]."""
    usd: float
    """[USD]; on a named machine of training only, as are energy and CO2."""
    kwh: float = 0.0
    co2_grams: float = 0.0
    assumed: str = ""
    """What energy and money are reckoned with."""
    warnings: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def forecast(recipe: Recipe, folder: RunFolder, order: Order, console: Console) -> Forecast:
    """Return what the steps of a recipe will take.

    Raises RecipeError for a machine that is not in the table, MissingExtraError when a model is to be trained and torch is not
    installed, StoreError for what is damaged in the run's folder, CodeprimerError when a trial dies.
    """
    device = _device(order.machine)
    planned, warnings = _planned(recipe, folder, device, console)
    wanted = [item for item in planned if order.everything or item.state != "up to date"]
    training = [item for item in wanted if isinstance(item.step.settings, TrainingSettings)]
    if training:
        require_torch("a forecast of training")
    last = {step: open_artifact(path) for step, path in folder.links().items()}
    models = _Models(recipe, folder.store, order, device, 1 if device else _side_by_side(training))
    predictions = []
    for item in planned:
        if item not in wanted:
            predictions.append(Prediction(item.step.link, item.state, "up to date"))
        elif item in training:
            predictions.append(models.predict(item, last.get(item.step.name)))
        else:
            predictions.append(_as_last_time(item, last.get(item.step.name)))
    warnings += models.warnings
    if order.share is not None and (models.has_tried or not any(of.basis == "computed" for of in predictions)):
        warnings.append(
            "--mfu is ignored where steps are tried or nothing is to be trained; with --tflops steps are computed"
        )
    return replace(_summed(recipe, order, device, planned, predictions), warnings=tuple(warnings))


def _planned(
    recipe: Recipe, folder: RunFolder, device: Device | None, console: Console
) -> tuple[list[Planned], list[str]]:
    """Return the steps with their states, and a warning where these cannot be told because the sources are elsewhere.

    The states are those of the run's folder. Where another machine is meant, the settings are as they would be there.
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
        warnings.append(f"every step counts as still to do: {error}")
    if there:
        elsewhere = flow(with_machine(recipe, choices(recipe, there)))
        planned = [replace(item, step=step) for item, step in zip(planned, elsewhere, strict=True)]
    return planned, warnings


def _device(name: str) -> Device | None:
    if name == HERE:
        return None
    if name not in DEVICES:
        raise RecipeError(f"--machine {name}: no such machine; {nearest(name, [HERE, *DEVICES])}")
    return DEVICES[name]


def _side_by_side(training: Sequence[Planned]) -> int:
    """Return how many models will train at a time here: the control beside one of the others, where cores suffice."""
    available = available_cores()
    if len(training) < 2 or not any(item.step.name == "control" for item in training):
        return 1
    return min(2, available // max(item.cores(available) for item in training))


@dataclass(frozen=True)
class _Cost:
    """What a phase takes."""

    start: float
    """Before its first step [s]."""
    step: float
    """[s]"""
    memory: int
    """[bytes]"""
    basis: Basis
    note: str
    """Where these come from."""


def _still_to_do(phases: Sequence[Phase], steps: Sequence[int], done: int) -> list[tuple[Phase, int]]:
    """Return the phases of so many steps each that are not over when so many of all are done, with what is left of them.

    When all are done it is the last one, with nothing left.
    """
    left = []
    for phase, count in zip(phases, steps, strict=True):
        taken = min(count, done)
        done -= taken
        left.append((phase, count - taken))
    return [(phase, count) for phase, count in left if count] or left[-1:]


class _Models:
    """Predicts the steps that train a model; those that are alike are tried once."""

    def __init__(self, recipe: Recipe, store: Store, order: Order, device: Device | None, copies: int) -> None:
        self.warnings: list[str] = []
        self._store = store
        self._vocabulary = vocabulary_of(recipe)
        self._validation = recipe.exam.validation
        self._order, self._device, self._copies = order, device, copies
        self._tried: dict[bytes, Any] = {}

    @property
    def has_tried(self) -> bool:
        """Whether steps were taken."""
        return any(trial.step_seconds is not None for trial in self._tried.values())

    def predict(self, item: Planned, last: Artifact | None) -> Prediction:
        """Return what a training step will take."""
        from codeprimer.training import needs

        settings = item.step.settings
        assert isinstance(settings, TrainingSettings)
        config = needs.config_of(settings, self._vocabulary)
        steps = [phase.steps(config.context) for phase in settings.phases]
        done = min(sum(steps), self._steps_done(item))
        left = _still_to_do(settings.phases, steps, done)
        found = {phase.name: self._phase(settings, phase) for phase, _ in left}
        seconds = next(iter(found.values())).start + sum(found[phase.name].step * count for phase, count in left)
        memory, notes = max(of.memory for of in found.values()), [of.note for of in found.values()]
        if done:
            notes.append(f"of {sum(steps):,} steps {done:,} are done, and these are not reckoned again")
        disk, most = needs.disk(settings, config)
        memory += self._scoring(item, settings, config)
        if isinstance(item.step.stage, TrainingStage) and item.step.stage.scores:
            # What an interrupted attempt has scored already is not known here.
            beside = _beside_training(last, settings)
            seconds += beside or 0.0
            took = f"take {duration(beside)}, as last time" if beside else "are not predicted"
            notes.append(f"assumed: saving and scoring {settings.selections} checkpoints {took}")
        self._check_memory(item.step.link, settings, memory)
        self._check_peak(settings)
        return Prediction(
            step=item.step.link,
            state=item.state,
            basis="computed" if any(of.basis == "computed" for of in found.values()) else "tried",
            seconds=seconds,
            memory=memory,
            disk=disk,
            disk_at_most=most,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _scoring(self, item: Planned, settings: TrainingSettings, config: PhiConfig) -> int:
        """Return what scoring checkpoints adds to the memory [bytes]: the keys and values of the answers being written."""
        from codeprimer.training import needs

        # A prompt is assumed to be as long as an answer may be.
        answers = needs.answer_bytes(config, self._validation, 2 * EvaluationSettings().new_tokens)
        if self._copies > 1:
            return answers  # one model is scored while the other trains, in the same process
        assert isinstance(item.step.stage, TrainingStage)
        if not item.step.stage.scores:
            return 0
        on_cpu = self._on_cpu(settings)
        passing = min(needs.passing_bytes(settings, phase, config, on_cpu) for phase in settings.phases)
        return max(0, answers - passing)

    def _on_cpu(self, settings: TrainingSettings) -> bool:
        return self._device is None and settings.device == "cpu"

    def _steps_done(self, item: Planned) -> int:
        """Return how many steps an interrupted attempt has behind it, where it is to go on here."""
        from codeprimer.training.state import steps_done

        is_begun = self._device is None and item.state in ("interrupted", "running")
        return steps_done(self._store.work(item.step.stage.name, item.id)) if is_begun else 0

    def _phase(self, settings: TrainingSettings, phase: Phase) -> _Cost:
        """Return what a phase takes."""
        if self._device is not None:
            return self._computed(settings, phase, self._device.tflops * 1e12, self._device)
        if self._order.tflops is not None:
            return self._computed(settings, phase, self._order.tflops * 1e12, None)
        trial = self._trial(settings, phase)
        reached = trial.ceiling * settings.processes
        if trial.step_seconds is None:
            return self._computed(settings, phase, reached, None)
        from codeprimer.model.arithmetic import flop_per_token
        from codeprimer.training import needs

        config = needs.config_of(settings, self._vocabulary)
        rows = needs.rows_at_a_time(settings, phase)
        on_cpu = self._on_cpu(settings)
        here, there = (needs.memory(settings, phase, config, count, on_cpu) for count in (min(trial.rows, rows), rows))
        steps = sum(phase.steps(config.context) for phase in settings.phases)
        copied = here.saved_copy if steps > settings.checkpoint_every else 0
        more = there.total - here.total + copied
        speed = phase.batch_sequences * config.context / trial.step_seconds
        share = speed * flop_per_token(config, settings.lora.rank > 0) / reached
        note = (
            f"measured: {trial.steps} steps of {trial.rows} sequences"
            + (f", {self._copies} models side by side" if self._copies > 1 else "")
            + f": {speed:,.0f} tokens/s each, {percent(share)} of what products reach here in {settings.precision} with "
            f"threads: {settings.threads} ({reached / 1e9:,.0f} GFLOP/s)"
        )
        if trial.rows < settings.rows_of_process(phase):
            note += f"; a step of {phase.batch_sequences} is taken to need so many times more"
        memory = trial.peak + PROGRAM_BYTES * on_cpu + self._copies * more
        return _Cost(trial.start_seconds, trial.step_seconds, memory, "tried", note)

    def _trial(self, settings: TrainingSettings, phase: Phase) -> Any:
        from codeprimer.training.trial import try_out

        # What else there is to a phase changes what is learnt, not what a step takes.
        alike = Phase(
            name="trial",
            mixture={"trial": 1.0},
            tokens=1,
            batch_sequences=phase.batch_sequences,
            optimiser=phase.optimiser,
        )
        key = orjson.dumps([settings.model_dump(exclude={"phases", "selections"}), alike.model_dump()])
        if key not in self._tried:
            self._tried[key] = try_out(settings, alike, self._vocabulary, self._copies)
            if self._tried[key].cores < QUIET:
                self.warnings.append(
                    f"while steps were tried, other programs took {percent(1.0 - self._tried[key].cores)} of the cores' time; "
                    "what is predicted holds while the machine is as busy as that: where it is not, try again"
                )
        return self._tried[key]

    def _computed(self, settings: TrainingSettings, phase: Phase, ceiling: float, device: Device | None) -> _Cost:
        """Return what follows from the shapes and from what products reach [FLOP/s]."""
        from codeprimer.model.arithmetic import flop_per_token
        from codeprimer.training import needs
        from codeprimer.training.trial import EXPECTED_SHARE

        config = needs.config_of(settings, self._vocabulary)
        if self._order.tflops is not None:
            ceiling = self._order.tflops * 1e12
        share = self._order.share or (device.utilisation if device else EXPECTED_SHARE)
        rows = needs.rows_at_a_time(settings, phase)
        passes = -(-phase.batch_sequences // (rows * settings.processes))
        devices = settings.processes if device else 1
        step = needs.step_flop(settings, phase, config) / (ceiling * share * devices)
        if device is not None:
            step = max(step, passes * config.layers * LAUNCH_SECONDS)
        memory = needs.memory(settings, phase, config, rows, on_cpu=self._on_cpu(settings)).total
        kind = (
            f"{devices} x {device.label}, {ceiling / 1e12:,.0f}" if device else f"this machine, {ceiling / 1e12:,.2f}"
        )
        flop = flop_per_token(config, settings.lora.rank > 0)
        note = (
            f"computed from shapes: {needs.parameter_count(config):,} parameters, {phase.tokens:,} tokens, "
            f"{flop / 1e9:,.3f} GFLOP each; assumed: {kind} TFLOP/s, of which training reaches "
            f"{percent(share)}"
        )
        return _Cost(0.0, step, memory + PROCESS_BYTES * self._on_cpu(settings), "computed", note)

    def _check_memory(self, step: str, settings: TrainingSettings, memory: int) -> None:
        """Warn where a machine's memory will not do."""
        from codeprimer.training import needs
        from codeprimer.training.trial import device_memory

        there = self._device.memory if self._device else device_memory(settings.device)
        if there is None:
            self.warnings.append(
                f"{step}: training.device is cuda, and there is no CUDA device here whose memory could be told"
            )
            return
        if memory <= there:
            return
        config = needs.config_of(settings, self._vocabulary)
        on_cpu = self._on_cpu(settings)
        most = MOST_SEQUENCES
        for phase in settings.phases:
            rows = needs.rows_at_a_time(settings, phase)
            beside = max(0, memory - self._copies * needs.memory(settings, phase, config, rows, on_cpu).total)
            available = (there - beside) // self._copies
            most = min(most, needs.rows_that_fit(settings, phase, config, available, on_cpu))
        remedy = (
            f"training.micro_sequences: {most} would fit"
            if most
            else "not even one sequence at a time fits: take a smaller model, a shorter context or a larger machine"
        )
        self.warnings.append(f"{step} needs {size(memory)} of memory, of {size(there)} that are there; {remedy}")

    def _check_peak(self, settings: TrainingSettings) -> None:
        """Warn where what is known of a machine is not of the precision that the recipe wants."""
        if self._device is None or self._order.tflops is not None or settings.precision != "float32":
            return
        warning = (
            f"training.precision: float32: the {self._device.tflops:g} TFLOP/s of the {self._device.label} are those of "
            "bfloat16, and in float32 it is several times slower; say with --tflops what it reaches"
        )
        if warning not in self.warnings:
            self.warnings.append(warning)


def _beside_training(last: Artifact | None, settings: TrainingSettings) -> float | None:
    """Return what a step took last time beside its steps [s], where it had as many checkpoints to score."""
    if last is None or last.manifest["settings"].get("selections") != settings.selections:
        return None
    path = last.path / "speed.json"
    if "seconds" not in last.cost or not path.exists():
        return None
    try:
        return max(0.0, float(last.cost["seconds"]) - float(orjson.loads(path.read_bytes())["seconds"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise StoreError(f"{path} is damaged; remove {path.parent} and run again to rebuild it") from None


def _as_last_time(item: Planned, last: Artifact | None) -> Prediction:
    """Return what a step took when it was last made for this run."""
    if last is None or "seconds" not in last.cost:
        return Prediction(item.step.link, item.state, "not predicted")
    return Prediction(
        step=item.step.link,
        state=item.state,
        basis="as last time",
        seconds=float(last.cost["seconds"]),
        memory=int(last.cost["peak_memory"]),
        disk=_size_of(last.path),
        disk_at_most=_size_of(last.path),
        notes=("assumed: steps other than training take what they took last time, wherever that was",),
    )


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _summed(
    recipe: Recipe, order: Order, device: Device | None, planned: list[Planned], predictions: list[Prediction]
) -> Forecast:
    """Return the whole: time as the steps will run, energy and money by the recipe's section report.cost or a given price."""
    cost, available = recipe.report.cost, available_cores()
    seconds = {item.step.name: found.seconds or 0.0 for item, found in zip(planned, predictions, strict=True)}
    if device is None:
        # Steps side by side share the machine, and so its price.
        parts = [item.cores(available) / available for item in planned]
        total = at_work = span(planned, seconds, available)
        price, watts = available * cost.usd_per_core_hour, available * cost.watts_per_core
    else:
        parts = [float(recipe.training.processes) if of.basis == "computed" else 0.0 for of in predictions]
        total = sum(seconds.values())
        at_work = sum((of.seconds or 0.0) * part for of, part in zip(predictions, parts, strict=True))
        price, watts = cost.usd_per_gpu_hour, cost.watts_per_gpu or device.watts
    price = price if order.price is None else order.price
    priced = [
        replace(of, usd=None if of.seconds is None or not part else price * part * of.seconds / _HOUR)
        for of, part in zip(predictions, parts, strict=True)
    ]
    kwh = watts * at_work / _HOUR / 1000
    whose = "this machine" if device is None else f"one {device.label}"
    given = "given" if order.price is not None else "assumed"
    return Forecast(
        machine=order.machine,
        steps=tuple(priced),
        seconds=total,
        usd=price * at_work / _HOUR,
        kwh=kwh,
        co2_grams=kwh * cost.co2_grams_per_kwh,
        assumed=f"{given}: {price:g} USD per hour of {whose}; assumed: {watts:g} W, {cost.co2_grams_per_kwh:g} g of CO2 per "
        "kWh (report.cost)",
    )


# --- for people -------------------------------------------------------------------------------------------------------


def show(console: Console, found: Forecast) -> None:
    """Print a forecast: a table, where its figures come from, and what is in the way."""
    table = Table("step", "time", "memory", "disk", "at most", "USD", "from", box=None)
    for column in table.columns[1:-1]:
        column.justify = "right"
    for of in found.steps:
        figures = [
            "" if of.seconds is None else duration(of.seconds),
            *("" if value is None else size(value) for value in (of.memory, of.disk, of.disk_at_most)),
            "" if of.usd is None else f"{of.usd:,.2f}",
        ]
        table.add_row(of.step, *figures, of.basis, style="dim" if of.seconds is None else "")
    console.table(table)
    for note, steps in _notes(found).items():
        console.say(f"{', '.join(steps)}: {note}")
    unknown = [of.step for of in found.steps if of.basis == "not predicted"]
    without = f", without {', '.join(unknown)}" if unknown else ""
    energy = f"{found.kwh:,.3f} kWh, {found.co2_grams:,.0f} g of CO2"
    console.say(f"in all: {duration(found.seconds)}, {found.usd:,.2f} USD, {energy}{without}")
    console.say(found.assumed)
    for warning in found.warnings:
        console.warn(warning)


def _notes(found: Forecast) -> Mapping[str, list[str]]:
    """Return each note with the steps that it is about."""
    notes: dict[str, list[str]] = {}
    for step, note in _pairs(found):
        notes.setdefault(note, []).append(step)
    return notes


def _pairs(found: Forecast) -> Iterator[tuple[str, str]]:
    for of in found.steps:
        yield from ((of.step, note) for note in of.notes)
