"""What the failure rules say of labelled runs, and whether the labels agree: what calibration is fitted on.

By hand: XSTest's refusals, and reviewed.jsonl, runs that were read whole. Outcomes: WorkBench and tau-bench, of which is known
how each run ended, but for runs that had nothing to change: those are right by luck if they broke off. Constructed runs are
kept to notice when the rules have changed; nothing is fitted on them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from dspy_programs.failures import kind_of
from dspy_programs.programs.failure_judge import Finding, View, findings_of, ruling
from dspy_programs.registry import digest
from dspy_programs.types import Trace
from optimizers.measures import Record
from optimizers.sources.failure_labels import UNSEEN, Home, Labelled, constructed, homes, xstest
from optimizers.sources.failure_outcomes import Ended, ended_runs
from optimizers.sources.failure_reviews import Review, reviews

_Rates = Mapping[tuple[str, str], float]  # (source, model) -> share of its runs that failed


def all_records(raw: Path) -> list[Record]:
    """Return what calibration needs of all labelled runs: of raw, and of datasets/failure_judge."""
    home, read = homes(raw), reviews()
    ended = [run for run in ended_runs(raw) if run.changes]
    rates = failing_rates(ended)
    return [
        *records_of(xstest(raw, home)),
        *outcome_records(ended, home, rates, {review.id for review in read}),
        *reviewed_records(read, rates),
        *records_of(constructed()),
    ]


def said_of(trace: Trace) -> list[Finding]:
    """Return every finding of the rules on a run of unknown outcome, and "none" where that is their verdict."""
    findings = findings_of(View(trace))
    ruled = ruling(findings)
    if ruled.mode != "none":
        return findings
    return [*findings, Finding.model_construct(mode="none", turn=-1, confidence=ruled.confidence, evidence="", turns=[])]


def records_of(runs: Iterable[Labelled]) -> list[Record]:
    """Let the rules judge each run; keep every finding, and "none" where they say so, that the run's label settles."""
    return [
        Record(
            split=run.home.split,
            source=run.source,
            kind=run.kind,
            group=digest(run.group)[:8],
            run=kind_of(run.trace),
            mode=found.mode,
            confidence=found.confidence,
            right=right,
        )
        for run in runs
        for found in said_of(run.trace)
        if (right := run.settles(found.mode)) is not None
    ]


def failing_rates(runs: Sequence[Ended]) -> _Rates:
    """Return how often the runs of a source and model fail."""
    ends: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for run in runs:
        if run.went_well is not None:
            ends[run.source, run.model][run.went_well] += 1
    return {model: round(known[False] / known.total(), 3) for model, known in ends.items()}


def outcome_records(
    runs: Iterable[Ended], home: Mapping[str, Home], rates: _Rates, read: frozenset[str] | set[str] = frozenset()
) -> Iterator[Record]:
    """Compare what is found with whether its run failed, which says nothing where all of a model's runs did.

    read: ids of runs whose findings were judged by reading; of those only a "none" is left to the outcome.
    """
    for run in runs:
        rate = rates.get((run.source, run.model), 1.0)
        if run.went_well is None or rate == 1:
            continue
        for found in said_of(run.trace):
            if found.mode == "none" or run.trace.trace_id not in read:
                yield Record(
                    split=home.get(run.group, UNSEEN).split,
                    source=run.source,
                    kind="outcome",
                    group=digest(run.group)[:8],
                    run=kind_of(run.trace),
                    mode=found.mode,
                    confidence=found.confidence,
                    right=run.went_well == (found.mode == "none"),
                    by_chance=0 if found.mode == "none" else rate,
                )


def reviewed_records(read: Iterable[Review], rates: _Rates) -> Iterator[Record]:
    """Compare what the rules find today with what a reader called right. Runs in which earlier rules found nothing were read
    because they had failed."""
    for review in read:
        of_failed = review.found is None
        for found in said_of(review.trace):
            if found.mode != "none":
                yield Record(
                    split=review.split,
                    source=review.source,
                    kind="reviewed",
                    group=digest(review.group)[:8],
                    run=kind_of(review.trace),
                    mode=found.mode,
                    confidence=found.confidence,
                    right=review.accepts(found.mode, found.turn),
                    by_chance=rates.get((review.source, review.model), 1.0) if of_failed else 0,
                    of_failed=of_failed,
                )
