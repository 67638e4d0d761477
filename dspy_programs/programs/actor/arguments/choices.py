"""Checks made of other checks: one of several, all of them, not one, if one."""

from typing import Any

from dspy_programs.programs.actor.arguments.report import Check, Report, exhausted, json_excerpt
from dspy_programs.programs.actor.arguments.spelling import fold, unambiguous
from dspy_programs.programs.actor.arguments.values import anything


def where(kind: type, inner: Check, otherwise: Check) -> Check:
    def check_where(value: Any, path: str, report: Report, depth: int) -> Any:
        return (inner if isinstance(value, kind) else otherwise)(value, path, report, depth)

    return check_where


def first_that_fits(options: list[Check], alone: bool = False) -> Check:
    """Take the first option that a value fits unchanged, else the first that it fits after a repair.

    alone: an object must fit no other one. If an object fits none, its faults against the nearest are reported.
    """
    if len(options) == 1:
        return options[0]

    def check_options(value: Any, path: str, report: Report, depth: int) -> Any:
        fitting: list[tuple[Any, Report]] = []
        nearest: Report | None = None
        for option in options:
            if exhausted(report):
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


def anything_but(inner: Check) -> Check:
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
