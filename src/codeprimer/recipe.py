"""Recipes: one YAML file that says what a run does; it only composes the stages' own settings.

A recipe holds what differs from the defaults. Unknown keys, wrong types and values out of range are errors that name
the file and the key; ``-s training.base.tokens=200000`` overrides one value. ``codeprimer recipe FILE`` prints every
setting.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson
import yaml
from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from codeprimer.contamination.settings import ContaminationSettings
from codeprimer.core import registry
from codeprimer.core.errors import RecipeError
from codeprimer.core.registry import nearest
from codeprimer.core.stage import Settings
from codeprimer.corpus.settings import CorpusSettings
from codeprimer.evaluation.settings import EvaluationSettings
from codeprimer.exam.settings import BENCHMARK_NAMES, ExamSettings
from codeprimer.exercises.settings import ExercisesSettings
from codeprimer.quality.settings import QualitySettings
from codeprimer.report.settings import ReportSettings
from codeprimer.start.settings import StartSettings
from codeprimer.teachers.settings import Price, TeacherSettings
from codeprimer.textbooks.settings import TextbooksSettings
from codeprimer.tokens.sets import NAMES as TRAINING_SETS
from codeprimer.tokens.settings import TokensSettings
from codeprimer.training.settings import (
    DECAY_FRACTION,
    LoopSettings,
    LoraSettings,
    Mixture,
    ModelSettings,
    Order,
    Phase,
    PhaseSettings,
    TrainingSettings,
)

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
NAME_CHARACTERS = 80
RESERVED_NAMES = ("store",)


class BaseSettings(PhaseSettings):
    """How the base model is trained; what a recipe leaves out has a default."""

    mixture: Mixture = Field(
        default={"code": 0.5, "textbooks": 0.5},
        min_length=1,
        description=PhaseSettings.model_fields["mixture"].description,
    )
    tokens: int = Field(default=1_000_000, ge=1, description=PhaseSettings.model_fields["tokens"].description)


class TunedSettings(PhaseSettings):
    """How the tuned model is trained, from the base model; what a recipe leaves out has a default."""

    mixture: Mixture = Field(
        default={"exercises": 1.0}, min_length=1, description=PhaseSettings.model_fields["mixture"].description
    )
    tokens: int = Field(default=3_000_000, ge=1, description=PhaseSettings.model_fields["tokens"].description)


class AnnealedSettings(Settings):
    """A last stretch of the base model's training: other data, while the learning rate falls; all else stays as it is."""

    mixture: Mixture = Field(min_length=1, description=PhaseSettings.model_fields["mixture"].description)
    tokens: int = Field(ge=1, description=PhaseSettings.model_fields["tokens"].description)
    decay: Literal["linear", "cosine"] = Field(
        default="linear", description="How the learning rate falls from where base leaves it."
    )
    final_rate: float = Field(
        default=0.0, ge=0, le=1, description="What the learning rate falls to, as a share of where base leaves it."
    )
    order: dict[str, Order] = Field(default={}, description=PhaseSettings.model_fields["order"].description)
    order_noise: float = Field(
        default=0.0, ge=0, le=1, description=PhaseSettings.model_fields["order_noise"].description
    )

    def phase(self, base: Phase) -> Phase:
        """Return the phase that goes on where ``base`` ends, with its optimiser."""
        rate = base.peak_learning_rate * (1.0 if base.decay == "none" else base.final_rate)
        own = {name: getattr(self, name) for name in type(self).model_fields}
        going_on = {"name": "annealed", "warmup_steps": 0, "peak_learning_rate": rate, "keeps_optimiser": True}
        return base.model_copy(update={**own, **going_on})


class TrainingSection(LoopSettings):
    """The three models of a run; the control is derived, so that it can never be given less than the others."""

    selections: int = Field(
        default=4, ge=1, description="How many checkpoints of the tuned model the validation set chooses from."
    )
    base_selections: int = Field(
        default=1,
        ge=1,
        description="How many checkpoints of the base model's last phase the loss on held-out code chooses from; needs "
        "heldout_every. The control's last one counts, whatever this says.",
    )
    base: BaseSettings = Field(default=BaseSettings(), description="Pre-training.")
    annealed: AnnealedSettings | None = Field(
        default=None, description="A last phase of the base model, on the best data; none: base ends as it says itself."
    )
    tuned: TunedSettings = Field(default=TunedSettings(), description="Fine-tuning, from the base model.")

    def base_settings(self) -> TrainingSettings:
        """Return the settings of the base model."""
        return self._settings(self._base_phases(), self.base_selections)

    def tuned_settings(self) -> TrainingSettings:
        """Return the settings of the tuned model."""
        return self._settings((_phase("tuned", self.tuned),), self.selections)

    def control_settings(self) -> TrainingSettings:
        """Return the settings of the control: base and tuned in tokens and schedule, on raw code throughout."""
        raw = {"mixture": {"raw": 1.0}, "order": {}, "order_noise": 0.0}
        phases = *self._base_phases(), _phase("tuned", self.tuned)
        return self._settings(tuple(phase.model_copy(update=raw) for phase in phases), 1)

    def _base_phases(self) -> tuple[Phase, ...]:
        base = _phase("base", self.base)
        return (base,) if self.annealed is None else (base, self.annealed.phase(base))

    def _settings(self, phases: tuple[Phase, ...], selections: int) -> TrainingSettings:
        common = {name: getattr(self, name) for name in LoopSettings.model_fields}
        return TrainingSettings(phases=phases, selections=selections, **common)


def _phase(name: str, settings: PhaseSettings) -> Phase:
    return Phase(name=name, **settings.model_dump())


class Recipe(Settings):
    """Everything that a run does."""

    name: str = Field(pattern=NAME_PATTERN, max_length=NAME_CHARACTERS, description="The run's folder below --runs.")
    seed: int = Field(default=1, ge=0, le=2**31, description="All randomness derives from it; the exam has its own.")
    teacher: TeacherSettings | None = Field(
        default=None, description="A language model that annotates and writes; none: everything is made offline."
    )
    second_teacher: TeacherSettings | None = Field(
        default=None,
        description="Another one that is asked the same (of texts, the first ones), to see what the better one is "
        "worth; none: nobody.",
    )
    start: StartSettings | None = Field(
        default=None,
        description="A model from elsewhere that control and base start from; none: random weights, and a vocabulary of the "
        "run's own.",
    )
    exam: ExamSettings = ExamSettings()
    corpus: CorpusSettings = CorpusSettings()
    quality: QualitySettings = QualitySettings()
    textbooks: TextbooksSettings = TextbooksSettings()
    exercises: ExercisesSettings = ExercisesSettings()
    contamination: ContaminationSettings = ContaminationSettings()
    tokens: TokensSettings = TokensSettings()
    training: TrainingSection = TrainingSection()
    evaluation: EvaluationSettings = EvaluationSettings()
    report: ReportSettings = ReportSettings()


ENDPOINT, HUMAN = "endpoint", "human"
"""The annotator and the author that ask the recipe's teacher; the annotator that reads what people said."""


def plugins_of(recipe: Recipe) -> dict[str, str]:
    """Return who annotates and writes, by the settings that say so."""
    return {
        "quality.annotator": recipe.quality.annotator,
        "textbooks.author": recipe.textbooks.author,
        "exercises.author": recipe.exercises.author,
    }


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply overrides of the form ``section.key=value``.

    Relative paths inside the recipe are taken from the recipe's folder. Raises RecipeError, naming the file and the
    key.
    """
    values = _read(path)
    for override in overrides:
        _override(values, override)
    if "name" not in values:
        values["name"] = path.stem.lower()
    _resolve_paths(values, path)
    return parse_recipe(values, str(path))


def parse_recipe(values: dict[str, Any], origin: str) -> Recipe:
    """Return the recipe that plain values describe; ``origin`` names them in errors."""
    try:
        recipe = Recipe.model_validate_json(orjson.dumps(values))
    except ValidationError as error:
        findings = error.errors()
        # A key that is misspelt is missing too; what is there says more than what is not.
        found = next((one for one in findings if one["type"] == "extra_forbidden"), findings[0])
        raise RecipeError(f"{origin}: {_sentence(found)}") from None
    except TypeError as error:
        raise RecipeError(f"{origin}: a value that JSON cannot hold: {error}") from None
    if recipe.name in RESERVED_NAMES:
        raise RecipeError(f"{origin}: name: {recipe.name!r} is the folder of all artefacts; choose another name")
    for finding in (*_unknown_names(recipe), *_contradictions(recipe)):
        raise RecipeError(f"{origin}: {finding}")
    return recipe


def _unknown_names(recipe: Recipe) -> Iterator[str]:
    """Yield the names of training sets and plug-ins that nothing has, which would fail only after hours of work."""
    training = recipe.training
    named: dict[str, Iterable[str]] = {
        "tokens.mixture": recipe.tokens.mixture,
        "tokens.limit_tokens": recipe.tokens.limit_tokens,
        "training.base.mixture": training.base.mixture,
        "training.tuned.mixture": training.tuned.mixture,
        **({"training.annealed.mixture": training.annealed.mixture} if training.annealed else {}),
    }
    for key, names in named.items():
        for name in names:
            if name not in TRAINING_SETS:
                yield f"{key}.{name}: there is no such training set; {nearest(name, list(TRAINING_SETS))}"
    kinds = {"quality.annotator": "annotators", "textbooks.author": "authors", "exercises.author": "authors"}
    chosen = {key: (kinds[key], name) for key, name in plugins_of(recipe).items()}
    for index, source in enumerate(recipe.corpus.sources):
        chosen[f"corpus.sources.{index}.kind"] = ("sources", source.kind)
    for key, (kind, name) in chosen.items():
        if name not in (known := registry.names(kind)):
            yield f"{key}: {name!r} is not registered; {nearest(name, known)}"


def _contradictions(recipe: Recipe) -> Iterator[str]:
    """Yield what single sections cannot see."""
    training = recipe.training
    asking = [key for key, name in plugins_of(recipe).items() if name == ENDPOINT]
    if asking and recipe.teacher is None:
        yield f"{asking[0]}: {ENDPOINT} asks a language model; say which one in a section teacher (base_url, model, ...)"
    if recipe.second_teacher is not None and not asking:
        yield (
            "second_teacher: there is nothing to compare, because neither quality.annotator nor an author is "
            f"{ENDPOINT}; take it out"
        )
    if (recipe.quality.annotator == HUMAN) != (recipe.quality.labels is not None):
        yield f"quality.labels: annotator: {HUMAN} and a file of labels go together; give both, or neither"
    if training.model.context < recipe.tokens.context and not (recipe.start and training.model == ModelSettings()):
        yield (
            f"training.model.context: {training.model.context} is less than tokens.context ({recipe.tokens.context}), "
            "within which every problem must fit with its answer; give both the same"
        )
    if not training.lora.rank and training.lora != LoraSettings():
        yield "training.lora: its settings have no meaning with rank: 0; take them out, or set a rank"
    for key, phase in (("base", training.base), ("tuned", training.tuned)):
        if training.lora.rank and phase.optimiser == "muon":
            yield (
                f"training.{key}.optimiser: muon makes a step equally strong in every direction of a matrix, and an adapter is "
                "to have few; set optimiser: adamw, or training.lora.rank: 0"
            )
        if phase.optimiser != "muon" and phase.matrix_rate != 1.0:
            yield (
                f"training.{key}.matrix_rate: {phase.matrix_rate:g} has no meaning with optimiser: {phase.optimiser}; "
                "take it out, or set optimiser: muon"
            )
        if phase.decay != "stable" and phase.decay_fraction != DECAY_FRACTION:
            yield (
                f"training.{key}.decay_fraction: {phase.decay_fraction:g} has no meaning with decay: {phase.decay}; take it "
                "out, or set decay: stable"
            )
        if phase.decay == "none" and phase.final_rate:
            yield f"training.{key}.final_rate: {phase.final_rate:g} has no meaning with decay: none; take one of them out"
    yield from _meaningless_beside_a_start(recipe) if recipe.start else _without_a_start(recipe)
    if training.base_selections > 1 and not training.heldout_every:
        yield (
            f"training.base_selections: {training.base_selections} checkpoints cannot be chosen from without the loss on "
            "held-out code; set training.heldout_every, or take it out"
        )
    yield from _disorder("base", training.base)
    yield from _disorder("tuned", training.tuned)
    if training.annealed is not None:
        yield from _disorder("annealed", training.annealed)
        if training.base.decay != "none" and not training.base.final_rate:
            yield (
                "training.annealed: it would go on at the learning rate at which base ends, which is 0; set "
                "training.base.decay: none, or give training.base.final_rate"
            )


def _disorder(key: str, phase: PhaseSettings | AnnealedSettings) -> Iterator[str]:
    """Yield what is said about the order of sets that nothing comes of."""
    for name in phase.order:
        if name not in phase.mixture:
            yield f"training.{key}.order.{name}: the phase's mixture has no such set; take it out, or put it into the mixture"
    if phase.order_noise and "curriculum" not in phase.order.values():
        yield (
            f"training.{key}.order_noise: {phase.order_noise:g} has no meaning where no set is in curriculum order; take "
            f"it out, or set training.{key}.order"
        )


def _meaningless_beside_a_start(recipe: Recipe) -> Iterator[str]:
    """Yield what a model from elsewhere decides."""
    tokens, default = recipe.tokens, TokensSettings()
    for name in ("vocabulary", "sample_bytes", "mixture"):
        if getattr(tokens, name) != getattr(default, name):
            yield f"tokens.{name}: has no meaning with start, whose tokenizer is used; take it out"
    if recipe.training.model.initializer_range != ModelSettings().initializer_range:
        yield "training.model.initializer_range: has no meaning with start, whose weights are the first; take it out"


def _without_a_start(recipe: Recipe) -> Iterator[str]:
    if recipe.training.lora.rank:
        yield (
            "training.lora.rank: adapters stand beside the weights of a model that knows something, and there is none to start "
            "from; name one (start.path), or set rank: 0"
        )


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key that is given twice is an error, not a silent choice, and so is a value that has no meaning."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of a node; where the parser's own constructors stumble over it, the error has a line."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None, None, f"{_short(node.value)} is no {kind} ({error}); mend it or put it in quotes", node.start_mark
            ) from None


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, "a key is a list or a mapping", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe; `codeprimer init FOLDER` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as a recipe: {error}") from None
    try:
        values = yaml.load(text, _StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise RecipeError(f"{path}: line {line}: {error.problem}; the file must be YAML") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise RecipeError(f"{path}: its lists or mappings are nested too deeply; no setting needs that") from None
    if values is None or values == {}:
        raise RecipeError(
            f"{path}: the recipe is empty; `codeprimer init FOLDER` writes one, or give it a line such as seed: 1"
        )
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of sections, this is a {type(values).__name__}")
    return values


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"-s {override}: an override has the form section.key=value")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise RecipeError(f"-s {override}: {parent!r} is a value, not a section")
    try:
        values[last] = yaml.load(text, _StrictLoader)
    except (yaml.YAMLError, RecursionError):
        raise RecipeError(f"-s {override}: the value is not YAML") from None


def _resolve_paths(values: dict[str, Any], recipe: Path) -> None:
    """Make the paths of a model, sources, labels and benchmark files absolute, so that a run works from any folder."""
    start = values.get("start")
    if isinstance(start, dict) and isinstance(start.get("path"), str):
        start["path"] = _absolute(start["path"], recipe, "start.path")
    quality = values.get("quality")
    if isinstance(quality, dict) and isinstance(quality.get("labels"), str):
        quality["labels"] = _absolute(quality["labels"], recipe, "quality.labels")
    exam = values.get("exam")
    words = exam.get("benchmarks") if isinstance(exam, dict) else None
    if isinstance(exam, dict) and isinstance(words, list):
        exam["benchmarks"] = [
            _absolute(word, recipe, f"exam.benchmarks.{index}")
            if isinstance(word, str) and word not in BENCHMARK_NAMES
            else word
            for index, word in enumerate(words)
        ]
    corpus = values.get("corpus")
    sources = corpus.get("sources") if isinstance(corpus, dict) else None
    for index, source in enumerate(sources if isinstance(sources, list) else []):
        if isinstance(source, dict) and isinstance(source.get("path"), str):
            source["path"] = _absolute(source["path"], recipe, f"corpus.sources.{index}.path")


def _absolute(text: str, recipe: Path, key: str) -> str:
    try:
        return str((recipe.parent / Path(text).expanduser()).resolve())
    except (OSError, RuntimeError, ValueError) as error:
        # A null byte, a user that nobody knows, links that lead in a circle.
        raise RecipeError(f"{recipe}: {key}: {_short(text)} is no path ({_first_line(error)}); mend it") from None


def _sentence(error: ErrorDetails) -> str:
    """Turn pydantic's finding into one sentence that starts with the key."""
    location = [part for part in error["loc"] if isinstance(part, str | int) and not _is_alternative(part)]
    key = ".".join(map(str, location)) or "the recipe"
    match error["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key; {nearest(str(location[-1]), sorted(_known_keys(location[:-1])))}"
        case "missing":
            return f"{key}: is missing"
        case "value_error":
            return f"{key}: {error['msg'].removeprefix('Value error, ')}"
        case "json_invalid":
            return f"{key}: {error['msg']}"
        case _:
            return f"{key}: {_lower_first(error['msg'])}, got {_short(error['input'])}"


def _is_alternative(part: str | int) -> bool:
    """Tell whether a part of a place is no key, but which of several kinds of value was tried."""
    return isinstance(part, str) and (part == Price.__name__ or part.startswith(("literal[", "function-")))


def _known_keys(location: Sequence[str | int]) -> Iterator[str]:
    model: Any = Recipe
    for part in location:
        if isinstance(part, int):
            continue
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            return
        model = _model_in(field.annotation)
    yield from getattr(model, "model_fields", {})


def _model_in(annotation: Any) -> Any:
    """Return the settings class inside an annotation such as ``tuple[SourceSettings, ...]``."""
    for inner in getattr(annotation, "__args__", ()):
        if hasattr(inner, "model_fields"):
            return inner
    return annotation


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
