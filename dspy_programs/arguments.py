"""Check the arguments of a call against the function's JSON schema, and repair what is only written the wrong way.

Input      function: Function; arguments: what a model wrote, any JSON value.
Output     arguments: dict, repaired; repairs: list[str], what was changed; problems: list[str], what is still wrong.
           A call may be made where `problems` is empty. Nothing is filled in: a default is the function's own affair.
Holds      never raises and always ends, whatever the schema or the value is; the arguments given are not changed;
           a repair loses nothing: what is right is returned as it is, and repairing twice is repairing once.
Repaired   "5" for an integer, "2.5" for a number, "true" for a boolean, 5 for a string, 5.0 for an integer; JSON in a
           string for a list or an object; one value for a list of such; an enum or a name in another case or spacing;
           null for what may be left out, which then is.
Unchecked  pattern, format, multipleOf, uniqueItems, `if`, `not`: a pattern can take for ever to match.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import to_json

from dspy_programs.json_schema import items_of, options_of, pointed_at, properties_of, required_of, resolved, types_of
from dspy_programs.types import Function

DEEPEST = 50  # levels of a value, or of a schema
MOST_VISITS = 100_000  # values looked at in one check
LONGEST_SHOWN = 60  # characters of a value in a message
MOST_TOLD = 20  # repairs, and problems, that are put into words
MISSING = object()  # no value at all
LONGEST_NUMBER = 30  # characters of a string that may be a number

JSON = json.JSONEncoder(ensure_ascii=False)
INTEGER = re.compile(r"[+-]?[0-9]{1,15}(\.0+)?")
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?")


class Checked(NamedTuple):
    """The arguments after repair, what was repaired, and what is wrong all the same."""

    arguments: dict[str, Any]
    repairs: list[str]
    problems: list[str]


class Report:
    """What a check finds, in words only when it has ended: most trials are thrown away.

    The visits are counted over all trials of the check, so that none goes on for ever.
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
        told = [f"{path}: {shown(before)} {made(after)}" for path, before, after in self.repairs[:MOST_TOLD]]
        return told + and_more(len(self.repairs))

    def problems_told(self) -> list[str]:
        told = [
            f"{path}: {fault if value is MISSING else f'{shown(value)} {fault}'}"
            for path, value, fault in self.problems[:MOST_TOLD]
        ]
        return told + and_more(len(self.problems))


Check = Callable[[Any, str, Report, int], Any]
"""(value, path, report, depth) -> the value, repaired."""


def check(function: Function, arguments: Any) -> Checked:
    """Check the arguments of one call; the function's checker is made once and kept."""
    report = Report([0])
    try:
        checker = checker_of(to_json(function.parameters))
    except ValueError as error:  # half a surrogate pair in it, or hundreds of levels
        return Checked({}, [], [f"the schema of {function.name} cannot be read: {str(error)[:100]}"])
    repaired = checker(arguments, "", report, 0)
    return Checked(repaired if isinstance(repaired, dict) else {}, report.repairs_told(), report.problems_told())


@lru_cache(maxsize=1024)
def checker_of(parameters: bytes) -> Check:
    root = json.loads(parameters)
    return Compiler(root).object_check(resolved(root, root), 0, strict=True)


class Compiler:
    """Turn schemas into checks. A schema that is referred to is compiled when a value first needs it."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.referred: dict[str, Check] = {}

    def compile(self, schema: Any, level: int) -> Check:
        if level > DEEPEST:
            return too_deep
        if not isinstance(schema, dict):
            return anything
        if isinstance(reference := schema.get("$ref"), str):
            return self.reference(reference)
        options = [self.compile(option, level + 1) for option in options_of(schema)]
        if not options:
            options = [self.typed(schema, type_, level) for type_ in types_of(schema)]
        found = options[0] if len(options) == 1 else first_that_fits(options) if options else anything
        if isinstance(parts := schema.get("allOf"), list):
            found = every([found, *(self.compile(part, level + 1) for part in parts)])
        allowed = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(allowed, list) and "array" not in types_of(schema):
            found = one_of(found, allowed)
        return found

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

    def array_check(self, schema: dict[str, Any], level: int) -> Check:
        items = items_of(schema)
        allowed = schema.get("enum")
        if isinstance(allowed, list) and not any(isinstance(value, list) for value in allowed):
            items = {"enum": allowed, **items}  # a list's enum is sometimes meant for what is in it
        return of_length(array(self.compile(items, level + 1)), schema, "minItems", "maxItems", "items")

    def object_check(self, schema: dict[str, Any], level: int, strict: bool = False) -> Check:
        """strict: an unknown name is wrong unless the schema allows it, as for a function's arguments."""
        properties = {name: self.compile(inner, level + 1) for name, inner in properties_of(schema).items()}
        required = dict.fromkeys(required_of(schema))
        extra = schema.get("additionalProperties", not strict)
        others = None if extra is False else self.compile(extra, level + 1)
        spelled = unambiguous(properties)

        def is_dropped(name: Any, inner: Any) -> bool:
            """Tell whether an argument is only said to be missing."""
            known = properties.get(name, others)
            return inner is None and known is not None and name not in required and not allows_null(known)

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
                known = properties.get(name, others)
                if known is None:
                    report.problem(place, inner, "is not an argument of it")
                elif is_dropped(name, inner):
                    report.repair(place, None, MISSING)
                    continue
                repaired[name] = known(inner, place, report, depth + 1) if known else inner
            for name in required:
                if name not in repaired:
                    report.problem(f"{path}.{name}" if path else name, MISSING, "missing")
            return repaired

        return check_object


def anything(value: Any, path: str, report: Report, depth: int) -> Any:
    return value


def too_deep(value: Any, path: str, report: Report, depth: int) -> Any:
    return report.problem(path, value, f"cannot be checked: the schema has more than {DEEPEST} levels")


def exhausted(report: Report) -> bool:
    report.visits[0] += 1
    return report.visits[0] > MOST_VISITS


def integer(value: Any, path: str, report: Report, depth: int) -> Any:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer() and abs(value) < 1e15:
        return report.repair(path, value, int(value))
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER and INTEGER.fullmatch(value.strip()):
        return report.repair(path, value, int(value.strip().partition(".")[0]))
    return report.problem(path, value, "is not an integer")


def number(value: Any, path: str, report: Report, depth: int) -> Any:
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER and NUMBER.fullmatch(text := value.strip()):
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


SCALARS: dict[str, Check] = {"integer": integer, "number": number, "boolean": boolean, "string": string, "null": null}


def array(item: Check) -> Check:
    def check_array(value: Any, path: str, report: Report, depth: int) -> Any:
        value = read_json(value, list, path, report)
        if not isinstance(value, list):
            trial = Report(report.visits)
            alone = None if value is None else item(value, path, trial, depth + 1)
            if value is None or trial.problems:
                return report.problem(path, value, "is not a list")
            return report.repair(path, value, [alone])
        if depth > DEEPEST or exhausted(report):
            return report.problem(path, value, "is nested too deep, or too large, to be checked")
        report.visits[0] += len(value)
        return [item(inner, f"{path}[{i}]", report, depth + 1) for i, inner in enumerate(value)]

    return check_array


def first_that_fits(options: list[Check]) -> Check:
    """Take the first option that a value fits as it is, else the first that it fits after a repair."""

    def check_options(value: Any, path: str, report: Report, depth: int) -> Any:
        mended: tuple[Any, list[tuple[str, Any, Any]]] | None = None
        for option in options:
            if exhausted(report):
                return report.problem(path, value, "is nested too deep, or too large, to be checked")
            trial = Report(report.visits)
            result = option(value, path, trial, depth + 1)
            if not trial.problems:
                if not trial.repairs:
                    return result
                mended = mended or (result, trial.repairs)
        if mended is None:
            return report.problem(path, value, f"fits none of the {len(options)} forms it may have")
        report.repairs += mended[1]
        return mended[0]

    return check_options


def every(parts: list[Check]) -> Check:
    def check_every(value: Any, path: str, report: Report, depth: int) -> Any:
        for part in parts:
            value = part(value, path, report, depth + 1)
        return value

    return check_every


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
        return report.problem(path, value, f"is not one of {shown(allowed)}")

    return check_one_of


def within(inner: Check, schema: Mapping[str, Any]) -> Check:
    """Hold a number to its limits; the check itself where there are none."""
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
    if not tests:
        return inner

    def check_within(value: Any, path: str, report: Report, depth: int) -> Any:
        value = inner(value, path, report, depth)
        for words, test, limit in tests if type(value) in (int, float) else ():
            if test(value, limit):
                report.problem(path, value, f"is {words} {limit}")
        return value

    return check_within


def of_length(inner: Check, schema: Mapping[str, Any], least: str, most: str, unit: str) -> Check:
    low, high = (limit if type(limit := schema.get(key)) is int else None for key in (least, most))
    if low is None and high is None:
        return inner

    def check_length(value: Any, path: str, report: Report, depth: int) -> Any:
        value = inner(value, path, report, depth)
        if isinstance(value, (str, list)):
            if low is not None and len(value) < low:
                report.problem(path, value, f"has {len(value)} {unit}, fewer than {low}")
            if high is not None and len(value) > high:
                report.problem(path, value, f"has {len(value)} {unit}, more than {high}")
        return value

    return check_length


def allows_null(known: Check) -> bool:
    trial = Report([0])
    return known(None, "", trial, 0) is None and not trial.problems


def read_json(value: Any, wanted: type, path: str, report: Report) -> Any:
    """Read JSON written into a string, where it is of the type that is wanted."""
    if not (isinstance(value, str) and value.lstrip()[:1] == ("{" if wanted is dict else "[")):
        return value
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return report.repair(path or "arguments", value, inner) if isinstance(inner, wanted) else value


def unambiguous(names: Iterable[str]) -> dict[str, str]:
    """Map each name without case and spacing to the name, where it is the only one."""
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(fold(name), []).append(name)
    return {key: same[0] for key, same in folded.items() if len(same) == 1 and key}


def fold(name: Any) -> str:
    return re.sub(r"[\s_-]+", "", name[:200]).casefold() if isinstance(name, str) else ""


def made(value: Any) -> str:
    return "left out" if value is MISSING else f"made {shown(value)}"


def and_more(found: int) -> list[str]:
    return [f"and {found - MOST_TOLD} more"] if found > MOST_TOLD else []


def shown(value: Any) -> str:
    """Write a value for a message as JSON, only as far as it is shown: it may be very large."""
    text = ""
    try:
        for chunk in JSON.iterencode(value[: LONGEST_SHOWN + 1] if isinstance(value, str) else value):
            text += chunk[: LONGEST_SHOWN + 1]
            if len(text) > LONGEST_SHOWN:
                return f"{text[: LONGEST_SHOWN - 3]}..."
    except (TypeError, ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
    return text
