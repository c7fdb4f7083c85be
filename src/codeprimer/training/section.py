"""The recipe's ``training`` section: the three models of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from codeprimer.core.documents import unknown_sets
from codeprimer.core.settings import Settings
from codeprimer.core.stage import Sections
from codeprimer.training.settings import (
    DECAY_FRACTION,
    NO_MUON_FOR_ADAPTERS,
    NOTHING_TO_ADAPT,
    LoopSettings,
    LoraSettings,
    Mixture,
    ModelSettings,
    Phase,
    PhaseSettings,
    SequenceOrder,
    TrainingSettings,
)


class BaseSettings(PhaseSettings):
    """Pre-training of the base model."""

    mixture: Mixture = Field(
        default={"code": 0.5, "textbooks": 0.5},
        min_length=1,
        description=PhaseSettings.model_fields["mixture"].description,
    )
    tokens: int = Field(default=1_000_000, ge=1, description=PhaseSettings.model_fields["tokens"].description)


class TunedSettings(PhaseSettings):
    """Fine-tuning of the tuned model, from the base model."""

    mixture: Mixture = Field(
        default={"exercises": 1.0}, min_length=1, description=PhaseSettings.model_fields["mixture"].description
    )
    tokens: int = Field(default=3_000_000, ge=1, description=PhaseSettings.model_fields["tokens"].description)


class AnnealedSettings(Settings):
    """Annealing: a final phase of the base model on different data while the learning rate decays; all other settings are taken
    from ``base``."""

    mixture: Mixture = Field(min_length=1, description=PhaseSettings.model_fields["mixture"].description)
    tokens: int = Field(ge=1, description=PhaseSettings.model_fields["tokens"].description)
    decay: Literal["linear", "cosine"] = Field(
        default="linear", description="Learning-rate decay, from the value at the end of base."
    )
    min_lr_ratio: float = Field(
        default=0.0, ge=0, le=1, description="Final learning rate divided by the learning rate at the end of base."
    )
    order: dict[str, SequenceOrder] = Field(default={}, description=PhaseSettings.model_fields["order"].description)
    order_noise: float = Field(
        default=0.0, ge=0, le=1, description=PhaseSettings.model_fields["order_noise"].description
    )

    def phase(self, base: Phase) -> Phase:
        """Return the phase that continues ``base`` with its optimizer state."""
        rate = base.peak_learning_rate * (1.0 if base.decay == "none" else base.min_lr_ratio)
        own = {name: getattr(self, name) for name in type(self).model_fields}
        continued = {"name": "annealed", "warmup_steps": 0, "peak_learning_rate": rate, "keeps_optimizer": True}
        return base.model_copy(update={**own, **continued})


class TrainingSection(LoopSettings):
    """The three models of a run; the control is derived from the other two, so its budget equals theirs combined."""

    selections: int = Field(
        default=4,
        ge=1,
        description="Number of checkpoints of the tuned model to score on validation problems; the best one is published.",
    )
    base_selections: int = Field(
        default=1,
        ge=1,
        description="Number of checkpoints of the base model's last phase to choose from by held-out loss; requires "
        "`heldout_every`. The control always publishes its last checkpoint.",
    )
    base: BaseSettings = Field(default=BaseSettings(), description="Pre-training.")
    annealed: AnnealedSettings | None = Field(
        default=None, description="A final phase of the base model on the best data; no annealing if omitted."
    )
    tuned: TunedSettings = Field(default=TunedSettings(), description="Fine-tuning, from the base model.")

    def base_settings(self) -> TrainingSettings:
        """Return the settings of the base model."""
        return self._settings(self._base_phases(), self.base_selections)

    def tuned_settings(self) -> TrainingSettings:
        """Return the settings of the tuned model."""
        return self._settings((_phase("tuned", self.tuned),), self.selections)

    def control_settings(self) -> TrainingSettings:
        """Return the settings of the control: the tokens and schedules of base and tuned, but only raw code."""
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


def contradictions(training: TrainingSection, recipe: Sections) -> Iterator[str]:
    """Yield contradictions within the section, and between the section and the rest of the recipe."""
    phases: dict[str, BaseSettings | TunedSettings | AnnealedSettings] = {
        "base": training.base,
        "tuned": training.tuned,
    }
    if training.annealed is not None:
        phases["annealed"] = training.annealed
    for key, phase in phases.items():
        yield from unknown_sets(f"training.{key}.mixture", phase.mixture)
    yield from _shape(training, recipe)
    yield from _adapters(training, recipe)
    for key, phase in phases.items():
        if isinstance(phase, PhaseSettings):
            yield from _schedule(f"training.{key}", phase)
        yield from _sequence_order(f"training.{key}", phase)
    if training.base_selections > 1 and not training.heldout_every:
        yield (
            f"training.base_selections: choosing from {training.base_selections} checkpoints requires the held-out loss; "
            "set training.heldout_every, or remove base_selections"
        )
    if training.annealed is not None and training.base.decay != "none" and not training.base.min_lr_ratio:
        yield (
            "training.annealed: the phase would start at the learning rate at which base ends, which is 0; set "
            "training.base.decay: none, or raise training.base.min_lr_ratio"
        )


def _shape(training: TrainingSection, recipe: Sections) -> Iterator[str]:
    """Yield contradictions between the model's shape, the tokens and the model to start from."""
    start, context = recipe.section("start"), recipe.section("tokens").context
    if training.model.context < context and not (start and training.model == ModelSettings()):
        yield (
            f"training.model.context: {training.model.context} is less than tokens.context ({context}), the length "
            "within which every problem must fit together with its answer; set both to the same value"
        )
    if start is not None and training.model.initializer_range != ModelSettings().initializer_range:
        yield "training.model.initializer_range: has no effect with start, which provides the initial weights; remove it"


def _adapters(training: TrainingSection, recipe: Sections) -> Iterator[str]:
    """Yield contradictions in the adapter settings."""
    if not training.lora.rank:
        if training.lora != LoraSettings():
            yield "training.lora: its settings have no effect with rank: 0; remove them, or set a rank"
        return
    for key, phase in (("base", training.base), ("tuned", training.tuned)):
        if phase.optimizer == "muon":
            yield f"training.{key}.optimizer: {NO_MUON_FOR_ADAPTERS}"
    if recipe.section("start") is None:
        yield f"training.lora.rank: {NOTHING_TO_ADAPT}"


def _schedule(key: str, phase: PhaseSettings) -> Iterator[str]:
    """Yield learning-rate settings of a phase that have no effect."""
    if phase.optimizer != "muon" and phase.muon_lr_scale != 1.0:
        yield (
            f"{key}.muon_lr_scale: {phase.muon_lr_scale:g} has no effect with optimizer: {phase.optimizer}; remove it, or "
            "set optimizer: muon"
        )
    if phase.decay != "stable" and phase.decay_fraction != DECAY_FRACTION:
        yield (
            f"{key}.decay_fraction: {phase.decay_fraction:g} has no effect with decay: {phase.decay}; remove it, or set "
            "decay: stable"
        )
    if phase.decay == "none" and phase.min_lr_ratio:
        yield f"{key}.min_lr_ratio: {phase.min_lr_ratio:g} has no effect with decay: none; remove one of them"


def _sequence_order(key: str, phase: PhaseSettings | AnnealedSettings) -> Iterator[str]:
    """Yield sequence-order settings that have no effect."""
    for name in phase.order:
        if name not in phase.mixture:
            yield f"{key}.order.{name}: the phase's mixture has no such set; remove it, or add it to the mixture"
    if phase.order_noise and "curriculum" not in phase.order.values():
        yield (
            f"{key}.order_noise: {phase.order_noise:g} has no effect without a set in curriculum order; remove it, or set "
            f"{key}.order"
        )
