"""The fields that every published tool definition has, under one name or another."""

from collections.abc import Mapping
from typing import Any

SCHEMAS = (
    *("parameters", "inputSchema", "input_schema", "parametersJsonSchema", "parameters_json_schema", "params_json_schema"),
    *("args_schema", "fn_schema"),
)
Plain = dict[str, Any]
"""`name`, `description` and `parameters`, a JSON schema; or a schema."""


def read(holder: Any, key: str) -> Any:
    return holder.get(key) if isinstance(holder, Mapping) else getattr(holder, key, None)


def tool_name_of(holder: Any) -> str | None:
    name = read(holder, "name")
    if name is None and isinstance(holder, Mapping):
        name = holder.get("operationId") or (holder.get("title") if "properties" in holder else holder.get("function"))
    return name if isinstance(name, str) else None


def tool_description_of(holder: Any) -> str:
    texts = (read(holder, key) for key in ("description", "desc", "summary"))
    return next((text for text in texts if isinstance(text, str)), "")
