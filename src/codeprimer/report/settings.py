"""Settings of the report."""

from __future__ import annotations

from pydantic import Field

from codeprimer.core.settings import Settings


class CostSettings(Settings):
    """What an hour of the machine takes and costs; the defaults are estimates, and the report says so."""

    watts_per_core: float = Field(
        default=10.0, ge=0, description="Power of a core at work, with its share of memory and supply [W]; an estimate."
    )
    watts_per_gpu: float = Field(
        default=0.0,
        ge=0,
        description="Power of a GPU at work [W]; 0: what it told while it trained, or its datasheet's limit.",
    )
    co2_grams_per_kwh: float = Field(
        default=475.0,
        ge=0,
        description="CO2 per kilowatt hour where the machine stands [g]; an estimate, about the world's mean.",
    )
    usd_per_core_hour: float = Field(
        default=0.05, ge=0, description="Price of a core [USD/h]; an estimate of what clouds ask."
    )
    usd_per_gpu_hour: float = Field(
        default=2.5, ge=0, description="Price of a GPU [USD/h]; an estimate of what clouds ask."
    )


class ReportSettings(Settings):
    """What the report shows."""

    title: str = Field(default="", max_length=80, description="Heading of the page; empty: the run's name.")
    examples: int = Field(default=4, ge=1, le=20, description="Examples shown per list in the report.")
    cost: CostSettings = Field(
        default=CostSettings(), description="What energy and money are reckoned with; it changes no other step."
    )
