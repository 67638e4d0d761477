"""From a spec string to a language model for DSPy; the only place that reads model settings from the environment.

    local/qwen2.5-coder-1.5b                 embedded, on this machine's CPU; no key (the default)
    local/PATH.gguf                          embedded, any chat model in a GGUF file
    local/hf:OWNER/REPO/FILE.gguf            the same from the Hub, pinned at the first download
    openai/gpt-4.1-mini, anthropic/...       hosted; the provider's key from its usual environment variable
    openai/<name> with an api base           any OpenAI-compatible server: vLLM, Ollama, LM Studio, llama.cpp
    router/balanced                          whichever model of a catalogue is best for a call

A flag overrides an environment variable, which overrides the default. DSPY_PROGRAMS_API_BASE and DSPY_PROGRAMS_API_KEY
belong to the model of DSPY_PROGRAMS_LM: no other model is sought at that URL, and no other provider sees that key.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any

import dspy
from dspy.clients.lm import _is_openai_reasoning_model
from dspy.utils.exceptions import LMConfigurationError

from dspy_programs.errors import LanguageModelError, UsageError
from dspy_programs.lm.embedded.embedded import EmbeddedEngine, engine_for
from dspy_programs.lm.embedded.kept_prompts import KeptPrompts
from dspy_programs.lm.replies.adapter import CompleteJSONAdapter
from dspy_programs.lm.server.lm_wrapper import wrap
from dspy_programs.lm.server.redaction import NO_KEY
from dspy_programs.lm.server.server import ServerEngine
from dspy_programs.lm.weights.catalog import DEFAULT_ID
from dspy_programs.lm.weights.local_models import LOCAL, canonical, local_model
from dspy_programs.model_in_use import CHOICE, Chosen

DEFAULT_SPEC = f"local/{DEFAULT_ID}"
_SPEC_VARIABLE = "DSPY_PROGRAMS_LM"
_BASE_VARIABLE = "DSPY_PROGRAMS_API_BASE"
KEY_VARIABLE = "DSPY_PROGRAMS_API_KEY"
_OBJECT_VARIABLE = "DSPY_PROGRAMS_JSON_OBJECT"  # 1: servers are asked for a JSON object, without its schema
_SHIPPED_TABLE_VARIABLE, _TABLE_URL_VARIABLE = "LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_MODEL_COST_MAP_URL"  # DSPy reads them
_DECODING = {
    *("temperature", "max_tokens", "max_completion_tokens", "top_p", "top_k", "min_p", "n", "rollout_id", "stop", "seed"),
    *(
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
        "logprobs",
        "top_logprobs",
        "reasoning_effort",
        "verbosity",
    ),
}
_ROOMS = {"router": "dspy_programs.router:connect_router"}  # provider -> what connects its models; it is built on this room
LONGEST_THOUGHT = 1000  # characters that an embedded model thinks before it answers: about 250 tokens, 20 seconds
RETRIES = 5  # of rate limits, timeouts and server errors, after 1, 2, 4, 8 and 16 seconds or as the server asks


def spec_in_use(spec: str | None = None) -> str:
    """Return the spec of the language model in use: the argument, DSPy's current LM, the environment, the default."""
    current = getattr(dspy.settings.lm, "model", None)
    return canonical(spec or current or os.environ.get(_SPEC_VARIABLE) or DEFAULT_SPEC)


def connect(
    spec: str | None = None,
    *,
    api_base: str | None = None,
    api_key: str | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    timeout: float | None = None,
    **settings: Any,
) -> dspy.LM:
    """Return the language model that a spec names. Nothing is downloaded, loaded or called before its first use.

    Args:
        spec: "local/NAME" or "local/PATH.gguf" for a model on this machine, else provider/name, such as "openai/gpt-4.1-mini".
            By default the environment's, else the embedded model.
        api_base: The URL of an OpenAI-compatible server.
        api_key: The server's key; by default read from the provider's own environment variable.
        temperature: 0 unless given; OpenAI's reasoning models keep their own.
        max_tokens: Token limit of one reply.
        timeout: Seconds for one complete answer, from its request to its last byte.
        settings: Anything else to send with each request, such as `top_p` or `seed`.

    Returns:
        A dspy.LM for `use`, `configure` or `dspy.context`.

    Raises:
        UnknownModel: A `local/` name is not in the catalogue.
        LanguageModelError: The spec does not name a model, or its settings are invalid.
    """
    stay_offline()
    from_environment = os.environ.get(_SPEC_VARIABLE)
    spec = spec or from_environment or DEFAULT_SPEC
    provider, _, name = spec.partition("/")
    if not name:
        raise LanguageModelError(f"{spec!r} is not a model: write provider/name, e.g. {DEFAULT_SPEC} or openai/gpt-4.1-mini")
    if temperature is None and not _is_openai_reasoning_model(spec):  # those reject 0, so they keep their own
        temperature = 0.0
    decoding = {"temperature": temperature, "max_tokens": max_tokens, **settings}
    if provider == "local":
        model = local_model(name)
        return wrap(engine_for(model), LOCAL + model.id, **decoding)
    if provider in _ROOMS:
        if api_base or api_key:
            raise LanguageModelError(f"{spec}: its catalogue names addresses and keys; leave out --api-base and --api-key")
        return _of_room(provider, name, timeout=timeout, **decoding)
    if spec == from_environment:
        api_base = api_base or os.environ.get(_BASE_VARIABLE)
        api_key = api_key or os.environ.get(KEY_VARIABLE)
    if api_base and not api_key:
        api_key = NO_KEY  # private servers seldom require a key, but clients always send one
    connection = {k: v for k, v in {"api_base": api_base, "api_key": api_key, "timeout": timeout}.items() if v}
    try:
        inner = dspy.LM(spec, cache=False, num_retries=0, **connection)
        any_object = os.environ.get(_OBJECT_VARIABLE) == "1"
        return wrap(ServerEngine(inner, own=bool(api_base), any_object=any_object), spec, retries=RETRIES, **decoding)
    except (LMConfigurationError, ValueError) as error:
        raise LanguageModelError(str(error)) from error


def _of_room(provider: str, name: str, **settings: Any) -> dspy.LM:
    module, _, function = _ROOMS[provider].partition(":")
    return getattr(import_module(module), function)(name, **settings)


def is_embedded(lm: dspy.LM) -> bool:
    """Return whether the model runs on this machine: then it is small, and one row at a time is as fast as many."""
    return bool(lm.model.startswith(LOCAL))


def decoding(lm: dspy.LM) -> dict[str, Any]:
    """Return the decoding settings of `lm`: those known to change its answers, so nothing that could be a secret."""
    return {name: value for name, value in lm.kwargs.items() if name in _DECODING and value is not None}


def address_of(lm: dspy.LM) -> str | None:
    """Return the URL of the private server that `lm` uses, None for other models."""
    return engine.lm.kwargs.get("api_base") if isinstance(engine := _engine_of(lm), ServerEngine) else None


def is_named(lm: dspy.LM) -> bool:
    """Return whether `use` of its spec gives the same model again, at the same URL."""
    return isinstance(_engine_of(lm), (ServerEngine, EmbeddedEngine)) or lm.model.partition("/")[0] in _ROOMS


def prepare(lm: dspy.LM) -> None:
    """Download and load the weights of an embedded model now, while the user watches; other models need nothing."""
    if isinstance(engine := _engine_of(lm), EmbeddedEngine):
        engine.server()


def kept_prompts(lm: dspy.LM) -> KeptPrompts | None:
    """Return the prompts that an embedded model keeps on the disk; None for a model that has no such thing."""
    engine = _engine_of(lm)
    while isinstance(inner := getattr(engine, "lm", None), dspy.BaseLM):  # below a cache of answers, a limit
        engine = _engine_of(inner)
    return KeptPrompts(engine) if isinstance(engine, EmbeddedEngine) else None


def _engine_of(lm: dspy.BaseLM) -> Any:
    """Return what answers for a model; None for a class of the user's own."""
    return getattr(lm, "engine", None)


def use(lm: str | dspy.LM | None = "", **settings: Any) -> AbstractContextManager[None]:
    """Make `with use("openai/gpt-4.1-mini"):` run programs on that model, in the form they were compiled for.

    Applies to this thread, to asyncio tasks started in the block, and wherever DSPy carries its settings (Parallel, batch,
    asyncify, acall). A plain thread or executor does not see it: there a program raises ModelLost. An inner block
    overrides an outer one. A generator uses the model of the block in which it is consumed.

    Args:
        lm: A spec or a model; by default the environment's, else the embedded one. None for no model: the rules answer, even
            inside another model's block.
        settings: As for `connect`, with a spec.

    Returns:
        A context manager that yields nothing.

    Raises:
        UsageError: Settings were given without a spec.
        LanguageModelError: The spec does not name a model.
    """
    return _entered(chosen(lm, **settings))


def configure(lm: str | dspy.LM | None = "", **settings: Any) -> None:
    """Choose the model for the whole process and all its threads, as in a notebook's first cell.

    A new process starts with no model chosen, so a program sent there answers by rules, whatever was in use where it was
    pickled: ProcessPoolExecutor(initializer=configure, initargs=("openai/gpt-4.1-mini",)).

    Args:
        lm: A spec or a model; by default the environment's, else the embedded one. None for no model: the rules answer.
        settings: As for `connect`, with a spec.

    Raises:
        UsageError: Another thread or asyncio task configured first, and DSPy allows only one; or settings were given without
            a spec.
        LanguageModelError: The spec does not name a model.
    """
    choice = chosen(lm, **settings)
    try:
        dspy.configure(**choice)
    except RuntimeError as error:
        raise UsageError(
            "another thread or task has already configured this process; use a block instead: with use(...)"
        ) from error


def running_on(lm: dspy.LM | None) -> AbstractContextManager[None]:
    """Run a block on a model that a tool was given, None for rules. No user chose it, so no other thread misses it."""
    context: AbstractContextManager[None] = dspy.context(**chosen(lm))
    return context


def chosen(lm: str | dspy.LM | None, **settings: Any) -> dict[str, Any]:
    """Return DSPy's settings for a choice. Raises UsageError for settings that would have no effect."""
    stay_offline()
    if settings and not isinstance(lm, str):
        raise UsageError(f"{', '.join(settings)}: valid only with a model given by its spec")
    if lm is None:
        return {"lm": None, CHOICE: "rules"}
    model = connect(lm, **settings) if isinstance(lm, str) else lm
    adapter = CompleteJSONAdapter(LONGEST_THOUGHT if is_embedded(model) else None)
    return {"lm": model, "adapter": adapter, CHOICE: "model"}


def stay_offline() -> None:
    """Let DSPy use the table of models and prices that it ships; else it fetches one from the internet at the first call."""
    if _TABLE_URL_VARIABLE not in os.environ:
        os.environ.setdefault(_SHIPPED_TABLE_VARIABLE, "True")


@contextmanager
def _entered(choice: dict[str, Any]) -> Iterator[None]:
    """Run a block with the user's choice, and remember if there was one with a model."""
    Chosen.once = Chosen.once or choice["lm"] is not None
    with dspy.context(**choice):
        yield
