"""Who&When's conversations outside the judge's test rows: a source that contributes nothing to train and val.

Input      raw: as for failure_judge.py; own: the judge's rows.
Output     {"transfer_val": rows, "transfer_test": rows}; rows as those of failure_judge.py, with a turn and a reason by
           people and no mode.
Guarantees the same input gives the same rows, bit for bit; no goal shares more than half of its words with one of `own`,
           or with another here.
Raises     DatasetError if the file is missing or malformed.
Source     github.com/ag2ai/Agents_Failure_Attribution, commit f4d2b6da (MIT); see datasets/failure_judge/CARD.md.
"""

import random
from pathlib import Path
from typing import Any

from optimizers.sources.failure_judge import as_row
from optimizers.sources.failure_judge_runs import who_and_when_runs
from optimizers.sources.failure_judge_transplants import Made
from optimizers.sources.transfer import HALVES, Splits, Transfer, checked, unlike

SEED = 20261128

Row = dict[str, Any]


def build(raw: Path, own: Splits) -> dict[str, list[Row]]:
    """Deal out in turn what `own` has left."""
    runs = who_and_when_runs(raw)
    random.Random(SEED).shuffle(runs)
    rows = [as_row(run.id, run, Made(run.turns, run.turn, run.cause), None, "human") for run in runs]
    left = unlike(rows, own, lambda row: str(row["goal"]))
    return checked({half: left[place :: len(HALVES)] for place, half in enumerate(HALVES)}, raw)


TRANSFER = Transfer(("failure_judge/who_and_when",), build)
