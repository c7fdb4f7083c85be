"""Devices that models are trained on, by their datasheets.

Reads and writes nothing. Its one idea: what is computed for a machine that is not there rests on a few figures, so they
stand in one place, with where they come from and what is only assumed. Needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """One kind of accelerator."""

    label: str
    """Is part of the name that the device's driver reports."""
    tflops: float
    """Dense products in bfloat16, sums in float32, by the datasheet [TFLOP/s]."""
    memory: int
    """[bytes]"""
    watts: float
    """The board's power limit, by the datasheet [W]; training comes close to it."""
    utilisation: float
    """The share of ``tflops`` that training is assumed to reach."""


DEVICES = {
    "h200": Device("H200", 989.4, 141 * 10**9, 700.0, 0.40),
    "h100": Device("H100", 989.4, 80 * 10**9, 700.0, 0.40),
    "a100": Device("A100", 312.0, 80 * 10**9, 400.0, 0.50),
    "l40s": Device("L40S", 362.1, 48 * 10**9, 350.0, 0.40),
    "l40": Device("L40", 181.0, 48 * 10**9, 300.0, 0.50),
    "4090": Device("4090", 165.2, 24 * 10**9, 450.0, 0.50),
    "a10": Device("A10", 125.0, 24 * 10**9, 150.0, 0.50),
}
"""By the name that ``codeprimer plan --machine`` takes; a label that holds another one comes first."""


def known_device(reported: str) -> Device | None:
    """Return the device whose driver reports this name, None for one that is not in the table."""
    return next((device for device in DEVICES.values() if device.label in reported), None)
