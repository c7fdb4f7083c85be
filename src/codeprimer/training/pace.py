"""How fast a run is, and how well it uses its machine: shown while it trains, kept in ``speed.json``.

Reads times and losses, measures the machine once, writes nothing itself. Its one idea: what a step computes is known, so
its time says which share of the machine it used: of what products of matrices reach here, in the same precision and with
the same threads, and of the datasheet where a device has one that is known. Nothing of it enters an artefact's manifest.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import torch

from codeprimer.core.stage import available_cores, peak_memory
from codeprimer.model.arithmetic import SHORTLY, SIZES, ceiling, flop_per_token
from codeprimer.model.devices import known_device
from codeprimer.model.phi import Phi
from codeprimer.training.device import DTYPES
from codeprimer.training.plan import Plan
from codeprimer.training.ranks import Ranks

LONG_RUN = 60.0
"""A run that takes less is not worth the third of a second that measuring its machine takes [s]."""

RECENT = 30.0
"""How far back the speed of the moment looks [s]."""

WARM = 3
"""Steps of an attempt that do not count: kernels are chosen in them, and memory is taken."""

POWER_SECONDS = 10.0
"""How often a device is asked what power it draws [s]."""


class Pace:
    """The speed of one run; its clock is the time spent in steps."""

    def __init__(self, plan: Plan, model: Phi, ranks: Ranks) -> None:
        self._plan, self._ranks = plan, ranks
        self._device = next(model.parameters()).device
        self._known = known_device(torch.cuda.get_device_name(self._device)) if self._device.type == "cuda" else None
        self._flop = flop_per_token(model.config, plan.settings.lora.rank > 0)
        self._recent: deque[tuple[float, int]] = deque()
        self._steps = 0
        self._last = (0, 0.0)
        self._ceiling: float | None = None
        self._watts: list[float] = []
        self._next_power = 0.0

    def after(self, step: int, loss: float, seconds: float) -> str:
        """Return how it goes, for people, after so many steps and so much time in them [s]."""
        if step <= self._last[0]:
            self._recent.clear()  # the run has gone back
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
        """The speed of the moment [tokens/s]; None while there is none yet."""
        if len(self._recent) < 2:
            return None
        (before, fewer), (now, more) = self._recent[0], self._recent[-1]
        return (more - fewer) / (now - before) if now > before else None

    @property
    def share(self) -> float | None:
        """The share of what products reach here, at the moment; None before that is measured."""
        return _over(self.tokens_per_second, self._flop, self._ceiling)

    def facts(self, seconds: float) -> dict[str, Any]:
        """Return what ``speed.json`` tells of the whole run after so much time in steps [s]."""
        # An attempt that took no step has found all of them taken.
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
            "ceiling_flops": self._ceiling,
            "share_of_ceiling": _over(speed, self._flop, self._ceiling),
            "datasheet_flops": self._datasheet,
            "share_of_datasheet": _over(speed, self._flop, self._datasheet),
            "peak_memory": self._memory(),
            "watts": sum(self._watts) / len(self._watts) if self._watts else None,
        }

    @property
    def _datasheet(self) -> float | None:
        """What the datasheet promises of all devices together [FLOP/s], for products in 16 bits."""
        if self._known is None or self._plan.settings.precision == "float32":
            return None
        return self._known.tflops * 1e12 * self._ranks.count

    def _note(self, loss: float) -> str:
        parts = [f"loss {loss:.3f}"]
        if (speed := self.tokens_per_second) is not None:
            parts.append(f"{speed:,.0f} tokens/s")
        if (share := self.share) is not None:
            parts.append(f"{share:.0%} of what products reach here")
        if (share := _over(self.tokens_per_second, self._flop, self._datasheet)) is not None:
            parts.append(f"{share:.0%} of the datasheet")
        parts += [f"{self._memory() / 1e6:,.0f} MB", f"{self._plan.tokens_after(self._last[0]):,} tokens"]
        return ", ".join(parts)

    def _measure(self, step: int, seconds: float) -> None:
        """Find out once what the machine reaches, where the run is long, and from time to time what power it draws."""
        speed = self.tokens_per_second
        if not self._ranks.is_first or speed is None:
            return
        if self._ceiling is None:
            left = (self._plan.tokens_after(self._plan.total) - self._plan.tokens_after(step)) / speed
            if seconds + left >= LONG_RUN:
                self._ceiling = self._measured_ceiling()
        if self._device.type == "cuda" and seconds >= self._next_power:
            self._next_power = seconds + POWER_SECONDS
            if (watts := power_draw(self._device)) is not None:
                self._watts.append(watts * self._ranks.count)

    def _measured_ceiling(self) -> float:
        """Return what products of all processes together reach [FLOP/s]; the others wait meanwhile."""
        dtype = DTYPES[self._plan.settings.precision]
        return ceiling(dtype, self._device, SIZES[self._device.type], SHORTLY) * 1e9 * self._ranks.count

    def _memory(self) -> int:
        """Return the most memory so far [bytes]: of the device, or of the process with all that it does."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        return peak_memory()


def power_draw(device: torch.device) -> float | None:
    """Return the power that a CUDA device draws [W], None where its driver's library does not tell."""
    try:
        return torch.cuda.power_draw(device) / 1000.0
    except Exception:  # the library is missing, too old, or of a virtual device: it raises whatever it likes
        return None


def _over(speed: float | None, flop: int, most: float | None) -> float | None:
    """Return which share of ``most`` [FLOP/s] so many tokens per second are."""
    return None if speed is None or not most else speed * flop / most
