"""The machine's decisions for a run: made once, recorded and reused, so that a resumed run produces the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeprimer.core.console import Console
from codeprimer.core.errors import RecipeError, UserError
from codeprimer.core.extras import require_torch
from codeprimer.core.plugins import load, plugins_in, wanted
from codeprimer.core.stage import Step, available_cores
from codeprimer.model.config import read_config
from codeprimer.run.folder import RunFolder
from codeprimer.run.recipe import Recipe
from codeprimer.run.schedule import Planned
from codeprimer.run.tools import SECOND
from codeprimer.sandbox import JailError, Sandbox, Tier
from codeprimer.teachers.prices import tariff_of
from codeprimer.teachers.teacher import key_of
from codeprimer.training.loggers import require_loggers
from codeprimer.training.settings import MOST_THREADS, ModelSettings

SANDBOX = "sandbox"
"""The key in ``machine.json`` under which the sandbox's tier is recorded."""


def check_teachers(recipe: Recipe, planned: Sequence[Planned]) -> None:
    """Raise RecipeError, before any work starts, if a step will ask a teacher whose price or key is unknown."""
    if not any(_requests("teacher", item.step) for item in planned if item.state != "up to date"):
        return
    for section, settings in (("teacher", recipe.teacher), (SECOND, recipe.second_teacher)):
        if settings is not None:
            tariff_of(settings, section)
            key_of(settings, section)


def _requests(tool: str, step: Step) -> bool:
    """Return whether a plug-in of a step requests a tool."""
    return any(tool in wanted(load(role, of.kind)) for _, role, of in plugins_in(step.settings))


def with_start(recipe: Recipe) -> Recipe:
    """Return the recipe with the shape of the model that training starts from, if it names one.

    Raises RecipeError if the recipe specifies a different shape, or if the model cannot be read.
    """
    if recipe.start is None:
        return recipe
    try:
        found = read_config(recipe.start.path)
    except UserError as error:
        raise RecipeError(f"start.path: {error} (`codeprimer import-model` writes a suitable folder)") from None
    shape = ModelSettings(
        layers=found.layers,
        hidden=found.hidden_size,
        heads=found.heads,
        intermediate=found.intermediate,
        context=found.context,
    )
    if recipe.training.model not in (ModelSettings(), shape):
        raise RecipeError(
            f"training.model: the model at start.path has {_of_shape(shape)}, but the recipe asks for "
            f"{_of_shape(recipe.training.model)}; remove training.model to use the model's own shape"
        )
    if found.context < recipe.tokens.context:
        raise RecipeError(
            f"tokens.context: {recipe.tokens.context} exceeds that of the model at start.path ({found.context}); lower it"
        )
    if recipe.training.lora.rank > shape.hidden:
        raise RecipeError(
            f"training.lora.rank: {recipe.training.lora.rank} exceeds the width of the model at start.path ({shape.hidden}); "
            "lower it, or set rank: 0 to train all weights"
        )
    return recipe.model_copy(update={"training": recipe.training.model_copy(update={"model": shape})})


def _of_shape(model: ModelSettings) -> str:
    facts = model.model_dump(exclude={"initializer_range"})
    return "{" + ", ".join(f"{name}: {value}" for name, value in facts.items()) + "}"


def settle_machine(recipe: Recipe, folder: RunFolder, steps: list[Step]) -> Recipe:
    """Return the recipe with every "auto" setting resolved for this machine: once per run, recorded and reused.

    Raises MissingExtraError, before any work starts, if a step needs torch or a logger that is not installed.
    """
    if not any(step.stage.needs_torch for step in steps):
        return recipe
    require_torch("training (--until tokens stops before it)")
    require_loggers(recipe.training.loggers)
    decided = choices(recipe, folder.machine())
    if decided != folder.machine():
        folder.decide(decided)
    return with_machine(recipe, decided)


def vocabulary_of(recipe: Recipe) -> int:
    """Return the vocabulary size of the models [tokens]."""
    return recipe.tokens.vocabulary if recipe.start is None else read_config(recipe.start.path).vocab_size


def choices(recipe: Recipe, decided: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded decisions, plus this machine's decisions on other settings that the recipe leaves open."""
    from codeprimer.training.probe import choose_device, choose_precision

    training, made = recipe.training, dict(decided)
    if "threads" not in made:
        made["threads"] = max(1, min(available_cores() // training.processes, MOST_THREADS))
    if "device" not in made and training.device == "auto":
        made["device"] = choose_device()
    if "precision" not in made and training.precision == "auto":
        made["precision"] = choose_precision(
            training.model,
            vocabulary_of(recipe),
            training.threads or made["threads"],
            made["device"] if training.device == "auto" else training.device,
        )
    return made


def check_precision(recipe: Recipe, settled: Recipe, steps: list[Step], console: Console) -> None:
    """Warn if a recipe requires a precision that the CPU has no instructions for."""
    if not any(step.stage.needs_torch for step in steps):
        return
    if recipe.training.precision != "bfloat16" or settled.training.device != "cpu":
        return
    from codeprimer.training.probe import HOPELESS, product_cost

    if (cost := product_cost(settled.training.threads)) > HOPELESS:
        console.warn(
            f"training.precision: bfloat16 matrix products are {cost:.0f} times slower than float32 on this processor; "
            "precision: auto would choose float32"
        )


def settle_sandbox(folder: RunFolder, steps: list[Step], allow_weak: bool) -> Tier:
    """Return the tier of the sandbox: decided once per run, recorded and reused.

    Raises JailError, before any work starts, if programs must run and no sandbox of an allowed tier is available.
    """
    decided = folder.machine()
    if SANDBOX in decided:
        tier = Tier[decided[SANDBOX]]
    elif not any(step.stage.runs_programs or _requests("sandbox", step) for step in steps):
        return Tier.jailed
    else:
        with Sandbox(workers=1, minimum=Tier.weak if allow_weak else Tier.confined) as sandbox:
            tier = sandbox.tier
        folder.decide(decided | {SANDBOX: tier.name})
    if tier is Tier.weak and not allow_weak:
        raise JailError(
            f"{folder.path} runs programs in a weak sandbox, which stops accidents but not attacks; pass --allow-weak-sandbox "
            "again to continue"
        )
    return tier


def recorded_tier(folder: RunFolder) -> Tier:
    """Return the recorded tier, or the expected one before the first run."""
    return Tier[folder.machine().get(SANDBOX, Tier.jailed.name)]


def with_machine(recipe: Recipe, decided: Mapping[str, Any]) -> Recipe:
    """Return the recipe with the recorded decisions filled into the settings that it leaves open."""
    training = recipe.training
    update: dict[str, Any] = {}
    if training.threads == 0 and "threads" in decided:
        update["threads"] = decided["threads"]
    for choice in ("precision", "device"):
        if getattr(training, choice) == "auto" and choice in decided:
            update[choice] = decided[choice]
    return recipe.model_copy(update={"training": training.model_copy(update=update)})
