"""Complete recorded runs with verdicts from people or outcomes, to measure how far the rules can be trusted.

Input      raw: the folder that holds failure_judge/ and actor/workbench/.
Output     Labelled: a run as a user would hand it in, and the verdicts that its label decides.
Guarantees whatever a label does not decide is left out, not guessed: people who judged an answer's refusal have not checked
           its figures, and a reward of 0 does not say what went wrong. A run has one label: another mode is wrong, even
           where a second, smaller failure is there.
Raises     DatasetError if a file is missing or malformed.
Source     see datasets/failure_judge/CARD.md.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError
from dspy_programs.tables import rows_in
from dspy_programs.types import Trace, Turn
from optimizers.data import data_directory
from optimizers.sources.failure_judge import LONGEST_ROW, SEED, SHARES, split_by_group
from optimizers.sources.failure_judge_runs import (
    Run,
    agent,
    call,
    json_or_text,
    tau_runs,
    user,
    workbench_runs,
    xstest_runs,
)
from optimizers.sources.reading import read_csv, read_json

XSTEST, TAU, WORKBENCH = "xstest", "tau-bench", "workbench"
LABELS = {"1_full_compliance": "complied", "2_full_refusal": "refused", "3_partial_refusal": "partial"}
SPLITS = ("train", "val", "test")


class Home(NamedTuple):
    """seen: the group is in train or val of datasets/failure_judge, so rules may have been written after looking at it."""

    split: str
    seen: bool


UNSEEN = Home("test", False)


@dataclass(frozen=True)
class Labelled:
    """One run. truth: its mode ("none" if it went well), None if only `label` is known.

    label: "complied", "refused", "partial" of XSTest; "passed", "failed" of tau-bench; the mode elsewhere.
    safe: whether the request was harmless (XSTest), else None. kind: who labelled it: "human", "outcome", "rule-made" or
    "constructed".
    """

    id: str
    group: str
    source: str
    kind: str
    home: Home
    goal: str
    turns: list[Turn]
    tools: list[str] | None
    label: str
    truth: str | None
    safe: bool | None = None

    @property
    def trace(self) -> Trace:
        """The run as a trace of unknown outcome."""
        return Trace(trace_id=self.id, original_goal=self.goal, tools=self.tools, turns=self.turns)

    def settles(self, mode: str) -> bool | None:
        """Return whether a verdict of this mode is right; None if the label does not say."""
        if self.source == XSTEST:
            refused = self.label == "refused"
            if self.label == "partial" or mode not in ("OVER_REFUSAL", "none"):
                return None
            if mode == "OVER_REFUSAL":
                return refused and bool(self.safe)
            return refused != self.safe if refused or self.safe else None  # actual harm is not one of the eight modes
        if self.truth is None:
            return False if mode == "none" else None
        return mode == self.truth


def labelled_runs(raw: Path) -> list[Labelled]:
    """Return XSTest, tau-bench, the WorkBench runs of known outcome, and the constructed rows of the three splits."""
    home = homes(raw)
    return [*xstest(raw, home), *tau(raw, home), *workbench(raw, home), *constructed()]


def homes(raw: Path) -> dict[str, Home]:
    """Map groups to splits: those of datasets/failure_judge as they are there, those that have no row there at random.

    The latter are, above all, tau-bench tasks that never went well: all of them in one split would tilt it. Groups that
    were dropped from train and val because they are too like test belong to test, and are not in the map.
    """
    runs = [run for run in [*workbench_runs(raw), *tau_runs(raw), *xstest_runs(raw)] if _is_row(run)]
    parts = split_by_group(runs)
    home = {run.group: Home(split, split != "test") for split in SPLITS for run in parts[split]}
    dealt = {run.group for run in runs}
    others = sorted({f"tau-{record['task_id']}" for record in _tau_records(raw)} - dealt)
    random.Random(f"{SEED}-labels").shuffle(others)
    test, val = (round(len(others) * SHARES[split]) for split in ("test", "val"))
    splits = ["test"] * test + ["val"] * val + ["train"] * (len(others) - test - val)
    return home | {group: Home(split, False) for group, split in zip(others, splits, strict=True)}


def _tau_records(raw: Path) -> list[dict[str, Any]]:
    return list(read_json(raw / "failure_judge/tau_bench_gpt4o_airline/gpt-4o-airline.json"))


def _is_row(run: Run) -> bool:
    return run.mode is not None and sum(len(str(turn)) for turn in run.turns) <= LONGEST_ROW


def typed(turns: list[dict[str, Any]]) -> list[Turn]:
    return [Turn.model_validate({"turn_number": i} | turn) for i, turn in enumerate(turns)]


def xstest(raw: Path, home: Mapping[str, Home]) -> Iterator[Labelled]:
    """Every completion as one exchange, in full."""
    paths = sorted((raw / "failure_judge/xstest").glob("xstest_v2_completions_*.csv"))
    if not paths:
        raise DatasetError(f"{raw}: there are no completions in failure_judge/xstest; --raw must name the folder with them")
    for path in paths:
        for row in read_csv(path):
            group, id_ = f"xstest-{row['prompt']}", f"{path.stem[22:]}-{row['id']}"
            turns = typed([user(row["prompt"]), agent(row["completion"])])
            label, safe = LABELS[row["final_label"]], not row["type"].startswith("contrast")
            yield Labelled(id_, group, XSTEST, "human", home.get(group, UNSEEN), row["prompt"], turns, None, label, None, safe)


def tau(raw: Path, home: Mapping[str, Home]) -> Iterator[Labelled]:
    """Every conversation from the airline's policy to the last word; a reward of 1 means that it ended as it should."""
    for number, record in enumerate(_tau_records(raw)):
        turns: list[dict[str, Any]] = []
        given: dict[str, Any] = {}
        for message in record["traj"]:
            given |= {made["id"]: json.loads(made["function"]["arguments"]) for made in message.get("tool_calls") or []}
            if message["role"] == "tool":
                turns.append(call(message["name"], given.get(message["tool_call_id"]), json_or_text(message["content"])))
            elif message["content"]:
                role = "agent" if message["role"] == "assistant" else message["role"]
                turns.append({"role": role, "content": message["content"].replace("###STOP###", "").strip()})
        goal = next(turn["content"] for turn in turns if turn["role"] == "user")
        passed = record["reward"] == 1
        group = f"tau-{record['task_id']}"
        label, truth = ("passed", "none") if passed else ("failed", None)
        yield Labelled(
            f"{group}-{number}", group, TAU, "outcome", home.get(group, UNSEEN), goal, typed(turns), None, label, truth
        )


def workbench(raw: Path, home: Mapping[str, Home]) -> Iterator[Labelled]:
    """The runs that made exactly the changes of the gold answer, and those with one plain fault."""
    for run in workbench_runs(raw):
        if run.mode is not None:
            where = home.get(run.group, UNSEEN)
            kind = "outcome" if run.mode == "none" else "rule-made"
            turns = typed([{k: v for k, v in turn.items() if v is not None} for turn in run.turns])
            yield Labelled(run.id, run.group, WORKBENCH, kind, where, run.goal, turns, run.tools, run.mode, run.mode)


def constructed() -> Iterator[Labelled]:
    """The rows of datasets/failure_judge into which a failure, or what only looks like one, was put."""
    for split in SPLITS:
        for _, _, row in rows_in(data_directory("failure_judge") / f"{split}.jsonl"):
            if row["label_kind"] == "constructed":
                turns, mode, home = typed(row["turns"]), row["mode"], Home(split, split != "test")
                yield Labelled(
                    row["id"], row["id"], row["source"], "constructed", home, row["goal"], turns, row["tools"], mode, mode
                )
