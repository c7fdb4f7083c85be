"""Settings of the training stage: the model's shape, the phases and the hardware."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from codeprimer.core.settings import NOT_IN_ID, OMIT_DEFAULT_FROM_ID, Settings
from codeprimer.model.config import PhiConfig

Precision = Literal["auto", "float32", "bfloat16", "float16"]
Device = Literal["auto", "cpu", "cuda"]
MOST_THREADS = 1024
"""An upper bound that catches typos before the operating system refuses to start the threads."""

MOST_SEQUENCES = 65_536
MOST_PROCESSES = 256
MOST_RANK = 4096
DECAY_FRACTION = 0.2
NOTHING_TO_ADAPT = "adapters need a trained model to start from; name one (start.path), or set rank: 0"
NO_MUON_FOR_ADAPTERS = "adapters cannot represent muon's full-rank updates; set optimizer: adamw, or lora.rank: 0"

Mixture = dict[str, Annotated[float, Field(gt=0)]]
SequenceOrder = Literal["shuffled", "curriculum"]


class ModelSettings(Settings):
    """The model's shape; the vocabulary comes from the tokenizer."""

    layers: int = Field(default=4, ge=1, description="Number of layers.")
    hidden: int = Field(default=128, ge=8, description="Width of the residual stream.")
    heads: int = Field(default=4, ge=1, description="Attention heads per layer.")
    intermediate: int = Field(default=512, ge=8, description="Width of the MLP.")
    context: int = Field(
        default=256, ge=16, description="Context length [tokens]; every training sequence has this length."
    )

    initializer_range: float = Field(
        default=0.02,
        gt=0,
        le=1,
        description="Standard deviation of the initial weights; 0.02 in the paper. Narrow models learn faster with a larger "
        "value, about 1 / sqrt(hidden).",
    )

    def config(self, vocabulary: int, end_of_text: int) -> PhiConfig:
        """Return the model's shape for a tokenizer, with the vocabulary padded to a multiple of 64."""
        rows = -(-vocabulary // 64) * 64
        return PhiConfig(
            rows,
            self.hidden,
            self.layers,
            self.heads,
            self.intermediate,
            self.context,
            initializer_range=self.initializer_range,
            end_of_text=end_of_text,
        )


Target = Literal["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]


class LoraSettings(Settings):
    """Low-rank adapters (LoRA) on the frozen weights of the start model."""

    rank: int = Field(
        default=0,
        ge=0,
        le=MOST_RANK,
        description="Rank of the adapters. 0: no adapters; all weights are trained.",
    )
    alpha: float = Field(default=16.0, gt=0, description="An adapter's output is scaled by alpha / rank, as in peft.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Dropout rate for the adapters' inputs.")
    targets: tuple[Target, ...] = Field(
        default=get_args(Target),
        min_length=1,
        description="Linear layers that get an adapter, named as in transformers' Phi.",
    )


class PhaseSettings(Settings):
    """A training phase with its own data, learning rate and optimizer."""

    mixture: Mixture = Field(min_length=1, description="Sampling weight of each training set; normalised to fractions.")
    tokens: int = Field(ge=1, description="Number of training tokens, including repetitions [tokens].")
    order: dict[str, SequenceOrder] = Field(
        default={},
        json_schema_extra=OMIT_DEFAULT_FROM_ID,
        description="Order of each training set's sequences in every epoch: shuffled, or curriculum (the order of the set's "
        "table; for textbooks, from the first concept to the last). Sets that are not listed are shuffled.",
    )
    order_noise: float = Field(
        default=0.0,
        ge=0,
        le=1,
        json_schema_extra=OMIT_DEFAULT_FROM_ID,
        description="Window within which a curriculum is shuffled, as a fraction of the set.",
    )
    batch_sequences: int = Field(default=32, ge=1, le=MOST_SEQUENCES, description="Sequences per step.")
    optimizer: Literal["adamw", "muon"] = Field(
        default="adamw",
        description="adamw: as in the paper; muon: Muon for the matrices inside the layers, AdamW for all other weights.",
    )
    muon_lr_scale: float = Field(
        default=1.0,
        gt=0,
        description="With optimizer: muon, the learning rate for Muon's matrices as a multiple of AdamW's.",
    )
    prompt_weight: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Loss weight of an exercise's prompt tokens; answer tokens have weight 1.",
    )
    peak_learning_rate: float = Field(
        default=2e-3, gt=0, le=1, description="Peak learning rate, reached after the warm-up."
    )
    warmup_steps: int = Field(default=30, ge=0, description="Steps of linear warm-up.")
    decay: Literal["linear", "cosine", "stable", "none"] = Field(
        default="linear",
        description="Learning-rate schedule after the warm-up: linear or cosine decay to `min_lr_ratio`; stable: constant, "
        "then linear decay over the last steps (warmup-stable-decay); none: constant.",
    )
    decay_fraction: float = Field(
        default=DECAY_FRACTION,
        gt=0,
        le=1,
        description="With decay: stable, the fraction of the steps over which the learning rate decays.",
    )
    min_lr_ratio: float = Field(
        default=0.0, ge=0, le=1, description="Final learning rate divided by the peak learning rate."
    )
    weight_decay: float = Field(
        default=0.1, ge=0, description="Weight decay for matrices and embeddings; biases and norms have none."
    )
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        default=(0.9, 0.95), description="AdamW's decay rates for the first and second moments."
    )
    clip: float = Field(default=1.0, gt=0, description="Gradient clipping: the maximum gradient norm.")

    def steps(self, context: int) -> int:
        """Return the number of steps; the last step may go beyond ``tokens``."""
        return -(-self.tokens // (self.batch_sequences * context))


class Phase(PhaseSettings):
    """A named training phase."""

    name: str = Field(
        min_length=1, pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Name of the phase's folder and curve."
    )
    keeps_optimizer: bool = Field(
        default=False,
        json_schema_extra=OMIT_DEFAULT_FROM_ID,
        description="Continue with the previous phase's optimizer state.",
    )


class LoopSettings(Settings):
    """Settings shared by all models of a run."""

    model: ModelSettings = Field(default=ModelSettings(), description="The model's shape.")
    lora: LoraSettings = Field(default=LoraSettings(), description="Train adapters instead of all weights.")
    precision: Precision = Field(
        default="auto",
        description="Precision of matrix multiplications; master weights are float32. 'auto': decided once per run by a "
        "short probe on this machine. float16 uses loss scaling.",
    )
    device: Device = Field(
        default="auto",
        description="Device to train on. 'auto': a GPU if one is available; decided once per run. With several processes, "
        "each has its own GPU.",
    )
    compiled: bool | None = Field(
        default=None,
        description="Compile layers with torch.compile; by default, only on a GPU.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        le=MOST_THREADS,
        description="Threads per training process. 0: the available cores divided among the processes, decided once per "
        "run.",
    )
    processes: int = Field(
        default=1,
        ge=1,
        le=MOST_PROCESSES,
        json_schema_extra=NOT_IN_ID,
        description="Data-parallel processes on this machine; each computes a part of every batch. A run can resume with "
        "more or fewer processes.",
    )
    sharded: bool | None = Field(
        default=None,
        json_schema_extra=NOT_IN_ID,
        description="Shard weights, gradients and optimizer state across the processes (FSDP2); by default, only if they do "
        "not fit in a GPU's memory.",
    )
    micro_sequences: int = Field(
        default=0,
        ge=0,
        le=MOST_SEQUENCES,
        description="Sequences per micro-batch; gradients are accumulated over a step. 0: no accumulation. When memory "
        "runs out, a single process halves this number; with several processes, training stops with an error.",
    )
    attention_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Dropout rate for the attention weights; 0.1 in the paper."
    )
    residual_dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Dropout rate for the outputs of attention and MLP; 0.1 in the paper.",
    )
    separate_documents: bool = Field(
        default=False, description="Mask attention across document boundaries within a sequence."
    )
    spike_factor: float = Field(
        default=20.0,
        gt=1,
        description="Skip a step whose gradient norm exceeds this multiple of the recent median.",
    )
    skips: int = Field(
        default=8,
        ge=1,
        description="Number of consecutive skipped steps that trigger a rollback to the last saved state; the data in "
        "between are left out.",
    )
    rollbacks: int = Field(default=3, ge=0, description="Maximum number of rollbacks before training is aborted.")
    checkpoint_every: int = Field(
        default=100,
        ge=1,
        json_schema_extra=NOT_IN_ID,
        description="Steps between saved states, from which an interrupted run resumes.",
    )
    heldout_every: int = Field(
        default=0,
        ge=0,
        json_schema_extra=OMIT_DEFAULT_FROM_ID,
        description="Steps between evaluations of the loss on held-out code; 0: never. The weights do not depend on this "
        "setting.",
    )
    loggers: tuple[Literal["tensorboard", "wandb"], ...] = Field(
        default=(),
        json_schema_extra=NOT_IN_ID,
        description="Metrics loggers in addition to metrics.jsonl: tensorboard (writes to logs/ in the run's folder), "
        "wandb.",
    )


class TrainingSettings(LoopSettings):
    """Settings for training one model."""

    def rows_of_process(self, phase: Phase) -> int:
        """Return the largest number of sequences that a process computes per step."""
        return -(-phase.batch_sequences // self.processes)

    def identity(self) -> dict[str, Any]:
        """Return the settings that enter the artefact's id; ``lora`` is included only if there are adapters."""
        facts = super().identity()
        return facts if self.lora.rank else {name: value for name, value in facts.items() if name != "lora"}

    phases: tuple[Phase, ...] = Field(min_length=1, description="Training phases, in order.")
    whole_documents: tuple[str, ...] = Field(
        default=("exercises",),
        description="Training sets that are packed as whole documents, as many as fit in a sequence; all other sets are cut "
        "into contiguous spans.",
    )
    selections: int = Field(
        default=1,
        ge=1,
        description="Number of checkpoints of the last phase to score, on validation problems if possible, otherwise on "
        "held-out text; the best one is published.",
    )
