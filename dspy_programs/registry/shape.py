"""A program's shape: the fields of its predictors with roles, types and schemas. A compiled file must match it.

A type is identified by its name and its schema, never by its file: a type that moves keeps its shape.
"""

import hashlib
import json
import re
from typing import Any

import dspy
from pydantic import BaseModel, TypeAdapter, field_validator
from pydantic.json_schema import CoreModeRef, CoreRef, DefsRef, GenerateJsonSchema

from dspy_programs.predict import FIELD as REASONING
from dspy_programs.text import shortened

_LONGEST = 1000  # characters of what a file says, in a message

# A text in quotes, which stays as it is (it ends at the latest where the type does), or the path before a name.
_QUOTED_OR_PATH = re.compile(
    r"""'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|(?<!\w)(?P<path>(?:(?:<locals>|[^\W\d]\w*+)\.)+)(?=[^\W\d]|<)""",
    re.DOTALL,
)


class FieldShape(BaseModel):
    """One field of a predictor as declared in the code; a compiled file fits only if it has the same."""

    name: str
    role: str
    type: str
    schema_sha256: str

    @field_validator("type")
    @classmethod
    def by_name(cls, type_: str) -> str:
        """Also read the earlier form of types, with module paths."""
        return without_paths(type_)

    def __str__(self) -> str:
        return f"{self.role} {self.name}: {self.type}"


Shapes = dict[str, list[FieldShape]]
"""predictor -> its fields in order; DSPy's JSON stores their texts by position only."""


class SchemaByPath(GenerateJsonSchema):
    """Pydantic's JSON schema; what has none, such as the function in a `dspy.Tool`, is anything."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        return {}


class SchemaByName(SchemaByPath):
    """Pydantic's JSON schema, but two types with one name are distinguished by a number, not by their module paths."""

    def get_defs_ref(self, core_mode_ref: CoreModeRef) -> DefsRef:
        reference, mode = core_mode_ref
        return super().get_defs_ref((CoreRef(re.sub(r"[^\[\],.]+\.", "", reference)), mode))


def shape_of(program: dspy.Module, schema: type[GenerateJsonSchema] = SchemaByName) -> Shapes:
    """Describe every predictor's fields in order."""
    return {
        predictor: [_field_shape(name, field, schema) for name, field in each.signature.fields.items()]
        for predictor, each in program.named_predictors()
    }


def _field_shape(name: str, field: Any, schema: type[GenerateJsonSchema] = SchemaByName) -> FieldShape:
    annotation = field.annotation
    written = json.dumps(TypeAdapter(annotation).json_schema(schema_generator=schema), sort_keys=True)
    return FieldShape(
        name=name,
        role=str(field.json_schema_extra["__dspy_field_type"]),
        type=annotation.__name__ if isinstance(annotation, type) else str(annotation),
        schema_sha256=hashlib.sha256(written.encode()).hexdigest(),
    )


def without_paths(type_: str) -> str:
    """Write a type without its module path: "list[my_package.types.Line]" -> "list[Line]"."""
    return _QUOTED_OR_PATH.sub(lambda found: "" if found["path"] else found[0], type_)


def misfit(saved: Shapes, program: dspy.Module) -> str | None:
    """Describe how the program differs from a saved shape; None if it fits, with names in the current or the earlier form."""
    difference = _first_difference(saved, shape_of(program))
    return difference and _first_difference(saved, shape_of(program, SchemaByPath)) and difference


def _first_difference(saved: Shapes, current: Shapes) -> str | None:
    """Describe the first difference between two programs: predictors, then fields in order, then types."""
    if saved.keys() != current.keys():
        return f"compiled for the predictors {shortened(', '.join(saved), _LONGEST)}; the code has {', '.join(current)}"
    for name in current:
        before, now = saved[name], current[name]
        if [field.name for field in before] != [field.name for field in now]:
            names = " -> ".join(shortened(", ".join(field.name for field in fields), _LONGEST) for fields in (before, now))
            return f"the fields of {name!r} differ or are in another order: {names}"
        for old, new in zip(before, now, strict=True):
            if old != new:
                inside = " (its schema)" if str(old) == str(new) else ""
                return f"a field of {name!r} has changed: {shortened(str(old), _LONGEST)} -> {new}{inside}"
    return None


def has_reasoning(shapes: Shapes) -> bool:
    """Return whether every predictor writes its reasoning before its answer."""
    return bool(shapes) and all(any(field.name == REASONING for field in fields) for fields in shapes.values())
