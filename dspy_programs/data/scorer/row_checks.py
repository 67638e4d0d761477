"""The checks of rows by themselves: json, missing, text_length, token_length, instruction."""

from collections import Counter
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.scorer.config import CheckName
from dspy_programs.data.scorer.excerpts import answer_of, asked_and_answered, fault_of, field_of
from dspy_programs.data.scorer.faults import SAID, RowFault
from dspy_programs.data.scorer.kept_rows import Kept
from dspy_programs.data.scorer.ready import Mask, Ready, shortened
from dspy_programs.data.scorer.result import CheckScore, Example, Finding
from dspy_programs.data.scorer.shapes import EMPTY, NULL
from dspy_programs.data.scorer.view import ANSWERED, ASKED, CHATS, GIVEN, REST
from dspy_programs.text import quantity

_SHORT_MEDIAN = 20  # characters; if most answers are that short, none is an outlier
_MAY_BE_EMPTY = frozenset((*GIVEN, *REST, *ASKED, *ANSWERED, *CHATS))  # the last three are looked at by what they say


def json_check(ready: Ready) -> CheckScore:
    """Rows that cannot be read, and texts that an encoding has damaged."""
    tally = ready.tally
    bad, findings = _by_faults(ready, "json")
    if tally.unreadable:
        examples = [Example(each.where, shortened(f"{each.reason}: {each.text}")) for each in tally.first_unreadable]
        findings.insert(
            0, Finding("unreadable", f"{quantity(tally.unreadable, 'row')} that cannot be read", tally.unreadable, examples)
        )
    of = ready.distinct + tally.unreadable
    damaged = ready.share(bad) * ready.distinct
    return ready.scored("json", (tally.unreadable + damaged) / of, findings, of)


def missing_check(ready: Ready) -> CheckScore:
    """Rows without a request or an answer, with a placeholder instead, or with an empty field that nearly all fill."""
    bad, findings = _by_faults(ready, "missing")
    for fault, meant, what in (
        (RowFault.NO_ANSWER, ready.answers(), "answer"),
        (RowFault.NO_REQUEST, ready.asks(), "request"),
    ):
        lacking = ready.has(fault)
        if meant and lacking.any():
            findings.insert(
                0, ready.finding(f"no_{what}", f"without {'an' if what == 'answer' else 'a'} {what}", lacking, _seen)
            )
            bad |= lacking
    for name, lacking in _empty_fields(ready).items():
        show = partial(_but, name=name)
        findings.append(
            ready.finding("empty_field", f"in which `{name}` is empty, which nearly all others fill", lacking, show)
        )
        bad |= lacking
    return ready.scored("missing", ready.share(bad), findings)


def text_length_check(ready: Ready) -> CheckScore:
    """Rows that are far too long or short by themselves, or beside the others."""
    config = ready.config
    bad, findings = _by_faults(ready, "text_length")
    lengths, answers = ready.numbers["characters"], ready.numbers["answer_characters"]
    usual = _usual(lengths[ready.first])
    long = (lengths > config.length_factor * max(usual, _SHORT_MEDIAN)) & ~bad
    if long.any():
        text = f"more than {config.length_factor:g} times as long as usual here, which is {usual:,} characters or more"
        findings.append(ready.finding("outlier", text, long, partial(fault_of, fault=RowFault.LONG_TEXT)))
    usual = _usual(answers[ready.first][answers[ready.first] > 0])
    short = (answers > 0) & (answers * config.length_factor < usual) & (usual >= _SHORT_MEDIAN)
    if short.any():
        text = f"with an answer {config.length_factor:g} times as short as usual here, which is {usual:,} characters or more"
        findings.append(ready.finding("short_answer", text, short, asked_and_answered))
    return ready.scored("text_length", ready.share(bad | long | short), findings)


def _usual(lengths: NDArray[np.uint32]) -> int:
    """Return the median as a power of two: one row more, or a worse one, hardly ever moves it."""
    median = int(np.median(lengths)) if len(lengths) else 0
    return 1 << (median.bit_length() - 1) if median else 0


def token_length_check(ready: Ready) -> CheckScore:
    """Rows that training would cut."""
    bad, findings = _by_faults(ready, "token_length")
    return ready.scored("token_length", ready.share(bad), findings)


def instruction_check(ready: Ready) -> CheckScore:
    """Requests and answers that would teach something wrong: refusals, echoes, turns out of order, fences, marks."""
    if not ready.asks() and not ready.answers():
        return ready.skipped("instruction", "the rows have no column that is known as a request or an answer")
    bad, findings = _by_faults(ready, "instruction")
    return ready.scored("instruction", ready.share(bad), findings)


def _by_faults(ready: Ready, check: CheckName) -> tuple[Mask, list[Finding]]:
    """Return which rows have a fault that the check looks for, and a finding for each kind."""
    bad = np.zeros(ready.rows, np.bool_)
    findings = []
    for fault, (of, kind, text) in SAID.items():
        if of == check and (rows := ready.has(fault)).any():
            said = text.format_map(ready.config.model_dump())
            findings.append(ready.finding(kind, said, rows, partial(fault_of, fault=fault)))
            bad |= rows
    return bad, sorted(findings, key=lambda finding: -finding.rows)


def _empty_fields(ready: Ready) -> dict[str, Mask]:
    """Return the rows in which a field is there but empty, though nearly all rows fill it."""
    shapes = ready.tally.shapes.listed()
    counts = np.bincount(ready.numbers["shape"], minlength=len(shapes))
    filled: Counter[str] = Counter()
    empty: dict[str, list[int]] = {}
    for number, (shape, count) in enumerate(zip(shapes, counts.tolist(), strict=True)):
        for name, kind in shape.items():
            if kind in (EMPTY, NULL):
                empty.setdefault(name, []).append(number)
            else:
                filled[name] += count
    least = ready.config.expected_field * ready.rows
    names = sorted(name for name in empty if filled[name] >= least and name.lower() not in _MAY_BE_EMPTY)
    return {name: np.isin(ready.numbers["shape"], empty[name]) for name in names}


def _seen(kept: Kept) -> str:
    return asked_and_answered(kept) or answer_of(kept) or ", ".join(f"{name}: {value!r}" for name, value in kept.fields.items())


def _but(kept: Kept, name: str) -> str:
    return f"{field_of(kept, name)}; {asked_and_answered(kept)}"
