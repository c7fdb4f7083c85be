"""The settings of the training stage: the model's shape, the phases, the machine."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from codeprimer.core.settings import NOT_IN_ID, OMIT_DEFAULT_FROM_ID, Settings
from codeprimer.model.config import PhiConfig

Precision = Literal["auto", "float32", "bfloat16", "float16"]
Device = Literal["auto", "cpu", "cuda"]
MOST_THREADS = 1024
"""More than any machine makes use of; a slip of the finger asks for more than the system gives."""

MOST_SEQUENCES = 65_536
MOST_PROCESSES = 256
MOST_RANK = 4096
DECAY_FRACTION = 0.2
NOTHING_TO_ADAPT = "adapters need a model that has been trained, and there is none to start from"

Mixture = dict[str, Annotated[float, Field(gt=0)]]
Order = Literal["shuffled", "curriculum"]


class ModelSettings(Settings):
    """The shape of the model; the vocabulary comes from the tokenizer."""

    layers: int = Field(default=4, ge=1, description="Number of layers.")
    hidden: int = Field(default=128, ge=8, description="Width of the residual stream.")
    heads: int = Field(default=4, ge=1, description="Attention heads per layer.")
    intermediate: int = Field(default=512, ge=8, description="Width of the MLP.")
    context: int = Field(
        default=256, ge=16, description="Longest sequence [tokens]; training sequences have this length."
    )

    initializer_range: float = Field(
        default=0.02,
        gt=0,
        le=1,
        description="Standard deviation of the first weights; the paper's models have 0.02, narrow ones learn faster "
        "from more (about 1 / sqrt(hidden)).",
    )

    def config(self, vocabulary: int, end_of_text: int) -> PhiConfig:
        """Return the model's shape for a tokenizer; the vocabulary is padded to a multiple of 64."""
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
    """Low-rank adapters beside the frozen weights of the model that training starts from."""

    rank: int = Field(
        default=0,
        ge=0,
        le=MOST_RANK,
        description="Rank of the adapters; 0: there are none, and all weights are trained.",
    )
    alpha: float = Field(
        default=16.0, gt=0, description="What an adapter adds is multiplied by alpha / rank, as in the library peft."
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of what an adapter reads that is dropped.")
    targets: tuple[Target, ...] = Field(
        default=get_args(Target),
        min_length=1,
        description="Products that have an adapter, by their names in transformers' Phi.",
    )


class PhaseSettings(Settings):
    """One stretch of training with its own data, learning rate and optimiser."""

    mixture: Mixture = Field(min_length=1, description="Share of the sequences that each training set gives.")
    tokens: int = Field(ge=1, description="How much is trained on [tokens], repetitions counted.")
    order: dict[str, Order] = Field(
        default={},
        json_schema_extra=OMIT_DEFAULT_FROM_ID,
        description="In which order the sequences of a training set come, in every epoch: shuffled, or curriculum, as its "
        "documents stand in their table (textbooks from the first concept to the last; the others as they were found or "
        "written). A set that is not named is shuffled.",
    )
    order_noise: float = Field(
        default=0.0,
        ge=0,
        le=1,
        json_schema_extra=OMIT_DEFAULT_FROM_ID,
        description="With a curriculum: the share of a set within which neighbours are shuffled.",
    )
    batch_sequences: int = Field(default=32, ge=1, le=MOST_SEQUENCES, description="Sequences per step.")
    optimiser: Literal["adamw", "muon"] = Field(
        default="adamw",
        description="adamw: as in the paper; muon: Muon for the matrices inside the layers, AdamW for everything else.",
    )
    matrix_rate: float = Field(
        default=1.0, gt=0, description="With muon: the matrices' learning rate, as a multiple of the others'."
    )
    prompt_weight: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="How much the tokens of an exercise's prompt count in the loss; those of its answer count 1.",
    )
    peak_learning_rate: float = Field(default=2e-3, gt=0, le=1, description="Learning rate after the warm-up.")
    warmup_steps: int = Field(default=30, ge=0, description="Steps in which the learning rate rises linearly.")
    decay: Literal["linear", "cosine", "stable", "none"] = Field(
        default="linear",
        description="What the learning rate does after the warm-up: fall to final_rate linearly or as a cosine does; stay at "
        "its peak and fall linearly in the last steps (stable); or stay (none).",
    )
    decay_fraction: float = Field(
        default=DECAY_FRACTION,
        gt=0,
        le=1,
        description="With decay: stable, the last share of the steps, in which the rate falls.",
    )
    final_rate: float = Field(
        default=0.0, ge=0, le=1, description="What the learning rate falls to, as a share of its peak."
    )
    weight_decay: float = Field(
        default=0.1, ge=0, description="Decay of matrices and embeddings; biases and norms do not decay."
    )
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        default=(0.9, 0.95), description="AdamW's averages of the gradient and of its square."
    )
    clip: float = Field(
        default=1.0, gt=0, description="Largest norm of the gradient; larger ones are scaled down to it."
    )

    def steps(self, context: int) -> int:
        """Return the number of steps; the last one may exceed ``tokens``."""
        return -(-self.tokens // (self.batch_sequences * context))


class Phase(PhaseSettings):
    """A stretch of training with the name that its folder and its curve have."""

    name: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Names the phase's folder and curve.")
    keeps_optimiser: bool = Field(
        default=False,
        json_schema_extra=OMIT_DEFAULT_FROM_ID,
        description="Whether the averages of the optimiser are those of the phase before, not fresh ones.",
    )


class LoopSettings(Settings):
    """What all models of a run have in common."""

    model: ModelSettings = Field(default=ModelSettings(), description="The shape of the model.")
    lora: LoraSettings = Field(default=LoraSettings(), description="Adapters instead of the weights.")
    precision: Precision = Field(
        default="auto",
        description="Numbers that the products are made in; 'auto' lets a short probe decide on this machine, once per run. "
        "The weights themselves are float32. float16 multiplies losses so that small gradients keep their bits.",
    )
    device: Device = Field(
        default="auto",
        description="What the model trains on; 'auto' takes a GPU where there is one, and is decided once per run. "
        "With several processes, each has a GPU of its own.",
    )
    compiled: bool | None = Field(
        default=None,
        description="Whether layers are compiled before they are run (torch.compile); where it is not set, on a GPU they are.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        le=MOST_THREADS,
        description="Threads of the training loop, in each process; 0: every core that may be used, shared by the processes; "
        "decided once per run.",
    )
    processes: int = Field(
        default=1,
        ge=1,
        le=MOST_PROCESSES,
        json_schema_extra=NOT_IN_ID,
        description="Processes of this machine that train a model together, each on its share of every step's sequences; "
        "a run may go on with more or fewer.",
    )
    sharded: bool | None = Field(
        default=None,
        json_schema_extra=NOT_IN_ID,
        description="Whether processes share weights, gradients and averages among them (FSDP2), each holding a part; where it "
        "is not set, they do when a GPU's memory does not hold the whole.",
    )
    micro_sequences: int = Field(
        default=0,
        ge=0,
        le=MOST_SEQUENCES,
        description="Sequences that are computed at a time; a step adds up the gradients of all of its own. 0: all at once. "
        "Where memory does not suffice, one process halves it; several end with a sentence.",
    )
    attention_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the attention weights that are dropped; in the paper 0.1."
    )
    residual_dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of what attention and MLP add to the residual stream that is dropped; in the paper 0.1.",
    )
    separate_documents: bool = Field(
        default=False, description="Whether a token sees only its own document, not those before it in the sequence."
    )
    spike_factor: float = Field(
        default=20.0,
        gt=1,
        description="A step whose gradient has a norm of more than so many times the recent median is skipped.",
    )
    skips: int = Field(
        default=8,
        ge=1,
        description="So many skipped steps in a row lead back to the last checkpoint, and past the data between.",
    )
    rollbacks: int = Field(default=3, ge=0, description="So often a run goes back before it ends with an error.")
    checkpoint_every: int = Field(
        default=100,
        ge=1,
        json_schema_extra=NOT_IN_ID,
        description="Steps between two saved states, from which a killed run continues.",
    )
    heldout_every: int = Field(
        default=0,
        ge=0,
        json_schema_extra=OMIT_DEFAULT_FROM_ID,
        description="Steps between two looks at the loss on held-out code; 0: never. It changes no weight.",
    )
    loggers: tuple[Literal["tensorboard", "wandb"], ...] = Field(
        default=(),
        json_schema_extra=NOT_IN_ID,
        description="Who is told of each step beside metrics.jsonl: tensorboard (into logs/ of the run's folder), wandb.",
    )


class TrainingSettings(LoopSettings):
    """How a model is trained."""

    def rows_of_process(self, phase: Phase) -> int:
        """Return the most sequences of a step that one process computes."""
        return -(-phase.batch_sequences // self.processes)

    def identity(self) -> dict[str, Any]:
        """Return the settings that decide the bytes of an artefact; adapters only where there are any."""
        facts = super().identity()
        return facts if self.lora.rank else {name: value for name, value in facts.items() if name != "lora"}

    phases: tuple[Phase, ...] = Field(min_length=1, description="What is trained on, in order.")
    whole_documents: tuple[str, ...] = Field(
        default=("exercises",),
        description="Training sets whose sequences hold whole documents, as many as fit; of the others any stretch is taken.",
    )
    selections: int = Field(
        default=1,
        ge=1,
        description="Checkpoints of the last phase that are scored, on validation problems or else on held-out text; the best "
        "is published.",
    )
