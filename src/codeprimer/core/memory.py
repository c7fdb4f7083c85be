"""This machine's memory."""

from __future__ import annotations

import os


def machine_memory() -> int:
    """Return the physical memory of this machine [bytes]."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
