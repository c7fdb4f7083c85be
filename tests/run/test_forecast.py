"""``codeprimer plan``: every figure says where it comes from, and is right for what it is said to be."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import SmallRun, codeprimer

from codeprimer.commands.plan import show
from codeprimer.core.console import Console
from codeprimer.core.errors import RecipeError
from codeprimer.core.stage import Step
from codeprimer.model.arithmetic import flop_per_token
from codeprimer.model.devices import DEVICES, known_device
from codeprimer.run.folder import RunFolder
from codeprimer.run.forecast import total as module
from codeprimer.run.forecast.prediction import Forecast, ForecastRequest, Prediction
from codeprimer.run.forecast.total import forecast
from codeprimer.run.loading import parse_recipe
from codeprimer.run.recipe import Recipe
from codeprimer.run.schedule import Planned
from codeprimer.training.trial import Trial

LARGE: dict[str, Any] = {
    "name": "large",
    "corpus": {"sources": [{"kind": "folder", "name": "code", "path": "/nowhere/code"}]},
    "tokens": {"vocabulary": 50_257, "context": 2048},
    "training": {
        "model": {"layers": 24, "hidden": 2048, "heads": 32, "intermediate": 8192, "context": 2048},
        "micro_sequences": 4,
        "base": {"tokens": 10**10, "batch_sequences": 512},
        "tuned": {"tokens": 10**9, "batch_sequences": 512},
    },
}


def large(**changes: Any) -> Recipe:
    return parse_recipe(LARGE | {"training": LARGE["training"] | changes}, "test")


def forecast_of(recipe: Recipe, folder: Path, order: ForecastRequest) -> Forecast:
    return forecast(recipe, RunFolder(folder / "runs" / "large"), order, Console("quiet"))


def by_step(found: Forecast) -> dict[str, Prediction]:
    return {of.step.partition("-")[2]: of for of in found.steps}


def test_a_named_machine_takes_tokens_times_arithmetic_over_what_it_is_assumed_to_reach(tmp_path: Path) -> None:
    recipe = large()
    found = forecast_of(recipe, tmp_path, ForecastRequest("a100", tflops=100.0, utilization=0.5, price=3.0))
    base, tuned, control = (by_step(found)[name] for name in ("base", "tuned", "control"))
    flop = flop_per_token(recipe.training.model.config(50_257, 0))
    assert base.seconds == pytest.approx(10**10 * flop / (100e12 * 0.5), rel=1e-3)
    assert control.seconds == pytest.approx((base.seconds or 0.0) + (tuned.seconds or 0.0))
    assert found.seconds == pytest.approx(2 * (control.seconds or 0.0))
    assert base.usd == pytest.approx(3.0 * (base.seconds or 0.0) / 3600)
    assert found.usd == pytest.approx(3.0 * found.seconds / 3600)
    assert found.kwh == pytest.approx(0.4 * found.seconds / 3600), "400 W"
    assert found.co2_grams == pytest.approx(475 * found.kwh)
    assert found.assumed.startswith("given: 3 USD per hour of one A100; assumed: 400 W, 475 g of CO2 per kWh")
    assert any("utilization 50.0 %" in note and "assumed" in note for note in base.notes)
    half = forecast_of(large(processes=2), tmp_path, ForecastRequest("a100", tflops=100.0, utilization=0.5, price=3.0))
    assert by_step(half)["base"].seconds == pytest.approx((base.seconds or 0.0) / 2)
    assert half.usd == pytest.approx(found.usd), "half the time on twice the devices"


def test_what_lies_elsewhere_is_a_warning_and_every_step_counts_as_still_to_do(tmp_path: Path) -> None:
    found = forecast_of(large(), tmp_path, ForecastRequest("h100"))
    assert any("/nowhere/code" in warning for warning in found.warnings)
    assert {of.state for of in found.steps} == {"to do"}
    assert by_step(found)["corpus"].basis == "not predicted"


def test_a_model_that_does_not_fit_is_told_how_many_sequences_would(tmp_path: Path) -> None:
    fits = forecast_of(large(), tmp_path, ForecastRequest("h200"))
    assert not any("memory" in warning for warning in fits.warnings)
    bursts = forecast_of(large(micro_sequences=64), tmp_path, ForecastRequest("a100"))
    warning = next(of for of in bursts.warnings if of.startswith("71-base needs"))
    assert "80.0 GB is available; training.micro_sequences: " in warning
    rows = int(warning.split("training.micro_sequences: ")[1].split()[0])
    good = forecast_of(large(micro_sequences=rows), tmp_path, ForecastRequest("a100"))
    assert not any("memory" in warning for warning in good.warnings)
    nothing = forecast_of(large(micro_sequences=64), tmp_path, ForecastRequest("a10"))
    assert any("a micro-batch of 1 does not fit" in warning for warning in nothing.warnings)


def test_a_machine_that_nobody_knows_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="--machine h10: no such machine; did you mean 'h100'"):
        forecast_of(large(), tmp_path, ForecastRequest("h10"))


def test_a_peak_that_is_of_another_precision_is_not_taken_silently(tmp_path: Path) -> None:
    exact = forecast_of(large(precision="float32"), tmp_path, ForecastRequest("a100"))
    [warning] = [of for of in exact.warnings if "precision" in of]
    assert warning.startswith("training.precision: float32: the 312 TFLOP/s of the A100 are for bfloat16")
    told = forecast_of(large(precision="float32"), tmp_path, ForecastRequest("a100", tflops=19.5))
    assert not any("precision" in of for of in told.warnings)


def test_a_gpu_of_this_machine_counts_with_its_own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = types.SimpleNamespace(total_memory=20 * 10**9)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda number: memory)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    found = forecast_of(large(device="cuda", precision="bfloat16"), tmp_path, ForecastRequest(tflops=300.0))
    assert any("20.0 GB is available" in of for of in found.warnings)
    there, here = (
        by_step(of)["base"].memory for of in (forecast_of(large(), tmp_path, ForecastRequest("a100")), found)
    )
    assert there is not None and here is not None
    assert here == there, "nothing of it is a copy on its way to the disk, nor of the program's own"


def test_a_gpu_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    found = forecast_of(large(device="cuda", precision="bfloat16"), tmp_path, ForecastRequest(tflops=300.0))
    assert any("no CUDA device" in of for of in found.warnings)


def tried(monkeypatch: pytest.MonkeyPatch, trial: Trial) -> list[int]:
    """Have every trial find this; return how many copies each was of."""
    copies: list[int] = []

    def try_out(settings: object, phase: object, vocabulary: int, count: int) -> Trial:
        copies.append(count)
        return trial

    monkeypatch.setattr("codeprimer.training.trial.try_out", try_out)
    return copies


TINY: dict[str, Any] = {
    "name": "large",
    "corpus": LARGE["corpus"],
    "training": {
        "threads": 1,
        "precision": "float32",
        "base": {"tokens": 100 * 8 * 256, "batch_sequences": 8},
        "tuned": {"tokens": 300 * 8 * 256, "batch_sequences": 8, "prompt_weight": 0.1},
    },
}


def test_here_a_step_is_tried_once_for_all_phases_that_cost_the_same_and_times_add_up_as_steps_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "available_cores", lambda: 2)
    copies = tried(monkeypatch, Trial(1e11, 0.5, 8, 20, 3.0, 0.9, 400 * 2**20))
    found = forecast_of(parse_recipe(TINY, "test"), tmp_path, ForecastRequest(price=7.2))
    steps = by_step(found)
    assert copies == [2], "the control beside one of the others"
    assert [steps[name].seconds for name in ("control", "base", "tuned")] == [203.0, 53.0, 153.0], (
        "with what a process takes to start"
    )
    assert found.seconds == 206.0
    assert found.usd == pytest.approx(0.412)
    assert steps["base"].usd == pytest.approx(0.053), "half of the machine"
    assert steps["base"].basis == "tried"
    assert "2 models in parallel: 4,096 tokens/s each" in steps["base"].notes[0]
    assert any("saving and scoring 4 checkpoints: not predicted" in note for note in steps["tuned"].notes)
    default = forecast_of(parse_recipe(TINY, "test"), tmp_path, ForecastRequest())
    assert default.usd == pytest.approx(2 * 0.05 * 206 / 3600), "report.cost"
    monkeypatch.setattr(module, "available_cores", lambda: 1)
    assert forecast_of(parse_recipe(TINY, "test"), tmp_path, ForecastRequest()).seconds == 409.0


def test_a_trial_on_a_busy_machine_says_that_it_was_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried(monkeypatch, Trial(1e11, 0.5, 8, 20, 3.0, 0.4, 400 * 2**20))
    warnings = forecast_of(parse_recipe(TINY, "test"), tmp_path, ForecastRequest()).warnings
    assert any("other programs took 60.0 % of the cores' time" in warning for warning in warnings)
    tried(monkeypatch, Trial(1e11, 0.5, 8, 20, 3.0, 0.9, 400 * 2**20))
    warnings = forecast_of(parse_recipe(TINY, "test"), tmp_path, ForecastRequest()).warnings
    assert not any("other programs" in warning for warning in warnings)


def test_what_an_interrupted_step_has_done_is_not_reckoned_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "available_cores", lambda: 2)
    monkeypatch.setattr(module, "plan", interrupted)
    tried(monkeypatch, Trial(1e11, 0.5, 8, 20, 3.0, 0.9, 400 * 2**20))
    store = RunFolder(tmp_path / "runs" / "large").store
    for step in (80, 120):
        state = store.work("training", "control") / "states" / f"{step:08d}"
        state.mkdir(parents=True)
        (state / "position.json").touch()
    for foreign in ("00000100.tmp", "²", "99999999"):
        (store.work("training", "base") / "states" / foreign).mkdir(parents=True)
    steps = by_step(forecast_of(parse_recipe(TINY, "test"), tmp_path, ForecastRequest()))
    assert [steps[name].seconds for name in ("control", "base", "tuned")] == [143.0, 53.0, 153.0], "280 of 400 are left"
    assert "120 of 400 steps are done and not counted" in steps["control"].notes
    assert not any("are done" in note for note in steps["base"].notes)


def interrupted(steps: list[Step], *rest: object) -> list[Planned]:
    """Stand in for what finds out how far a run is: every step has been interrupted, and is called by its name."""
    return [Planned(step, step.name, "interrupted") for step in steps]


def test_two_models_are_tried_side_by_side_only_where_one_of_them_is_the_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "available_cores", lambda: 2)
    monkeypatch.setattr(module, "plan", with_the_control_done)
    copies = tried(monkeypatch, Trial(1e11, 0.5, 8, 20, 3.0, 0.9, 400 * 2**20))
    forecast_of(parse_recipe(TINY, "test"), tmp_path, ForecastRequest())
    assert copies == [1], "base and tuned follow each other"


def with_the_control_done(steps: list[Step], *rest: object) -> list[Planned]:
    """Stand in for what finds out how far a run is."""
    return [Planned(step, step.name, "up to date" if step.name == "control" else "to do") for step in steps]


def test_processes_that_share_a_step_share_the_machine_that_was_measured_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flop = flop_per_token(parse_recipe(TINY, "test").training.model.config(1024, 0))
    two = parse_recipe(TINY | {"training": TINY["training"] | {"processes": 2}}, "test")
    tried(monkeypatch, Trial(1e11, 0.5, 4, 20, 3.0, 0.9, 400 * 2**20))
    [note, *_] = by_step(forecast_of(two, tmp_path, ForecastRequest()))["base"].notes
    assert f"{100 * 8 * 256 / 0.5 * flop / 2e11:.1f} % of the measured matmul peak" in note
    tried(monkeypatch, Trial(1e11))
    base = by_step(forecast_of(two, tmp_path, ForecastRequest()))["base"]
    assert base.seconds == pytest.approx(100 * 8 * 256 * flop / (2e11 * 0.4))


def test_a_copy_on_its_way_to_the_disk_counts_where_a_whole_run_is_long_enough_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried(monkeypatch, Trial(1e11, 0.5, 8, 20, 3.0, 0.9, 400 * 2**20))

    def memory_of(every: int) -> int:
        recipe = parse_recipe(TINY | {"training": TINY["training"] | {"checkpoint_every": every}}, "test")
        memory = by_step(forecast_of(recipe, tmp_path, ForecastRequest()))["control"].memory
        assert memory is not None
        return memory

    assert memory_of(399) > memory_of(400), "100 steps, then 300"


def test_a_share_that_is_given_is_never_ignored_silently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried(monkeypatch, Trial(1e11, 0.5, 8, 20, 3.0, 0.9, 400 * 2**20))
    recipe = parse_recipe(TINY, "test")
    assert any(
        "--utilization is ignored" in of
        for of in forecast_of(recipe, tmp_path, ForecastRequest(utilization=0.3)).warnings
    )
    computed = forecast_of(recipe, tmp_path, ForecastRequest(utilization=0.3, tflops=0.1))
    assert not any("--utilization" in of for of in computed.warnings)


def test_another_machine_decides_for_itself_what_this_one_has_decided(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "large")
    folder.path.mkdir(parents=True)
    fresh = by_step(forecast_of(large(), tmp_path, ForecastRequest("a100")))["base"]
    folder.decide({"device": "cpu", "precision": "float32", "threads": 1})
    decided = forecast_of(large(), tmp_path, ForecastRequest("a100"))
    assert by_step(decided)["base"] == fresh
    assert not any("precision" in of for of in decided.warnings)


def test_what_could_not_be_tried_is_computed_from_what_products_reach_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried(monkeypatch, Trial(1e11))
    recipe = parse_recipe(TINY, "test")
    base = by_step(forecast_of(recipe, tmp_path, ForecastRequest()))["base"]
    flop = flop_per_token(recipe.training.model.config(1024, 0))
    assert base.basis == "computed"
    assert base.seconds == pytest.approx(100 * 8 * 256 * flop / (1e11 * 0.4))
    assert "this machine, 0.10 TFLOP/s, utilization 40.0 %" in base.notes[0]


def test_other_steps_take_what_they_took_last_time(small_run: SmallRun) -> None:
    arguments = ("plan", small_run.recipe, "--runs", small_run.runs, "--machine", "h100", "--json")
    ran = codeprimer(*arguments, cwd=small_run.runs)
    assert ran.returncode == 0, ran.stderr
    done = json.loads(ran.stdout)
    assert {of["basis"] for of in done["steps"]} == {"up to date"}
    assert done["seconds"] == 0
    every = {of["step"]: of for of in json.loads(codeprimer(*arguments, "--all", cwd=small_run.runs).stdout)["steps"]}
    cost = json.loads((small_run.folder / "10-corpus" / "cost.json").read_text())
    corpus = every["10-corpus"]
    assert (corpus["basis"], corpus["seconds"], corpus["memory"]) == (
        "as last time",
        cost["seconds"],
        cost["peak_memory"],
    )
    assert corpus["disk"] > 100_000
    assert any("scoring 2 checkpoints: assumed to take" in note for note in every["72-tuned"]["notes"])


def test_people_see_a_table_where_its_figures_come_from_and_what_is_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    known = Prediction("71-base", "to do", "tried", 7200.0, 2 * 10**9, 10**6, 10**7, 1.5, ("measured: 3 steps",))
    unknown = Prediction("80-evaluation", "to do", "not predicted")
    show(Console(), Forecast("here", (known, unknown), 7200.0, 1.5, 0.2, 95.0, "assumed: 100 W", ("too little",)))
    printed = capsys.readouterr()
    assert "2.0 h 2.0 GB 1.0 MB 10.0 MB 1.50 tried" in " ".join(printed.out.split())
    assert "71-base: measured: 3 steps" in printed.out
    assert "total: 2.0 h, 1.50 USD, 0.200 kWh, 95 g of CO2, excluding 80-evaluation" in printed.out
    assert "assumed: 100 W" in printed.out
    assert "warning: too little" in printed.err


def test_a_device_is_known_by_the_name_that_its_driver_reports() -> None:
    assert known_device("NVIDIA H100 80GB HBM3") is DEVICES["h100"]
    assert known_device("NVIDIA L40S") is DEVICES["l40s"]
    assert known_device("NVIDIA A100-SXM4-80GB") is DEVICES["a100"]
    assert known_device("Some other") is None
