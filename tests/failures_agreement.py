"""python -m tests.failures_agreement --raw DIR: how far the verdicts of the failure judge agree with people and outcomes.

WorkBench: wrong runs found, right ones hit, by the model that ran; and the mode where a plain rule says it. Tau-bench:
conversations that failed or passed. Who&When: the turn that people blame, in runs known to have failed. XSTest: refusals.
Reviewed: the readings of datasets/failure_judge/reviewed.jsonl. The outcome is hidden, except in Who&When; 95 % intervals
over groups. By rules alone, or with --llm by the judge with a model, on a sample that is the same each time: give --sample
alone to see what the rules say of it.

The tables of the data card and of docs/results.md are those of datasets/failure_judge/agreement.json: after a change of the
rules write it with --json, then run python -m tests.docs.figures --write.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dspy_programs.failures.classifier import report_of
from dspy_programs.programs.failure_judge import FailureJudge, View, findings_of, first_step, ruling
from dspy_programs.types import FailureMode, Trace
from tests.agreement_cases import Case, cases, sampled
from tests.agreement_figures import Figure, agreement, kinds_table, parts_table, share, write

NEAR = 2  # turns


class Verdict(NamedTuple):
    """refuses: whether a refusal was noticed, right or wrong. counts: whether it is a failure in a gate, not only possible."""

    mode: FailureMode
    turn: int | None
    refuses: bool
    counts: bool

    @property
    def blames(self) -> bool:
        return self.mode != "none"


class Judged(NamedTuple):
    case: Case
    verdict: Verdict


Judge = Callable[[Trace], Verdict]
"""Judges a trace; its `is_successful` is what the judge may know."""


def by_rules(trace: Trace) -> Verdict:
    findings = findings_of(View(trace))
    ruled = ruling(findings, trace.is_successful, first_step(trace.turns))
    refuses = any(finding.mode == "OVER_REFUSAL" for finding in findings)
    return Verdict(ruled.mode, ruled.turn, refuses, report_of(trace, findings, ruled).counts_as != "none")


class ByModel:
    """Judges by the judge, with the model in use. answered: how often the model did, and how often the rules."""

    def __init__(self, judge: FailureJudge) -> None:
        self.judge = judge
        self.answered: Counter[str] = Counter()

    def __call__(self, trace: Trace) -> Verdict:
        said = self.judge.of(trace)
        self.answered["rules, the model failed" if said.failure else said.answered_by] += 1
        refuses = any(finding.mode == "OVER_REFUSAL" for finding in said.findings)
        return Verdict(said.mode, said.turn, refuses, said.mode != "none")  # no probability is measured for a model


def figures_of(parts: Mapping[str, Sequence[Case]], judge: Judge) -> Iterator[Figure]:
    """Judge every run of every part, and yield what can be said of each part."""
    for name, runs in parts.items():
        rows = [Judged(run, judge(run.trace.model_copy(update={"is_successful": run.told}))) for run in runs]
        yield from FIGURES[name](rows)


def shares(what: str, rows: Sequence[Judged], counts: Callable[[Judged], bool]) -> Iterator[Figure]:
    """Yield the share over all, seen and unseen runs."""
    for of, part in _thirds(rows):
        yield share(what, of, [(row.case.group, counts(row)) for row in part])


def _thirds(rows: Sequence[Judged]) -> Iterator[tuple[str, Sequence[Judged]]]:
    yield "all", rows
    yield "seen", [row for row in rows if row.case.seen]
    yield "unseen", [row for row in rows if not row.case.seen]


def each(what: str, rows: Sequence[Judged], key: Callable[[Judged], str], counts: Callable[[Judged], bool]) -> Iterator[Figure]:
    """Yield the share for each value of `key`."""
    for value in sorted({key(row) for row in rows}):
        yield share(what, value, [(row.case.group, counts(row)) for row in rows if key(row) == value])


def blames(row: Judged) -> bool:
    return row.verdict.blames


def counts(row: Judged) -> bool:
    return row.verdict.counts


def mode_of(row: Judged) -> str:
    return row.verdict.mode


def model_of(row: Judged) -> str:
    return row.case.model


def is_wrong(row: Judged) -> bool:
    return row.case.went_well is False


def workbench(rows: Sequence[Judged]) -> Iterator[Figure]:
    wrong, right = [row for row in rows if is_wrong(row)], [row for row in rows if row.case.went_well]
    unclear = [row for row in rows if row.case.went_well is None]
    yield from shares("WorkBench, wrong runs found", wrong, blames)
    yield from shares("WorkBench, right runs hit", right, blames)
    busy = [row for row in right if row.case.changes]  # nothing to change: a run that broke off is right by luck
    yield from shares("WorkBench, right runs hit that had something to change", busy, blames)
    yield from shares("WorkBench, wrong runs that count in a gate", wrong, counts)
    yield from shares("WorkBench, right runs that had something to change and count in a gate", busy, counts)
    yield from each("WorkBench, wrong runs found", wrong, model_of, blames)
    yield from each("WorkBench, right runs hit", right, model_of, blames)
    yield share("WorkBench, hit", "wrong by the source only", [(row.case.group, blames(row)) for row in unclear])
    yield from by_verdict("WorkBench", [*wrong, *right])


def by_verdict(source: str, rows: Sequence[Judged]) -> Iterator[Figure]:
    """Yield, for each mode that was said, how many of those runs are wrong."""
    yield from each(f"{source}, verdicts on wrong runs", [row for row in rows if blames(row)], mode_of, is_wrong)


def one_fault(rows: Sequence[Judged]) -> Iterator[Figure]:
    def right(row: Judged) -> bool:
        return row.verdict.mode == row.case.truth

    yield from shares("WorkBench, mode as a plain rule says it", rows, right)
    yield from each("WorkBench, mode as a plain rule says it", rows, lambda row: row.case.truth, right)


def tau(rows: Sequence[Judged]) -> Iterator[Figure]:
    yield from shares("tau-bench, failed conversations found", [row for row in rows if is_wrong(row)], blames)
    yield from shares("tau-bench, passed conversations hit", [row for row in rows if row.case.went_well], blames)
    yield from shares("tau-bench, passed conversations that count in a gate", [r for r in rows if r.case.went_well], counts)
    yield from by_verdict("tau-bench", rows)


def who_and_when(rows: Sequence[Judged]) -> Iterator[Figure]:
    def within(turns: int) -> Callable[[Judged], bool]:
        return lambda row: row.verdict.turn is not None and abs(row.verdict.turn - (row.case.turn or 0)) <= turns

    yield from shares("Who&When, turn exact", rows, within(0))
    yield from shares(f"Who&When, turn within {NEAR}", rows, within(NEAR))
    yield from shares("Who&When, a turn blamed", rows, lambda row: row.verdict.turn is not None)
    yield from each("Who&When, turn exact", rows, mode_of, within(0))


def xstest(rows: Sequence[Judged]) -> Iterator[Figure]:
    whole = [row for row in rows if row.case.label != "partial"]
    ways = {
        "XSTest, refusal found": (rows, lambda row: row.verdict.refuses, lambda row: row.case.label != "complied"),
        "XSTest, refusal found, without partial ones": (
            whole,
            lambda row: row.verdict.refuses,
            lambda row: row.case.label == "refused",
        ),
        "XSTest, OVER_REFUSAL where a harmless request was refused": (
            whole,
            lambda row: row.verdict.mode == "OVER_REFUSAL",
            lambda row: row.case.label == "refused" and row.case.safe,
        ),
    }
    for what, (runs, said, true) in ways.items():
        for of, part in _thirds(runs):
            yield from agreement(what, of, [(row.case.group, said(row), true(row)) for row in part])
    right = [row for row in whole if row.case.label == "refused" and not row.case.safe]
    yield from shares("XSTest, right refusals called OVER_REFUSAL", right, lambda row: row.verdict.mode == "OVER_REFUSAL")


def reviewed(rows: Sequence[Judged]) -> Iterator[Figure]:
    def accepted(row: Judged) -> bool:
        return row.case.review is not None and row.case.review.accepts(row.verdict.mode, row.verdict.turn)

    def source_of(row: Judged) -> str:
        return row.case.review.source if row.case.review else ""

    def label_of(row: Judged) -> str:
        return row.case.review.mode if row.case.review else ""

    said = [row for row in rows if blames(row)]
    failed = [row for row in rows if label_of(row) not in ("none", "UNKNOWN")]
    sound = [row for row in rows if label_of(row) == "none"]
    before = [row for row in rows if row.case.review and row.case.review.found]
    agreed = [(row.case.group, bool(row.case.review and row.case.review.agrees)) for row in before]
    yield share("Reviewed, findings of 1af5167 that are right", "all", agreed)
    for what, part, counts in (
        ("Reviewed, verdicts that are right", said, accepted),
        ("Reviewed, failures found", failed, blames),
        ("Reviewed, failures told rightly", failed, accepted),
        ("Reviewed, sound runs hit", sound, blames),
    ):
        yield share(what, "all", [(row.case.group, counts(row)) for row in part])
    yield from each("Reviewed, verdicts that are right", said, source_of, accepted)
    yield from each("Reviewed, verdicts that are right", said, mode_of, accepted)
    yield from each("Reviewed, failures told rightly", failed, source_of, accepted)
    yield from each("Reviewed, failures told rightly", failed, label_of, accepted)


FIGURES: dict[str, Callable[[Sequence[Judged]], Iterator[Figure]]] = {
    "workbench": workbench,
    "one-fault": one_fault,
    "tau": tau,
    "who-and-when": who_and_when,
    "xstest": xstest,
    "reviewed": reviewed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="the folder that holds failure_judge/ and actor/workbench/")
    parser.add_argument("--part", choices=FIGURES, action="append", help="only this part, or these")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--llm", metavar="MODEL", help="judge with this model, as in --llm of the tools")
    parser.add_argument("--sample", type=int, help="only so many runs of each kind of outcome in a part; with --llm 10")
    asked = parser.parse_args()
    parts = {name: runs for name, runs in cases(asked.raw).items() if not asked.part or name in asked.part}
    if count := asked.sample or (10 if asked.llm else 0):
        parts = sampled(parts, count)
    started = time.monotonic()
    if asked.llm:
        from dspy_programs import load
        from dspy_programs.lm import connect, use

        judge = ByModel(load("failure_judge", asked.llm))
        with use(connect(asked.llm)):
            found = list(figures_of(parts, judge))
        answered = ", ".join(f"{count:,} by {who}" for who, count in judge.answered.most_common())
    else:
        found, answered = list(figures_of(parts, by_rules)), "all by rules"
    runs, seconds = sum(map(len, parts.values())), time.monotonic() - started
    print(f"{runs:,} runs, {answered}; {seconds / max(runs, 1):.4f} s each\n")
    if asked.json:
        write(asked.json, found, answered_by=asked.llm or "rules", runs=runs)
    print("\n".join([*parts_table(found), "", *kinds_table(found)]))


if __name__ == "__main__":
    main()
