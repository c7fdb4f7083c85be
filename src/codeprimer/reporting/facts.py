"""Facts: the figures that steps report, by step; plain JSON, and the only source of what a chapter says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]
