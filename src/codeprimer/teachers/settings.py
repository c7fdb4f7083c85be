"""A teacher's settings: URL, budget, sampling."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from codeprimer.core.settings import NOT_IN_ID, Settings

Structured = Literal["json_schema", "json_object", "prompt"]


class Price(Settings):
    """A model's price [USD per million tokens]."""

    input: float = Field(ge=0, description="Input price [USD per million tokens].")
    output: float = Field(ge=0, description="Output price [USD per million tokens].")


class TeacherSettings(Settings):
    """A language model behind an OpenAI-compatible API.

    The model and its sampling are part of artefact ids; URL, price and request rates are not.
    """

    base_url: str | tuple[str, ...] = Field(
        json_schema_extra=NOT_IN_ID,
        description="URL up to and including /v1, or a list of URLs that serve the same model.",
    )
    model: str = Field(min_length=1, description="Model name at that URL.")
    api_key_env: str | None = Field(
        default=None,
        json_schema_extra=NOT_IN_ID,
        description="Name of the environment variable that holds the API key.",
    )
    price: Price | Literal["free"] | None = Field(
        default=None,
        json_schema_extra=NOT_IN_ID,
        description="Price, or free; default: the built-in table of list prices.",
    )
    budget_usd: float | None = Field(
        default=None, gt=0, json_schema_extra=NOT_IN_ID, description="Maximum spending per run [USD]."
    )
    budget_tokens: int | None = Field(
        default=None,
        gt=0,
        json_schema_extra=NOT_IN_ID,
        description="Maximum usage per run, input and output together [tokens].",
    )
    max_in_flight: int = Field(
        default=64, ge=1, le=4096, json_schema_extra=NOT_IN_ID, description="Maximum requests in flight per URL."
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, json_schema_extra=NOT_IN_ID, description="Maximum requests per minute per URL."
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, json_schema_extra=NOT_IN_ID, description="Maximum tokens per minute per URL."
    )
    batch: bool = Field(
        default=False,
        json_schema_extra=NOT_IN_ID,
        description="Use the provider's batch API: answers arrive within a day and are charged at batch_price.",
    )
    batch_requests: int = Field(
        default=10_000, ge=1, le=50_000, json_schema_extra=NOT_IN_ID, description="Maximum requests per batch file."
    )
    batch_price: float = Field(
        default=0.5,
        ge=0,
        le=1,
        json_schema_extra=NOT_IN_ID,
        description="Price of a batch answer as a fraction of the normal price (0-1).",
    )
    timeout_seconds: float = Field(
        default=300.0,
        gt=0,
        json_schema_extra=NOT_IN_ID,
        description="Maximum wait for one answer [s]; the actual timeout follows recent response times and is usually shorter.",
    )
    attempts: int = Field(
        default=8,
        ge=1,
        le=100,
        json_schema_extra=NOT_IN_ID,
        description="Maximum attempts per request.",
    )
    set_aside: bool = Field(
        default=False,
        description="What to do when all attempts have failed: true: set the question aside with the reason; false: stop the "
        "run, which can be resumed from that point.",
    )
    temperature: float | None = Field(
        default=0.7,
        ge=0,
        le=2,
        description="Sampling temperature; 0: greedy; null: not sent, for models that reject it.",
    )
    top_p: float | None = Field(default=1.0, gt=0, le=1, description="Nucleus sampling; null: not sent.")
    limit_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens",
        description="Name of the token limit in requests; OpenAI's reasoning models need max_completion_tokens.",
    )
    max_tokens: int = Field(default=1024, ge=1, description="Maximum answer length on the first attempt [tokens].")
    max_tokens_on_retry: int = Field(
        default=4096,
        ge=1,
        description="Maximum answer length when an answer that was cut off is requested again [tokens].",
    )
    structured: Structured = Field(
        default="json_schema",
        description="How JSON is requested: json_schema or json_object if the server enforces the format, otherwise prompt.",
    )
    extra: dict[str, Any] = Field(default={}, description="Additional request fields, such as reasoning_effort.")

    @field_validator("api_key_env")
    @classmethod
    def _name_of_variable(cls, given: str | None) -> str | None:
        if given is not None and not (given.isidentifier() and given.isascii()):
            raise ValueError("give the name of an environment variable, such as OPENAI_API_KEY, not the key itself")
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
            raise ValueError("give one address, or a list without duplicates")
        for address in addresses:
            if not address.startswith(("http://", "https://")):
                raise ValueError(
                    f"{address!r} is not a valid address; use one that begins with http:// or https:// and usually ends in /v1"
                )
            if any(mark in address for mark in "@?#"):
                raise ValueError("an address must not contain a password or a query; give the key with api_key_env")
        return given

    @model_validator(mode="after")
    def _limits(self) -> TeacherSettings:
        if self.max_tokens_on_retry < self.max_tokens:
            raise ValueError(
                f"max_tokens_on_retry ({self.max_tokens_on_retry}) is below max_tokens ({self.max_tokens})"
            )
        if self.budget_usd is not None and self.budget_tokens is not None:
            raise ValueError("give budget_usd or budget_tokens, not both")
        if taken := sorted(self.extra.keys() & OWN_FIELDS):
            raise ValueError(f"extra.{taken[0]} is set by codeprimer itself")
        return self

    @property
    def addresses(self) -> tuple[str, ...]:
        """All URLs, without trailing slashes."""
        given = (self.base_url,) if isinstance(self.base_url, str) else self.base_url
        return tuple(address.rstrip("/") for address in given)


OWN_FIELDS = frozenset(
    (
        *("model", "messages", "prompt", "temperature", "top_p", "response_format", "seed", "n", "stream"),
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens"),
    )
)
"""Request fields that codeprimer sets itself."""
