"""The catalogue: which models there are, what they cost and can do, and how the router is to behave.

Output     Catalogue, checked: every key is known, every price and limit makes sense, no model appears twice.
Guarantees no key is in it, only the name of the environment's variable that has one; no number is so large or so small that a
           score, a sum or a system's call could fail on it.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_KEYS = {"openai": "OPENAI_API_KEY", "openrouter": "OPENROUTER_API_KEY"}
_BASES = {"openai": "https://api.openai.com/v1", "openrouter": "https://openrouter.ai/api/v1"}

Priority = Literal["speed", "cost", "quality", "balanced"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]  # USD
_Milliseconds = Annotated[float, Field(ge=0.001, le=1e9, allow_inf_nan=False)]
_Seconds = Annotated[float, Field(ge=0.001, le=1e9, allow_inf_nan=False)]  # 30 years
_Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
_ADDRESS = re.compile(r"https?://[!-~]+")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(_Part):
    """One model. lm: its spec, where that is not its id; api_base: of an OpenAI-compatible server of your own."""

    id: Annotated[str, Field(max_length=200, pattern=r"^[!-~]+$")]  # it stands in a header
    lm: str = ""
    api_base: str | None = None
    key_env: str | None = None
    latency_ms: _Milliseconds
    p95_ms: _Milliseconds | None = None
    prompt_usd_per_1k: _Price
    completion_usd_per_1k: _Price
    quality: Share
    context: _Count
    tools: bool = False
    images: bool = False
    regions: tuple[str, ...] = ()
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @field_validator("api_base")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        try:
            parts = urlsplit(url)
            is_plain = parts.hostname and parts.port != 0 and "@" not in parts.netloc and not (parts.query or parts.fragment)
        except ValueError:  # which quotes it, and with it what may be a password
            is_plain = False
        if not is_plain or not _ADDRESS.fullmatch(url):
            raise ValueError("not like http://HOST:PORT/v1; a key goes into the variable that key_env names")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _named(self) -> "Model":
        if not all(self.spec.partition("/")):
            raise ValueError(f"{self.spec!r} is not a model spec; write lm: provider/name")
        return self

    @property
    def spec(self) -> str:
        return self.lm or self.id

    @property
    def base(self) -> str | None:
        """Return the address of its server if that speaks OpenAI's protocol, else None."""
        return self.api_base or _BASES.get(self.spec.partition("/")[0])

    @property
    def key(self) -> str | None:
        """Return its key from the environment. A provider's own key goes to no other address."""
        name = self.key_env or self.providers_variable
        return os.environ.get(name, "").strip() or None if name else None

    @property
    def providers_variable(self) -> str | None:
        """Return the variable that has its provider's key; None for another address, which may want none."""
        return None if self.api_base else _KEYS.get(self.spec.partition("/")[0])

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the USD of so many tokens."""
        return (prompt_tokens * self.prompt_usd_per_1k + completion_tokens * self.completion_usd_per_1k) / 1000


class Weights(_Part):
    """How much each of three counts in a score; their sum is 1."""

    latency: Share
    cost: Share
    quality: Share

    @model_validator(mode="after")
    def _whole(self) -> "Weights":
        if abs(self.latency + self.cost + self.quality - 1) > 1e-6:
            raise ValueError("latency, cost and quality must add up to 1")
        return self


WEIGHTS: dict[Priority, Weights] = {
    "speed": Weights(latency=0.7, cost=0.2, quality=0.1),
    "cost": Weights(latency=0.2, cost=0.7, quality=0.1),
    "quality": Weights(latency=0.1, cost=0.2, quality=0.7),
    "balanced": Weights(latency=0.4, cost=0.3, quality=0.3),
}


class Server(_Part):
    """Where `serve http --router` listens, unless its flags say otherwise."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    at_once: Annotated[int, Field(ge=1, le=1024)] = 64
    waiting: Annotated[int, Field(ge=0)] = 256


class Fallback(_Part):
    """models: asked for one request at most; retries: of one model; failures in a row open its circuit for open_seconds."""

    models: _Count = 3
    retries: Annotated[int, Field(ge=0, le=10)] = 1
    backoff_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 0.5
    timeout_seconds: Annotated[float, Field(ge=0.001, le=86_400, allow_inf_nan=False)] = 60.0
    failures: _Count = 3
    open_seconds: _Seconds = 30.0


class Budget(_Part):
    usd_per_day: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class Cache(_Part):
    """backend: memory holds at most max_bytes; sqlite keeps a file; redis shares, and goes on in memory while it is away."""

    backend: Literal["none", "memory", "sqlite", "redis"] = "memory"
    ttl_seconds: _Seconds = 3600.0
    max_bytes: Annotated[int, Field(ge=1, le=1_000_000_000_000)] = 64_000_000
    path: Path | None = None
    redis_url: str = "redis://127.0.0.1:6379/0"


class Learning(_Part):
    """window: latest answers of a model that count, for window_seconds; the files are those of `route learn` and `fit`."""

    latencies: bool = True
    window: Annotated[int, Field(ge=2, le=10_000)] = 100
    window_seconds: _Seconds = 900.0
    quality_file: Path | None = None
    difficulty_file: Path | None = None
    exploration: bool = False
    floor: Share = 0.5


class Catalogue(_Part):
    models: Annotated[tuple[Model, ...], Field(min_length=1)]
    priority: Priority = "balanced"
    weights: dict[Priority, Weights] = Field(default_factory=lambda: dict(WEIGHTS))
    server: Server = Server()
    fallback: Fallback = Fallback()
    budget: Budget = Budget()
    cache: Cache = Cache()
    learning: Learning = Learning()

    @field_validator("models")
    @classmethod
    def _once(cls, models: tuple[Model, ...]) -> tuple[Model, ...]:
        seen = set[str]()
        for model in models:
            if model.id in seen:
                raise ValueError(f"{model.id} appears twice")
            seen.add(model.id)
        return models

    @field_validator("weights")
    @classmethod
    def _complete(cls, given: dict[Priority, Weights]) -> dict[Priority, Weights]:
        return {**WEIGHTS, **given}

    @property
    def fingerprint(self) -> str:
        """Return digits that change with whatever can change an answer: models, weights, limits."""
        told = self.model_dump_json(exclude={"server", "cache", "budget"})
        return hashlib.sha256(told.encode()).hexdigest()[:16]
