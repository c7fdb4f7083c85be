"""The recipe's section ``training``: three models, and what they are trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from codeprimer.core.documents import unknown_sets
from codeprimer.core.settings import Settings
from codeprimer.core.stage import Sections
from codeprimer.training.settings import (
    DECAY_FRACTION,
    NOTHING_TO_ADAPT,
    LoopSettings,
    LoraSettings,
    Mixture,
    ModelSettings,
    Order,
    Phase,
    PhaseSettings,
    TrainingSettings,
)


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


def contradictions(training: TrainingSection, recipe: Sections) -> Iterator[str]:
    """Yield what contradicts itself in the section, or between it and the rest of the recipe."""
    start, context = recipe.section("start"), recipe.section("tokens").context
    mixtures = {"base": training.base.mixture, "tuned": training.tuned.mixture}
    if training.annealed is not None:
        mixtures["annealed"] = training.annealed.mixture
    for key, mixture in mixtures.items():
        yield from unknown_sets(f"training.{key}.mixture", mixture)
    if training.model.context < context and not (start and training.model == ModelSettings()):
        yield (
            f"training.model.context: {training.model.context} is less than tokens.context ({context}), "
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
    if start is None and training.lora.rank:
        yield f"training.lora.rank: {NOTHING_TO_ADAPT}; name one (start.path), or set rank: 0"
    if start is not None and training.model.initializer_range != ModelSettings().initializer_range:
        yield "training.model.initializer_range: has no meaning with start, whose weights are the first; take it out"
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
