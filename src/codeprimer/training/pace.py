"""A run's throughput and utilization, shown during training and kept in ``speed.json``.

Reads times and losses and measures the hardware once; writes nothing itself. Key idea: the number of operations per step is
known, so the step time gives the utilization of the measured matmul peak (in the same precision, with the same threads) and, if
the device is known, of its datasheet peak (MFU). None of these figures enters an artefact's manifest.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import torch

from codeprimer.core.stage import available_cores, peak_memory
from codeprimer.model.arithmetic import SHORTLY, SIZES, flop_per_token, matmul_peak
from codeprimer.model.devices import known_device
from codeprimer.model.phi import Phi
from codeprimer.training.device import DTYPES
from codeprimer.training.plan import Plan
from codeprimer.training.ranks import Ranks

LONG_RUN = 60.0
"""Runs shorter than this [s] do not measure the matmul peak, because the measurement takes a third of a second."""

RECENT = 30.0
"""Window over which the current throughput is computed [s]."""

WARM = 3
"""Number of warm-up steps per attempt, which are not counted."""

POWER_SECONDS = 10.0
"""Interval between readings of a GPU's power draw [s]."""


class Pace:
    """The throughput of one run; only time spent in steps is counted."""

    def __init__(self, plan: Plan, model: Phi, ranks: Ranks) -> None:
        self._plan, self._ranks = plan, ranks
        self._device = next(model.parameters()).device
        self._known = known_device(torch.cuda.get_device_name(self._device)) if self._device.type == "cuda" else None
        self._flop = flop_per_token(model.config, plan.settings.lora.rank > 0)
        self._recent: deque[tuple[float, int]] = deque()
        self._steps = 0
        self._last = (0, 0.0)
        self._matmul_peak: float | None = None
        self._watts: list[float] = []
        self._next_power = 0.0

    def after(self, step: int, loss: float, seconds: float) -> str:
        """Return a human-readable progress line after ``step`` steps that took ``seconds`` [s]."""
        if step <= self._last[0]:
            self._recent.clear()  # after a rollback
        self._last = step, seconds
        self._steps += 1
        if self._steps >= WARM:
            self._recent.append((seconds, self._plan.tokens_after(step)))
        while len(self._recent) > 2 and seconds - self._recent[1][0] >= RECENT:
            self._recent.popleft()
        self._measure(step, seconds)
        return self._note(loss)

    @property
    def tokens_per_second(self) -> float | None:
        """The current throughput [tokens/s]; None before the first two counted steps."""
        if len(self._recent) < 2:
            return None
        (before, fewer), (now, more) = self._recent[0], self._recent[-1]
        return (more - fewer) / (now - before) if now > before else None

    @property
    def utilization(self) -> float | None:
        """Current utilization of the measured matmul peak (0-1); None before it is measured."""
        return _utilization(self.tokens_per_second, self._flop, self._matmul_peak)

    def facts(self, seconds: float) -> dict[str, Any]:
        """Return the content of ``speed.json`` for a run whose steps took ``seconds`` [s]."""
        # If this attempt took no step, earlier attempts took all of them.
        tokens, settings = self._plan.tokens_after(self._last[0] or self._plan.total), self._plan.settings
        speed = tokens / seconds if seconds and tokens else None
        return {
            "seconds": seconds,
            "tokens_per_second": speed,
            "device": torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else self._device.type,
            "precision": settings.precision,
            "threads": settings.threads or available_cores(),
            "processes": self._ranks.count,
            "flop_per_token": self._flop,
            "matmul_peak_flops": self._matmul_peak,
            "utilization": _utilization(speed, self._flop, self._matmul_peak),
            "datasheet_flops": self._datasheet,
            "mfu": _utilization(speed, self._flop, self._datasheet),
            "peak_memory": self._memory(),
            "watts": sum(self._watts) / len(self._watts) if self._watts else None,
        }

    @property
    def _datasheet(self) -> float | None:
        """The 16-bit datasheet peak of all devices together [FLOP/s]; None if unknown."""
        if self._known is None or self._plan.settings.precision == "float32":
            return None
        return self._known.tflops * 1e12 * self._ranks.count

    def _note(self, loss: float) -> str:
        parts = [f"loss {loss:.3f}"]
        if (speed := self.tokens_per_second) is not None:
            parts.append(f"{speed:,.0f} tokens/s")
        if (utilization := self.utilization) is not None:
            parts.append(f"{utilization:.0%} of measured matmul peak")
        if (mfu := _utilization(speed, self._flop, self._datasheet)) is not None:
            parts.append(f"MFU {mfu:.0%}")
        parts += [f"{self._memory() / 1e6:,.0f} MB", f"{self._plan.tokens_after(self._last[0]):,} tokens"]
        return ", ".join(parts)

    def _measure(self, step: int, seconds: float) -> None:
        """Measure the matmul peak once, if the run is long, and the power at intervals."""
        speed = self.tokens_per_second
        if not self._ranks.is_first or speed is None:
            return
        if self._matmul_peak is None:
            left = (self._plan.tokens_after(self._plan.total) - self._plan.tokens_after(step)) / speed
            if seconds + left >= LONG_RUN:
                self._matmul_peak = self._measured_peak()
        if self._device.type == "cuda" and seconds >= self._next_power:
            self._next_power = seconds + POWER_SECONDS
            if (watts := power_draw(self._device)) is not None:
                self._watts.append(watts * self._ranks.count)

    def _measured_peak(self) -> float:
        """Return the matmul peak of all ranks together [FLOP/s]; meanwhile, the other ranks wait."""
        dtype = DTYPES[self._plan.settings.precision]
        return matmul_peak(dtype, self._device, SIZES[self._device.type], SHORTLY) * 1e9 * self._ranks.count

    def _memory(self) -> int:
        """Return the peak memory so far [bytes]: allocated on the GPU, or the process's resident set."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        return peak_memory()


def power_draw(device: torch.device) -> float | None:
    """Return the power draw of a CUDA device [W]; None if the driver's library does not provide it."""
    try:
        return torch.cuda.power_draw(device) / 1000.0
    except Exception:  # a missing or old library or a virtual device can raise various errors
        return None


def _utilization(speed: float | None, flop: int, peak: float | None) -> float | None:
    """Return the fraction of ``peak`` [FLOP/s] that a throughput [tokens/s] reaches; None if either is unknown."""
    return None if speed is None or not peak else speed * flop / peak
