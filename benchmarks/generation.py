"""Greedy generation on a CPU: tokens per second compared with transformers, and the cost of ragged prompts.

``scripts/bench generation`` needs no network; it writes ``benchmarks/results/generation.json``. First it trains a model (with
shape S of ``scripts/bench training``) to count over its whole context. Each pass is a fresh process that generates with this
model, once uncounted and then three times; the contenders alternate, round by round.

The claims, as medians over the rounds:

- With 32 prompts of 64 tokens and 128 new tokens each, throughput is at least 1.6 times that of transformers' ``generate`` in
  float32, with identical tokens, and at least 1.2 times that of its faster precision.
- With 32 prompts of 10 to 400 tokens, only unfinished rows are computed, no row is padded beyond the longest row of its batch,
  and the tokens equal those generated for each prompt alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import load_file
from tools.machine import machine
from tools.precisions import precisions
from tools.results import publish

from codeprimer.core.stage import available_cores
from codeprimer.model.checkpoint import assemble, from_huggingface, save_tensors, to_huggingface
from codeprimer.model.config import PhiConfig
from codeprimer.model.generate import Limits, generate
from codeprimer.model.inference import for_use
from codeprimer.model.phi import Phi
from codeprimer.training.optimizer import Optimizer
from codeprimer.training.settings import Phase

RESULT = Path(__file__).parent / "results" / "generation.json"
CONFIG = PhiConfig(8192, 256, 4, 8, 1024, 512)
PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 32, 64, 128
SHORTEST, LONGEST = 10, 400
RAGGED_NEW_TOKENS = 64
RATIO, RATIO_TO_BEST = 1.6, 1.2
PASSES = 3
COUNTED, TRAINED_STEPS, TRAINED_ROWS = 97, 60, 4
"""The number of distinct tokens that the model learns to count, and its training steps and rows per step."""
PACKAGES = ("codeprimer", "torch", "transformers")

Result = dict[str, Any]


def main() -> int:
    """Run the benchmark, or one contender in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULT)
    parser.add_argument("--run", nargs=3, metavar=("CONTENDER", "MODEL", "OUTPUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(available_cores())
    if given.run:
        contender, weights, output = given.run
        Path(output).write_text(json.dumps(run(contender, Path(weights))))
        return 0
    contenders = [f"{name} {precision}" for name in ("codeprimer", "transformers") for precision in precisions()]
    runs: dict[str, list[Result]] = {contender: [] for contender in contenders}
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch) / "model.safetensors"
        make_model(weights)
        for _ in range(given.rounds):
            for contender in contenders:
                runs[contender].append(apart(contender, weights))
    targets, result = judge(runs)
    # The tokens have been compared and are too numerous to keep.
    figures = {
        contender: [{name: value for name, value in one.items() if name != "tokens"} for one in of]
        for contender, of in runs.items()
    }
    facts = {"machine": machine(PACKAGES), "rounds": given.rounds, "each_round": figures}
    return publish(given.output, targets, result | facts)


def judge(runs: dict[str, list[Result]]) -> tuple[dict[str, bool], Result]:
    """Return which targets are met, with the underlying medians and ratios."""
    speeds = {contender: median(one["tokens_per_s"] for one in of) for contender, of in runs.items()}
    ragged = {contender: median(one["ragged_tokens_per_s"] for one in of) for contender, of in runs.items()}
    ours, theirs = runs["codeprimer float32"], runs["transformers float32"]
    plain = median(a["tokens_per_s"] / b["tokens_per_s"] for a, b in zip(ours, theirs, strict=True))
    best_ours, best_theirs = (
        max((c for c in runs if c.startswith(of)), key=speeds.__getitem__) for of in ("code", "tran")
    )
    best = median(
        a["tokens_per_s"] / b["tokens_per_s"] for a, b in zip(runs[best_ours], runs[best_theirs], strict=True)
    )
    equal = all(a["tokens"] == b["tokens"] for a, b in zip(ours, theirs, strict=True))
    wasted = ours[0]["ragged_rows"] - ours[0]["ragged_wanted_rows"]
    for contender in runs:
        print(f"  {contender:<22} {speeds[contender]:8,.0f} tokens/s, ragged {ragged[contender]:8,.0f}")
    print(
        f"  {plain:.2f} times transformers in float32, {best:.2f} times its best ({best_ours} to {best_theirs})",
        flush=True,
    )
    targets = {
        f"at least {RATIO} times transformers in float32": plain >= RATIO,
        f"at least {RATIO_TO_BEST} times its best precision": best >= RATIO_TO_BEST,
        "the same tokens": equal,
        "ragged prompts: no row is computed that is not wanted": wasted == 0,
        "ragged prompts: the tokens of each prompt alone": all(one["ragged_as_alone"] for one in ours),
    }
    return targets, {
        "tokens_per_s": speeds,
        "ragged_tokens_per_s": ragged,
        "ratio_float32": round(plain, 3),
        "ratio_to_best": round(best, 3),
        "wasted_rows": wasted,
    }


def make_model(path: Path) -> None:
    """Train and write the model that all contenders use."""
    model = Phi(CONFIG).initialise(0)
    train(model)
    save_tensors(path, to_huggingface(dict(model.state_dict())))


def apart(contender: str, weights: Path) -> Result:
    """Measure one contender in a fresh process and return the results."""
    output = weights.with_suffix(".json")
    subprocess.run([sys.executable, __file__, "--run", contender, str(weights), str(output)], check=True)
    found: Result = json.loads(output.read_text())
    return found


def run(contender: str, weights: Path) -> Result:
    """Generate with one contender."""
    name, precision = contender.split()
    model = assemble(CONFIG, from_huggingface(load_file(weights), CONFIG.layers))
    lengths = torch.linspace(SHORTEST, LONGEST, PROMPTS).long().tolist()
    even, ragged = (
        [[(7 * row + at) % COUNTED for at in range(length)] for row, length in enumerate(of)]
        for of in ([PROMPT_TOKENS] * PROMPTS, lengths)
    )
    if name == "codeprimer":
        return run_ours(model.to(getattr(torch, precision)), even, ragged)
    return run_transformers(model, getattr(torch, precision), even, ragged)


def train(model: Phi) -> None:
    """Train the model to count, so that its choices are clear and do not depend on rounding."""
    optimizer = Optimizer(model, Phase(name="count", mixture={"count": 1.0}, tokens=1), torch.float32)
    random = torch.Generator().manual_seed(2)
    for step in range(TRAINED_STEPS):
        starts = torch.randint(0, COUNTED, (TRAINED_ROWS, 1), generator=random)
        ids = (starts + torch.arange(CONFIG.context + 1)) % COUNTED
        optimizer.working.loss(ids[:, :-1], ids[:, 1:]).backward()  # type: ignore[no-untyped-call]  # torch leaves it so
        optimizer.step(3e-3 * (1 - step / TRAINED_STEPS), optimizer.norm())


def timed(work: Any) -> tuple[float, Any]:
    """Return the median time of several passes after an uncounted pass [s], and the result."""
    found = work()
    seconds = []
    for _ in range(PASSES):
        started = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - started)
    return median(seconds), found


def run_ours(model: Phi, even: list[list[int]], ragged: list[list[int]]) -> Result:
    """Generate with codeprimer."""
    model = for_use(model)
    limits = Limits(NEW_TOKENS, frozenset(), CONFIG.vocab_size)
    short = Limits(RAGGED_NEW_TOKENS, frozenset(), CONFIG.vocab_size)
    seconds, tokens = timed(lambda: generate(model, even, limits))
    rows: list[int] = []
    counted = model.lm_head.register_forward_pre_hook(lambda module, given: rows.append(given[0].shape[0]))
    together = generate(model, ragged, short)
    counted.remove()
    ragged_seconds, _ = timed(lambda: generate(model, ragged, short))
    alone = [generate(model, [prompt], short)[0] for prompt in ragged]
    return {
        "tokens_per_s": round(sum(map(len, tokens)) / seconds, 1),
        "tokens": tokens,
        "ragged_tokens_per_s": round(sum(map(len, together)) / ragged_seconds, 1),
        "ragged_rows": sum(rows),
        "ragged_wanted_rows": sum(map(len, together)),
        "ragged_as_alone": together == alone,
    }


def run_transformers(model: Phi, dtype: torch.dtype, even: list[list[int]], ragged: list[list[int]]) -> Result:
    """Generate with transformers, with left padding."""
    from transformers import GenerationConfig, PhiForCausalLM
    from transformers import PhiConfig as TheirConfig

    facts = CONFIG.to_huggingface()
    shape = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    kept = (*shape, "max_position_embeddings", "rope_parameters")
    # No end-of-text token: the default one is among the counted tokens.
    config = TheirConfig(bos_token_id=None, eos_token_id=None, **{key: facts[key] for key in kept})
    theirs: Any = PhiForCausalLM(config)
    theirs.load_state_dict(to_huggingface(dict(model.state_dict())))
    theirs.eval().to(dtype)

    def work(prompts: list[list[int]], new_tokens: int) -> list[list[int]]:
        longest = max(map(len, prompts))
        ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        settings = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
            max_new_tokens=new_tokens, do_sample=False, pad_token_id=0, eos_token_id=None, use_cache=True
        )
        with torch.inference_mode():
            found: list[list[int]] = theirs.generate(ids, attention_mask=mask, generation_config=settings).tolist()
        return [row[longest:] for row in found]

    seconds, tokens = timed(lambda: work(even, NEW_TOKENS))
    ragged_seconds, together = timed(lambda: work(ragged, RAGGED_NEW_TOKENS))
    return {
        "tokens_per_s": round(sum(map(len, tokens)) / seconds, 1),
        "tokens": tokens,
        "ragged_tokens_per_s": round(sum(map(len, together)) / ragged_seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
