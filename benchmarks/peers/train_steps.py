"""Times training steps: ``python train_steps.py CONTENDER INPUT OUTPUT``, with the contender's interpreter.

CONTENDER is ``codeprimer`` or a peer, at a precision: ``transformers float32``. Reads the shape of the model and the number of
steps; writes the duration and loss of each step, and the peak memory of the process.

The peers run as their users run them: ``transformers`` is PhiForCausalLM with its fused attention in a plain loop, ``trainer``
is the same model in transformers' Trainer, ``gpt`` is a GPT-2 of the same size in plain torch, as in small training
scripts, and ``litgpt`` is that package's GPT with the Phi architecture. All use fused AdamW.
``float32`` is their default; ``bfloat16`` is the alternative that they offer: bfloat16 weights (transformers, litgpt) or
autocast with float32 weights (gpt, trainer).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Shape = dict[str, int]
Step = Callable[[Tensor], float]
"""Trains on ids [rows, context + 1] and returns the loss."""

OPEN = ExitStack()
"""Contexts that stay open until the program ends."""

RATE, DECAY, BETAS, CLIP = 6e-4, 0.1, (0.9, 0.95), 1.0


def main() -> int:
    """Run the named contender."""
    with OPEN:
        train(*sys.argv[1:])
    return 0


def train(contender: str, given: str, output: str) -> None:
    """Train one contender and write what was measured."""
    shape = json.loads(Path(given).read_text())
    torch.set_num_threads(shape["threads"])
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    size = (shape["steps"], shape["rows"], shape["context"] + 1)
    batches = torch.randint(0, shape["vocabulary"], size, generator=generator)
    name, precision = contender.split()
    seconds: list[float] = []
    losses: list[float] = []
    if name == "trainer":
        seconds, losses = run_trainer(shape, precision, batches)
    else:
        step = CONTENDERS[name](shape, precision)
        for ids in batches:
            started = time.perf_counter()
            losses.append(step(ids))
            seconds.append(time.perf_counter() - started)
    used = peak_memory() / 1e6
    Path(output).write_text(json.dumps({"seconds": seconds, "losses": losses, "memory_MB": used}))


def peak_memory() -> int:
    """Return the largest resident set of this process [bytes]; getrusage would include the parent's."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def ours(shape: Shape, precision: str) -> Step:
    """Return codeprimer's step."""
    from codeprimer.model.config import PhiConfig
    from codeprimer.model.phi import Phi
    from codeprimer.training.device import DTYPES, as_models_train
    from codeprimer.training.optimizer import Optimizer
    from codeprimer.training.settings import LoopSettings, Phase

    config = PhiConfig(
        shape["vocabulary"], shape["hidden"], shape["layers"], shape["heads"], 4 * shape["hidden"], shape["context"]
    )
    phase = Phase(name="timed", mixture={"timed": 1.0}, tokens=1, weight_decay=DECAY, betas=BETAS, clip=CLIP)
    optimizer = Optimizer(Phi(config).initialise(0).train(), phase, DTYPES[precision])
    OPEN.enter_context(as_models_train(LoopSettings(device="cpu", threads=shape["threads"])))

    def step(ids: Tensor) -> float:
        loss = optimizer.working.loss(ids[:, :-1], ids[:, 1:])
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.collect()
        optimizer.step(RATE, optimizer.norm())
        return float(loss.detach())

    return step


def phi(shape: Shape) -> Any:
    """Return transformers' model of this shape."""
    from transformers import PhiConfig, PhiForCausalLM

    return PhiForCausalLM._from_config(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        PhiConfig(
            vocab_size=shape["vocabulary"],
            hidden_size=shape["hidden"],
            intermediate_size=4 * shape["hidden"],
            num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"],
            max_position_embeddings=shape["context"],
            bos_token_id=0,
            eos_token_id=0,
        ),
        attn_implementation="sdpa",
    )


def transformers(shape: Shape, precision: str) -> Step:
    """Return the step of a plain loop around transformers' model."""
    model = phi(shape).to(getattr(torch, precision)).train()

    def loss_of(ids: Tensor) -> Tensor:
        loss: Tensor = model(input_ids=ids[:, :-1], labels=ids[:, :-1], use_cache=False).loss
        return loss

    return plain_step(model, loss_of, nullcontext)


def run_trainer(shape: Shape, precision: str, batches: Tensor) -> tuple[list[float], list[float]]:
    """Return the seconds and losses of transformers' Trainer."""
    import tempfile

    from transformers import Trainer, TrainerCallback, TrainingArguments

    began: list[float] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            began.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=shape["rows"],
            max_steps=shape["steps"],
            learning_rate=RATE,
            weight_decay=DECAY,
            bf16=precision == "bfloat16",
            use_cpu=True,
            optim="adamw_torch_fused",
            logging_steps=1,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        rows = [{"input_ids": row, "labels": row} for row in batches[:, :, :-1].flatten(0, 1)]
        trainer = Trainer(phi(shape), arguments, train_dataset=rows, callbacks=[Clock()])
        trainer.train()
    began.append(time.perf_counter())
    losses = [float(row["loss"]) for row in trainer.state.log_history if "loss" in row]
    return [end - start for start, end in pairwise(began)], losses


class _GptBlock(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        size = shape["hidden"]
        self.heads = shape["heads"]
        self.norm, self.second_norm = nn.LayerNorm(size, bias=False), nn.LayerNorm(size, bias=False)
        self.qkv, self.out = nn.Linear(size, 3 * size, bias=False), nn.Linear(size, size, bias=False)
        self.up, self.down = nn.Linear(size, 4 * size, bias=False), nn.Linear(4 * size, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(self.norm(x)).chunk(3, -1))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(-2))
        return x + self.down(functional.gelu(self.up(self.second_norm(x))))  # type: ignore[no-any-return]


class _Gpt(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(shape["vocabulary"], shape["hidden"])
        self.places = nn.Embedding(shape["context"], shape["hidden"])
        self.blocks = nn.ModuleList(_GptBlock(shape) for _ in range(shape["layers"]))
        self.norm = nn.LayerNorm(shape["hidden"], bias=False)
        self.head = nn.Linear(shape["hidden"], shape["vocabulary"], bias=False)
        self.head.weight = self.tokens.weight
        nn.init.normal_(self.tokens.weight, 0.0, 0.02)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))  # type: ignore[no-any-return]


def gpt(shape: Shape, precision: str) -> Step:
    """Return the step of a small GPT-2 in plain torch."""
    model = _Gpt(shape)

    def casts() -> AbstractContextManager[Any]:
        return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def loss_of(ids: Tensor) -> Tensor:
        return functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())

    return plain_step(model, loss_of, casts)


def litgpt(shape: Shape, precision: str) -> Step:
    """Return the step of a plain loop around litgpt's model."""
    from litgpt import GPT, Config  # type: ignore[import-not-found,unused-ignore]  # in a separate environment

    config = Config.from_name(
        "phi-1_5",
        block_size=shape["context"],
        padded_vocab_size=shape["vocabulary"],
        vocab_size=shape["vocabulary"],
        n_layer=shape["layers"],
        n_head=shape["heads"],
        n_query_groups=shape["heads"],
        n_embd=shape["hidden"],
        head_size=shape["hidden"] // shape["heads"],
        intermediate_size=4 * shape["hidden"],
    )
    model = GPT(config).to(getattr(torch, precision))

    def loss_of(ids: Tensor) -> Tensor:
        return functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1).float(), ids[:, 1:].flatten())

    return plain_step(model, loss_of, nullcontext)


def plain_step(
    model: Any, loss_of: Callable[[Tensor], Tensor], casts: Callable[[], AbstractContextManager[Any]]
) -> Step:
    """Return the step of a small training script."""
    optimizer = torch.optim.AdamW(model.parameters(), RATE, BETAS, weight_decay=DECAY, fused=True)

    def step(ids: Tensor) -> float:
        with casts():
            loss = loss_of(ids)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    return step


CONTENDERS = {"codeprimer": ours, "transformers": transformers, "gpt": gpt, "litgpt": litgpt}

if __name__ == "__main__":
    sys.exit(main())
