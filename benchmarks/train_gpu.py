"""Training steps for the paper's models on one GPU: throughput, utilization, memory, compilation time, loss check.

``python benchmarks/train_gpu.py`` needs one CUDA device and no network; it writes ``benchmarks/results/train_gpu.json``. Each
preset trains at its full context on random ids, with matrix products in bfloat16, weights and optimizer state in float32,
compiled layers, fused attention and chunked cross-entropy. ``--device cpu --presets tiny`` runs the same code path anywhere.

It reports:

- tokens per second, as the median over the counted steps, including the optimizer;
- MFU (relative to the datasheet's peak) and utilization of the matmul peak measured on this device, with 6 FLOP per token
  and matrix weight, and causal attention counted over half of all pairs (8.5 GFLOP per token for phi-1);
- peak memory, and the time of the first step, which includes compilation;
- a check: the losses of 20 steps of a smaller model, compared with float32 without compilation.

The claims for phi-1 on an H200 or H100 are at least 55,000 tokens per second and an MFU of at least 0.45.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tools.machine import machine
from tools.results import publish
from torch import Tensor

from codeprimer.core.errors import UserError
from codeprimer.model.arithmetic import flop_per_token, matmul_peak
from codeprimer.model.config import PRESETS, PhiConfig
from codeprimer.model.devices import known_device
from codeprimer.model.phi import Phi
from codeprimer.training.device import compile_layers
from codeprimer.training.optimizer import Optimizer
from codeprimer.training.settings import Phase

RESULT = Path(__file__).parent / "results" / "train_gpu.json"
ROWS = {"phi-1": 16, "phi-1-small": 32, "tiny": 8}
"""Sequences per micro-batch."""
TOKENS_PER_S, MFU = 55_000, 0.45
UNCOUNTED, COUNTED = 3, 10
CHECK = PhiConfig(4096, 512, 6, 8, 2048, 512)
CHECK_ON_CPU = PhiConfig(512, 64, 2, 2, 256, 64)
CHECK_STEPS, CHECK_ROWS, TOLERANCE = 20, 8, 0.02
RATE = 6e-4
PACKAGES = ("codeprimer", "torch")

Result = dict[str, Any]


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--presets", nargs="+", choices=list(PRESETS), default=["phi-1", "phi-1-small"])
    parser.add_argument("--rows", type=int, default=0, help="micro-batch; 0: the preset's")
    parser.add_argument("--without-compilation", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULT)
    given = parser.parse_args()
    try:
        device = device_of(given.device)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    compiled = device.type == "cuda" and not given.without_compilation
    measured = matmul_peak(torch.bfloat16, device, 8192 if device.type == "cuda" else 1024) / 1000
    peak = datasheet_peak(device)
    print(f"{name_of(device)}: matmul peak {measured:.2f} TFLOP/s, datasheet {peak or 'unknown'}", flush=True)
    check = loss_check(device, compiled)
    rows = [speed(name, given.rows or ROWS[name], device, compiled, measured, peak) for name in given.presets]
    targets: dict[str, bool | None] = {
        f"losses within {TOLERANCE} of float32": check["largest_difference"] <= TOLERANCE
    }
    for row in rows:
        if row["preset"] == "phi-1":
            is_meant = device.type == "cuda" and any(name in name_of(device) for name in ("H100", "H200"))
            targets[f"phi-1: at least {TOKENS_PER_S:,} tokens/s"] = (
                row["tokens_per_s"] >= TOKENS_PER_S if is_meant else None
            )
            targets[f"phi-1: at least {MFU} MFU"] = row["mfu"] >= MFU if is_meant else None
    result = {
        "machine": machine(PACKAGES) | {"device": name_of(device)},
        "matmul_peak_tflops": measured,
        "peak_tflops": peak,
        "check": check,
        "presets": rows,
    }
    return publish(given.output, targets, result)


def speed(name: str, rows: int, device: torch.device, compiled: bool, measured: float, peak: float | None) -> Result:
    """Measure one preset and return the results."""
    config = PRESETS[name]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    optimizer = Optimizer(Phi(config).initialise(0).to(device).train(), phase(), torch.bfloat16)
    if compiled:
        compile_layers(optimizer.working)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, config.vocab_size, (rows, config.context + 1), generator=generator).to(device)
    seconds: list[float] = []
    for _ in range(UNCOUNTED + COUNTED):
        started = time.perf_counter()
        step(optimizer, ids)
        seconds.append(time.perf_counter() - started)
    per_s = rows * config.context / median(seconds[UNCOUNTED:])
    reached = per_s * flop_per_token(config) / 1e12
    memory = torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else None
    row = {
        "preset": name,
        "rows": rows,
        "context": config.context,
        "parameters": optimizer.model.parameter_count(),
        "tokens_per_s": round(per_s, 1),
        "gflop_per_token": round(flop_per_token(config) / 1e9, 4),
        "tflops": round(reached, 3),
        "utilization": round(reached / measured, 3),
        "mfu": None if peak is None else round(reached / peak, 3),
        "memory_GB": memory and round(memory, 2),
        "first_step_s": round(seconds[0], 2),
        "steps_s": [round(one, 4) for one in seconds],
        "compiled": compiled,
    }
    print(
        f"{name}: {rows} x {config.context}, {per_s:,.0f} tokens/s, utilization {row['utilization']}, "
        f"MFU {row['mfu']}, {row['memory_GB']} GB, first step {seconds[0]:.1f} s",
        flush=True,
    )
    return row


def loss_check(device: torch.device, compiled: bool) -> Result:
    """Return the losses of several steps, in bfloat16 with compilation and in float32 without."""
    config = CHECK if device.type == "cuda" else CHECK_ON_CPU
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, config.vocab_size // 8, (CHECK_ROWS, config.context + 1), generator=generator).to(device)
    losses: dict[str, list[float]] = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        optimizer = Optimizer(Phi(config).initialise(0).to(device).train(), phase(), dtype)
        if compiled and dtype == torch.bfloat16:
            compile_layers(optimizer.working)
        losses[name] = [step(optimizer, ids) for _ in range(CHECK_STEPS)]
    difference = max(abs(a - b) for a, b in zip(losses["float32"], losses["bfloat16"], strict=True))
    print(
        f"check: losses {losses['float32'][0]:.3f} to {losses['float32'][-1]:.3f}, at most {difference:.4f} apart",
        flush=True,
    )
    return {"largest_difference": round(difference, 5), **losses}


def step(optimizer: Optimizer, ids: Tensor) -> float:
    """Take one step and return its loss; reading the loss waits for the device."""
    loss = optimizer.working.loss(ids[:, :-1], ids[:, 1:])
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    optimizer.collect()
    optimizer.step(RATE, optimizer.norm())
    return float(loss.detach())


def phase() -> Phase:
    """Return the optimizer's settings."""
    return Phase(name="timed", mixture={"timed": 1.0}, tokens=1)


def datasheet_peak(device: torch.device) -> float | None:
    """Return the datasheet's peak [TFLOP/s]; None if it is unknown."""
    known = known_device(name_of(device))
    return known.tflops if known else None


def name_of(device: torch.device) -> str:
    """Return a device's name."""
    return torch.cuda.get_device_name() if device.type == "cuda" else "CPU"


def device_of(name: str) -> torch.device:
    """Return the device called ``name``. Raises UserError if it is not available."""
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("there is no CUDA device; --device cpu --presets tiny tests the code path")
    return device


if __name__ == "__main__":
    sys.exit(main())
