"""Turn a JSON schema into one check, a function."""

from collections.abc import Mapping
from typing import Any

from dspy_programs.programs.actor.arguments.choices import anything_but, every, first_that_fits, having, one_of, where, whether
from dspy_programs.programs.actor.arguments.report import DEEPEST, LONGEST_SHOWN, MISSING, Check, Report, exhausted
from dspy_programs.programs.actor.arguments.spelling import fold, unambiguous
from dspy_programs.programs.actor.arguments.values import (
    SCALARS,
    all_different,
    anything,
    array,
    nothing,
    null,
    of_length,
    read_json,
    string,
    within,
)
from dspy_programs.schemas import (
    alternatives_of,
    dependent_schemas,
    items_of,
    list_of,
    listed_in,
    named_in,
    others_in,
    pointed_at,
    properties_of,
    required_of,
    resolved,
    types_of,
)

_OF_OBJECTS = {
    *("required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"),
    *("dependentRequired", "dependencies"),
}


class Compiler:
    """Turn schemas into checks. A schema that is referred to is compiled when a value first needs it."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.referred: dict[str, Check] = {}

    def whole(self) -> Check:
        """Check all arguments: an object without unknown names, unless the schema allows them."""
        schema = resolved(self.root, self.root)
        return every([self.object_check(schema, 0, self.names()), *self.added(schema, 0)])

    def names(self) -> set[str] | None:
        """Return the names of all arguments, in any form; None if others are allowed."""
        try:
            forms = alternatives_of(self.root, self.root)
        except OverflowError:
            return None
        if any(others_in(form) is not False for form in forms):
            return None
        return {name for form in forms for name in named_in(form)}

    def compile(self, schema: Any, level: int) -> Check:
        if level > DEEPEST:
            return too_deep
        if schema is False:
            return nothing
        if not isinstance(schema, dict):
            return anything
        found = first_that_fits(
            [self.typed(schema, type_, level) for type_ in types_of(schema)] or [self.untyped(schema, level)]
        )
        found = every([found, *self.added(schema, level)])
        if schema.get("nullable") is True and not types_of(schema):
            found = first_that_fits([found, null])
        allowed = listed_in(schema)
        if allowed is not None and "array" not in types_of(schema):
            found = one_of(found, allowed + [None] * (schema.get("nullable") is True))
        return found

    def added(self, schema: dict[str, Any], level: int) -> list[Check]:
        """Return a schema's requirements besides its own type: by `$ref`, `allOf`, `anyOf`, `oneOf`, `not`, `if`."""
        checks = [self.reference(reference)] if isinstance(reference := schema.get("$ref"), str) else []
        checks += [self.compile(part, level + 1) for part in list_of(schema, "allOf")]
        for key in ("anyOf", "oneOf"):
            if options := [self.compile(option, level + 1) for option in list_of(schema, key)]:
                checks.append(first_that_fits(options, alone=key == "oneOf"))
        if isinstance(schema.get("not"), (dict, bool)):
            checks.append(anything_but(self.compile(schema["not"], level + 1)))
        if isinstance(schema.get("if"), (dict, bool)):
            checks.append(whether(*(self.compile(schema.get(key), level + 1) for key in ("if", "then", "else"))))
        for name, inner in dependent_schemas(schema).items():
            checks.append(whether(having(name), self.compile(inner, level + 1), anything))
        return checks

    def reference(self, reference: str) -> Check:
        def check_reference(value: Any, path: str, report: Report, depth: int) -> Any:
            if depth > DEEPEST or exhausted(report):
                return report.problem(path, value, "is nested too deep, or too large, to be checked")
            if reference not in self.referred:
                self.referred[reference] = self.compile(pointed_at(reference, self.root), 0)
            return self.referred[reference](value, path, report, depth + 1)

        return check_reference

    def typed(self, schema: dict[str, Any], type_: str, level: int) -> Check:
        if type_ == "object":
            return self.object_check(schema, level)
        if type_ == "array":
            return self.array_check(schema, level)
        if type_ in ("integer", "number"):
            return within(SCALARS[type_], schema)
        if type_ == "string":
            return of_length(string, schema, "minLength", "maxLength", "characters")
        return SCALARS[type_]

    def untyped(self, schema: dict[str, Any], level: int) -> Check:
        """Check a value of any type against the rules for its own type."""
        found = of_length(within(anything, schema), schema, "minLength", "maxLength", "characters", of=str)
        found = of_length(found, schema, "minItems", "maxItems", "items", of=list)
        return where(dict, self.object_check(schema, level), found) if _OF_OBJECTS & schema.keys() else found

    def array_check(self, schema: dict[str, Any], level: int) -> Check:
        first, rest = items_of(schema)
        allowed = schema.get("enum")
        if isinstance(allowed, list) and isinstance(rest, dict) and not any(isinstance(value, list) for value in allowed):
            rest = {"enum": allowed, **rest}  # a list's enum is sometimes meant for what is in it
        item = self.compile(rest, level + 1)
        found = array(item, [self.compile(one, level + 1) for one in first])
        found = of_length(found, schema, "minItems", "maxItems", "items")
        return all_different(found) if schema.get("uniqueItems") is True else found

    def object_check(self, schema: dict[str, Any], level: int, names: set[str] | None = None) -> Check:
        """names: of a function's arguments; any other is wrong unless the schema itself allows it."""
        properties = {name: self.compile(inner, level + 1) for name, inner in properties_of(schema).items()}
        required = dict.fromkeys(required_of(schema))
        dependent = _dependencies_in(schema)
        extra = others_in(schema)
        is_closed = schema.get("additionalProperties") is False and extra is False
        others = None if is_closed else anything if extra is False else self.compile(extra, level + 1)
        spelled = unambiguous(properties.keys() | (names or ()))

        def is_dropped(name: Any, inner: Any) -> bool:
            """Return whether a null only says that an argument is missing."""
            known = properties.get(name, others)
            return inner is None and known is not None and name not in required and not _allows_null(known)

        def check_object(value: Any, path: str, report: Report, depth: int) -> Any:
            value = read_json(value, dict, path, report)
            if not isinstance(value, dict):
                return report.problem(path or "arguments", value, "is not an object")
            if depth > DEEPEST or exhausted(report):
                return report.problem(path or "arguments", value, "is nested too deep, or too large, to be checked")
            dropped = {name for name, inner in value.items() if is_dropped(name, inner)}
            repaired = {}
            for name, inner in value.items():
                place = f"{path}.{str(name)[:LONGEST_SHOWN]}" if path else str(name)[:LONGEST_SHOWN]
                if name not in properties and (meant := spelled.get(fold(name))) and (meant not in value or meant in dropped):
                    name = report.repair(f"{place} (the name)", name, meant)
                known = properties.get(name)
                if known is None and (names is None or name in names):
                    known = others
                if known is None:
                    report.problem(place, inner, "is not an argument of it")
                elif is_dropped(name, inner):
                    report.repair(place, None, MISSING)
                    continue
                repaired[name] = known(inner, place, report, depth + 1) if known else inner
            with_others = [name for key in dependent.keys() & repaired for name in dependent[key]] if dependent else ()
            for name in {**required, **dict.fromkeys(with_others)} if with_others else required:
                if name not in repaired:
                    report.problem(f"{path}.{name}" if path else name, MISSING, "missing")
            return repaired

        return of_length(check_object, schema, "minProperties", "maxProperties", "properties", of=dict)


def _dependencies_in(schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, for each property, those that it requires."""
    given = [found for key in ("dependentRequired", "dependencies") if isinstance(found := schema.get(key), dict)]
    return {name: [each for each in needed if isinstance(each, str)] for found in given for name, needed in _lists_in(found)}


def _lists_in(found: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    return [(name, needed) for name, needed in found.items() if isinstance(needed, list)]


def too_deep(value: Any, path: str, report: Report, depth: int) -> Any:
    return report.problem(path, value, f"cannot be checked: the schema has more than {DEEPEST} levels")


def _allows_null(known: Check) -> bool:
    trial = Report([0])
    return known(None, "", trial, 0) is None and not trial.problems
