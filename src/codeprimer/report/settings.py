"""The report's settings."""

from __future__ import annotations

from pydantic import Field

from codeprimer.core.settings import Settings


class CostSettings(Settings):
    """Power and price of computing; the defaults are estimates."""

    watts_per_core: float = Field(
        default=10.0, ge=0, description="Power of a busy core, including its share of memory and power supply [W]."
    )
    watts_per_gpu: float = Field(
        default=0.0,
        ge=0,
        description="Power of a busy GPU [W]; 0 means as measured during training, else from the datasheet.",
    )
    co2_grams_per_kwh: float = Field(
        default=475.0,
        ge=0,
        description="Carbon intensity of the local grid [g CO2/kWh]; the default is close to the global mean.",
    )
    usd_per_core_hour: float = Field(
        default=0.05, ge=0, description="Price of a core [USD/h]; the default is a typical cloud price."
    )
    usd_per_gpu_hour: float = Field(
        default=2.5, ge=0, description="Price of a GPU [USD/h]; the default is a typical cloud price."
    )


class ReportSettings(Settings):
    """The report's contents."""

    title: str = Field(default="", max_length=80, description="Heading of the page; empty means the run's name.")
    examples: int = Field(default=4, ge=1, le=20, description="Number of examples per list.")
    cost: CostSettings = Field(
        default=CostSettings(), description="Assumptions for the estimates of energy, CO2 and money."
    )
