"""Find out where and in which precision this machine trains faster.

Reads nothing, writes nothing. Its one idea: a real step of a real model says more than any list of processor features.
The answer differs between machines, so it is asked once per run and recorded in the settings. Only where products alone are
far slower in bfloat16 is no step tried: without instructions for it, a single one can take minutes.
"""

from __future__ import annotations

import time

from codeprimer.core.extras import require_torch
from codeprimer.core.stage import available_cores
from codeprimer.training.settings import Device, LoopSettings, ModelSettings, Phase, Precision

_GAIN = 1.1
"""bfloat16 must be this much faster to be chosen; float32 is the more exact."""

HOPELESS = 4.0
"""Where products take so many times as long in bfloat16, no step is tried in it."""

_PRODUCT_SIZE = 256
"""The size of the matrices whose products are tried first; larger ones take long where bfloat16 is slowest (here 30 ms)."""

_PRODUCT_SECONDS = 0.1
"""How long products are repeated [s]."""

_SEQUENCES = 8
_TIMED_STEPS = 3


def choose_device() -> Device:
    """Return "cuda" where there is a GPU that torch can use, else "cpu". Raises MissingExtraError without torch."""
    require_torch("training")
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_precision(
    model: ModelSettings, vocabulary: int = 1024, threads: int = 0, device: Device = "cpu"
) -> Precision:
    """Return "bfloat16" where a training step is clearly faster in it on this machine, else "float32".

    Takes about a second for a model of a million parameters on a CPU; a GPU is not asked, only whether it has bfloat16:
    one that has not trains in float16. Raises MissingExtraError without torch.
    """
    require_torch("training")
    if device == "cuda":
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if product_cost(threads) > HOPELESS:
        return "float32"
    from codeprimer.training.device import in_a_thread_that_ends

    seconds = in_a_thread_that_ends(lambda: step_seconds(model, vocabulary, threads))
    return "bfloat16" if seconds["bfloat16"] * _GAIN < seconds["float32"] else "float32"


def product_cost(threads: int) -> float:
    """Return how many times as long products of matrices take in bfloat16 as in float32."""
    import torch

    from codeprimer.model.arithmetic import ceiling
    from codeprimer.training.device import in_a_thread_that_ends, reproducible

    def reached(dtype: torch.dtype) -> float:
        return ceiling(dtype, torch.device("cpu"), _PRODUCT_SIZE, _PRODUCT_SECONDS)

    with reproducible(threads or available_cores()):
        return in_a_thread_that_ends(lambda: reached(torch.float32) / reached(torch.bfloat16))


def step_seconds(model: ModelSettings, vocabulary: int, threads: int) -> dict[str, float]:
    """Return the time of one training step in each precision [s], the best of a few."""
    import torch

    from codeprimer.model.phi import Phi
    from codeprimer.training.device import DTYPES, as_models_train
    from codeprimer.training.optimiser import Optimiser

    ids_BS = torch.arange(_SEQUENCES * (model.context + 1)).view(_SEQUENCES, -1) % vocabulary
    phase = Phase(name="probe", mixture={"probe": 1.0}, tokens=1)
    best: dict[str, float] = {}
    with as_models_train(LoopSettings(device="cpu", threads=threads)):
        for name in ("float32", "bfloat16"):
            dtype = DTYPES[name]
            optimiser = Optimiser(Phi(model.config(vocabulary, 0)).initialise(0), phase, dtype)
            for _ in range(1 + _TIMED_STEPS):
                started = time.monotonic()
                optimiser.working.loss(ids_BS[:, :-1], ids_BS[:, 1:]).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                optimiser.collect()
                optimiser.step(1e-4, optimiser.norm())
                best[name] = min(best.get(name, float("inf")), time.monotonic() - started)
    return best
