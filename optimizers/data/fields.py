"""The fields that a program's rows must have, and their validation: one typed example, or one line saying what is wrong."""

import difflib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import dspy
from pydantic import BeforeValidator, PydanticUserError, TypeAdapter, ValidationError

from dspy_programs.errors import DatasetError
from dspy_programs.predict import Program as OfOurs
from dspy_programs.schemas import definitions_in, normalize_tool
from dspy_programs.tables import Cell, one_line, refused
from dspy_programs.types import Function, Tool

Program = Callable[[], dspy.Module]  # a class, or anything else that makes one
ID: TypeAdapter[str | int] = TypeAdapter(str | int)
PROVENANCE = "provenance"  # of a harvested row: where it is from; no program learns from it, unless it is one of its fields
_SOME = 12  # names in a message


@dataclass(frozen=True)
class Fields:
    """inputs, labels: name -> type; labels None: any other field is one, unchecked; defaults: of optional fields."""

    inputs: Mapping[str, TypeAdapter[Any]]
    labels: Mapping[str, TypeAdapter[Any]] | None
    defaults: Mapping[str, Any]

    @property
    def types(self) -> dict[str, TypeAdapter[Any]]:
        return {**self.inputs, **(self.labels or {})}


def fields_of(program: Program, labels: Mapping[str, Any] | None) -> Fields:
    """Return the fields of a program's rows. A label with a default, Annotated[str, Field(default="")], is optional."""
    made = program()
    parameters = _inputs_with_types(made)
    typed = None if labels is None else {name: _type_adapter(type_) for name, type_ in labels.items()}
    defaults = {name: each.default for name, each in _signature_of(made).items() if each.default is not each.empty}
    for name, type_ in (typed or {}).items():
        if default := type_.get_default_value():
            defaults[name] = default.value
    return Fields({name: _type_adapter(type_) for name, type_ in parameters.items()}, typed, defaults)


def _inputs_with_types(program: dspy.Module) -> dict[str, Any]:
    """Map each input to its type: from a predictor's signature, else from `forward`, else anything.

    A user's own program may convert an argument before a predictor reads it, so there `forward` takes precedence.
    """
    try:
        hints = get_type_hints(type(program).forward)
    except NameError:  # a name that its file imports only for type checkers
        hints = {}
    fields = [item for each in program.predictors() for item in each.signature.input_fields.items()]
    told = {name: field.annotation for name, field in fields if not field.json_schema_extra.get("IS_TYPE_UNDEFINED")}
    names = list(_signature_of(program))
    if not names and (own := getattr(program, "signature", None) or next((p.signature for p in program.predictors()), None)):
        names = list(own.input_fields)  # `forward(**kwargs)`, as in DSPy's own modules
    known = hints | told if isinstance(program, OfOurs) else told | hints
    return {name: known.get(name, Any) for name in names}


def _signature_of(program: dspy.Module) -> dict[str, inspect.Parameter]:
    """Return the named parameters of a program's `forward`, except `self`."""
    _, *parameters = inspect.signature(type(program).forward).parameters.values()
    return {each.name: each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}


def _type_adapter(type_: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(_as_published_tools(type_))
    except PydanticUserError:  # a user's class without type information
        return TypeAdapter(Any)


def _as_published_tools(type_: Any) -> Any:
    """Return the type of a field; tools are read in every form that a call accepts."""
    if type_ == list[Tool]:
        return Annotated[list[Annotated[Tool, BeforeValidator(_as_tool)]], BeforeValidator(_unbundled)]
    return Annotated[list[Function], BeforeValidator(_unbundled)] if type_ == list[Function] else type_


def _as_tool(definition: Any) -> Any:
    if isinstance(definition, Tool):
        return definition
    found = normalize_tool(definition)
    return {field: found[field] for field in Tool.model_fields}


def _unbundled(value: Any) -> Any:
    """Return the tools inside a value, such as the answer of tools/list or a whole API."""
    return definitions_in(value) if isinstance(value, (Mapping, list)) else value


def example_of(where: str, row: Mapping[str, Any], default_id: str, fields: Fields) -> dspy.Example:
    """Turn one row into an example. Raises DatasetError as "where: field: why"."""
    types, known = fields.types, {"id", *fields.types}
    id_ = row.get("id")
    values = {"id": str(checked(where, "id", ID, id_)) if id_ not in (None, "") else default_id}
    for name, type_ in types.items():
        if name in row:
            values[name] = checked(where, name, type_, row[name], fields.defaults)
        elif name in fields.defaults:
            values[name] = fields.defaults[name]
        else:
            raise DatasetError(f"{where}: {name}: missing; {missing_field_message(name, row, fields)}")
    if not isinstance(values["id"], str):
        raise DatasetError(f"{where}: id: the program reads it and it names the row, so it must be text; rename the input")
    told = set() if fields.labels is None else {PROVENANCE}  # a user's own program may have a label of that name
    others = {name: value for name, value in row.items() if name not in known | told}
    if fields.labels is None:
        values |= {name: str(value) if isinstance(value, Cell) else value for name, value in others.items()}
    elif others:
        name = one_line(min(others), 60)
        raise DatasetError(f"{where}: {name}: unknown field; choose from id, {', '.join(types)}{meant(name, types)}")
    return dspy.Example(values).with_inputs(*fields.inputs)  # not **values: a field may be called base or self


def missing_field_message(missing: str, row: Mapping[str, Any], fields: Fields) -> str:
    """Say what a row has, what it needs, what is optional, and which of its names is closest to the missing one."""
    names = [one_line(name, 60) for name in row]
    others = [name for name in names if name not in ("id", *fields.types)]
    needed = listed(name for name in fields.types if name not in fields.defaults)
    optional = f"; optional: {listed(fields.defaults)}" if fields.defaults else ""
    return f"the row has {listed(names)} but needs {needed}{optional}{meant(missing, others)}"


def meant(name: str, others: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, others, 1)
    return f"; did you mean {near[0]} for {name}?" if near else ""


def listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SOME]) + (f" and {len(every) - _SOME} more" if len(every) > _SOME else "") or "nothing"


def checked(where: str, name: str, type_: TypeAdapter[Any], value: Any, defaults: Mapping[str, Any] | None = None) -> Any:
    """Return a validated value. An empty cell, or null if the type has none, means the default."""
    defaults = defaults or {}
    if name in defaults and isinstance(value, Cell) and not value.strip():
        return defaults[name]
    try:
        return _from_cell(type_, value) if isinstance(value, Cell) else type_.validate_python(value)
    except ValidationError as error:
        if name in defaults and value is None:
            return defaults[name]
        fault = error.errors(include_url=False, include_context=False)[0]
        inner = "".join(f".{part}" for part in fault["loc"])
        raise DatasetError(
            f"{where}: {one_line(name + inner, 100)}: {one_line(fault['msg'].removeprefix('Value error, '))}"
        ) from error


def _from_cell(type_: TypeAdapter[Any], cell: Cell) -> Any:
    """Return a CSV cell's value: its text if the field can be text, else JSON, or None if it is empty."""
    text = str(cell)
    try:
        return type_.validate_python(text)
    except ValidationError:
        if not text.strip():
            return type_.validate_python(None)
        try:
            value = json.loads(text, parse_constant=refused)
        except (ValueError, RecursionError):
            value = text
        return type_.validate_python(value)
