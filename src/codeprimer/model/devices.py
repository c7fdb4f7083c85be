"""GPUs and their datasheets.

Reads and writes nothing. Key idea: a forecast for other hardware depends on a few numbers, so they are in one place, with their
sources and assumptions. Does not need torch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """A GPU model."""

    label: str
    """A substring of the name that the driver reports."""
    tflops: float
    """Datasheet peak for dense bfloat16 matrix products with float32 accumulation [TFLOP/s]."""
    memory: int
    """Memory [bytes]."""
    watts: float
    """Datasheet power limit [W]; power draw in training comes close to it."""
    utilization: float
    """Assumed model FLOP utilization (MFU) in training (0-1)."""


DEVICES = {
    "h200": Device("H200", 989.4, 141 * 10**9, 700.0, 0.40),
    "h100": Device("H100", 989.4, 80 * 10**9, 700.0, 0.40),
    "a100": Device("A100", 312.0, 80 * 10**9, 400.0, 0.50),
    "l40s": Device("L40S", 362.1, 48 * 10**9, 350.0, 0.40),
    "l40": Device("L40", 181.0, 48 * 10**9, 300.0, 0.50),
    "4090": Device("4090", 165.2, 24 * 10**9, 450.0, 0.50),
    "a10": Device("A10", 125.0, 24 * 10**9, 150.0, 0.50),
}
"""Keyed by the name for ``codeprimer plan --machine``; a label that contains another label precedes it."""


def known_device(reported: str) -> Device | None:
    """Return the device for which the driver reports this name, or None if it is not in the table."""
    return next((device for device in DEVICES.values() if device.label in reported), None)
