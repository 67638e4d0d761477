"""The catalogue: which models there are, what they cost and can do, and how the router is to behave.

Input      a YAML file; the shipped one where none is named.
Output     Catalogue, checked: every key is known, every price and limit makes sense, no model is there twice.
Guarantees no key is in it, only the name of the environment's variable that has one.
Raises     UsageError: one line with the file, the field and what is wrong.
"""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dspy_programs.errors import UsageError, first_fault

VARIABLE = "DSPY_PROGRAMS_ROUTER"
"""Names the catalogue of `router/balanced` and of commands without --catalogue."""
_SHIPPED = Path(__file__).with_name("default.yaml")
_LARGEST = 5_000_000  # bytes
_KEYS = {"openai": "OPENAI_API_KEY", "openrouter": "OPENROUTER_API_KEY"}
_BASES = {"openai": "https://api.openai.com/v1", "openrouter": "https://openrouter.ai/api/v1"}

Priority = Literal["speed", "cost", "quality", "balanced"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(_Part):
    """One model. lm: its spec, where that is not its id; api_base: of an OpenAI-compatible server of your own."""

    id: Annotated[str, Field(max_length=200, pattern=r"^[!-~]+$")]  # it stands in a header
    lm: str = ""
    api_base: str | None = None
    key_env: str | None = None
    latency_ms: _Positive
    p95_ms: _Positive | None = None
    prompt_usd_per_1k: _NotNegative
    completion_usd_per_1k: _NotNegative
    quality: Share
    context: _Count
    tools: bool = False
    images: bool = False
    regions: tuple[str, ...] = ()
    requests_per_minute: _Count | None = None

    @field_validator("api_base")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/") if url else None

    @model_validator(mode="after")
    def _named(self) -> "Model":
        if "/" not in self.spec:
            raise ValueError(f"{self.spec!r} is no model's spec; write lm: provider/name")
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
        name = self.key_env or (None if self.api_base else _KEYS.get(self.spec.partition("/")[0]))
        return os.environ.get(name, "").strip() or None if name else None

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
    backoff_seconds: _NotNegative = 0.5
    timeout_seconds: _Positive = 60.0
    failures: _Count = 3
    open_seconds: _Positive = 30.0


class Budget(_Part):
    usd_per_day: _NotNegative | None = None


class Cache(_Part):
    """backend: memory holds at most max_bytes; sqlite keeps a file; redis shares, and goes on in memory while it is away."""

    backend: Literal["none", "memory", "sqlite", "redis"] = "memory"
    ttl_seconds: _Positive = 3600.0
    max_bytes: _Count = 64_000_000
    path: Path | None = None
    redis_url: str = "redis://127.0.0.1:6379/0"


class Learning(_Part):
    """window: latest answers of a model that count, for window_seconds; the files are those of `route learn` and `fit`."""

    latencies: bool = True
    window: Annotated[int, Field(ge=2, le=10_000)] = 100
    window_seconds: _Positive = 900.0
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
        ids = [model.id for model in models]
        if twice := next((one for one in ids if ids.count(one) > 1), None) if len(set(ids)) < len(ids) else None:
            raise ValueError(f"{twice} is there twice")
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


def read_catalogue(path: Path | None = None) -> Catalogue:
    """Return the catalogue of a file, of DSPY_PROGRAMS_ROUTER, else the shipped one ("default"). Raises UsageError."""
    if path == Path("default"):
        return catalogue_of(_yaml_in(_SHIPPED), str(_SHIPPED))
    named = path or (Path(found) if (found := os.environ.get(VARIABLE)) else None)
    file = named or _SHIPPED
    return catalogue_of(_yaml_in(file), str(file))


def catalogue_of(content: Any, source: str) -> Catalogue:
    """Check what a file has. Raises UsageError, which names the model rather than its place."""
    if not isinstance(content, dict):
        raise UsageError(f"{source}: a catalogue is a mapping with `models:`")
    try:
        return Catalogue.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{source}: {_told(first_fault(error, 'the catalogue'), content)}") from None


def _told(fault: str, content: dict[str, Any]) -> str:
    """Put a model's id beside its number: models.3.quality -> models.3 (openai/gpt-5.4): quality."""
    place, colon, what = fault.partition(": ")
    parts = place.split(".")
    if parts[0] == "models" and len(parts) > 1 and parts[1].isdecimal():
        known = content["models"][int(parts[1])]
        name = known.get("id") if isinstance(known, dict) else None
        parts[1] = f"{parts[1]} ({name})" if isinstance(name, str) else parts[1]
    return f"{'.'.join(parts)}{colon}{what.removeprefix('Value error, ')}"


def _yaml_in(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise UsageError(f"{path}: larger than {_LARGEST:,} bytes; this is no catalogue")
        return yaml.safe_load(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot read a catalogue from it ({error.strerror or error})") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
