"""What shape a row has, and the pair that it is.

Shapes     alpaca (instruction, input, output), prompt-completion, chatml (messages), openai (messages with tools, calls or
           weights), sharegpt (conversations), dpo (chosen and rejected, texts or messages), prompt-only, and generic: any other
           names that ALIASES or the mapping knows.
Output     the fields of a DataPair that differ from its defaults, in its order, as plain values: a million rows are read
           without building a million models.
Guarantees what no field takes is kept in `metadata`. The id is left to the caller.
Raises     NotTaken.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from dspy_programs.data.reading.columns import columns_of, required, value_at
from dspy_programs.data.reading.conversation import (
    Turn,
    first_asked,
    is_plain,
    is_talk,
    is_transcript,
    last_answered,
    turn,
    turns_in_history,
    turns_of,
)
from dspy_programs.data.reading.not_taken import NotTaken
from dspy_programs.tables import one_line

_DEEPEST = 100  # levels
_ORDER = (
    *("instruction", "input", "output", "id", "context", "category", "difficulty"),
    *("messages", "rejected", "tools", "metadata", "source_seed", "cycle_id", "created_at"),
)
_ALWAYS = {"instruction", "id"}
_OPENAI = {"tool_calls", "function_call", "weight", "name", "tool_call_id"}
_TEXT_SHAPES = {("instruction", "output"): "alpaca", ("prompt", "completion"): "prompt-completion"}
_OUR_OWN = {"source_seed": str, "created_at": str, "cycle_id": int}
_SOME = 8  # names in a reason


class Shaped(NamedTuple):
    shape: str
    fields: dict[str, Any]


class Shaper:
    """Makes pairs of rows. mapping: our field -> their column. tag: noted in each pair."""

    def __init__(self, mapping: Mapping[str, str], tag: str = "") -> None:
        self.mapping, self.tag = mapping, tag
        self.mapped, self.taken = frozenset(mapping), frozenset(mapping.values())
        self.unmet = dict(mapping)  # what no row had so far

    def shaped(self, row: Mapping[str, Any]) -> Shaped:
        """Return the shape of a row and its pair's fields."""
        return _RowReader(self, row).shaped()


class _RowReader:
    def __init__(self, shaper: Shaper, row: Mapping[str, Any]) -> None:
        self.row, self.tag = row, shaper.tag
        self.columns = columns_of(tuple(row), shaper.mapped, shaper.taken)
        self.mapping = shaper.mapping
        self.used = set(shaper.taken)
        for field in list(shaper.unmet):
            if value_at(row, shaper.unmet[field])[0]:
                del shaper.unmet[field]

    def shaped(self) -> Shaped:
        if self.value("rejected") is not None and self.has("chosen", "output", "messages"):
            shape, fields = "dpo", self.preference()
        elif self.value("messages") is not None:
            shape, fields = self.conversation()
        elif self.has("instruction"):
            shape, fields = self.texts()
        else:
            names = ", ".join(one_line(name, 30) for name in list(self.row)[:_SOME]) or "nothing"
            raise NotTaken(f"no instruction in {names}; name its column: --map instruction=...")
        if not (fields.get("instruction", "").strip() or fields.get("output", "").strip()):
            raise NotTaken("instruction and output are empty", "empty")
        fields |= self.about() | {"id": "", "metadata": self.metadata(fields)}
        made = {name: fields[name] for name in _ORDER if name in _ALWAYS or fields.get(name) not in ("", None)}
        return Shaped(shape, made)

    # Values ----------------------------------------------------------------------------------------------------------------

    def has(self, *fields: str) -> bool:
        return any(field in self.mapping or field in self.columns for field in fields)

    def value(self, field: str) -> Any:
        """Return the value of a field, or None."""
        if field in self.mapping:
            return value_at(self.row, self.mapping[field])[1]
        return self.row[self.columns[field]] if field in self.columns else None

    def column(self, field: str) -> str:
        return one_line(self.mapping.get(field) or self.columns.get(field) or field, 60)

    def use(self, *fields: str) -> None:
        self.used |= {self.columns[field] for field in fields if field in self.columns}

    def text(self, field: str) -> str:
        """Return a field as text; a number is its digits, and what the user mapped himself may be any JSON."""
        self.use(field)
        if field in self.mapping and field in ("instruction", "output"):
            required(self.row, field, self.mapping[field])
        value = self.value(field)
        if value is None or isinstance(value, str):
            return str(value or "")
        if isinstance(value, (bool, int, float)) or field in self.mapping:
            _require_shallow(value, self.column(field))
            return json.dumps(value, ensure_ascii=False)
        column = self.column(field)
        raise NotTaken(f"{column}: must be text, not {type(value).__name__}; name the text in it: --map {field}={column}....")

    # Shapes ----------------------------------------------------------------------------------------------------------------

    def texts(self) -> tuple[str, dict[str, Any]]:
        shape = self.shape_of_texts()
        turns, answer = self.asked(), self.value("output")
        if turns is None and not is_talk(answer):
            fields = {name: self.text(name) for name in ("instruction", "input", "context", "output")}
            return shape, fields
        return shape, self.of_turns([*(turns or self.question()), *self.answered("output")])

    def shape_of_texts(self) -> str:
        if not self.has("output"):
            return "prompt-only"
        asked, answered = (self.columns.get(field, "").lower() for field in ("instruction", "output"))
        return _TEXT_SHAPES.get((asked, answered), "generic")

    def conversation(self) -> tuple[str, dict[str, Any]]:
        self.use("messages")
        value = self.value("messages")
        turns = self.with_system(turns_of(value, self.column("messages")))
        if not turns:
            raise NotTaken("no messages", "empty")
        if any(_OPENAI & each.keys() for each in turns) or self.value("tools"):
            shape = "openai"
        else:
            shape = "sharegpt" if self.column("messages").lower().startswith("conversation") else "chatml"
        return shape, self.of_turns(turns)

    def preference(self) -> dict[str, Any]:
        better = "chosen" if self.has("chosen") else "output" if self.has("output") else "messages"
        self.use(better, "rejected")
        chosen, rejected = self.value(better), self.value("rejected")
        turns = None if better == "messages" else self.asked()
        if turns is None and not (_is_turns(chosen) or _is_turns(rejected) or better == "messages"):
            if not self.has("instruction"):
                raise NotTaken("no prompt for chosen and rejected; name its column: --map instruction=...")
            fields = {name: self.text(name) for name in ("instruction", "input", "context")}
            return fields | {"output": self.text(better), "rejected": self.text("rejected")}
        answered = self.answered(better)
        whole = answered if answered and answered[0]["role"] != "assistant" else [*(turns or self.question()), *answered]
        return self.of_turns(self.with_system(whole)) | {"rejected": self.worse(answered)}

    def worse(self, chosen: list[Turn]) -> str:
        """Return the worse answer to what the chosen one answers."""
        rejected = self.answered("rejected")
        same = next((at for at, pair in enumerate(zip(chosen, rejected, strict=False)) if pair[0] != pair[1]), None)
        same = min(len(chosen), len(rejected)) - 1 if same is None else same
        if len(rejected) == 1 or (len(chosen) - same == 1 and len(rejected) - same == 1):
            return last_answered(rejected[-1:])
        raise NotTaken(
            f"chosen and rejected differ in {max(len(chosen), len(rejected)) - same} messages; a pair has one answer"
        )

    # Conversations ---------------------------------------------------------------------------------------------------------

    def asked(self) -> list[Turn] | None:
        """Return the turns before the answer if they are more than one text."""
        prompt = self.value("instruction")
        if isinstance(prompt, dict) and is_talk(prompt.get("messages")):
            prompt = prompt["messages"]
        if is_talk(prompt) or is_transcript(prompt):
            self.use("instruction")
            return self.with_system(turns_of(prompt, self.column("instruction")))
        history = turns_in_history(self.value("history"))
        if history is not None:
            self.use("history")
        if history or self.value("system"):
            return self.with_system([*(history or []), *self.question()])
        return None

    def question(self) -> list[Turn]:
        if not self.has("instruction"):
            return []
        return [turn("user", "\n\n".join(text for name in ("instruction", "input") if (text := self.text(name))))]

    def answered(self, field: str) -> list[Turn]:
        value = self.value(field)
        self.use(field)
        if _is_turns(value) or field == "messages":
            return turns_of(value, self.column(field))
        return [turn("assistant", text)] if (text := self.text(field)) else []

    def with_system(self, turns: list[Turn]) -> list[Turn]:
        system = self.value("system")
        if not isinstance(system, str) or any(each["role"] == "system" for each in turns):
            return turns
        self.use("system")
        return [turn("system", str(system)), *turns] if system.strip() else turns

    def of_turns(self, turns: list[Turn]) -> dict[str, Any]:
        for each in turns:
            _require_shallow(each, "messages")
        fields: dict[str, Any] = {"instruction": first_asked(turns), "output": last_answered(turns)}
        if not is_plain(turns):
            fields["messages"] = turns
        return fields

    # What is said about a pair ---------------------------------------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in ("category", "difficulty"):
            value = self.value(field)
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                found[field] = str(value)
                self.use(field)
        for field, type_ in _OUR_OWN.items():
            value = self.value(field)
            if type(value) is type_:
                found[field] = value
                self.use(field)
        tools = self.value("tools")
        if isinstance(tools, list) and tools:
            _require_shallow(tools, self.column("tools"))
            found["tools"] = tools
            self.use("tools")
        return found

    def metadata(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        said = [value for name in ("instruction", "input", "output", "messages") if (value := fields.get(name))]
        rest = {
            name: value
            for name, value in self.row.items()
            if name not in self.used and value not in ("", None) and value not in said
        }
        own = self.value("metadata")
        if isinstance(own, dict):
            rest = {name: value for name, value in rest.items() if name != self.columns.get("metadata")} | own
        _require_shallow(rest, "a column")
        ours = {"source": "user", **({"tag": self.tag} if self.tag else {})}
        for name, value in ours.items():
            if name in rest and rest[name] != value:
                rest[f"{name}_"] = rest.pop(name)
        return {**rest, **ours}


def _is_turns(value: Any) -> bool:
    return is_talk(value) or is_transcript(value)


def _require_shallow(value: Any, where: str) -> None:
    """Refuse what readers of JSON give up on."""
    if isinstance(value, (dict, list)):
        level: list[Any] = [value]
        for _ in range(_DEEPEST):
            inner = (each for outer in level for each in (outer.values() if isinstance(outer, dict) else outer))
            level = [each for each in inner if isinstance(each, (dict, list))]
            if not level:
                return
        raise NotTaken(f"{where}: nested deeper than {_DEEPEST} levels")
