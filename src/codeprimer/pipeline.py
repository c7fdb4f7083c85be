"""The flow as one readable list, and how a run walks along it; the only module that knows every stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from codeprimer.contamination.stage import ContaminationStage
from codeprimer.core import registry
from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.console import Console
from codeprimer.core.errors import RecipeError, UserError
from codeprimer.core.extras import require_torch
from codeprimer.core.stage import Built, Engine, Settings, Stage, Tools, available_cores, identify, run_stage
from codeprimer.corpus.stage import CorpusStage
from codeprimer.curriculum.asking import EndpointAuthor
from codeprimer.evaluation.stage import EvaluationStage
from codeprimer.exam.stage import ExamStage
from codeprimer.exercises.stage import ExercisesStage
from codeprimer.model.config import read_config
from codeprimer.quality.annotator import AskingAnnotator
from codeprimer.quality.asking import EndpointAnnotator
from codeprimer.quality.by_hand import HumanAnnotator
from codeprimer.quality.stage import QualityStage
from codeprimer.recipe import ENDPOINT, HUMAN, Recipe, plugins_of
from codeprimer.report.stage import ReportStage
from codeprimer.run_folder import RunFolder, step_name
from codeprimer.sandbox import JailError, Sandbox, Tier
from codeprimer.schedule import Planned, State, Step, walk
from codeprimer.start.stage import StartStage
from codeprimer.teachers import Access, TeacherSettings
from codeprimer.teachers.prices import tariff_of
from codeprimer.teachers.teacher import key_of
from codeprimer.textbooks.stage import TextbooksStage
from codeprimer.tokens.stage import TokensStage
from codeprimer.training.loggers import require_loggers
from codeprimer.training.settings import MOST_THREADS, ModelSettings
from codeprimer.training.stage import TrainingStage


def flow(recipe: Recipe, tier: Tier = Tier.jailed, folder: RunFolder | None = None) -> list[Step]:
    """Return the steps of a run, each after everything it reads; programs run in a sandbox of ``tier``.

    Where a teacher is asked, its journal lies beside the store of ``folder``, which may be left out to plan only.
    """
    training = recipe.training
    writes_sections = _author(recipe.textbooks.author, recipe, folder)
    writes_exercises = _author(recipe.exercises.author, recipe, folder)
    start = _same(START) if recipe.start else {}
    trained = _same("tokens", "exam", *(["quality"] if training.heldout_every else [])) | start
    heldout = _open_heldout if training.heldout_every else None
    goes_on = {"adapter": "base"} if training.lora.rank else {"start": "base"}
    return [
        Step(5, "exam", ExamStage(tier), recipe.exam, {}),
        *([Step(6, START, StartStage(), recipe.start, {})] if recipe.start else []),
        Step(10, "corpus", CorpusStage(), recipe.corpus, {}),
        Step(20, "quality", QualityStage(_annotator(recipe, folder)), recipe.quality, _same("corpus")),
        Step(
            30,
            "textbooks",
            TextbooksStage(tier, writes_sections),
            recipe.textbooks,
            _same("exam"),
        ),
        Step(
            40,
            "exercises",
            ExercisesStage(tier, writes_exercises),
            recipe.exercises,
            _same("exam"),
        ),
        Step(
            50,
            "contamination",
            ContaminationStage(),
            recipe.contamination,
            _same("exam", "corpus", "quality", "textbooks", "exercises"),
        ),
        Step(60, "tokens", TokensStage(bool(start)), recipe.tokens, _same("exam", "contamination") | start),
        Step(70, "control", TrainingStage(bool(start), None, heldout), training.control_settings(), trained),
        Step(71, "base", TrainingStage(bool(start), None, heldout), training.base_settings(), trained),
        Step(
            72,
            "tuned",
            TrainingStage(True, partial(_validation_score, tier), heldout, "adapter" in goes_on),
            training.tuned_settings(),
            trained | goes_on,
        ),
        Step(
            80,
            "evaluation",
            EvaluationStage(tier),
            recipe.evaluation,
            _same("exam", "quality", "control", "base", "tuned"),
        ),
        Step(90, "report", ReportStage(), _titled(recipe), _same(*ReportStage.reads)),
    ]


TEACHERS = "teachers"
"""The folder in the store with the journal of all teachers."""


LOGS = "logs"
"""The folder of the run in which those write who only watch."""

SECOND = "second_teacher"


def access(settings: TeacherSettings | None, folder: RunFolder | None, section: str = "teacher") -> Access:
    """Return how a teacher is reached; each has an account of its own, and so a cap of its own."""
    assert settings is not None, "a recipe that needs a teacher has been checked for one"
    if folder is None:
        return Access(settings, section=section)
    account = folder.path.name if section != SECOND else f"{folder.path.name}/{SECOND}"
    return Access(settings, folder.store.root / TEACHERS, account, section)


def _second(recipe: Recipe, folder: RunFolder | None) -> Access | None:
    return None if recipe.second_teacher is None else access(recipe.second_teacher, folder, SECOND)


def check_teachers(recipe: Recipe, planned: Sequence[Planned]) -> None:
    """Raise RecipeError where a step will ask a teacher whose price or key is not known: now, not after hours."""
    users = plugins_of(recipe)
    asking = {key.partition(".")[0] for key, name in users.items() if name == ENDPOINT}
    if not any(item.step.name in asking and item.state != "up to date" for item in planned):
        return
    for section, settings in (("teacher", recipe.teacher), (SECOND, recipe.second_teacher)):
        if settings is not None:
            tariff_of(settings, section)
            key_of(settings, section)


def _annotator(recipe: Recipe, folder: RunFolder | None) -> AskingAnnotator | None:
    """Return the annotator that needs more than documents, None where the stage makes its own."""
    if recipe.quality.annotator == HUMAN:
        assert recipe.quality.labels is not None
        return HumanAnnotator(Path(recipe.quality.labels))
    if recipe.quality.annotator == ENDPOINT:
        return EndpointAnnotator(access(recipe.teacher, folder), _second(recipe, folder))
    return None


def _author(name: str, recipe: Recipe, folder: RunFolder | None) -> EndpointAuthor | None:
    """Return the author that asks the teacher, None where the stage makes its own."""
    if name != ENDPOINT:
        return None
    return EndpointAuthor(access(recipe.teacher, folder), _second(recipe, folder))


SANDBOX = "sandbox"
"""What the tier is called among the decisions of a machine."""

START = "start"
"""The step that a run has only where its recipe names a model to start from."""

STEP_NAMES = (
    "exam",
    "corpus",
    "quality",
    "textbooks",
    "exercises",
    "contamination",
    "tokens",
    "control",
    "base",
    "tuned",
    "evaluation",
    "report",
)
NEED_TORCH = (START, "control", "base", "tuned", "evaluation")
RUN_PROGRAMS = ("exam", "textbooks", "exercises", "tuned", "evaluation")


def _titled(recipe: Recipe) -> Settings:
    return recipe.report.model_copy(update={"title": recipe.report.title or recipe.name})


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _validation_score(*arguments: Any) -> float:
    from codeprimer.evaluation.validation import validation_score

    return validation_score(*arguments)


def _open_heldout(*arguments: Any) -> Callable[[Any], tuple[float, float]]:
    from codeprimer.evaluation.heldout import open_heldout

    return open_heldout(*arguments)


def steps_until(
    recipe: Recipe, until: str | None, tier: Tier = Tier.jailed, folder: RunFolder | None = None
) -> list[Step]:
    """Return the steps up to ``until`` (``quality`` or ``20-quality``) and only what it needs; all when it is None.

    Raises RecipeError when there is no such step.
    """
    steps = flow(recipe, tier, folder)
    if until is None:
        return steps
    until = step_name(until)
    names = [*STEP_NAMES, *([START] if recipe.start else [])]
    if until not in names:
        raise RecipeError(f"--until {until}: no such step; {registry.nearest(until, names)}")
    wanted = {until}
    for step in reversed(steps):
        if step.name in wanted:
            wanted |= set(step.inputs.values())
    return [step for step in steps if step.name in wanted]


def plan(steps: list[Step], seed: int, store: Store, console: Console) -> list[Planned]:
    """Return every step's id and state without making anything."""
    ids: dict[str, str] = {}
    planned = []
    for step in steps:
        inputs = {name: ids[source] for name, source in step.inputs.items()}
        ids[step.name] = identify(step.stage, step.settings, inputs, seed, console)
        planned.append(Planned(step, ids[step.name], _state(store, step.stage, ids[step.name])))
    return planned


def _state(store: Store, stage: Stage[Any], identity: str) -> State:
    if store.find(stage.name, identity, stage.volatile) is not None:
        return "up to date"
    if store.is_worked_on(stage.name, identity):
        return "running"
    return "interrupted" if store.has_partial(stage.name, identity) else "to do"


def run(planned: list[Planned], folder: RunFolder, tools: Tools) -> Iterator[tuple[Step, Built]]:
    """Make what is missing, linking each artefact into the run folder as it is complete.

    Steps begin in the order of the flow; one that needs only a part of the cores has others run beside it.
    """
    artifacts: dict[str, Artifact] = {}

    def make(item: Planned) -> Built:
        step = item.step
        inputs = {name: artifacts[source] for name, source in step.inputs.items()}
        here = replace(tools, step=step.name, logs=folder.path / LOGS)
        return run_stage(step.stage, step.settings, inputs, item.id, folder.store, here)

    def start(item: Planned) -> None:
        tools.console.event("step_started", step=item.step.name, id=item.id)

    for item, built in walk(planned, make, start, tools.console.stop):
        artifacts[item.step.name] = built.artifact
        folder.link(item.step.link, built.artifact)
        yield item.step, built


def make_tools(recipe: Recipe, console: Console, processes: int) -> Tools:
    """Return the tools that every stage is handed."""
    engine: Engine = registry.load("engines", "local")(console, processes or None)
    return Tools(engine, console, recipe.seed)


def with_start(recipe: Recipe) -> Recipe:
    """Return the recipe with the shape of the model that training starts from, where it says nothing of a shape.

    Raises RecipeError where it says another one, or where there is no model to read.
    """
    if recipe.start is None:
        return recipe
    try:
        found = read_config(recipe.start.path)
    except UserError as error:
        raise RecipeError(f"start.path: {error} (`codeprimer import-model` writes a folder that can be read)") from None
    shape = ModelSettings(
        layers=found.layers,
        hidden=found.hidden_size,
        heads=found.heads,
        intermediate=found.intermediate,
        context=found.context,
    )
    if recipe.training.model not in (ModelSettings(), shape):
        raise RecipeError(
            f"training.model: the model of start.path has {_of_shape(shape)}, the recipe asks for "
            f"{_of_shape(recipe.training.model)}; take training.model out, and it is taken from there"
        )
    if found.context < recipe.tokens.context:
        raise RecipeError(
            f"tokens.context: {recipe.tokens.context} is more than the model of start.path reads ({found.context}); lower it"
        )
    if recipe.training.lora.rank > shape.hidden:
        raise RecipeError(
            f"training.lora.rank: {recipe.training.lora.rank} is more than the matrices of the model of start.path have "
            f"({shape.hidden}), so nothing would come of the rest; lower it, or set rank: 0 and train all weights"
        )
    return recipe.model_copy(update={"training": recipe.training.model_copy(update={"model": shape})})


def _of_shape(model: ModelSettings) -> str:
    facts = model.model_dump(exclude={"initializer_range"})
    return "{" + ", ".join(f"{name}: {value}" for name, value in facts.items()) + "}"


def settle_machine(recipe: Recipe, folder: RunFolder, steps: list[Step]) -> Recipe:
    """Return the recipe with every "auto" of the machine decided: once per run, recorded, and used again.

    Raises MissingExtraError, before any work is done, when a wanted step needs torch or a logger that is not installed.
    """
    if not any(step.name in NEED_TORCH for step in steps):
        return recipe
    require_torch("training (steps after tokens; --until tokens stops before it)")
    require_loggers(recipe.training.loggers)
    decided = choices(recipe, folder.machine())
    if decided != folder.machine():
        folder.decide(decided)
    return with_machine(recipe, decided)


def vocabulary_of(recipe: Recipe) -> int:
    """Return how many tokens the models know: of the tokenizer that is made, or of the model that training starts from."""
    return recipe.tokens.vocabulary if recipe.start is None else read_config(recipe.start.path).vocab_size


def choices(recipe: Recipe, decided: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has been decided and, where a recipe leaves something open that has not, what this machine decides."""
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
    """Warn where a recipe insists on a precision that this machine has no instructions for."""
    if not any(step.name in NEED_TORCH for step in steps):
        return
    if recipe.training.precision != "bfloat16" or settled.training.device != "cpu":
        return
    from codeprimer.training.probe import HOPELESS, product_cost

    if (cost := product_cost(settled.training.threads)) > HOPELESS:
        console.warn(
            f"training.precision: bfloat16: products take {cost:.0f} times as long as in float32 on this processor; "
            "precision: auto would choose float32"
        )


def settle_sandbox(folder: RunFolder, steps: list[Step], allow_weak: bool) -> Tier:
    """Return the tier of the sandbox: decided once per run, recorded, and used again.

    Raises JailError, before any work is done, where programs are to run and there is no sandbox that may run them.
    """
    decided = folder.machine()
    if SANDBOX in decided:
        tier = Tier[decided[SANDBOX]]
    elif not any(step.name in RUN_PROGRAMS for step in steps):
        return Tier.jailed
    else:
        with Sandbox(workers=1, required=Tier.weak if allow_weak else Tier.confined) as sandbox:
            tier = sandbox.tier
        folder.decide(decided | {SANDBOX: tier.name})
    if tier is Tier.weak and not allow_weak:
        raise JailError(
            f"{folder.path} runs programs in a weak sandbox, which only stops mistakes; give --allow-weak-sandbox again "
            "to go on"
        )
    return tier


def recorded_tier(folder: RunFolder) -> Tier:
    """Return the tier that a run has decided on, or what is expected before its first decision."""
    return Tier[folder.machine().get(SANDBOX, Tier.jailed.name)]


def with_machine(recipe: Recipe, decided: Mapping[str, Any]) -> Recipe:
    """Return the recipe with the recorded decisions filled in where it leaves the choice open."""
    training = recipe.training
    update: dict[str, Any] = {}
    if training.threads == 0 and "threads" in decided:
        update["threads"] = decided["threads"]
    for choice in ("precision", "device"):
        if getattr(training, choice) == "auto" and choice in decided:
            update[choice] = decided[choice]
    return recipe.model_copy(update={"training": training.model_copy(update=update)})
