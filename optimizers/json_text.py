"""A value as JSON text, including pydantic models; rows and demonstrations are compared by it."""

import json
from typing import Any


def as_json(value: Any, sort_keys: bool = False) -> str:
    return json.dumps(
        value,
        ensure_ascii=False,
        sort_keys=sort_keys,
        default=lambda model: getattr(model, "model_dump", lambda: str(model))(),
    )
