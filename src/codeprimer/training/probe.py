"""Choose the device and the precision with which this machine trains fastest.

Reads and writes nothing. Key idea: timing a real step of a real model is more reliable than a list of CPU features. The result
depends on the hardware, so it is measured once per run and recorded in the settings. If matrix products alone are far slower in
bfloat16, no step is tried: without bfloat16 instructions, a single step can take minutes.
"""

from __future__ import annotations

import time

from codeprimer.core.extras import require_torch
from codeprimer.training.settings import Device, LoopSettings, ModelSettings, Phase, Precision

_GAIN = 1.1
"""bfloat16 is chosen if it is faster by this factor; float32 is more accurate."""

HOPELESS = 4.0
"""If matrix products are slower in bfloat16 by more than this factor, no bfloat16 step is tried."""

_PRODUCT_SIZE = 256
"""Size of the matrices to multiply; small, because a product may take 30 ms without bfloat16 instructions."""

_PRODUCT_SECONDS = 0.1
"""Duration of the matrix-product measurement [s]."""

_SEQUENCES = 8
_TIMED_STEPS = 3


def choose_device() -> Device:
    """Return "cuda" if torch finds a GPU, else "cpu". Raises MissingExtraError without torch."""
    require_torch("training")
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_precision(
    model: ModelSettings, vocabulary: int = 1024, threads: int = 0, device: Device = "cpu"
) -> Precision:
    """Return "bfloat16" if it makes a training step clearly faster on this machine, else "float32".

    Takes about a second on a CPU for a model with a million parameters. On a GPU, nothing is measured: the result is "bfloat16"
    if the GPU supports it, else "float16". Raises MissingExtraError without torch.
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
    """Return the time of matrix products in bfloat16 divided by their time in float32."""
    import torch

    from codeprimer.model.arithmetic import matmul_peak
    from codeprimer.training.device import as_models_train, in_a_thread_that_ends

    def reached(dtype: torch.dtype) -> float:
        return matmul_peak(dtype, torch.device("cpu"), _PRODUCT_SIZE, _PRODUCT_SECONDS)

    with as_models_train(LoopSettings(device="cpu", threads=threads)):
        return in_a_thread_that_ends(lambda: reached(torch.float32) / reached(torch.bfloat16))


def step_seconds(model: ModelSettings, vocabulary: int, threads: int) -> dict[str, float]:
    """Return the time of a training step in each precision [s], the best of a few measurements."""
    import torch

    from codeprimer.model.phi import Phi
    from codeprimer.training.device import DTYPES, as_models_train
    from codeprimer.training.optimizer import Optimizer

    ids_BS = torch.arange(_SEQUENCES * (model.context + 1)).view(_SEQUENCES, -1) % vocabulary
    phase = Phase(name="probe", mixture={"probe": 1.0}, tokens=1)
    best: dict[str, float] = {}
    with as_models_train(LoopSettings(device="cpu", threads=threads)):
        for name in ("float32", "bfloat16"):
            dtype = DTYPES[name]
            optimizer = Optimizer(Phi(model.config(vocabulary, 0)).initialise(0), phase, dtype)
            for _ in range(1 + _TIMED_STEPS):
                started = time.monotonic()
                optimizer.working.loss(ids_BS[:, :-1], ids_BS[:, 1:]).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                optimizer.collect()
                optimizer.step(1e-4, optimizer.norm())
                best[name] = min(best.get(name, float("inf")), time.monotonic() - started)
    return best
