"""The arithmetic, memory and disk space that a training run needs, computed from shapes.

Reads settings; writes nothing. Key idea: the size of every large allocation follows from the model's shape and the micro-batch,
so it is known before anything is allocated; tests compare it with torch's allocations.
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
"""The size of a float32 number, used for weights, gradients, moments and published weights [bytes]."""

_MUON_ROUNDS = 5
_MUON_COPIES = 4
"""Temporary matrices per matrix during the Newton-Schulz iteration."""

_METRICS_LINE = 180
"""Approximate size of a line in ``metrics.jsonl`` [bytes]."""


@dataclass(frozen=True)
class Memory:
    """A run's memory use by purpose [bytes]."""

    weights: int
    optimizer_state: int
    """AdamW's two moments per weight, or Muon's momentum."""
    working_copy: int
    """The 16-bit weights and their gradients."""
    saved_copy: int
    """The copy of a state that is being written to disk; 0 on a GPU, where it is in host memory."""
    gradients: int
    muon_workspace: int
    """Muon's temporaries at the end of a step."""
    activations: int
    logits: int
    is_accumulating: bool
    """Whether gradients exist during a forward pass (gradient accumulation)."""

    @property
    def total(self) -> int:
        """Peak memory, which is reached in the middle of a pass or at the end of a step."""
        lasting = self.weights + self.optimizer_state + self.working_copy + self.saved_copy
        passing = self.activations + self.logits + self.gradients * self.is_accumulating
        return lasting + max(passing, self.gradients + self.muon_workspace)


def config_of(settings: TrainingSettings, vocabulary: int) -> PhiConfig:
    """Return the model's shape for a vocabulary of this size."""
    return settings.model.config(vocabulary, 0)


def parameter_count(config: PhiConfig) -> int:
    """Return the number of parameters of a model with this shape."""
    return _inner_weights(config) + _other_weights(config)


def _inner_weights(config: PhiConfig) -> int:
    """Return the number of weights in the matrices inside the layers."""
    return config.layers * (4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate)


def _other_weights(config: PhiConfig) -> int:
    size = config.hidden_size
    vectors = config.layers * (4 * size + config.intermediate + size + 2 * size) + 2 * size
    return vectors + (2 * size + 1) * config.vocab_size


def adapter_count(settings: TrainingSettings, config: PhiConfig) -> int:
    """Return the number of weights in the adapters (LoRA)."""
    size, inner, rank = config.hidden_size, config.intermediate, settings.lora.rank
    sides = {"fc1": size + inner, "fc2": inner + size}
    return config.layers * rank * sum(sides.get(target, 2 * size) for target in settings.lora.targets)


def micro_batch(settings: TrainingSettings, phase: Phase) -> int:
    """Return the number of sequences per micro-batch and process."""
    rows = settings.rows_of_process(phase)
    return min(settings.micro_sequences or rows, rows)


def step_flop(settings: TrainingSettings, phase: Phase, config: PhiConfig) -> float:
    """Return the number of operations in one step of a phase, including the optimizer's matrix products [FLOP]."""
    flop = float(phase.batch_sequences * config.context * flop_per_token(config, settings.lora.rank > 0))
    if phase.optimizer == "muon":
        size, inner = config.hidden_size, config.intermediate
        short, long = min(size, inner), max(size, inner)
        square = 4 * _MUON_ROUNDS * 6 * size**3
        oblong = 2 * _MUON_ROUNDS * (4 * short**2 * long + 2 * short**3)
        flop += config.layers * (square + oblong)
    return flop


def memory(settings: TrainingSettings, phase: Phase, config: PhiConfig, rows: int, on_cpu: bool = True) -> Memory:
    """Return a phase's memory use with ``rows`` sequences per micro-batch."""
    parameters, inner = parameter_count(config), _inner_weights(config)
    number = EXACT if settings.precision == "float32" else 2
    has_muon = phase.optimizer == "muon"
    # If there are adapters, only they have gradients and optimizer state; sharding divides the state among the processes.
    trained = adapter_count(settings, config) if settings.lora.rank else parameters
    held = settings.processes if settings.sharded else 1
    optimizer_state = EXACT * (2 * trained - inner * has_muon) // held
    return Memory(
        weights=EXACT * parameters // held,
        optimizer_state=optimizer_state,
        working_copy=number * (parameters + trained) // held if number != EXACT else 0,
        saved_copy=EXACT * trained + optimizer_state if on_cpu else 0,
        gradients=EXACT * trained // held,
        muon_workspace=inner * (2 * EXACT + _MUON_COPIES * number) * has_muon,
        activations=activation_bytes(settings, config, rows, on_cpu),
        logits=logit_bytes(config, rows, number, on_cpu),
        is_accumulating=rows < settings.rows_of_process(phase),
    )


def passing_bytes(settings: TrainingSettings, phase: Phase, config: PhiConfig, on_cpu: bool) -> int:
    """Return the part of a phase's memory that is in use only during a step [bytes]."""
    of = memory(settings, phase, config, micro_batch(settings, phase), on_cpu)
    return of.activations + of.logits


def answer_bytes(config: PhiConfig, problems: int, tokens: int) -> int:
    """Return the size of the key-value cache for ``problems`` answers of ``tokens`` tokens each, including prompts [bytes]."""
    places = min(problems, Limits.rows) * min(tokens, config.context)
    return 2 * places * config.layers * config.hidden_size * EXACT


def rows_that_fit(settings: TrainingSettings, phase: Phase, config: PhiConfig, available: int, on_cpu: bool) -> int:
    """Return the largest micro-batch that fits in ``available`` memory [bytes]; 0 if none does."""
    few, many = 0, micro_batch(settings, phase)
    while few < many:
        middle = (few + many + 1) // 2
        if memory(settings, phase, config, middle, on_cpu).total <= available:
            few = middle
        else:
            many = middle - 1
    return few


def activation_bytes(settings: TrainingSettings, config: PhiConfig, rows: int, on_cpu: bool = True) -> int:
    """Return the size of the activations that a forward pass over ``rows`` sequences keeps for the backward pass [bytes]."""
    number = EXACT if settings.precision == "float32" else 2
    size, heads, length = config.hidden_size, config.heads, config.context
    is_plain = on_cpu and settings.precision != "float16" and length <= PLAIN_LENGTH
    if settings.attention_dropout and on_cpu:  # a GPU's fused attention does not keep scores
        # The scores, the dropout mask, and the scores after dropout.
        each = 6 * size + 3 * heads * length
    elif settings.separate_documents:
        each = (8 - on_cpu) * size + length  # on a GPU the values keep the whole qkv product alive
    elif is_plain:
        each = 6 * size + heads * kept_weights(length, number)
    else:
        each = (8 - on_cpu) * size
    each += 2 * config.intermediate + 2 * size * bool(settings.residual_dropout)
    return rows * length * number * (config.layers * each + 2 * size)


def logit_bytes(config: PhiConfig, rows: int, number: int, on_cpu: bool) -> int:
    """Return the memory that the loss needs: a chunk of logits and the gradients computed with it [bytes]."""
    logits = min(CHUNK_BYTES // number, rows * config.context * config.vocab_size)
    exact = min(CACHED_LOGITS, logits) if on_cpu else logits
    return logits * number + 3 * exact * EXACT + 2 * EXACT * config.hidden_size * config.vocab_size


def disk(settings: TrainingSettings, config: PhiConfig) -> tuple[int, int]:
    """Return the disk space of a finished run, and the peak disk space during the run [bytes]."""
    parameters, inner = parameter_count(config), _inner_weights(config)
    checkpoint = EXACT * parameters
    phases = len(settings.phases) if len(settings.phases) > 1 else 0
    left = checkpoint * (1 + phases) + _METRICS_LINE * Plan(settings).total
    optimizer_state = max(2 * parameters - inner * (phase.optimizer == "muon") for phase in settings.phases)
    states = (KEPT + 1) * (checkpoint + EXACT * optimizer_state)
    return left, left + states + checkpoint * (settings.selections + phases)
