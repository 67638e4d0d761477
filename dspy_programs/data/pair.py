"""A pair of a data set: one row for training, whatever it is for.

Formats    instruction pairs have instruction, input and output; a conversation of several turns, or with a system message, has
           `messages` too, whose first user turn is the instruction and whose last assistant turn is the output; a preference
           has the worse answer as `rejected`. `tools` are the definitions that the assistant may call, as published.
Guarantees two pairs have the same id if, and only if, all that a model would be trained on is the same: `input` counts.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, JsonValue

from dspy_programs.types import Pair


class DataPair(Pair):
    """One row. Where its rubric, judge and labels are: in files of their own, by its id."""

    model_config = ConfigDict(extra="forbid")

    output: str = ""
    id: str = ""
    context: str = ""
    category: str = ""
    difficulty: str = ""
    messages: list[dict[str, JsonValue]] | None = None
    rejected: str | None = None
    tools: list[JsonValue] | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    source_seed: str = ""
    cycle_id: int | None = None
    created_at: str = ""

    def identified(self) -> "DataPair":
        """Return it with its id, if it has none."""
        return self if self.id else self.model_copy(update={"id": id_of(self)})


def content_of(pair: DataPair) -> str:
    """Return all that a model would be trained on, as one text that no other content has."""
    return content_in(dict(pair))


def content_in(fields: Mapping[str, Any]) -> str:
    """Return the content of a pair that is not built: its fields by name, without those it does not have."""
    texts = [fields.get(name, "") for name in ("instruction", "input", "context", "output")]
    tools = [tools] if (tools := fields.get("tools")) else []
    return json.dumps([*texts, fields.get("messages"), fields.get("rejected"), *tools])


def id_of(pair: DataPair) -> str:
    """Return the id of a pair's content: the same in every ingest, on every machine."""
    return str(uuid_of(content_of(pair)))


def uuid_of(content: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, content)
