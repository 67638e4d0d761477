"""python -m tests.single_answers [--split val] [--rows N] [--lm SPEC]: do judges of single answers judge as people prefer?

Each answer of a row on whose verdict all people agreed is judged alone by the rubric: passed should be the preferred one,
failed the other. By the rules, and with --lm by a model too. Told are agreement, kappa with its 95 % interval (bootstrap
over answers), the share passed, and how often the preferred answer scores higher. Train or validation rows only: test rows are
for `tests.judgments_read`.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from dspy_programs.data.judging.judges import Judge, ModelJudge, RulesJudge
from dspy_programs.data.judging.shown import Shown
from dspy_programs.data.judging.statistics import kappa_interval, kappa_of
from dspy_programs.data.judging.verdict import verdict_on
from dspy_programs.rubric import rubric_of
from dspy_programs.tables import rows_in
from optimizers.data import data_directory

QUALITY = rubric_of("quality")


def told(judge: Judge, rows: Sequence[dict[str, Any]]) -> str:
    passed, truth, higher, start = [], [], [], time.monotonic()
    for row in rows:
        overall = {}
        for side in ("response", "other"):
            opinion = judge.opinion(Shown(row["instruction"], row["input"], row[side]))
            verdict = verdict_on(QUALITY, opinion.scores, {})
            passed.append(verdict.passed)
            truth.append((row["verdict"] == "first") is (side == "response"))
            overall[truth[-1]] = verdict.scores["overall"]
        higher.append((overall[True] > overall[False]) + (overall[True] == overall[False]) / 2)
    said, right = np.array(passed), np.array(truth)
    table = np.array([[np.sum((said == one) & (right == other)) for other in (True, False)] for one in (True, False)])
    low, high = kappa_interval(table)
    return (
        f"{judge.name:28} agrees {np.mean(said == right):.3f}  kappa {float(kappa_of(table)):.3f} [{low:.3f}, {high:.3f}]  "
        f"passed {np.mean(said):.2f}  preferred higher {np.mean(higher):.3f}  "
        f"{(time.monotonic() - start) / len(said):.2f} s an answer, {len(said)} answers"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=["train", "val"], default="val")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--lm")
    asked = parser.parse_args()
    rows = [row for _, _, row in rows_in(data_directory("quality_judge") / f"{asked.split}.jsonl")]
    clear = [row for row in rows if row["unanimous"] and row["verdict"] != "tie"][: asked.rows]
    judges: list[Judge] = [RulesJudge(QUALITY)]
    if asked.lm:
        from dspy_programs.lm import connect, prepare

        prepare(lm := connect(asked.lm))
        judges.append(ModelJudge(lm, QUALITY))
    for judge in judges:
        print(told(judge, clear))


if __name__ == "__main__":
    main()
