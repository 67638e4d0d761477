"""The formats of an export: what a pair is as a row of each.

Formats    jsonl, json, csv, parquet: the pair. alpaca: instruction, input, output (system and history for a conversation).
           chatml, openai: messages. sharegpt: conversations. dpo: prompt, chosen, rejected, as TRL takes them: texts, or, if
           any pair is a conversation, messages. dspy: the fields of `instruction, input -> output`, for optimizers.train.
Guarantees a pair that a format cannot hold is left out with the reason, never bent into it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from dspy_programs.data.pair import DataPair
from dspy_programs.jsonable import to_jsonable

FormatName: TypeAlias = Literal["jsonl", "json", "csv", "parquet", "alpaca", "chatml", "sharegpt", "dpo", "openai", "dspy"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)
CONTAINERS = ("jsonl", "json", "csv", "parquet")
CSV_COLUMNS = ("id", "instruction", "input", "output", "category")
_TEXTS = ("id", "instruction", "input", "output", "context", "category", "difficulty", "rejected", "source_seed", "created_at")
_HUMAN = {"user": "human", "assistant": "gpt"}
_OPENAI_ROLES = ("system", "developer", "user", "assistant", "tool", "function")

_encoded = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode

Row: TypeAlias = dict[str, Any]


class Seen(NamedTuple):
    """What the rows of an export have in common, known before the first is written."""

    has_turns: bool = False
    has_context: bool = False

    def with_pair(self, pair: DataPair) -> "Seen":
        return Seen(self.has_turns or bool(pair.messages), self.has_context or bool(pair.context))


class Format(NamedTuple):
    """row: a pair as a row; problem: why a pair cannot be one, or None; columns: of Parquet, each text or turns."""

    row: Callable[[DataPair, Seen], Row]
    problem: Callable[[DataPair], str | None]
    columns: Callable[[Seen], Mapping[str, str]]


def prompt_of(pair: DataPair) -> str:
    """Return what is asked, as one text."""
    return "\n\n".join(filter(None, (pair.context, pair.instruction, pair.input)))


def messages_of(pair: DataPair) -> list[Row]:
    """Return the pair as turns."""
    if pair.messages:
        return [dict(turn) for turn in pair.messages]
    return [{"role": "user", "content": prompt_of(pair)}, {"role": "assistant", "content": pair.output}]


def _whole(pair: DataPair, seen: Seen) -> Row:
    return pair.model_dump(mode="json", exclude_defaults=True)


def _csv(pair: DataPair, seen: Seen) -> Row:
    return {name: getattr(pair, name) for name in CSV_COLUMNS}


def _parquet(pair: DataPair, seen: Seen) -> Row:
    row: Row = {name: getattr(pair, name) for name in _TEXTS}
    turns = as_json(pair.messages) if pair.messages else None
    return {**row, "cycle_id": pair.cycle_id, "metadata": as_json(pair.metadata), "messages": turns}


def _alpaca(pair: DataPair, seen: Seen) -> Row:
    if not pair.messages:
        given = "\n\n".join(filter(None, (pair.context, pair.input)))
        return {"instruction": pair.instruction, "input": given, "output": pair.output}
    turns = messages_of(pair)
    system = "\n\n".join(turn["content"] for turn in turns if turn["role"] == "system")
    said = [turn["content"] for turn in turns if turn["role"] != "system"]
    history = [list(each) for each in zip(said[:-2:2], said[1:-2:2], strict=True)]
    return {"instruction": said[-2], "input": "", "output": said[-1], "system": system, "history": history}


def _messages(pair: DataPair, seen: Seen) -> Row:
    return {"messages": messages_of(pair)}


def _sharegpt(pair: DataPair, seen: Seen) -> Row:
    turns = [{"from": _HUMAN.get(turn["role"], turn["role"]), "value": turn["content"]} for turn in messages_of(pair)]
    return {"id": pair.id, "conversations": turns}


def _dpo(pair: DataPair, seen: Seen) -> Row:
    if not seen.has_turns:
        return {"prompt": prompt_of(pair), "chosen": pair.output, "rejected": pair.rejected}
    turns = messages_of(pair)
    worse = {"role": "assistant", "content": pair.rejected}
    return {"prompt": turns[:-1], "chosen": turns[-1:], "rejected": [worse]}


def _dspy(pair: DataPair, seen: Seen) -> Row:
    context = {"context": pair.context} if seen.has_context else {}
    return {"id": pair.id, **context, "instruction": pair.instruction, "input": pair.input, "output": pair.output}


def _any(pair: DataPair) -> str | None:
    return None


def _no_turns(pair: DataPair) -> str | None:
    return "is a conversation, which has no place here" if pair.messages else None


def _sound_turns(pair: DataPair) -> str | None:
    """Say why a pair is no conversation to learn an answer from."""
    turns = messages_of(pair)
    if any(not isinstance(turn.get("role"), str) for turn in turns):
        return "has a turn without a role"
    if turns[-1]["role"] != "assistant":
        return "does not end with an answer"
    if not str(turns[-1].get("content") or "").strip() and not turns[-1].get("tool_calls"):
        return "has an empty answer"
    return None


def _texts_only(pair: DataPair) -> str | None:
    if problem := _sound_turns(pair):
        return problem
    return None if all(isinstance(turn.get("content"), str) for turn in messages_of(pair)) else "has a turn that is not text"


def _alternating(pair: DataPair) -> str | None:
    if problem := _texts_only(pair):
        return problem
    roles = [turn["role"] for turn in messages_of(pair) if turn["role"] != "system"]
    fits = roles == ["user", "assistant"] * (len(roles) // 2)
    return None if fits else "has turns other than questions and answers in alternation"


def _openai(pair: DataPair) -> str | None:
    if problem := _sound_turns(pair):
        return problem
    odd = next((turn["role"] for turn in messages_of(pair) if turn["role"] not in _OPENAI_ROLES), None)
    if odd is not None:
        return f"has the role {odd!r:.40}"
    asked = any(turn["role"] == "user" and turn.get("content") for turn in messages_of(pair))
    return None if asked else "asks nothing"


def _preference(pair: DataPair) -> str | None:
    if not (pair.rejected or "").strip():
        return "has no worse answer"
    if pair.rejected == pair.output:
        return "has the same answer as the better and the worse"
    return _texts_only(pair)


def _text_columns(*names: str) -> Callable[[Seen], Mapping[str, str]]:
    return lambda seen: dict.fromkeys(names, "text")


def _columns_of_dpo(seen: Seen) -> Mapping[str, str]:
    return dict.fromkeys(("prompt", "chosen", "rejected"), "turns" if seen.has_turns else "text")


def _columns_of_alpaca(seen: Seen) -> Mapping[str, str]:
    texts = dict.fromkeys(("instruction", "input", "output"), "text")
    return {**texts, "system": "text", "history": "json"} if seen.has_turns else texts


def _columns_of_dspy(seen: Seen) -> Mapping[str, str]:
    return dict.fromkeys(("id", *(("context",) if seen.has_context else ()), "instruction", "input", "output"), "text")


_PAIR_COLUMNS = {**dict.fromkeys(_TEXTS, "text"), "cycle_id": "number", "metadata": "text", "messages": "text"}
FORMAT: dict[FormatName, Format] = {
    "jsonl": Format(_whole, _any, lambda seen: _PAIR_COLUMNS),
    "json": Format(_whole, _any, lambda seen: _PAIR_COLUMNS),
    "csv": Format(_csv, _no_turns, _text_columns(*CSV_COLUMNS)),
    "parquet": Format(_parquet, _any, lambda seen: _PAIR_COLUMNS),
    "alpaca": Format(_alpaca, _alternating, _columns_of_alpaca),
    "chatml": Format(_messages, _sound_turns, lambda seen: {"messages": "turns"}),
    "sharegpt": Format(_sharegpt, _texts_only, lambda seen: {"id": "text", "conversations": "said"}),
    "dpo": Format(_dpo, _preference, _columns_of_dpo),
    "openai": Format(_messages, _openai, lambda seen: {"messages": "turns"}),
    "dspy": Format(_dspy, _no_turns, _columns_of_dspy),
}


def as_json(value: object) -> str:
    """Return a value as JSON that every reader takes: no NaN, no lone surrogates."""
    try:
        text = _encoded(value)
        text.encode()
    except (ValueError, TypeError, RecursionError):
        return json.dumps(to_jsonable(value), ensure_ascii=False, allow_nan=False)
    return text
