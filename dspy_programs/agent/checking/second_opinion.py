"""Whether a script's result can be believed where nothing says what is right: another script must not come to something else.

A small model writes scripts that run and are wrong. Two of them that are wrong seldom agree.

Input      the end of the first script; the workspace as it was before.
Output     Opinion: who confirms the result and what speaks against it all the same, or why it is not believed.
Guarantees the workspace is left with the result that is believed, or as it was before.
Calls      of the model: one to three.
"""

import contextlib
import json
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import JsonValue

from dspy_programs.agent.acting.actors import TaskActor
from dspy_programs.agent.host import Host
from dspy_programs.agent.planning.ledger import LedgerTask
from dspy_programs.agent.scripts.accounting import unaccounted
from dspy_programs.agent.scripts.code_block import MISSING
from dspy_programs.agent.scripts.script import SETS
from dspy_programs.agent.workspace.snapshot import Snapshot
from dspy_programs.text import shortened

_MOST = 3  # more scripts
_OVERLAP = 0.8  # of the words of the shorter text
_SHOWN = 60  # characters of a result
_EMPTY = ("", "{}", "[]", "null", "None", "nan")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]+")


class End(NamedTuple):
    """What a script left: the texts of files that are new or changed, None for what is gone; what it printed."""

    files: dict[str, str | None]
    printed: str

    def __str__(self) -> str:
        told = [f"{path}: {shortened(text or '', _SHOWN)}" for path, text in self.files.items()]
        return "; ".join(told) or shortened(self.printed, _SHOWN) or "nothing"

    @property
    def text(self) -> str:
        return "\n".join([*filter(None, self.files.values()), self.printed])

    @property
    def is_nothing(self) -> bool:
        """Whether all that came of a script is empty, or says that something is missing."""
        texts = [text for text in self.files.values() if text is not None] or [self.printed]
        return all(text.strip() in _EMPTY or MISSING in text for text in texts) and None not in self.files.values()


class Opinion(NamedTuple):
    """What other scripts say. checked_by: "agreement" where one came to the same, "nothing" where none came to anything."""

    against: str = ""
    """Why the result is not believed: what the scripts came to, as no two agree."""
    checked_by: Literal["agreement", "nothing"] = "nothing"
    doubt: str = ""
    """What speaks against it although two scripts agree."""


def second_opinion(task: LedgerTask, actor: TaskActor, host: Host, kept: Snapshot) -> Opinion:
    """Let the actor do a task again that it has done, from the start."""
    ends = [_end(actor, host, kept)]
    if ends[0].is_nothing:
        kept.restore()
        return Opinion(f"the script came to nothing: {ends[0]}")
    states, codes = [Snapshot.of(host.workspace)], [_code(actor.own[-1].tool_input)]
    written = {(0, codes[0])}
    for number in range(1, _MOST + 1):
        if host.must_stop():
            break
        kept.restore()
        step = actor.again(number)
        wrote = (number % SETS, _code(step.calls[0].arguments) if step.calls else "")
        if not step.calls or wrote in written:  # the same script, written after the same examples, is no second opinion
            continue
        written.add(wrote)
        host.call(step.calls[0], task, actor)
        if host.harm_since(kept) or host.acceptance.checked(task, actor, actor.printed or "done") is None:
            continue
        found = _end(actor, host, kept)
        if found.is_nothing:
            continue
        if (same := next((place for place, end in enumerate(ends) if agree(found, end)), None)) is not None:
            kept.restore()
            left_out = unaccounted(host.wish, codes[same], ends[same].text, host.workspace)
            if (believed := states[same]) is not None:  # the likelier of the two
                believed.restore()
            host.tell("note", text="another script came to the same")
            return Opinion(checked_by="agreement", doubt=_doubt(len(ends) - 1, is_same(found, ends[same]), left_out))
        ends.append(found)
        codes.append(_code(step.calls[0].arguments))
        states.append(Snapshot.of(host.workspace))
    if len(ends) == 1 and (only := states[0]) is not None:  # the others came to nothing, so nothing speaks against it
        only.restore()
        host.tell("note", text="no other script came to a result, so nothing confirms this one")
        return Opinion()
    kept.restore()
    return Opinion(f"no two scripts came to the same, so none is believed: {' / '.join(map(str, ends))}")


def _doubt(others: int, same: bool, left_out: Sequence[str]) -> str:
    """Say what speaks against a result to which two scripts came. others: results to which only one came."""
    told = ["another script came to something else"] if others else []
    told += [] if same else ["two scripts came to nearly the same, and not quite"]
    told += [f"the script has nothing for {', '.join(map(repr, left_out))}"] if left_out else []
    return "; ".join(told)


def agree(one: End, other: End) -> bool:
    """Return whether two results say the same, whatever the layout."""
    if one.files.keys() != other.files.keys():
        return False
    pairs = [(text or "", other.files[path] or "") for path, text in one.files.items()]
    return all(_alike(*pair) for pair in pairs or [(one.printed, other.printed)])


def _alike(one: str, other: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(json.loads(one) == json.loads(other))
    lines = [sum(bool(line.strip()) for line in text.splitlines()) for text in (one, other)]
    if _numbers(one) != _numbers(other) or lines[0] != lines[1]:
        return False
    words = [set(_WORD.findall(text.lower())) for text in (one, other)]
    is_number = lines[0] == 1 and _numbers(one)
    return bool(is_number) or len(words[0] & words[1]) >= _OVERLAP * min(map(len, words))


def is_same(one: End, other: End) -> bool:
    """Return whether two results that agree are the same text, JSON or number, and differ in no more than blanks."""
    pairs = [(text or "", other.files[path] or "") for path, text in one.files.items()] or [(one.printed, other.printed)]
    return all(_equal(*pair) for pair in pairs)


def _equal(one: str, other: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(json.loads(one) == json.loads(other))
    lines = [[" ".join(line.split()) for line in text.splitlines() if line.strip()] for text in (one, other)]
    words = [_WORD.findall(text.lower()) for text in (one, other)]
    is_number = len(lines[0]) == len(lines[1]) == 1 and _numbers(one) and _numbers(one) == _numbers(other)
    return lines[0] == lines[1] or bool(is_number and ([] in words or words[0] == words[1]))


def _numbers(text: str) -> list[float | str]:
    """Return the numbers of a text, "1,000" and "1000.0" as the same."""
    found: list[float | str] = []
    for number in _NUMBER.findall(text):
        plain = re.sub(r",(?=\d{3}(?!\d))", "", number)
        try:
            found.append(float(plain))
        except ValueError:
            found.append(plain)
    return found


def _code(arguments: JsonValue) -> str:
    return str(arguments.get("code", "")) if isinstance(arguments, dict) else ""


def _end(actor: TaskActor, host: Host, kept: Snapshot) -> End:
    paths = [path for paths in kept.changes() for path in paths]
    return End({path: host.acceptance.read(path) for path in sorted(paths)}, actor.printed)
