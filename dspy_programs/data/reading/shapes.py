"""What shape a row has, and the pair that it is.

Shapes     alpaca (instruction, input, output), prompt-completion, chatml (messages), openai (messages with tools, calls or
           weights), sharegpt (conversations), dpo (chosen and rejected, texts or messages), prompt-only, and generic: any other
           names that ALIASES or the mapping knows.
Output     the fields of a DataPair that differ from its defaults, in its order, as plain values: a million rows are read
           without building a million models.
Guarantees what no field takes is kept in `metadata`. The id is left to the caller.
Raises     NotTaken.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dspy_programs.data.reading.columns import Plan, plan_of, value_at
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
from dspy_programs.data.reading.row_fields import RowFields, require_shallow
from dspy_programs.tables import Cell, one_line

_ORDER = (
    *("instruction", "input", "output", "id", "context", "category", "difficulty"),
    *("messages", "rejected", "tools", "metadata", "source_seed", "cycle_id", "created_at"),
)
_KEPT = {"instruction", "id", "rejected", "cycle_id"}  # also an empty one
_OPENAI = {"tool_calls", "function_call", "weight", "name", "tool_call_id"}
_NO_PROMPT = "no prompt for chosen and rejected; name its column: --map instruction=..."
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
        for field in list(self.unmet):
            if value_at(row, self.unmet[field])[0]:
                del self.unmet[field]
        plan = plan_of(tuple(row), self.mapped, self.taken)
        read = RowFields(row, plan, self.mapping, self.tag)
        shape, fields = _texts_alone(read, plan) if plan.is_simple and read.all_texts() else _RowReader(read).shaped()
        if not (fields.get("instruction", "").strip() or fields.get("output", "").strip()):
            raise NotTaken("instruction and output are empty", "empty")
        fields["id"], fields["metadata"] = "", read.metadata(fields)
        made = {name: value for name in _ORDER if (value := fields.get(name)) is not None and (value or name in _KEPT)}
        return Shaped(shape, made)


def _texts_alone(read: RowFields, plan: Plan) -> tuple[str, dict[str, Any]]:
    """Read a row whose fields are all texts without a second look: so are most rows of most data sets."""
    read.used.update(plan.texts.values())
    return plan.shape, {field: read.row[column] for field, column in plan.texts.items()}


class _RowReader:
    def __init__(self, read: RowFields) -> None:
        self.read = read

    def shaped(self) -> tuple[str, dict[str, Any]]:
        read = self.read
        if self.is_preference():
            shape, fields = "dpo", self.preference()
        elif read.value("messages") is not None:
            shape, fields = self.conversation()
        elif read.has("instruction"):
            shape, fields = self.texts()
        else:
            names = ", ".join(one_line(name, 30) for name in list(read.row)[:_SOME]) or "nothing"
            raise NotTaken(f"no instruction in {names}; name its column: --map instruction=...")
        return shape, fields | read.about()

    def is_preference(self) -> bool:
        chosen, rejected = self.read.value("chosen"), self.read.value("rejected")
        if _is_answer(chosen):
            if not isinstance(rejected, (str, list, dict)):
                raise NotTaken("chosen without rejected")
            return True
        return _is_answer(rejected) and self.read.has("chosen", "output", "messages")

    # Shapes ----------------------------------------------------------------------------------------------------------------

    def texts(self) -> tuple[str, dict[str, Any]]:
        shape = self.read.plan.shape
        turns, answer = self.asked(), self.read.value("output")
        if turns is None and not is_talk(answer):
            fields = {name: self.read.text(name) for name in ("instruction", "input", "context", "output")}
            return shape, fields
        return shape, self.of_turns([*(turns or self.question()), *self.answered("output")])

    def conversation(self) -> tuple[str, dict[str, Any]]:
        self.read.use("messages")
        value = self.read.value("messages")
        turns = self.with_system(turns_of(value, self.read.column("messages")))
        if not turns:
            raise NotTaken("no messages", "empty")
        if any(_OPENAI & each.keys() for each in turns) or self.read.value("tools"):
            shape = "openai"
        else:
            shape = "sharegpt" if self.read.column("messages").lower().startswith("conversation") else "chatml"
        return shape, self.of_turns(turns)

    def preference(self) -> dict[str, Any]:
        better = next((name for name in ("chosen", "messages") if self.read.value(name) is not None), "output")
        self.read.use(better, "rejected")
        chosen, rejected = self.read.value(better), self.read.value("rejected")
        if self.read.value("messages") == chosen:
            self.read.use("messages")
        turns = None if better == "messages" else self.asked()
        if turns is None and not (_is_turns(chosen) or _is_turns(rejected) or better == "messages"):
            if not self.read.has("instruction"):
                raise NotTaken(_NO_PROMPT)
            fields = {name: self.read.text(name) for name in ("instruction", "input", "context")}
            return fields | {"output": self.read.text(better), "rejected": self.read.text("rejected")}
        answered = self.answered(better)
        whole = answered if answered and answered[0]["role"] != "assistant" else [*(turns or self.question()), *answered]
        fields = self.of_turns(self.with_system(whole)) | {"rejected": self.worse(answered)}
        if not fields["instruction"]:
            raise NotTaken(_NO_PROMPT)
        return fields

    def worse(self, chosen: list[Turn]) -> str:
        """Return the worse answer to what the chosen one answers."""
        rejected = self.answered("rejected")
        same = next((at for at, pair in enumerate(zip(chosen, rejected, strict=False)) if pair[0] != pair[1]), None)
        same = min(len(chosen), len(rejected)) - 1 if same is None else same
        if len(rejected) == 1 or (len(chosen) - same == 1 and len(rejected) - same == 1):
            return last_answered(rejected[-1:])
        most = max(len(chosen), len(rejected)) - same
        raise NotTaken(f"chosen and rejected differ in {most} messages; a pair has one worse answer")

    # Conversations ---------------------------------------------------------------------------------------------------------

    def asked(self) -> list[Turn] | None:
        """Return the turns before the answer if they are more than one text."""
        prompt = self.read.value("instruction")
        if isinstance(prompt, dict) and is_talk(prompt.get("messages")):
            prompt = prompt["messages"]
        if isinstance(prompt, list) and len(prompt) == 1 and is_talk(prompt[0]):
            prompt = prompt[0]
        if is_talk(prompt) or is_transcript(prompt):
            self.read.use("instruction")
            return self.with_system(turns_of(prompt, self.read.column("instruction")))
        history = turns_in_history(self.read.value("history"))
        if history is not None:
            self.read.use("history")
        system = self.read.value("system")
        if history or (isinstance(system, str) and system.strip()):
            return self.with_system([*(history or []), *self.question()])
        return None

    def question(self) -> list[Turn]:
        if not self.read.has("instruction"):
            return []
        return [turn("user", "\n\n".join(text for name in ("instruction", "input") if (text := self.read.text(name))))]

    def answered(self, field: str) -> list[Turn]:
        value = self.read.value(field)
        self.read.use(field)
        if _is_turns(value) or field == "messages":
            return turns_of(value, self.read.column(field))
        return [turn("assistant", text)] if (text := self.read.text(field)) else []

    def with_system(self, turns: list[Turn]) -> list[Turn]:
        system = self.read.value("system")
        if not isinstance(system, str) or any(each["role"] == "system" for each in turns):
            return turns
        self.read.use("system")
        return [turn("system", str(system)), *turns] if system.strip() else turns

    def of_turns(self, turns: list[Turn]) -> dict[str, Any]:
        for each in turns:
            require_shallow(each, "messages")
        fields: dict[str, Any] = {"instruction": first_asked(turns), "output": last_answered(turns)}
        if not is_plain(turns):
            fields["messages"] = turns
        return fields


def _is_answer(value: Any) -> bool:
    """Return whether a value is an answer, be it an empty one; an empty cell of a table is none."""
    return bool(value) if isinstance(value, (Cell, list, dict)) else isinstance(value, str)


def _is_turns(value: Any) -> bool:
    return is_talk(value) or is_transcript(value)
