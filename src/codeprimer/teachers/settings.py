"""What a recipe says about a teacher: where it is, what it may cost, how it is to be asked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from codeprimer.core.settings import NOT_IN_ID, Settings

Structured = Literal["json_schema", "json_object", "prompt"]


class Price(Settings):
    """What a provider asks for [USD per million tokens]."""

    input: float = Field(ge=0, description="For what is sent [USD per million tokens].")
    output: float = Field(ge=0, description="For what is answered [USD per million tokens].")


class TeacherSettings(Settings):
    """A language model behind an OpenAI-style address.

    What decides an answer (the model and how it samples) decides the ids of artefacts; where the model runs, what it
    costs and how fast it is asked does not.
    """

    base_url: str | tuple[str, ...] = Field(
        json_schema_extra=NOT_IN_ID,
        description="Address up to and including /v1, or several that serve the same model.",
    )
    model: str = Field(min_length=1, description="The model's name at that address.")
    api_key_env: str | None = Field(
        default=None,
        json_schema_extra=NOT_IN_ID,
        description="The environment variable that holds the key; keys stand nowhere else.",
    )
    price: Price | Literal["free"] | None = Field(
        default=None,
        json_schema_extra=NOT_IN_ID,
        description="What it costs, or free; without it, the table of known prices is asked.",
    )
    budget_usd: float | None = Field(
        default=None, gt=0, json_schema_extra=NOT_IN_ID, description="Most that a run may spend on it [USD]."
    )
    budget_tokens: int | None = Field(
        default=None,
        gt=0,
        json_schema_extra=NOT_IN_ID,
        description="Most that a run may use of it, both ways [tokens].",
    )
    max_in_flight: int = Field(
        default=64, ge=1, le=4096, json_schema_extra=NOT_IN_ID, description="Most requests at once, at each address."
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, json_schema_extra=NOT_IN_ID, description="Most requests in a minute, at each address."
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, json_schema_extra=NOT_IN_ID, description="Most tokens in a minute, at each address."
    )
    batch: bool = Field(
        default=False,
        json_schema_extra=NOT_IN_ID,
        description="Ask by files of many requests, answered within a day at batch_price, where the provider has that.",
    )
    batch_requests: int = Field(
        default=10_000, ge=1, le=50_000, json_schema_extra=NOT_IN_ID, description="Most requests in one such file."
    )
    batch_price: float = Field(
        default=0.5,
        ge=0,
        le=1,
        json_schema_extra=NOT_IN_ID,
        description="What such an answer costs, as a share of the price.",
    )
    timeout_seconds: float = Field(
        default=300.0,
        gt=0,
        json_schema_extra=NOT_IN_ID,
        description="Longest wait for one answer; shorter ones follow from what answers take [s].",
    )
    attempts: int = Field(
        default=8, ge=1, le=100, json_schema_extra=NOT_IN_ID, description="How often a request that fails is sent."
    )
    set_aside: bool = Field(
        default=False,
        description="What becomes of a question that failed so often while others were answered: false: the run ends, and "
        "goes on there when it is run again; true: it is set aside with the reason.",
    )
    temperature: float | None = Field(
        default=0.7,
        ge=0,
        le=2,
        description="Of sampling; 0 always takes the likeliest token; null: not sent, for models that take none.",
    )
    top_p: float | None = Field(
        default=1.0, gt=0, le=1, description="Sample from the likeliest tokens of this probability; null: not sent."
    )
    limit_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens",
        description="What the server calls the limit of an answer; reasoning models of OpenAI: the second.",
    )
    max_tokens: int = Field(default=1024, ge=1, description="How long an answer may be at first [tokens].")
    most_tokens: int = Field(
        default=4096, ge=1, description="How long it may be when it is asked for again because it was cut off [tokens]."
    )
    structured: Structured = Field(
        default="json_schema",
        description="How a form is asked for: json_schema or json_object where the server enforces it, else prompt.",
    )
    extra: dict[str, Any] = Field(default={}, description="More fields of the request, such as reasoning_effort.")

    @field_validator("api_key_env")
    @classmethod
    def _name_of_variable(cls, given: str | None) -> str | None:
        if given is not None and not (given.isidentifier() and given.isascii()):
            raise ValueError(
                "give the name of an environment variable, such as OPENAI_API_KEY; no key stands in a recipe"
            )
        return given

    @field_validator("base_url", mode="before")
    @classmethod
    def _several(cls, given: Any) -> Any:
        return tuple(given) if isinstance(given, list) else given

    @field_validator("base_url")
    @classmethod
    def _addresses(cls, given: str | tuple[str, ...]) -> str | tuple[str, ...]:
        addresses = (given,) if isinstance(given, str) else given
        if not addresses or len(set(addresses)) < len(addresses):
            raise ValueError("give one address, or several different ones")
        for address in addresses:
            if not address.startswith(("http://", "https://")):
                raise ValueError(
                    f"{address!r} is no address; it begins with http:// or https:// and mostly ends in /v1"
                )
            if any(mark in address for mark in "@?#"):
                raise ValueError("an address with a password or a query in it; keys go into api_key_env alone")
        return given

    @model_validator(mode="after")
    def _limits(self) -> TeacherSettings:
        if self.most_tokens < self.max_tokens:
            raise ValueError(f"most_tokens ({self.most_tokens}) must not be below max_tokens ({self.max_tokens})")
        if self.budget_usd is not None and self.budget_tokens is not None:
            raise ValueError("give budget_usd or budget_tokens, not both")
        if taken := sorted(self.extra.keys() & OWN_FIELDS):
            raise ValueError(f"extra.{taken[0]} is set by codeprimer itself")
        return self

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address, without a slash at its end."""
        given = (self.base_url,) if isinstance(self.base_url, str) else self.base_url
        return tuple(address.rstrip("/") for address in given)


OWN_FIELDS = frozenset(
    (
        *("model", "messages", "prompt", "temperature", "top_p", "response_format", "seed", "n", "stream"),
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens"),
    )
)
"""Fields of a request that the settings and the requests themselves decide."""
