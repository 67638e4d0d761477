"""What the servers ask the data room without a model: pairs checked, a data set scored.

Guarantees nothing is stored: what has to be a file is one in a temporary folder. Rows are named by their place in the request,
           from 0. A row that is no pair is a finding of its own; the others are checked.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from dspy_programs.data import DataPair, as_line
from dspy_programs.data.checks import CheckOptions, Severity, ValidationReport, Validator
from dspy_programs.data.reading import Shaper, pair_of
from dspy_programs.data.scorer import ScorerConfig, score_rows
from dspy_programs.errors import DatasetError, MissingExtra
from dspy_programs.serve import data_requests as asked
from dspy_programs.serve.budget_calls import named
from dspy_programs.serve.limits import MAX_ISSUES
from dspy_programs.serve.problems import Unusable
from dspy_programs.serve.worker_pool import Progress
from dspy_programs.tables import Row

_HINT = re.compile(r"; [^;]*--map .*")  # of the command


class PairIssue(BaseModel):
    """What is wrong with a pair. index: its place in the request; spans: where in the field, in characters.

    `message` names another pair by its place, as "pairs.3".
    """

    index: int
    pair_id: str
    check: str
    severity: Severity
    message: str
    field: str = ""
    spans: list[dict[str, Any]] | None = None


class ValidatedPairs(BaseModel):
    """What the checks found. counts: by check and by severity, exact even where issues are left out.

    clean: the places of the pairs without errors that are no duplicates.
    """

    total_pairs: int
    errors: int
    warnings: int
    counts: dict[str, int]
    issues: list[PairIssue]
    issues_left_out: int
    clean: list[int]


class ScoreExample(BaseModel):
    """A row to look at, and of duplicates the other one; each as "rows.3"."""

    where: str
    other: str = ""
    text: str


class ScoreFinding(BaseModel):
    """rows: how many rows have it; 0 if it is of the set as a whole."""

    kind: str
    rows: int
    message: str
    examples: list[ScoreExample]


class CheckOfScore(BaseModel):
    """One check. score: from 0 to 1; share: of bad rows among `of` distinct ones; skipped: why it says nothing here."""

    check: str
    weight: float
    score: float | None = None
    passed: bool | None = None
    points_lost: float = 0.0
    half: float | None = None
    share: float | None = None
    of: int | None = None
    note: str = ""
    skipped: str = ""
    findings: list[ScoreFinding] = []


class ScoredDataset(BaseModel):
    """score: from 0 to 100; bands: the lowest score of each; held_back: why the band is lower than the score's, if it is."""

    dataset: str
    score: float
    band: str
    held_back: str
    detected_format: str
    formats: dict[str, int]
    rows: int
    unreadable: int
    distinct_rows: int
    bands: dict[str, float]
    checks: list[CheckOfScore]


class ReadPair(NamedTuple):
    """A row of a request: its pair, or why it is none."""

    pair: DataPair | None
    problem: str = ""


def read_pairs(rows: Sequence[dict[str, Any]], progress: Progress) -> list[ReadPair]:
    """Read rows in any form that `data ingest` reads. Pairs have their ids, given or made of their content."""
    shaper, found = Shaper({}), list[ReadPair]()
    for place, row in enumerate(rows):
        progress(0, 0)
        where = f"pairs.{place}"
        try:
            found.append(ReadPair(pair_of(Row(where, place, row), shaper).identified()))
        except DatasetError as error:
            found.append(ReadPair(None, _HINT.sub("", str(error).removeprefix(f"{where}: "))))
    return found


def validate_pairs(request: asked.ValidatePairs, progress: Progress) -> ValidatedPairs:
    """Check pairs. Raises Unusable if a check lacks its package."""
    options = CheckOptions(
        checks=tuple(request.checks),
        pii=request.pii,
        language=request.language,
        near_threshold=request.near_threshold,
        min_instruction_len=request.min_instruction_len,
        max_output_len=request.max_output_len,
    )
    try:
        validator = Validator(options, processes=1, max_issues=MAX_ISSUES)
    except MissingExtra as error:
        raise Unusable(str(error)) from None
    read = read_pairs(request.pairs, progress)
    no_pairs = [
        PairIssue(index=place, pair_id="", check="schema", severity="error", message=f"not a pair: {each.problem}")
        for place, each in enumerate(read)
        if each.pair is None
    ]
    report, kept = _checked(read, validator, progress)
    issues = no_pairs + [
        PairIssue(
            index=(place := _place_in(issue.pair_id)), pair_id=_id_of(read[place]), **issue.model_dump(exclude={"pair_id"})
        )
        for issue in report.issues
    ]
    counts = Counter(report.counts) + Counter({"schema": len(no_pairs), "severity:error": len(no_pairs)})
    return ValidatedPairs(
        total_pairs=len(read),
        errors=counts["severity:error"],
        warnings=counts["severity:warning"],
        counts=dict(sorted(counts.items())),
        issues=sorted(issues, key=lambda issue: issue.index)[:MAX_ISSUES],
        issues_left_out=report.issues_left_out + max(0, len(issues) - MAX_ISSUES),
        clean=kept,
    )


def _checked(read: Sequence[ReadPair], validator: Validator, progress: Progress) -> tuple[ValidationReport, list[int]]:
    """Return what is found in the pairs, named by their places, and the places of those that are clean."""
    if not any(each.pair for each in read):
        return ValidationReport(dataset="pairs", total_pairs=0), []
    with tempfile.TemporaryDirectory() as folder:
        path, clean = Path(folder) / "pairs.jsonl", Path(folder) / "clean.jsonl"
        with path.open("wb") as file:
            file.writelines(_placed_lines(read))
        report = validator.validate(path, clean=clean, progress=progress)
        return report, [_place_in(json.loads(line)["id"]) for line in clean.read_bytes().splitlines()]


def _placed_lines(read: Sequence[ReadPair]) -> Iterator[bytes]:
    """Yield the pairs as lines, each with its place for its id: that is what findings name."""
    for place, each in enumerate(read):
        if each.pair is not None:
            yield as_line(each.pair.model_copy(update={"id": f"pairs.{place}"}))


def _place_in(name: str) -> int:
    return int(name.removeprefix("pairs."))


def _id_of(read: ReadPair) -> str:
    return read.pair.id if read.pair else ""


def score_dataset(request: asked.ScoreDataset, progress: Progress) -> ScoredDataset:
    config = ScorerConfig.model_validate(
        {
            "checks": {name: {"weight": weight} for name, weight in request.weights.items()},
            "languages": request.languages,
            "label": request.label,
            "max_tokens": request.max_tokens,
            "tokenizer": request.model and named(request.model),
            "examples": request.examples,
        }
    )
    return ScoredDataset.model_validate(score_rows(_rows_of(request.rows, progress), request.name, config).as_dict())


def _rows_of(rows: Sequence[dict[str, Any]], progress: Progress) -> Iterator[Row]:
    for place, row in enumerate(rows):
        progress(place, len(rows))
        yield Row(f"rows.{place}", place, row)
