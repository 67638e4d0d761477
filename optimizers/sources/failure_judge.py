"""Agent runs with their failures: real ones labelled by people, a reader or a rule, and failures inserted into correct runs.

Input      raw: the folder that holds failure_judge/ (workbench_traces, xstest, who_and_when, tau_bench_gpt4o_airline) and
           actor/workbench (its queries and answers); what a reader said of runs is shipped (failure_reviews.py).
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, goal, turns, final_result, is_successful, tools, mode,
           turn, cause, label_kind, source}, and `also` where a reader accepts other verdicts. `is_successful` is null in every
           row: it would give away the label.
Guarantees the same input gives the same rows, bit for bit; a task, a prompt or a conversation is in one split only, and no
           goal of train or val shares more than half of its words with one of test; wordings are not shared either.
Raises     DatasetError if a file is missing or malformed.
Source     see datasets/failure_judge/CARD.md.
"""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.text import jaccard, words
from optimizers.sources.failure_judge_runs import (
    Run,
    agent,
    tau_runs,
    who_and_when_runs,
    workbench_runs,
    xstest_runs,
)
from optimizers.sources.failure_judge_transplants import FAILURES, LOOK_ALIKES, Made, Transplant, swap_answer
from optimizers.sources.failure_judge_wordings import Words
from optimizers.sources.failure_reviews import reviews

SEED = 20261122
SIZES = {"train": (20, 70), "val": (9, 30), "test": (24, 80)}  # rows per mode, rows without a failure
_WHO_AND_WHEN = 40  # rows, all in test, after the others
SHARES = {"train": 0.38, "val": 0.17, "test": 0.45}  # of the groups of each source
LARGEST_OVERLAP = 0.5  # of the words of two goals (Jaccard), one of them in test
_SHARE_WITH_LATENCY = 0.4  # of the made rows: calls have an ordinary latency
_SHARE_WITHOUT_TOOLS = 0.4  # of the made rows in which no tool is invented: which tools there were is not recorded
_SHARE_HOSTILE = 0.06  # of the made failures: a turn tells the judge what to answer
LONGEST_ROW = 6000  # characters of all turns

Row = dict[str, Any]


def build(raw: Path, sizes: Mapping[str, tuple[int, int]] = SIZES) -> dict[str, list[Row]]:
    """Make the three splits; `sizes` are rows per mode and rows without a failure."""
    runs = [*workbench_runs(raw), *tau_runs(raw), *xstest_runs(raw)]
    known = [run for run in runs if run.mode is not None and sum(len(str(turn)) for turn in run.turns) <= LONGEST_ROW]
    parts = split_by_group(known)
    draw = random.Random(f"{SEED}-who-and-when")
    blamed = who_and_when_runs(raw)
    draw.shuffle(blamed)
    splits = {}
    for split, (each, without) in sizes.items():
        rows = _rows_of_split(split, parts[split], each, without)
        if split == "test":
            rows += [as_row(run.id, run, Made(run.turns, run.turn, run.cause), None, "human") for run in blamed[:_WHO_AND_WHEN]]
        splits[split] = rows
    goals = {frozenset(words(row["goal"])) for row in splits["test"]}
    return {split: rows + [row for row in _reviewed_rows(split) if _is_far(row, goals)] for split, rows in splits.items()}


def _reviewed_rows(split: str) -> Iterator[Row]:
    """Yield the short runs that a reader gave to a split: none of the transfer's source, none that only its outcome faults."""
    for review in reviews():
        turns = [turn.model_dump(exclude_none=True, exclude_defaults=True) for turn in review.trace.turns]
        is_apt = review.source != "who-and-when" and review.mode != "UNKNOWN" and len(str(turns)) <= LONGEST_ROW
        if review.split == split and is_apt:
            yield {
                "id": review.id,
                "goal": review.trace.original_goal,
                "turns": turns,
                "final_result": review.trace.final_result,
                "is_successful": None,
                "error": review.trace.error,
                "tools": review.trace.tools,
                "mode": review.mode,
                "turn": review.turn,
                "cause": review.cause,
                "label_kind": "reviewed",
                "source": review.source,
                "also": [verdict.model_dump() for verdict in review.also],
            }


def _is_far(row: Row, goals: Collection[frozenset[str]]) -> bool:
    return all(jaccard(words(row["goal"]), goal) <= LARGEST_OVERLAP for goal in goals)


def split_by_group(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Distribute the groups of each source, test first; then drop rows of train and val that are too similar to test."""
    home: dict[str, str] = {}
    for source in sorted({run.source for run in runs}):
        groups = sorted({run.group for run in runs if run.source == source})
        random.Random(f"{SEED}-{source}").shuffle(groups)
        test, val = (max(1, round(len(groups) * SHARES[split])) for split in ("test", "val"))
        home |= {group: "test" if i < test else "val" if i < test + val else "train" for i, group in enumerate(groups)}
    parts: dict[str, list[Run]] = {"train": [], "val": [], "test": []}
    for run in runs:
        parts[home[run.group]].append(run)
    kept = list({frozenset(words(run.goal)) for run in parts["test"]})
    for split in ("val", "train"):
        near = {run.goal for run in parts[split] if any(jaccard(words(run.goal), goal) > LARGEST_OVERLAP for goal in kept)}
        parts[split] = [run for run in parts[split] if run.goal not in near]
    return parts


def _rows_of_split(split: str, runs: Sequence[Run], each: int, without: int) -> list[Row]:
    """Half of every kind as recorded, if there are enough, the rest constructed; then the kinds alternate."""
    draw = random.Random(f"{SEED}-{split}")
    bases = [run for run in runs if run.went_right]
    if not bases:
        raise DatasetError(f"no run that went right is left for {split}")
    piles = []
    for mode, size in {**dict.fromkeys(FAILURES, each), "none": without}.items():
        recorded = spread([run for run in runs if run.mode == mode], draw)
        share = 2 * size // 3 if mode == "none" else size // 2
        pile = [as_row(run.id, run, Made(run.turns, run.turn, run.cause), mode, run.label_kind) for run in recorded[:share]]
        pile += _made_rows(split, mode, bases, size - len(pile), draw)
        draw.shuffle(pile)
        piles.append(pile)
    return [row for turn in zip_longest(*piles) for row in turn if row is not None]


def spread(runs: Sequence[Run], draw: random.Random) -> list[Run]:
    """Shuffle, then alternate the kinds of source and refusal, taking one of each group before a second."""
    shuffled = list(runs)
    draw.shuffle(shuffled)
    seen: dict[str, int] = {}
    ranks = []
    for run in shuffled:
        seen[run.group] = seen.get(run.group, -1) + 1
        ranks.append(seen[run.group])
    piles: dict[tuple[str, bool], list[Run]] = {}
    for _, run in sorted(zip(ranks, shuffled, strict=True), key=lambda pair: pair[0]):
        refused = run.source == "xstest" and any(sign in run.turns[-1]["content"] for sign in ("sorry", "cannot", "can't"))
        piles.setdefault((run.source, refused), []).append(run)
    return [run for turn in zip_longest(*piles.values()) for run in turn if run is not None]


def _made_rows(split: str, mode: str, bases: Sequence[Run], size: int, draw: random.Random) -> list[Row]:
    rows: list[Row] = []
    seen: set[str] = set()
    for number, (run, transplant) in enumerate(candidates(mode, bases, draw)):
        if len(rows) == size:
            return rows
        made = transplant(run, draw, Words(split))
        if made is None or (text := str((made.goal, made.turns))) in seen or len(text) > LONGEST_ROW:
            continue
        seen.add(text)
        made = _disturbed(made, mode, split, draw)
        if mode != "HALLUCINATION" and draw.random() < _SHARE_WITHOUT_TOOLS:
            run = replace(run, tools=None)
            made = made._replace(tools=None)
        rows.append(as_row(f"{split}-{mode.lower()}-{number}", run, made, mode, "constructed"))
    raise DatasetError(f"not enough runs for {size} rows of {mode} in {split}")


def candidates(mode: str, bases: Sequence[Run], draw: random.Random) -> Iterator[tuple[Run, Transplant]]:
    kinds = LOOK_ALIKES if mode == "none" else FAILURES[mode]
    for number in range(4000):
        run = draw.choice(bases)
        yield run, kinds[number % len(kinds)] if kinds else swap_answer(draw.choice(bases))


def _disturbed(made: Made, mode: str, split: str, draw: random.Random) -> Made:
    """Give some rows ordinary latencies, so that a latency alone means nothing, and some failures a hostile text."""
    turns = [dict(turn) for turn in made.turns]
    if draw.random() < _SHARE_WITH_LATENCY:
        for turn in turns:
            if turn["role"] == "tool":
                turn.setdefault("latency_ms", draw.randint(40, 2900))
    if mode != "none" and draw.random() < _SHARE_HOSTILE:
        hostile = Words(split)("hostile", draw)
        if mode not in ("TIMEOUT_CASCADE", "SCHEMA_ERROR", "CIRCULAR_REASONING") and turns[-1]["role"] == "agent":
            turns[-1] = agent(f"{turns[-1]['content']} {hostile}")
        else:
            turns[0] = turns[0] | {"content": f"{turns[0]['content']} {hostile}"}
    return made._replace(turns=turns)


def as_row(id_: str, run: Run, made: Made, mode: str | None, kind: str) -> Row:
    turns = [{"turn_number": i, **{k: v for k, v in turn.items() if v is not None}} for i, turn in enumerate(made.turns)]
    last = made.turns[-1]
    return {
        "id": id_,
        "goal": made.goal or run.goal,
        "turns": turns,
        "final_result": last["content"] if last["role"] == "agent" and kind != "constructed" else None,
        "is_successful": None,
        "tools": made.tools or run.tools,
        "mode": mode,
        "turn": made.turn,
        "cause": made.cause,
        "label_kind": kind,
        "source": run.source,
    }
