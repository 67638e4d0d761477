"""Reads a catalogue from a YAML file; the shipped one where none is named.

Raises     UsageError: one line with the file, the field and what is wrong.
"""

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from dspy_programs import strict_yaml
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.router.catalogue import Catalogue

VARIABLE = "DSPY_PROGRAMS_ROUTER"
"""Names the catalogue of `router/balanced` and of commands without --catalogue."""
_SHIPPED = Path(__file__).with_name("default.yaml")
_LARGEST = 5_000_000  # bytes


def read_catalogue(path: Path | None = None) -> Catalogue:
    """Return the catalogue of a file, of DSPY_PROGRAMS_ROUTER, else the shipped one ("default"). Raises UsageError."""
    if path == Path("default"):
        return catalogue_of(_yaml_in(_SHIPPED), str(_SHIPPED))
    named = path or (Path(found) if (found := os.environ.get(VARIABLE)) else None)
    file = named or _SHIPPED
    return catalogue_of(_yaml_in(file), str(file))


def catalogue_of(content: Any, source: str) -> Catalogue:
    """Check what a file has. Raises UsageError, which names the model rather than its place."""
    if not isinstance(content, dict):
        raise UsageError(f"{source}: a catalogue is a mapping with `models:`")
    try:
        return Catalogue.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{source}: {_told(first_fault(error, 'the catalogue'), content)}") from None


def _told(fault: str, content: dict[str, Any]) -> str:
    """Put a model's id beside its number: models.3.quality -> models.3 (openai/gpt-5.4): quality."""
    place, colon, what = fault.partition(": ")
    parts = place.split(".")
    if parts[0] == "models" and len(parts) > 1 and parts[1].isdecimal():
        known = content["models"][int(parts[1])]
        name = known.get("id") if isinstance(known, dict) else None
        parts[1] = f"{parts[1]} ({name})" if isinstance(name, str) else parts[1]
    return f"{'.'.join(parts)}{colon}{what.removeprefix('Value error, ')}"


def _yaml_in(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise UsageError(f"{path}: larger than {_LARGEST:,} bytes; this is not a catalogue")
        return strict_yaml.load(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot read a catalogue from it ({error.strerror or error})") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
