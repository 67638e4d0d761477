"""The environment variables of dspy-code, and what they mean here: they count where ours are not set.

Order      a flag, then our variable, then theirs. If any of ours chooses the model, none of theirs does.
Guarantees only what the user has exported counts: a .env file in a folder sets none of these, so no folder decides where code
           and keys go. A key alone sends nothing anywhere: a model must be named. No value is printed.
Raises     UsageError for a switch that is neither on nor off, and for Ollama without a model.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from dspy_programs.cli import NO_LLM
from dspy_programs.errors import UsageError

_LM, _BASE, _KEY = "DSPY_PROGRAMS_LM", "DSPY_PROGRAMS_API_BASE", "DSPY_PROGRAMS_API_KEY"
_OLLAMA = "http://localhost:11434"
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Old(NamedTuple):
    """A variable of dspy-code: which of ours it sets, itself if it is read as it is, and what it says."""

    name: str
    ours: str
    meaning: str


OLD = (
    Old("MODEL_NAME", _LM, "the model of an OpenAI-compatible server: `openai/` and this name"),
    Old("OPENAI_BASE_URL", _BASE, "where that server is; OpenAI's own without it"),
    Old("OPENAI_API_KEY", _KEY, "its key; alone it chooses no model"),
    Old("USE_OLLAMA", _LM, "on: Ollama answers, with the model of `OLLAMA_MODEL`, else `MODEL_NAME`"),
    Old("OLLAMA_MODEL", _LM, "Ollama's model; alone it also means `USE_OLLAMA`, unless that is off"),
    Old("OLLAMA_HOST", _BASE, f"where Ollama is; else `OPENAI_BASE_URL`, else {_OLLAMA}"),
    Old("OLLAMA_API_KEY", _KEY, "its key, if a proxy wants one"),
    Old("LOCAL_MODE", NO_LLM, "on: no model answers, rules do, as with `--no-llm`"),
    Old("DSPY_FORCE_JSON_OBJECT", "DSPY_PROGRAMS_JSON_OBJECT", "on: a server is asked for JSON, without a schema"),
    Old("DB_BACKEND", "DB_BACKEND", "where `code up` keeps events, if `--db` does not say it: auto, sqlite, reddb or none"),
    Old("REDDB_URL", "REDDB_URL", "the RedDB server of `code up`"),
    Old("REDDB_NAMESPACE", "REDDB_NAMESPACE", "what its keys begin with"),
    Old("REDDB_TOKEN", "REDDB_TOKEN", "its token"),
    Old("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS", "the brokers that `code up` also publishes to"),
)


def adopted(environment: Mapping[str, str], from_file: Collection[str] = ()) -> dict[str, str]:
    """Return what the old variables set: our names and their values, none that is set already.

    from_file: names that came from a .env file, which do not count.
    """
    said = {old.name: environment.get(old.name, "").strip() for old in OLD if old.name not in from_file}
    found = {} if environment.keys() & {_LM, _BASE, _KEY, NO_LLM} else _model(said)
    if _is_on("DSPY_FORCE_JSON_OBJECT", said):
        found["DSPY_PROGRAMS_JSON_OBJECT"] = "1"
    return {name: value for name, value in found.items() if value and name not in environment}


def _model(said: Mapping[str, str]) -> dict[str, str]:
    name, ollama_name = said.get("MODEL_NAME", ""), said.get("OLLAMA_MODEL", "")
    if _is_on("LOCAL_MODE", said):
        return {NO_LLM: "1"}
    if _is_on("USE_OLLAMA", said) or (ollama_name and not said.get("USE_OLLAMA")):
        if not (ollama_name or name):
            raise UsageError("USE_OLLAMA is on, but OLLAMA_MODEL names no model; export OLLAMA_MODEL=NAME")
        place = said.get("OLLAMA_HOST") or said.get("OPENAI_BASE_URL") or _OLLAMA
        place = place if "://" in place else f"http://{place}"
        base = f"{place.rstrip('/').removesuffix('/v1')}/v1"
        return {_LM: f"openai/{ollama_name or name}", _BASE: base, _KEY: said.get("OLLAMA_API_KEY") or "ollama"}
    if not name:
        return {}
    spec = name if name.startswith("openai/") else f"openai/{name}"
    return {_LM: spec, _BASE: said.get("OPENAI_BASE_URL", ""), _KEY: said.get("OPENAI_API_KEY", "")}


def _is_on(name: str, said: Mapping[str, str]) -> bool:
    value = said.get(name, "").lower()
    if value and value not in (*_ON, *_OFF):
        raise UsageError(f"{name}: neither on nor off; write true or false")
    return value in _ON
