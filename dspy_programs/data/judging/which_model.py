"""Which models judge: from the options of a command, else from the environment; no model means the rules.

Formats    --lm provider/name, once for each judge; or the data flywheel's --backend ollama|openrouter|anthropic with --model.
           Without either: DSPY_PROGRAMS_LM, else DEFAULT_JUDGE_BACKEND. Of a backend, OLLAMA_BASE_URL and OLLAMA_MODEL,
           OPENROUTER_BASE_URL and OPENROUTER_MODEL stand behind the options; the keys have their usual variables.
Guarantees DSPY_PROGRAMS_API_KEY goes to no backend, and to no second judge.
Raises     UsageError for what contradicts itself.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dspy_programs.errors import UsageError

if TYPE_CHECKING:
    import dspy

    from dspy_programs.data.limits import Meter

BACKENDS = ("ollama", "openrouter", "anthropic")
_ANTHROPIC_MODEL = "claude-haiku-4-5-20251001"  # the data flywheel's
_DEFAULT_BACKEND = "DEFAULT_JUDGE_BACKEND"
_LM, _BASE, _KEY = "DSPY_PROGRAMS_LM", "DSPY_PROGRAMS_API_BASE", "DSPY_PROGRAMS_API_KEY"


class Spec(NamedTuple):
    """A model: its spec, and its address and key if they are not its provider's. backend: the name that stands for it."""

    lm: str
    api_base: str | None = None
    api_key: str | None = None
    backend: str | None = None


def specs_of(
    lm: Sequence[str],
    backend: str | None,
    model: str | None,
    api_base: Sequence[str] = (),
    api_key: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> list[Spec]:
    """Return the models that are to judge; empty for the rules.

    api_base: one address for all of `lm`, or one for each. api_key: as typed; that of the environment is found here, and is
    given to the one model that it belongs to.
    """
    if lm and (backend or model):
        raise UsageError("give --lm, or --backend with --model; not both")
    if len(api_base) > 1 and len(api_base) != len(lm):
        raise UsageError(f"--api-base: {len(api_base)} addresses for {len(lm)} models; give one for all, or one for each --lm")
    if repeated := sorted({each for each in lm if lm.count(each) > 1 and len(api_base) <= 1}):
        raise UsageError(f"--lm {repeated[0]}: given twice; the same judge twice is one judge")
    if api_key and len(lm) > 1 and len(api_base) != 1:
        raise UsageError("--api-key: several providers would see it; set each one's own variable, as OPENAI_API_KEY")
    base = api_base[0] if api_base else None
    if len(lm) > 1:
        return [Spec(each, api_base[place] if len(api_base) > 1 else base, api_key) for place, each in enumerate(lm)]
    named = environment.get(_LM)
    if lm and not named:  # then no other model owns them
        return [Spec(lm[0], base or environment.get(_BASE), api_key or environment.get(_KEY))]
    if lm or (named and not backend and not model):
        return [Spec(lm[0] if lm else str(named), base, api_key)]  # what belongs to `named`, `connect` reads itself
    backend = backend or environment.get(_DEFAULT_BACKEND)
    if not backend:
        if model or base:
            raise UsageError(f"name the server of the model too: --backend {'|'.join(BACKENDS)}, or --lm provider/name")
        return []
    return [of_backend(backend, model, base, api_key, environment)]


def of_backend(
    name: str,
    model: str | None = None,
    base: str | None = None,
    key: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Spec:
    """Return the model that a backend of the data flywheel names. Raises UsageError for another name."""
    if name == "anthropic":
        if not (key or environment.get("ANTHROPIC_API_KEY")):
            raise UsageError("anthropic: no key: set ANTHROPIC_API_KEY")
        return Spec(f"anthropic/{model or _ANTHROPIC_MODEL}", base, key, name)
    if name not in BACKENDS:
        raise UsageError(f"unknown backend {name!r}; choose from {', '.join(BACKENDS)}, or give --lm provider/name")
    from dspy_programs.lm import server_named

    variables = name.upper()
    server = server_named(
        name, model or environment.get(f"{variables}_MODEL"), base or environment.get(f"{variables}_BASE_URL"), key
    )
    if name == "openrouter" and not server.key:
        raise UsageError("openrouter: no key: set OPENROUTER_API_KEY")
    address = f"{server.base}/v1" if name == "ollama" else server.base
    return Spec(f"openai/{server.model}", address, server.key or "none", name)


def connected(
    spec: Spec,
    meter: "Meter",
    temperature: float | None = None,
    max_tokens: int | None = None,
    timeout: float | None = None,
    top_p: float | None = None,
) -> "dspy.LM":
    """Return the model, its weights ready, its calls counted. Its answers are not cached: judgments are."""
    from dspy_programs.lm import connect, metered, prepare

    lm = connect(
        spec.lm,
        api_base=spec.api_base,
        api_key=spec.api_key,
        temperature=temperature,
        max_tokens=max_tokens,
        timeout=timeout,
        **({} if top_p is None else {"top_p": top_p}),
    )
    prepare(lm)
    return metered(lm, meter)


def get_backend(name: str, model: str | None = None, base_url: str | None = None, api_key: str | None = None) -> "dspy.LM":
    """Return the model that a backend names: "ollama", "openrouter" or "anthropic".

    Args:
        name: The backend.
        model: Its model; by default the environment's, else the backend's usual one.
        base_url: Another address.
        api_key: A key; by default that of the provider's own variable.

    Returns:
        A model for AsyncQualityJudge. Nothing is called yet.

    Raises:
        UsageError: The backend is unknown, or has no key.
    """
    from dspy_programs.lm import connect

    spec = of_backend(name, model, base_url, api_key)
    return connect(spec.lm, api_base=spec.api_base, api_key=spec.api_key)


def usual_tag(specs: Sequence[Spec]) -> str:
    """Return the name of a run by its models."""
    if not specs:
        return "rules"
    named = "+".join(spec.backend or spec.lm.rpartition("/")[2] for spec in specs)
    return re.sub(r"[^\w.-]+", "-", named).strip("-._")[:80] or "judge"
