"""python -m tests.failures_agreement --raw DIR: how far the rules of the failure judge agree with people and with outcomes.

XSTest: refusals against human labels. Tau-bench: false alarms on conversations that passed. WorkBench: runs of known outcome.
Who&When: the blamed turn. Rules alone, whether the run went well unknown; 95 % bootstrap intervals over prompts, tasks and
templates. "seen" are the groups that are in train or val of datasets/failure_judge, where rules were written; "unseen" all
others.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dspy_programs.programs.failure_judge import Finding, Ruling, View, findings_of, ruling
from dspy_programs.types import Trace, Turn
from optimizers.scoring import group_interval
from optimizers.sources import Labelled, labelled_runs
from optimizers.sources.failure_judge_runs import who_and_when_runs
from optimizers.sources.failure_labels import TAU, WORKBENCH, XSTEST

NEAR = 2  # turns


class Judged(NamedTuple):
    run: Labelled
    findings: list[Finding]
    ruled: Ruling

    @property
    def refuses(self) -> bool:
        return any(finding.mode == "OVER_REFUSAL" for finding in self.findings)


def judged(run: Labelled) -> Judged:
    findings = findings_of(View(run.trace))
    return Judged(run, findings, ruling(findings))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="the folder that holds failure_judge/ and actor/workbench/")
    raw = parser.parse_args().raw
    all_judged = [judged(run) for run in labelled_runs(raw) if run.kind != "constructed"]
    by_source = {s: [j for j in all_judged if j.run.source == s] for s in (XSTEST, TAU, WORKBENCH)}
    xstest(by_source[XSTEST])
    tau(by_source[TAU])
    workbench(by_source[WORKBENCH])
    who_and_when(raw)


def shares(rows: Sequence[Judged]) -> Iterable[tuple[str, list[Judged]]]:
    yield "all", list(rows)
    yield "seen", [row for row in rows if row.run.home.seen]
    yield "unseen", [row for row in rows if not row.run.home.seen]


def xstest(rows: Sequence[Judged]) -> None:
    print(f"XSTest, {len(rows):,} completions of five models, each as one exchange\n")
    print("refusal found against refusal by people, partial ones counted as refusals")
    for name, part in shares(rows):
        print_agreement(name, part, lambda row: row.refuses, lambda row: row.run.label != "complied")
    whole = [row for row in rows if row.run.label != "partial"]
    print("the same without the completions that people call partial refusals")
    for name, part in shares(whole):
        print_agreement(name, part, lambda row: row.refuses, lambda row: row.run.label == "refused")
    print("verdict OVER_REFUSAL against a harmless request refused (the rules leave what sounds harmful to a model)")
    for name, part in shares(whole):
        wrong = [row for row in part if row.run.label == "refused"]
        print_agreement(name, part, over_refused, lambda row: row.run.label == "refused" and bool(row.run.safe))
        alarms = sum(over_refused(row) and not row.run.safe for row in wrong)
        print(f"          of {sum(not r.run.safe for r in wrong)} right refusals {alarms} are called OVER_REFUSAL")


def over_refused(row: Judged) -> bool:
    return row.ruled.mode == "OVER_REFUSAL"


def print_agreement(name: str, rows: Sequence[Judged], said: Callable[[Judged], bool], true: Callable[[Judged], bool]) -> None:
    places = {group: place for place, group in enumerate(dict.fromkeys(row.run.group for row in rows))}
    tables = np.zeros((len(places), 3))
    for row in rows:
        kind = {(True, True): 0, (True, False): 1, (False, True): 2}.get((said(row), true(row)))
        if kind is not None:
            tables[places[row.run.group], kind] += 1
    parts = []
    for label, figure in (("precision", precision), ("recall", recall), ("F1", f1)):
        low, high = group_interval(tables, figure)
        parts.append(f"{label} {float(figure(tables.sum(axis=0))):.3f} [{low:.3f}, {high:.3f}]")
    print(f"  {name:7} {', '.join(parts)}; {len(rows):,} rows")


def share_of(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def precision(table: np.ndarray) -> np.ndarray:
    return share_of(table[..., 0], table[..., 0] + table[..., 1])


def recall(table: np.ndarray) -> np.ndarray:
    return share_of(table[..., 0], table[..., 0] + table[..., 2])


def f1(table: np.ndarray) -> np.ndarray:
    return share_of(2 * table[..., 0], 2 * table[..., 0] + table[..., 1] + table[..., 2])


def alarm_share(table: np.ndarray) -> np.ndarray:
    return share_of(table[..., 0], table[..., 1])


def tau(rows: Sequence[Judged]) -> None:
    print('\ntau-bench airline, whole conversations: share with a verdict other than "none"')
    for label in ("passed", "failed"):
        for name, part in shares([row for row in rows if row.run.label == label]):
            print_alarms(f"{label} {name}", part)


def workbench(rows: Sequence[Judged]) -> None:
    print("\nWorkBench, runs of known outcome")
    right = [row for row in rows if row.run.truth == "none"]
    for name, part in shares(right):
        print_alarms(f"right {name}", part)
    print("  verdict right, where a plain rule says what went wrong (signs that the detectors use too)")
    for name, part in shares([row for row in rows if row.run.truth != "none"]):
        hits = Counter(str(row.run.truth) for row in part if row.ruled.mode == row.run.truth)
        totals = Counter(str(row.run.truth) for row in part)
        print(f"  {name:14} {', '.join(f'{mode} {hits[mode]}/{totals[mode]}' for mode in sorted(totals))}")


def print_alarms(name: str, rows: Sequence[Judged]) -> None:
    places = {group: place for place, group in enumerate(dict.fromkeys(row.run.group for row in rows))}
    tables = np.zeros((len(places), 2))
    for row in rows:
        tables[places[row.run.group]] += (row.ruled.mode != "none", 1)
    low, high = group_interval(tables, alarm_share)
    modes = Counter(row.ruled.mode for row in rows if row.ruled.mode != "none")
    named = ", ".join(f"{mode} {count}" for mode, count in modes.most_common()) or "none"
    print(f"  {name:14} {modes.total()}/{len(rows)} = {modes.total() / len(rows):.3f} [{low:.3f}, {high:.3f}]; {named}")


def who_and_when(raw: Path) -> None:
    """Blame a turn in runs that are known to have failed; people said which, but not in which mode."""
    exact = near = silent = 0
    runs = who_and_when_runs(raw)
    for run in runs:
        turns = [Turn(turn_number=i, **{k: v for k, v in turn.items() if v is not None}) for i, turn in enumerate(run.turns)]
        ruled = ruling(findings_of(View(Trace(original_goal=run.goal, turns=turns))), is_successful=False)
        silent += ruled.turn is None
        exact += ruled.turn == run.turn
        near += ruled.turn is not None and run.turn is not None and abs(ruled.turn - run.turn) <= NEAR
    print(
        f"\nWho&When, {len(runs)} failed conversations: turn exact {exact}, within {NEAR} turns {near}, no turn blamed {silent}"
    )


if __name__ == "__main__":
    main()
