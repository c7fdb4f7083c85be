"""Facts: the figures that steps report, by step. They are plain JSON, and the only source of a chapter's contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]
