"""Are these the calls that the task needs, with accepted arguments, and no call when no tool fits?

Input      gold: Example with `calls` (list[AcceptedCall], [] if no call is right); pred: an Actor's Prediction
           (`calls`, `finish`, `cannot`, `problems`, `failure`). Any field of pred may be missing or malformed.
Output     Score: function, arguments, decision, format, and exact (weight 0: the share of entirely correct rows), each in
           [0, 1], and a line of feedback for each that is not 1. If no call is right, 1.0 if and only if none is made.
Guarantees never raises, never draws at random; an unreadable reply scores 0; 1.0 exactly for accepted calls, in any order.
Source     the rules for accepted values are those of BFCL's AST check (Patil et al. 2025): "" marks an optional argument;
           text is compared without case, spaces and ,./-_*^; an integer counts as a float; lists item by item; objects
           key by key; parallel calls in any order.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import dspy
from pydantic import BaseModel, ConfigDict, JsonValue

from dspy_programs.text import f1
from dspy_programs.types import Call
from metrics.score import Component, Score, composite, unreadable

WEIGHTS = {"function": 0.3, "arguments": 0.45, "decision": 0.15, "format": 0.1, "exact": 0.0}
_MOST_PAIRED = 24  # calls of a reply compared with the accepted ones; the rest count as superfluous
MOST_EXACT = 8  # accepted calls up to which the best pairing is searched for; beyond, pairs are matched greedily
_UNWRITTEN = re.compile(r"[ ,./\-_*^]")


class AcceptedCall(BaseModel):
    """A call that is right. `accepted` lists what each argument may be; "" among it: the argument may be left out."""

    model_config = ConfigDict(extra="forbid")

    tool: str
    accepted: dict[str, list[JsonValue]]


class _Paired(NamedTuple):
    """An accepted call, the call made for it (None if missing), and the share of its arguments that are right."""

    wanted: AcceptedCall
    call: Call | None
    share: float


def calls_match(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score the calls of one step against the accepted ones."""
    wanted = [_as_accepted(call) for call in getattr(gold, "calls", None) or []]
    calls = calls_of(pred)
    failure = getattr(pred, "failure", None)
    if failure is not None or calls is None:
        return unreadable(WEIGHTS, pred, "calls", "its calls are not a list of {tool, arguments}", outline(wanted))
    parts = [
        _function_component(wanted, calls),
        _arguments_component(wanted, calls),
        _decision_component(wanted, calls, pred),
        format_component(calls, pred),
    ]
    exact = all(part.value == 1 for part in parts[:3])
    return composite([*parts, Component("exact", float(exact), WEIGHTS["exact"])])


def _function_component(wanted: Sequence[AcceptedCall], calls: Sequence[Call]) -> Component:
    gold, found = Counter(call.tool for call in wanted), Counter(call.tool for call in calls)
    missing, extra = sorted((gold - found).elements()), sorted((found - gold).elements())
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"not needed: {_shortened_text(', '.join(extra))}"] if extra else []
    message = f"{'; '.join(parts)}. Right: {outline(wanted)}" if parts else ""
    return Component("function", f1(gold, found), WEIGHTS["function"], message)


def _arguments_component(wanted: Sequence[AcceptedCall], calls: Sequence[Call]) -> Component:
    """Match every accepted call with the best fitting call made; a superfluous call counts as entirely wrong."""
    if not wanted and not calls:
        return Component("arguments", 1.0, WEIGHTS["arguments"])
    pairs = paired(wanted, calls)
    value = sum(pair.share for pair in pairs) / max(len(wanted), len(calls))
    faults = [fault for pair in pairs if pair.call for fault in _argument_faults(pair.call, pair.wanted)]
    return Component("arguments", value, WEIGHTS["arguments"], "; ".join(faults))


def _decision_component(wanted: Sequence[AcceptedCall], calls: Sequence[Call], pred: Any) -> Component:
    message = ""
    if calls and not wanted:
        message = "no tool on offer does what is asked, so no call is right: an empty list, and the reason in `cannot`"
    elif wanted and not calls:
        said = _shortened_text(str(getattr(pred, "cannot", None) or getattr(pred, "finish", None) or "nothing"))
        message = f"there is no call (it says: {said}). Right: {outline(wanted)}"
    return Component("decision", 0.0 if message else 1.0, WEIGHTS["decision"], message)


def format_component(calls: Sequence[Call], pred: Any) -> Component:
    """Require exactly one decision, and calls that their schemas allow."""
    problems = getattr(pred, "problems", None)
    faults = [str(problem) for problem in problems] if isinstance(problems, (list, tuple)) else []
    said = [text for name in ("finish", "cannot") if isinstance(text := getattr(pred, name, None), str) and text.strip()]
    if bool(calls) + len(said) != 1:
        faults.append("there must be one of calls, finish, cannot")
    return Component("format", 1 / (1 + len(faults)), WEIGHTS["format"], _shortened_text("; ".join(faults), 500))


def paired(wanted: Sequence[AcceptedCall], calls: Sequence[Call]) -> list[_Paired]:
    """Pair calls of the same function so that most arguments are right."""
    shares = [
        [_share_right(call, want) if call.tool == want.tool else None for want in wanted] for call in calls[:_MOST_PAIRED]
    ]
    chosen = _best_pairs(shares) if len(wanted) <= MOST_EXACT else _greedy_pairs(shares)
    made = {j: (calls[i], shares[i][j] or 0.0) for i, j in chosen}
    return [_Paired(want, *made.get(j, (None, 0.0))) for j, want in enumerate(wanted)]


def _best_pairs(shares: Sequence[Sequence[float | None]]) -> list[tuple[int, int]]:
    """Return the pairs (row, column), each used once, with the largest sum; None is no pair. Exact, by sets of columns."""
    best: dict[int, tuple[float, list[tuple[int, int]]]] = {0: (0.0, [])}
    for i, row in enumerate(shares):
        for used, (value, pairs) in list(best.items()):
            for j, share in enumerate(row):
                if share is not None and not used >> j & 1:
                    total, key = value + share + 1e-9, used | 1 << j  # even an entirely wrong pair gets feedback
                    if key not in best or total > best[key][0]:
                        best[key] = (total, [*pairs, (i, j)])
    return max(best.values(), key=lambda item: item[0])[1]


def _greedy_pairs(shares: Sequence[Sequence[float | None]]) -> list[tuple[int, int]]:
    cells = [(-share, i, j) for i, row in enumerate(shares) for j, share in enumerate(row) if share is not None]
    rows: set[int] = set()
    columns: dict[int, int] = {}
    for _, i, j in sorted(cells):
        if i not in rows and j not in columns:
            rows.add(i)
            columns[j] = i
    return [(i, j) for j, i in columns.items()]


def _share_right(call: Call, want: AcceptedCall) -> float:
    """Return right arguments over all that matter: those given and those required; optional ones earn nothing."""
    matter = call.arguments.keys() | {name for name, accepted in want.accepted.items() if "" not in accepted}
    right = [name for name in matter if _is_right(call, want, name)]
    return len(right) / len(matter) if matter else 1.0


def _is_right(call: Call, want: AcceptedCall, name: str) -> bool:
    return name in call.arguments and any(same(call.arguments[name], value) for value in want.accepted.get(name, []))


def _argument_faults(call: Call, want: AcceptedCall) -> list[str]:
    faults = []
    for name, accepted in want.accepted.items():
        right = " or ".join(_shortened_json(first_accepted(value)) for value in accepted[:4] if value != "")
        if name in call.arguments and not _is_right(call, want, name):
            faults.append(f"{call.tool}: {name} is {_shortened_json(call.arguments[name])}, right: {right or 'left out'}")
        elif name not in call.arguments and "" not in accepted:
            faults.append(f"{call.tool}: {name} is missing, right: {right}")
    extra = [name for name in call.arguments if name not in want.accepted]
    return faults + [f"{call.tool}: {_shortened_text(name)} is not asked for: leave it out" for name in extra[:5]]


def same(value: Any, accepted: Any) -> bool:
    """Return whether a value matches this accepted one. In an object, each key has its own list of accepted values."""
    if isinstance(accepted, str) or isinstance(value, str):
        return isinstance(accepted, str) and isinstance(value, str) and standard(value) == standard(accepted)
    if isinstance(accepted, bool) or isinstance(value, bool):
        return value is accepted
    if isinstance(accepted, list):
        return isinstance(value, list) and len(value) == len(accepted) and all(map(same, value, accepted))
    if isinstance(accepted, dict):
        return isinstance(value, dict) and _same_object(value, accepted)
    return bool(value == accepted)


def _same_object(value: dict[str, Any], accepted: dict[str, Any]) -> bool:
    lists = {name: options if isinstance(options, list) else [options] for name, options in accepted.items()}
    return value.keys() <= lists.keys() and all(
        any(same(value[name], option) for option in options) if name in value else "" in options
        for name, options in lists.items()
    )


def standard(text: str) -> str:
    return _UNWRITTEN.sub("", text).lower().replace("'", '"')


def first_accepted(accepted: Any) -> Any:
    """Return one of the values that an accepted one stands for: in an object, the first accepted for each key."""
    if isinstance(accepted, list):
        return [first_accepted(item) for item in accepted]
    if not isinstance(accepted, dict):
        return accepted
    lists = {name: options if isinstance(options, list) else [options] for name, options in accepted.items()}
    return {name: first_accepted(options[0]) for name, options in lists.items() if options and "" not in options}


def one_call(want: AcceptedCall) -> Call:
    """Return the shortest accepted call, without optional arguments."""
    arguments = {name: first_accepted(values[0]) for name, values in want.accepted.items() if values and "" not in values}
    return Call(tool=want.tool, arguments=arguments)


def _as_accepted(call: Any) -> AcceptedCall:
    return call if isinstance(call, AcceptedCall) else AcceptedCall.model_validate(call)


def calls_of(pred: Any) -> list[Call] | None:
    """Read the calls of a prediction; None for anything that is not a list of calls."""
    calls = getattr(pred, "calls", None)
    if not isinstance(calls, (list, tuple)):
        return None
    try:
        return [Call.model_validate(call if isinstance(call, dict) else call.model_dump()) for call in calls]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None


def outline(wanted: Sequence[AcceptedCall]) -> str:
    return "; ".join(_shortened_text(str(one_call(want)), 300) for want in wanted) or "no call, but `cannot` and the reason"


def _shortened_json(value: Any) -> str:
    return _shortened_text(json.dumps(value, ensure_ascii=False))


def _shortened_text(text: str, longest: int = 120) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."
