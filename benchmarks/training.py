"""Training steps on a CPU: tokens per second and memory use, compared with other ways to train small models.

``scripts/bench training`` needs the package index only for litgpt, which is installed into a separate environment below
``build/bench``; it writes ``benchmarks/results/training.json``. Every contender trains on the same random ids, with
AdamW, clipping and as many threads as there are cores, in a fresh process each time; the contenders alternate, round by
round. The first steps are not counted.

The claims, as medians over the rounds:

- In the precision that the probe chooses on this machine, throughput is at least 1.5 times (S) and 1.6 times (M) that of
  the fastest peer in float32, which is the peers' default; the ratio to the fastest peer in any precision is also printed.
- Memory use is at most 0.55 of that of transformers' plain loop in float32.
- The utilization of the measured matmul peak in that precision is at least 0.43 (S) and 0.55 (M).

On a machine without bfloat16 instructions, the probe chooses float32, and the same claims are checked in float32: the
utilization claim holds there, but the others do not (results/training-float32.json).

The arithmetic per token is 6 FLOP per matrix weight, with causal attention counted over half of all pairs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tools.machine import machine
from tools.peers import make_environment
from tools.precisions import precisions
from tools.results import publish

from codeprimer.core.errors import UserError
from codeprimer.core.stage import available_cores
from codeprimer.model.arithmetic import flop_per_token, matmul_peak
from codeprimer.model.config import PhiConfig
from codeprimer.training.probe import choose_precision
from codeprimer.training.settings import ModelSettings

RESULT = Path(__file__).parent / "results" / "training.json"
SHAPES = {
    "S": {"layers": 4, "hidden": 256, "heads": 8, "context": 512, "vocabulary": 8192, "rows": 8},
    "M": {"layers": 8, "hidden": 512, "heads": 8, "context": 1024, "vocabulary": 16384, "rows": 4},
}
STEPS = {"S": 8, "M": 3}
UNCOUNTED = 2
RATIO = {"S": 1.5, "M": 1.6}
UTILIZATION = {"S": 0.43, "M": 0.55}
MEMORY = 0.55
OURS = "codeprimer"
PEERS = ("transformers", "trainer", "gpt", "litgpt")
PACKAGES = ("codeprimer", "torch", "transformers")

Result = dict[str, Any]


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULT)
    given = parser.parse_args()
    torch.set_num_threads(available_cores())
    peaks = {precision: matmul_peak(getattr(torch, precision), torch.device("cpu"), 2048) for precision in precisions()}
    print(f"measured matmul peak [GFLOP/s]: {peaks}", flush=True)
    rows = [measure(name, given.rounds, not given.without_peers, peaks) for name in given.shapes]
    targets = {name: met for row in rows for name, met in row["targets"].items()}
    result = {
        "machine": machine(PACKAGES),
        "matmul_peak_gflops": peaks,
        "shapes": rows,
    }
    return publish(given.output, targets, result)


def measure(name: str, rounds: int, with_peers: bool, peaks: Mapping[str, float]) -> Result:
    """Measure all contenders on one shape and return the results."""
    shape = SHAPES[name] | {"steps": UNCOUNTED + STEPS[name], "threads": available_cores()}
    settings = ModelSettings(
        layers=shape["layers"],
        hidden=shape["hidden"],
        heads=shape["heads"],
        intermediate=4 * shape["hidden"],
        context=shape["context"],
    )
    chosen = choose_precision(settings, shape["vocabulary"]) if len(peaks) > 1 else "float32"
    pythons = {OURS: Path(sys.executable)} | (interpreters() if with_peers else {})
    contenders = [f"{contender} {precision}" for contender in pythons for precision in peaks]
    runs: dict[str, list[Result]] = {contender: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            runs[contender].append(train(pythons[contender.split()[0]], contender, shape))
    found = {
        contender: {figure: median(run[figure] for run in of) for figure in of[0]} for contender, of in runs.items()
    }
    mine = f"{OURS} {chosen}"
    utilization = found[mine]["tokens_per_s"] * work(shape) / 1e9 / peaks[chosen]
    row: Result = {"shape": name, **shape, "precision": chosen, "rounds": rounds, "each_round": runs, "median": found}
    row["flop_per_token"], row["utilization"] = work(shape), round(utilization, 3)
    as_they_come = [contender for contender in contenders if contender.endswith("float32") and OURS not in contender]
    row["ratio_to_fastest_peer"] = ratio(runs, mine, as_they_come)
    row["ratio_to_fastest_peer_in_any_precision"] = ratio(runs, mine, [c for c in contenders if OURS not in c])
    memory = found[mine]["memory_MB"] / found["transformers float32"]["memory_MB"] if with_peers else None
    row["memory_to_transformers"] = memory and round(memory, 3)
    row["targets"] = {
        f"{name}: at least {RATIO[name]} times the fastest peer": (
            row["ratio_to_fastest_peer"] >= RATIO[name] if with_peers else None
        ),
        f"{name}: at most {MEMORY} of the memory of transformers": memory and memory <= MEMORY,
        f"{name}: at least {UTILIZATION[name]} of the measured matmul peak": utilization >= UTILIZATION[name],
    }
    show(row)
    return row


def interpreters() -> dict[str, Path]:
    """Return the interpreter of each available peer; litgpt is omitted if it cannot be installed."""
    found = {peer: Path(sys.executable) for peer in PEERS if peer != "litgpt"}
    try:
        found["litgpt"] = make_environment("litgpt", ("litgpt",))
    except UserError as error:
        print(f"litgpt is omitted: {error}", file=sys.stderr)
    return found


def train(python: Path, contender: str, shape: Mapping[str, int]) -> Result:
    """Measure one contender in a fresh process and return the results."""
    with tempfile.TemporaryDirectory() as scratch:
        given, output = Path(scratch) / "input.json", Path(scratch) / "output.json"
        given.write_text(json.dumps(shape))
        script = Path(__file__).parent / "peers" / "train_steps.py"
        command = [str(python), str(script), contender, str(given), str(output)]
        finished = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise UserError(f"{contender} failed: {finished.stderr.strip().rpartition(chr(10))[2]}")
        run = json.loads(output.read_text())
    counted = run["seconds"][UNCOUNTED:]
    return {
        "tokens_per_s": round(shape["rows"] * shape["context"] / median(counted), 1),
        "memory_MB": round(run["memory_MB"]),
        "last_loss": round(run["losses"][-1], 4),
    }


def ratio(runs: Mapping[str, list[Result]], mine: str, others: list[str]) -> float | None:
    """Return the median, over the rounds, of our throughput divided by that of the round's fastest peer."""
    if not others:
        return None
    speeds: list[float] = [
        own["tokens_per_s"] / max(runs[other][number]["tokens_per_s"] for other in others)
        for number, own in enumerate(runs[mine])
    ]
    return round(median(speeds), 3)


def work(shape: Mapping[str, int]) -> int:
    """Return the arithmetic for one token in a training step [FLOP]."""
    size = shape["hidden"]
    return flop_per_token(
        PhiConfig(shape["vocabulary"], size, shape["layers"], shape["heads"], 4 * size, shape["context"])
    )


def show(row: Result) -> None:
    """Print the medians as a small table."""
    print(
        f"{row['shape']}: {row['rows']} rows of {row['context']}, n = {row['rounds']}, medians; {row['precision']} is ours"
    )
    for contender, found in row["median"].items():
        speed, memory, loss = (found[figure] for figure in ("tokens_per_s", "memory_MB", "last_loss"))
        print(f"  {contender:<22} {speed:9,.0f} tokens/s  {memory:6,.0f} MB  loss {loss:.3f}")
    print(
        f"  {row['utilization']:.3f} of the measured matmul peak; {row['ratio_to_fastest_peer']} times the fastest peer, "
        f"{row['ratio_to_fastest_peer_in_any_precision']} in any precision; "
        f"{row['memory_to_transformers']} of the memory of transformers",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
