"""Check a call's arguments against the function's JSON schema, and repair values that are merely in the wrong format.

Input      function: Function; arguments: what a model wrote, any JSON value.
Output     arguments: dict, repaired; repairs: list[str], what was changed; problems: list[str], what is still wrong.
           A call may be made if `problems` is empty. Nothing is filled in: defaults are up to the function.
Guarantees never raises and always terminates, whatever the schema or the value; the given arguments are not changed;
           repairs lose nothing: valid values are returned unchanged, and repairing is idempotent.
Repaired   "5" for an integer, "2.5" for a number, "true" for a boolean, 5 for a string, 5.0 for an integer; JSON in a
           string for a list or an object; one value for a list of such; an enum or a name in another case or spacing;
           null for an optional value, which is then dropped.
Unchecked  pattern, format, contains, propertyNames, the names of patternProperties: a pattern can take forever to match.
"""

import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import to_json

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
from dspy_programs.types import Function

DEEPEST = 64  # levels of a value, or of a schema
_MOST_VISITS = 100_000  # values looked at in one check
LONGEST_SHOWN = 60  # characters of a value in a message
MOST_TOLD = 20  # repairs, and problems, that are put into words
_MISSING = object()  # no value at all
_LONGEST_NUMBER = 30  # characters of a string that may be a number

JSON = json.JSONEncoder(ensure_ascii=False)
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}(\.0+)?")
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?")


class _Checked(NamedTuple):
    """The arguments after repair, what was repaired, and what is still wrong."""

    arguments: dict[str, Any]
    repairs: list[str]
    problems: list[str]


class Report:
    """What a check finds, put into words only at the end, because most trials are discarded.

    Visits are counted over all trials of the check, so that it always terminates.
    """

    __slots__ = ("problems", "repairs", "visits")

    def __init__(self, visits: list[int]) -> None:
        self.repairs: list[tuple[str, Any, Any]] = []
        self.problems: list[tuple[str, Any, str]] = []
        self.visits = visits

    def repair(self, path: str, before: Any, after: Any) -> Any:
        self.repairs.append((path, before, after))
        return after

    def problem(self, path: str, value: Any, fault: str) -> Any:
        self.problems.append((path, value, fault))
        return value

    def repairs_told(self) -> list[str]:
        told = [f"{path}: {json_excerpt(before)} {made(after)}" for path, before, after in self.repairs[:MOST_TOLD]]
        return told + _and_more(len(self.repairs))

    def problems_told(self) -> list[str]:
        told = [
            f"{path}: {fault if value is _MISSING else f'{json_excerpt(value)} {fault}'}"
            for path, value, fault in self.problems[:MOST_TOLD]
        ]
        told = list(dict.fromkeys(told))  # two parts of a schema may find the same
        return told + _and_more(len(self.problems))


Check = Callable[[Any, str, Report, int], Any]
"""(value, path, report, depth) -> the value, repaired."""


def check(function: Function, arguments: Any) -> _Checked:
    """Check the arguments of one call; the function's checker is built once and cached."""
    report = Report([0])
    try:
        checker = _checker_of(to_json(function.parameters))
    except ValueError as error:  # a lone surrogate in it, or hundreds of levels
        return _Checked({}, [], [f"the schema of {function.name} cannot be read: {str(error)[:100]}"])
    repaired = checker(arguments, "", report, 0)
    return _Checked(repaired if isinstance(repaired, dict) else {}, report.repairs_told(), report.problems_told())


@lru_cache(maxsize=1024)
def _checker_of(parameters: bytes) -> Check:
    root = json.loads(parameters)
    return _Compiler(root).whole()


class _Compiler:
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
            return _too_deep
        if schema is False:
            return nothing
        if not isinstance(schema, dict):
            return anything
        found = _first_that_fits(
            [self.typed(schema, type_, level) for type_ in types_of(schema)] or [self.untyped(schema, level)]
        )
        found = every([found, *self.added(schema, level)])
        if schema.get("nullable") is True and not types_of(schema):
            found = _first_that_fits([found, null])
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
                checks.append(_first_that_fits(options, alone=key == "oneOf"))
        if isinstance(schema.get("not"), (dict, bool)):
            checks.append(_anything_but(self.compile(schema["not"], level + 1)))
        if isinstance(schema.get("if"), (dict, bool)):
            checks.append(whether(*(self.compile(schema.get(key), level + 1) for key in ("if", "then", "else"))))
        for name, inner in dependent_schemas(schema).items():
            checks.append(whether(having(name), self.compile(inner, level + 1), anything))
        return checks

    def reference(self, reference: str) -> Check:
        def check_reference(value: Any, path: str, report: Report, depth: int) -> Any:
            if depth > DEEPEST or _exhausted(report):
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
            return within(_SCALARS[type_], schema)
        if type_ == "string":
            return _of_length(string, schema, "minLength", "maxLength", "characters")
        return _SCALARS[type_]

    def untyped(self, schema: dict[str, Any], level: int) -> Check:
        """Check a value of any type against the rules for its own type."""
        found = _of_length(within(anything, schema), schema, "minLength", "maxLength", "characters", of=str)
        found = _of_length(found, schema, "minItems", "maxItems", "items", of=list)
        return where(dict, self.object_check(schema, level), found) if _OF_OBJECTS & schema.keys() else found

    def array_check(self, schema: dict[str, Any], level: int) -> Check:
        first, rest = items_of(schema)
        allowed = schema.get("enum")
        if isinstance(allowed, list) and isinstance(rest, dict) and not any(isinstance(value, list) for value in allowed):
            rest = {"enum": allowed, **rest}  # a list's enum is sometimes meant for what is in it
        item = self.compile(rest, level + 1)
        found = array(item, [self.compile(one, level + 1) for one in first])
        found = _of_length(found, schema, "minItems", "maxItems", "items")
        return _all_different(found) if schema.get("uniqueItems") is True else found

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
            if depth > DEEPEST or _exhausted(report):
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
                    report.repair(place, None, _MISSING)
                    continue
                repaired[name] = known(inner, place, report, depth + 1) if known else inner
            with_others = [name for key in dependent.keys() & repaired for name in dependent[key]] if dependent else ()
            for name in {**required, **dict.fromkeys(with_others)} if with_others else required:
                if name not in repaired:
                    report.problem(f"{path}.{name}" if path else name, _MISSING, "missing")
            return repaired

        return _of_length(check_object, schema, "minProperties", "maxProperties", "properties", of=dict)


def anything(value: Any, path: str, report: Report, depth: int) -> Any:
    return value


def nothing(value: Any, path: str, report: Report, depth: int) -> Any:
    return report.problem(path, value, "may not be there")


def where(kind: type, inner: Check, otherwise: Check) -> Check:
    def check_where(value: Any, path: str, report: Report, depth: int) -> Any:
        return (inner if isinstance(value, kind) else otherwise)(value, path, report, depth)

    return check_where


def _dependencies_in(schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, for each property, those that it requires."""
    given = [found for key in ("dependentRequired", "dependencies") if isinstance(found := schema.get(key), dict)]
    return {name: [each for each in needed if isinstance(each, str)] for found in given for name, needed in _lists_in(found)}


def _lists_in(found: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    return [(name, needed) for name, needed in found.items() if isinstance(needed, list)]


def _too_deep(value: Any, path: str, report: Report, depth: int) -> Any:
    return report.problem(path, value, f"cannot be checked: the schema has more than {DEEPEST} levels")


def _exhausted(report: Report) -> bool:
    report.visits[0] += 1
    return report.visits[0] > _MOST_VISITS


def integer(value: Any, path: str, report: Report, depth: int) -> Any:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer() and abs(value) < 1e15:
        return report.repair(path, value, int(value))
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _INTEGER.fullmatch(value.strip()):
        return report.repair(path, value, int(value.strip().partition(".")[0]))
    return report.problem(path, value, "is not an integer")


def number(value: Any, path: str, report: Report, depth: int) -> Any:
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and NUMBER.fullmatch(text := value.strip()):
        return report.repair(path, value, int(text) if text.lstrip("+-").isdigit() else float(text))
    return report.problem(path, value, "is not a number")


def boolean(value: Any, path: str, report: Report, depth: int) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value[:9].strip().lower() in ("true", "false") and len(value) < 9:
        return report.repair(path, value, value.strip().lower() == "true")
    return report.problem(path, value, "is not true or false")


def string(value: Any, path: str, report: Report, depth: int) -> Any:
    if isinstance(value, str):
        return value
    if (type(value) is int and abs(value) < 1e15) or (type(value) is float and math.isfinite(value)):
        return report.repair(path, value, str(value))
    return report.problem(path, value, "is not a string")


def null(value: Any, path: str, report: Report, depth: int) -> Any:
    return None if value is None else report.problem(path, value, "is not null")


_OF_OBJECTS = {
    *("required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"),
    *("dependentRequired", "dependencies"),
}
_SCALARS: dict[str, Check] = {"integer": integer, "number": number, "boolean": boolean, "string": string, "null": null}


def array(item: Check, first: Sequence[Check] = ()) -> Check:
    def check_array(value: Any, path: str, report: Report, depth: int) -> Any:
        value = read_json(value, list, path, report)
        if not isinstance(value, list):
            trial = Report(report.visits)
            alone = None if value is None else (first[0] if first else item)(value, path, trial, depth + 1)
            if value is None or trial.problems:
                return report.problem(path, value, "is not a list")
            return report.repair(path, value, [alone])
        if depth > DEEPEST or _exhausted(report):
            return report.problem(path, value, "is nested too deep, or too large, to be checked")
        report.visits[0] += len(value)
        checks = itertools.chain(first, itertools.repeat(item))
        return [
            check(inner, f"{path}[{i}]", report, depth + 1) for i, (inner, check) in enumerate(zip(value, checks, strict=False))
        ]

    return check_array


def _first_that_fits(options: list[Check], alone: bool = False) -> Check:
    """Take the first option that a value fits unchanged, else the first that it fits after a repair.

    alone: an object must fit no other one. If an object fits none, its faults against the nearest are reported.
    """
    if len(options) == 1:
        return options[0]

    def check_options(value: Any, path: str, report: Report, depth: int) -> Any:
        fitting: list[tuple[Any, Report]] = []
        nearest: Report | None = None
        for option in options:
            if _exhausted(report):
                return report.problem(path, value, "is nested too deep, or too large, to be checked")
            trial = Report(report.visits)
            result = option(value, path, trial, depth + 1)
            if trial.problems:
                nearest = trial if nearest is None or len(trial.problems) < len(nearest.problems) else nearest
                continue
            fitting.append((result, trial))
            if not trial.repairs and not (alone and isinstance(value, dict)):
                return result
        as_it_is = [result for result, trial in fitting if not trial.repairs]
        if as_it_is:
            if len(as_it_is) > 1:
                report.problem(path or "arguments", value, f"fits {len(as_it_is)} forms, and may fit only one")
            return as_it_is[0]
        if fitting:
            report.repairs += fitting[0][1].repairs
            return fitting[0][0]
        report.problem(path or "arguments", value, f"fits none of the {len(options)} forms it may have")
        report.problems += nearest.problems if nearest and isinstance(value, dict) else []
        return value

    return check_options


def every(parts: list[Check]) -> Check:
    parts = [part for part in parts if part is not anything] or [anything]
    if len(parts) == 1:
        return parts[0]

    def check_every(value: Any, path: str, report: Report, depth: int) -> Any:
        for part in parts:
            value = part(value, path, report, depth + 1)
        return value

    return check_every


def fits(inner: Check, value: Any, path: str, report: Report, depth: int) -> bool:
    """Return whether a value is valid unchanged."""
    trial = Report(report.visits)
    inner(value, path, trial, depth + 1)
    return not trial.problems and not trial.repairs


def _anything_but(inner: Check) -> Check:
    def check_not(value: Any, path: str, report: Report, depth: int) -> Any:
        if fits(inner, value, path, report, depth):
            report.problem(path or "arguments", value, "is what it may not be")
        return value

    return check_not


def whether(condition: Check, then: Check, otherwise: Check) -> Check:
    def check_whether(value: Any, path: str, report: Report, depth: int) -> Any:
        return (then if fits(condition, value, path, report, depth) else otherwise)(value, path, report, depth + 1)

    return check_whether


def having(name: str) -> Check:
    def check_having(value: Any, path: str, report: Report, depth: int) -> Any:
        return value if isinstance(value, dict) and name in value else report.problem(path, value, f"has no {name}")

    return check_having


def _all_different(inner: Check) -> Check:
    def check_different(value: Any, path: str, report: Report, depth: int) -> Any:
        value = inner(value, path, report, depth)
        if isinstance(value, list) and not _exhausted(report) and len(set(map(_whole_text, value))) < len(value):
            report.problem(path, value, "has the same item twice")
        return value

    return check_different


def _whole_text(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):  # no JSON: like nothing else
        return str(id(value))


def one_of(inner: Check, allowed: list[Any]) -> Check:
    texts = frozenset(value for value in allowed if isinstance(value, str))
    spelled = unambiguous(texts)

    def check_one_of(value: Any, path: str, report: Report, depth: int) -> Any:
        if isinstance(value, str):
            if value in texts:
                return value
            if meant := spelled.get(fold(value)):
                return report.repair(path, value, meant)
        before = len(report.problems)
        value = inner(value, path, report, depth + 1)
        if len(report.problems) > before or any(type(value) is type(other) and value == other for other in allowed):
            return value
        return report.problem(path, value, f"is not one of {json_excerpt(allowed)}")

    return check_one_of


def within(inner: Check, schema: Mapping[str, Any]) -> Check:
    """Check a number against its limits; return the check itself if there are none."""
    tests: list[tuple[str, Callable[[Any, Any], bool], Any]] = [
        (words, test, schema[key])
        for key, words, test in (
            ("minimum", "below", lambda value, limit: value < limit),
            ("maximum", "above", lambda value, limit: value > limit),
            ("exclusiveMinimum", "not above", lambda value, limit: value <= limit),
            ("exclusiveMaximum", "not below", lambda value, limit: value >= limit),
        )
        if type(schema.get(key)) in (int, float)
    ]
    for limit, exclusive, words, test in (
        ("minimum", "exclusiveMinimum", "not above", lambda value, limit: value <= limit),
        ("maximum", "exclusiveMaximum", "not below", lambda value, limit: value >= limit),
    ):
        if schema.get(exclusive) is True and type(schema.get(limit)) in (int, float):  # as draft 4 wrote it
            tests.append((words, test, schema[limit]))
    if type(step := schema.get("multipleOf")) is int and step > 0:
        tests.append(("no multiple of", lambda value, step: math.isfinite(value) and value % step != 0, step))
    if not tests:
        return inner

    def check_within(value: Any, path: str, report: Report, depth: int) -> Any:
        value = inner(value, path, report, depth)
        for words, test, limit in tests if type(value) in (int, float) else ():
            if test(value, limit):
                report.problem(path, value, f"is {words} {limit}")
        return value

    return check_within


def _of_length(inner: Check, schema: Mapping[str, Any], least: str, most: str, unit: str, of: Any = (str, list)) -> Check:
    low, high = (limit if type(limit := schema.get(key)) is int else None for key in (least, most))
    if low is None and high is None:
        return inner

    def check_length(value: Any, path: str, report: Report, depth: int) -> Any:
        value = inner(value, path, report, depth)
        if isinstance(value, of):
            if low is not None and len(value) < low:
                report.problem(path, value, f"has {len(value)} {unit}, fewer than {low}")
            if high is not None and len(value) > high:
                report.problem(path, value, f"has {len(value)} {unit}, more than {high}")
        return value

    return check_length


def _allows_null(known: Check) -> bool:
    trial = Report([0])
    return known(None, "", trial, 0) is None and not trial.problems


def read_json(value: Any, wanted: type, path: str, report: Report) -> Any:
    """Read JSON inside a string, if it is of the wanted type."""
    if not (isinstance(value, str) and value.lstrip()[:1] == ("{" if wanted is dict else "[")):
        return value
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return report.repair(path or "arguments", value, inner) if isinstance(inner, wanted) else value


def unambiguous(names: Iterable[str]) -> dict[str, str]:
    """Map each name, folded in case and spacing, to the original, if that is unambiguous."""
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(fold(name), []).append(name)
    return {key: same[0] for key, same in folded.items() if len(same) == 1 and key}


def fold(name: Any) -> str:
    return re.sub(r"[\s_-]+", "", name[:200]).casefold() if isinstance(name, str) else ""


def made(value: Any) -> str:
    return "left out" if value is _MISSING else f"made {json_excerpt(value)}"


def _and_more(found: int) -> list[str]:
    return [f"and {found - MOST_TOLD} more"] if found > MOST_TOLD else []


def json_excerpt(value: Any) -> str:
    """Format a value for a message as JSON, only as far as it is shown: it may be very large."""
    text = ""
    try:
        for chunk in JSON.iterencode(value[: LONGEST_SHOWN + 1] if isinstance(value, str) else value):
            text += chunk[: LONGEST_SHOWN + 1]
            if len(text) > LONGEST_SHOWN:
                return f"{text[: LONGEST_SHOWN - 3]}..."
    except (TypeError, ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
    return text
