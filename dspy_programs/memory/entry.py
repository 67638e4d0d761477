"""One item of an agent's memory: a message, a tool's result, or the compressed form of several.

Input      content: str, any text; role: "system", "user", "assistant", "tool" or "compressed" ("developer" is read as
           "system", "ai" and "agent" as "assistant", "human" as "user", "function" as "tool"); turn_number: 0-based or
           1-based, as the session counts; timestamp: seconds since 1970; metadata: JSON values. A call is kept in
           `tool_calls`, in OpenAI's form, a tool's result has `tool_call_id` and `name`, a speaker's name is `name`: in the
           metadata or in its `message`, which is the original message where it says more (see entries.py).
Guarantees an entry is never changed in place, so its token count stays valid; `MemoryStore.update_entry` replaces it.
           compression_history has one record for each original that an entry replaces: {strategy, original_content,
           timestamp, metadata, original}, where `original` has the other fields and `position` its place in the session.
Raises     pydantic.ValidationError for an invalid field.
"""

import json
import time
import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from dspy_programs.conversation import content_parts

Role = Literal["system", "user", "assistant", "tool", "compressed"]
_SAME_ROLE = {"developer": "system", "human": "user", "ai": "assistant", "agent": "assistant", "function": "tool"}


def new_id() -> str:
    return uuid.uuid4().hex[:16]  # short, because every original on disk has one


class MemoryEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(default_factory=new_id, min_length=1)
    content: str
    role: Role
    timestamp: float = Field(default_factory=time.time, allow_inf_nan=False)
    turn_number: int = 0
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    importance_score: float | None = None
    compression_history: list[dict[str, Any]] = Field(default_factory=list)

    @field_validator("content", mode="before")
    @classmethod
    def null_is_empty(cls, content: Any) -> object:
        return "" if content is None else content  # a message that only calls tools

    @field_validator("role", mode="before")
    @classmethod
    def common_role(cls, role: Any) -> object:
        return _SAME_ROLE.get(role, role) if isinstance(role, str) else role

    def kept(self, key: str) -> JsonValue:
        """Return the message's value for a key that has no field here, or None."""
        message = self.metadata.get("message")
        if key in self.metadata or not isinstance(message, dict):
            return self.metadata.get(key)
        return message.get(key) if "role" in message else None  # else it may be what a call has under that key

    @property
    def parts(self) -> list[Any]:
        """The parts of the content of the message that this entry was, in any dialect: pictures and files are among them."""
        return content_parts(self.metadata.get("message")) if self.metadata else []

    @property
    def calls(self) -> list[Any]:
        """The tool calls that this entry makes, as in its message."""
        calls = self.kept("tool_calls") if self.metadata else None
        return calls if isinstance(calls, list) else []

    @property
    def call_ids(self) -> list[str]:
        """The ids of the calls that this entry makes."""
        return [str(call["id"]) for call in self.calls if isinstance(call, dict) and call.get("id") is not None]

    @property
    def answers(self) -> str | None:
        """The id of the call whose result this entry is."""
        id_ = self.kept("tool_call_id") if self.metadata else None
        return None if id_ is None else str(id_)

    @property
    def chat_role(self) -> str:
        """The role for sending this entry to a chat model: one of its four, and never "tool" without a call."""
        if self.role == "compressed":
            return "user"  # so that there is always one, and it is nobody's words
        return "assistant" if self.role == "tool" and self.answers is None else self.role

    @property
    def text(self) -> str:
        """What a model reads of this entry, and so what is counted: the content, and the calls with their arguments."""
        return f"{self.content}\n{calls_as_text(self.calls)}" if self.metadata and self.calls else self.content


def calls_as_text(calls: list[Any]) -> str:
    """Format tool calls for reading: name(arguments), one per line; any other shape as JSON."""
    lines = []
    for call in calls:
        inner = call.get("function", call) if isinstance(call, dict) else call
        name = inner.get("name") if isinstance(inner, dict) else None
        if isinstance(inner, dict) and isinstance(name, str):
            arguments = inner.get("arguments", inner.get("args", inner.get("input", "")))
            arguments = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
            lines.append(f"{name}({arguments})")
        else:
            lines.append(json.dumps(call, ensure_ascii=False))
    return "\n".join(lines)
