"""The rows of a round: what a challenger may show, what it is proposed from, and what it is compared on.

Guarantees a row that is compared on is in no other part, and a generated row is never compared on.
Raises     DatasetError for rows that cannot be read; UsageError if too few are held back for any challenger to win.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.errors import UsageError
from dspy_programs.predict import ALL_SHOWN
from dspy_programs.text import quantity
from optimizers.data import read_split
from optimizers.loop.challengers import GENERATED
from optimizers.recipes import Recipe, Rows
from optimizers.search import POOL, Demonstration, Job, Record, asked_by, choose
from optimizers.training import job_of, read_rows

ARROWS = {
    "successes": "runs that went well are shown as demonstrations",
    "corrections": "calls that mended a failed step are shown as demonstrations",
    "generated": "rows made from failures are shown as demonstrations",
    "demonstrations": "all three of these",
    "failures": "failures are read to rewrite the instruction",
    "judge": "the failure judge guesses missing outcomes, and says how and where a run failed",
}
"""What leads from runs to a challenger, each of which can be left out."""
SHOWN_ARROWS = ("successes", "corrections", "generated")
_FEWEST_HELD_BACK = 20
_TOO_FEW = (
    "too few for any challenger to win; harvest more runs, "
    f"with at least {_FEWEST_HELD_BACK} rows of goals that are not in train"
)
_LABELS = {"corrected": "corrections", "generated": "generated"}


@dataclass(frozen=True)
class LoopRows:
    """rows: all, by split; shown: the train rows that may be shown; weights: of rows whose label is a guess, by id."""

    rows: Rows
    shown: Sequence[dspy.Example]
    generated: Sequence[dspy.Example]
    held_back: Sequence[dspy.Example]
    weights: dict[str, float]
    cases: Sequence[Record]


def arrows_left(without: Collection[str]) -> frozenset[str]:
    """Return the arrows that are not left out. Raises UsageError for a name that is none."""
    if unknown := sorted(set(without) - ARROWS.keys()):
        raise UsageError(f"--without {unknown[0]}: choose from {', '.join(ARROWS)}")
    left_out = {*without, *(SHOWN_ARROWS if "demonstrations" in without else ())}
    return frozenset(ARROWS.keys() - left_out - {"demonstrations"})


def loop_rows(
    recipe: Recipe, data: Path, generated: Sequence[Path], arrows: Collection[str], most: int | None, seed: int
) -> LoopRows:
    """Read the rows of a harvest. generated: files of generated rows; most: rows to compare on."""
    _require_enough(data)
    rows = read_rows(recipe, data, {}, seed)
    told = dict(_provenances(data))
    trained = {row.id for row in rows["train"]}
    unseen = [row for split in ("val", "test") for row in rows[split] if row.id not in trained]
    asking = [row for row in unseen if recipe.asks(row)]
    if len(asking) < _FEWEST_HELD_BACK:
        of_which = f", of which {len(asking)} ask the model" if len(asking) < len(unseen) else ""
        raise UsageError(f"{data}: {quantity(len(unseen), 'held-back row')}{of_which}: {_TOO_FEW}")
    if most is not None and most < _FEWEST_HELD_BACK:
        raise UsageError(f"--rows {most}: too few for any challenger to win; use at least {_FEWEST_HELD_BACK}")
    held_back = asking[:most]
    shown = [row for row in rows["train"] if _LABELS.get(str(told.get(row.id, {}).get("label")), "successes") in arrows]
    weights = {
        id_: float(weight)
        for id_, each in told.items()
        if isinstance(weight := each.get("weight"), (int, float)) and weight < 1
    }
    made = [row for path in generated for row in read_split(path, recipe.new_program, recipe.labels)]
    cases = cases_in(data / "failures.jsonl") if data.is_dir() and "failures" in arrows else []
    return LoopRows(rows, shown, made if "generated" in arrows else [], held_back, weights, cases)


def _require_enough(data: Path) -> None:
    """Raise UsageError for a harvest without rows, or with too few to hold any back."""
    if not data.is_dir() or not (data / "rejects.jsonl").is_file():
        return  # not ours: whoever reads it says what is wrong
    counts = {split: sum(1 for _ in lines_of(data / f"{split}.jsonl")) for split in ("train", "val", "test")}
    if not sum(counts.values()):
        raise UsageError(f"the runs gave no rows: {data / 'rejects.jsonl'} says of each why")
    if counts["train"] < _FEWEST_HELD_BACK and not counts["val"] + counts["test"]:
        raise UsageError(f"{data}: {quantity(counts['train'], 'row')} of too few different goals to hold any back: {_TOO_FEW}")


def job_for(recipe: Recipe, found: LoopRows, seed: int, before: dict[str, dspy.Module]) -> Job:
    """Return the job whose demonstrations are the rows that may be shown, with generated rows as a set of their own."""
    job = job_of(recipe, {**found.rows, "train": found.shown}, seed, before=before)
    job = replace(job, trainset=[row for row in found.rows["train"] if recipe.asks(row)] or found.rows["train"])
    store = job.store
    generated = choose(found.generated, recipe.demonstrator, recipe.kind, POOL, seed)
    if not generated:
        return job
    rows = [*generated, *store.rows][:POOL]
    rows = rows if len(rows) > ALL_SHOWN and store.pools else rows[: store.count]
    demos: dict[str, Sequence[Demonstration]] = {}
    asked: dict[str, Sequence[str]] = {}
    for name in job.predictors:
        able = [(made[name], asked_by(row)) for row in rows if name in (made := recipe.demonstrator(row))]
        demos[name], asked[name] = [made for made, _ in able], [digest for _, digest in able]
    others, known = {**store.others, GENERATED: demos}, {**store.asked, GENERATED: asked}
    return replace(job, store=replace(store, others=others, asked=known, _cache={}))


def cases_in(path: Path) -> list[Record]:
    """Return the failed steps of a harvest as a proposer sees them; those who know what was right come last.

    Goals that are held back teach nothing.
    """
    found: list[Record] = [
        {"Inputs": line["inputs"], "Generated Outputs": line["reply"], "Feedback": line["feedback"]}
        for line in failures_in(path)
    ]
    return sorted(found, key=lambda case: "What worked later" in str(case["Feedback"]))


def failures_in(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the failed steps of goals that are not held back."""
    holds_back = any((path.parent / f"{split}.jsonl").exists() for split in ("val", "test"))
    for line in lines_of(path):
        if not holds_back or line.get("split", "train") == "train":
            yield line


def _provenances(data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the provenance of each row that has one, with the row's id."""
    for path in sorted(data.glob("*.jsonl")) if data.is_dir() else [data]:
        if path.stem not in ("failures", "rejects"):
            yield from ((str(row["id"]), row["provenance"]) for row in lines_of(path, '"provenance"') if row.get("provenance"))


def lines_of(path: Path, having: str = "") -> Iterator[dict[str, Any]]:
    """Yield the lines of a file of rows, none if there is no file."""
    try:
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip() and having in line)
    except FileNotFoundError:
        return
