"""What a training run needs by its shapes: arithmetic, memory, disk.

Reads settings, writes nothing. Its one idea: everything large has a size that follows from the model's shape and from how many
tokens are computed at a time, so it can be told before anything is allocated; tests compare it with what torch really keeps.
"""

from __future__ import annotations

from dataclasses import dataclass

from codeprimer.model.arithmetic import flop_per_token
from codeprimer.model.attention import PLAIN_LENGTH, kept_weights
from codeprimer.model.config import PhiConfig
from codeprimer.model.generate import Limits
from codeprimer.model.loss import CACHED_LOGITS, CHUNK_BYTES
from codeprimer.training.plan import Plan
from codeprimer.training.settings import Phase, TrainingSettings
from codeprimer.training.state import KEPT

EXACT = 4
"""The size of a weight, a gradient, an average or a published weight [bytes]."""

_MUON_ROUNDS = 5
_MUON_COPIES = 4
"""Matrices of the polynomial's precision that exist at once for each matrix of a group."""

_METRICS_LINE = 180
"""About what a step adds to metrics.jsonl [bytes]."""


@dataclass(frozen=True)
class Memory:
    """The parts of a run's memory [bytes]."""

    weights: int
    averages: int
    """AdamW's two per weight, or Muon's one."""
    working_copy: int
    """The weights in bfloat16 and their gradients."""
    saved_copy: int
    """What is on its way to the disk, while training goes on; where the run is on a CPU it lies in the same memory."""
    gradients: int
    optimiser: int
    """What Muon makes of the gradients, at a step's end."""
    activations: int
    logits: int
    is_accumulating: bool
    """Whether a step has gradients already while it makes activations."""

    @property
    def total(self) -> int:
        """The most that exists at once: in the middle of a pass, or at the end of a step."""
        lasting = self.weights + self.averages + self.working_copy + self.saved_copy
        passing = self.activations + self.logits + self.gradients * self.is_accumulating
        return lasting + max(passing, self.gradients + self.optimiser)


def config_of(settings: TrainingSettings, vocabulary: int) -> PhiConfig:
    """Return the shape of the model for a vocabulary of this size."""
    return settings.model.config(vocabulary, 0)


def parameter_count(config: PhiConfig) -> int:
    """Return the number of trainable numbers of a shape."""
    return _inner_weights(config) + _other_weights(config)


def _inner_weights(config: PhiConfig) -> int:
    """Return the numbers in the matrices inside the layers."""
    return config.layers * (4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate)


def _other_weights(config: PhiConfig) -> int:
    size = config.hidden_size
    vectors = config.layers * (4 * size + config.intermediate + size + 2 * size) + 2 * size
    return vectors + (2 * size + 1) * config.vocab_size


def adapter_count(settings: TrainingSettings, config: PhiConfig) -> int:
    """Return the numbers in the adapters of a model (LoRA)."""
    size, inner, rank = config.hidden_size, config.intermediate, settings.lora.rank
    sides = {"fc1": size + inner, "fc2": inner + size}
    return config.layers * rank * sum(sides.get(target, 2 * size) for target in settings.lora.targets)


def rows_at_a_time(settings: TrainingSettings, phase: Phase) -> int:
    """Return how many sequences each process computes at a time."""
    share = settings.rows_of_process(phase)
    return min(settings.micro_sequences or share, share)


def step_flop(settings: TrainingSettings, phase: Phase, config: PhiConfig) -> float:
    """Return the arithmetic of one step of a phase, the optimiser's products included [FLOP]."""
    flop = float(phase.batch_sequences * config.context * flop_per_token(config, settings.lora.rank > 0))
    if phase.optimiser == "muon":
        size, inner = config.hidden_size, config.intermediate
        short, long = min(size, inner), max(size, inner)
        square = 4 * _MUON_ROUNDS * 6 * size**3
        oblong = 2 * _MUON_ROUNDS * (4 * short**2 * long + 2 * short**3)
        flop += config.layers * (square + oblong)
    return flop


def memory(settings: TrainingSettings, phase: Phase, config: PhiConfig, rows: int, on_cpu: bool = True) -> Memory:
    """Return the memory of a phase that computes so many sequences at a time."""
    parameters, inner = parameter_count(config), _inner_weights(config)
    number = EXACT if settings.precision == "float32" else 2
    has_muon = phase.optimiser == "muon"
    # Of adapters all that is trained is small beside the weights; processes that share a model have a part of each.
    trained = adapter_count(settings, config) if settings.lora.rank else parameters
    held = settings.processes if settings.sharded else 1
    averages = EXACT * (2 * trained - inner * has_muon) // held
    return Memory(
        weights=EXACT * parameters // held,
        averages=averages,
        working_copy=number * (parameters + trained) // held if number != EXACT else 0,
        saved_copy=EXACT * trained + averages if on_cpu else 0,
        gradients=EXACT * trained // held,
        optimiser=inner * (2 * EXACT + _MUON_COPIES * number) * has_muon,
        activations=activation_bytes(settings, config, rows, on_cpu),
        logits=logit_bytes(config, rows, number, on_cpu),
        is_accumulating=rows < settings.rows_of_process(phase),
    )


def passing_bytes(settings: TrainingSettings, phase: Phase, config: PhiConfig, on_cpu: bool) -> int:
    """Return what of a phase's memory is free between its steps [bytes]."""
    of = memory(settings, phase, config, rows_at_a_time(settings, phase), on_cpu)
    return of.activations + of.logits


def answer_bytes(config: PhiConfig, problems: int, tokens: int) -> int:
    """Return what keys and values take of answers that are written together, of so many tokens with their prompts [bytes]."""
    places = min(problems, Limits.rows) * min(tokens, config.context)
    return 2 * places * config.layers * config.hidden_size * EXACT


def rows_that_fit(settings: TrainingSettings, phase: Phase, config: PhiConfig, available: int, on_cpu: bool) -> int:
    """Return the most sequences at a time whose memory is available [bytes]; 0 where not even one's is."""
    few, many = 0, rows_at_a_time(settings, phase)
    while few < many:
        middle = (few + many + 1) // 2
        if memory(settings, phase, config, middle, on_cpu).total <= available:
            few = middle
        else:
            many = middle - 1
    return few


def activation_bytes(settings: TrainingSettings, config: PhiConfig, rows: int, on_cpu: bool = True) -> int:
    """Return what a pass over so many sequences keeps for its way back [bytes]."""
    number = EXACT if settings.precision == "float32" else 2
    size, heads, length = config.hidden_size, config.heads, config.context
    is_plain = on_cpu and settings.precision != "float16" and length <= PLAIN_LENGTH
    if settings.attention_dropout and on_cpu:  # a GPU's fused attention drops without keeping scores
        # The scores, which share of them is kept, and what is left of them.
        each = 6 * size + 3 * heads * length
    elif settings.separate_documents:
        each = (8 - on_cpu) * size + length  # on a GPU the values keep the product that they are a part of
    elif is_plain:
        each = 6 * size + heads * kept_weights(length, number)
    else:
        each = (8 - on_cpu) * size
    each += 2 * config.intermediate + 2 * size * bool(settings.residual_dropout)
    return rows * length * number * (config.layers * each + 2 * size)


def logit_bytes(config: PhiConfig, rows: int, number: int, on_cpu: bool) -> int:
    """Return what the loss needs beside that: some rows' logits, and the gradients that it makes at once [bytes]."""
    logits = min(CHUNK_BYTES // number, rows * config.context * config.vocab_size)
    exact = min(CACHED_LOGITS, logits) if on_cpu else logits
    return logits * number + 3 * exact * EXACT + 2 * EXACT * config.hidden_size * config.vocab_size


def disk(settings: TrainingSettings, config: PhiConfig) -> tuple[int, int]:
    """Return what a run leaves on the disk, and the most that it takes there while it runs [bytes]."""
    parameters, inner = parameter_count(config), _inner_weights(config)
    checkpoint = EXACT * parameters
    phases = len(settings.phases) if len(settings.phases) > 1 else 0
    left = checkpoint * (1 + phases) + _METRICS_LINE * Plan(settings).total
    averages = max(2 * parameters - inner * (phase.optimiser == "muon") for phase in settings.phases)
    states = (KEPT + 1) * (checkpoint + EXACT * averages)
    return left, left + states + checkpoint * (settings.selections + phases)
