"""Challengers made from real runs: their successes as demonstrations, their failures as a better instruction, and both.

The proposers are those of the search. What they are shown are failures as they happened, so a proposal costs no row; without
any, rows that the champion gets wrong now.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import dspy

from dspy_programs.errors import ProgramsError
from optimizers.calls import Meter
from optimizers.scoring import Runner
from optimizers.search import (
    NEAREST,
    POOLED,
    SHOWN,
    SPREAD,
    Choice,
    Job,
    NoNewRule,
    ProgramAdapter,
    Record,
    Texts,
    identity,
    kinds_for,
    propose,
    proposer_of,
    showing,
)

_CASES = 12  # failures that one proposal is made from, the latest
GENERATED = "generated"
_HOW = {
    NEAREST: "the nearest runs that went well",
    GENERATED: "rows generated from failures, and runs that went well",
    POOLED: "the nearest of the champion's demonstrations and of runs that went well",
    SPREAD: "a few runs that went well",
}
_TRIED = 12  # train rows that are run to find failures where none is on record


class Challenger(NamedTuple):
    """texts: as in the search; how: a few words on where it is from."""

    how: str
    texts: Texts


def challengers(
    job: Job,
    champion: Texts,
    cases: Sequence[Record],
    runner: Runner,
    reflection: dspy.LM,
    meter: Meter,
    choice: Choice = "auto",
    tried: Sequence[str] = (),
    rewrites: bool = True,
) -> Iterator[Challenger]:
    """Yield challengers, the likeliest first.

    tried: identities of those that were compared before, which do not come again; rewrites: whether the instruction may change.
    """
    known = {identity(job, champion), *tried}

    def new(each: Challenger) -> bool:
        key = identity(job, each.texts)
        is_new = key not in known
        known.add(key)
        return is_new

    sets = [name for name in _HOW if name in {*job.store.sets, *job.store.others}]
    yield from filter(new, (Challenger(_HOW[name], showing(champion, name)) for name in sets))
    if not rewrites:
        return
    cases = cases or _cases_now(job, champion, runner)
    for kind in kinds_for(reflection, choice):
        texts = _rewritten(job, champion, cases, reflection, meter, kind)
        if texts is not None:
            how = f"instruction from {len(cases[-_CASES:])} failures ({kind})"
            both = (Challenger(f"{how}, {_HOW[name]}", showing(texts, name)) for name in sets)
            yield from filter(new, (Challenger(how, texts), *both))


def _rewritten(
    job: Job, champion: Texts, cases: Sequence[Record], reflection: dspy.LM, meter: Meter, kind: Any
) -> Texts | None:
    """Return the champion with its instructions rewritten; None if there is nothing to learn or no usable proposal."""
    if not cases:
        return None
    proposer = proposer_of(kind, reflection, meter, essential=False)
    texts: dict[str, str] = dict(champion)
    changed = False
    for name in job.predictors:
        try:
            texts = propose(proposer, reflection, texts, {name: list(cases[-_CASES:])}, name)
            changed = True
        except NoNewRule:
            continue
        except ProgramsError:
            raise
        except Exception:  # an unreadable reply, whatever the adapter makes of it: no proposal this time
            meter.raise_if_stopped()
    return texts if changed else None


def _cases_now(job: Job, champion: Texts, runner: Runner) -> list[Record]:
    """Run the champion on some train rows; return what it gets wrong."""
    adapter = ProgramAdapter(job, runner)
    runs = [run for run in adapter.run(job.trainset[:_TRIED], champion) if run.score.value < 1]
    return adapter.records(runs, job.predictors[0])


def instructions_of(texts: Texts) -> dict[str, str]:
    """Return the instructions in a candidate's texts, by predictor."""
    return {name: text for name, text in texts.items() if not name.endswith(SHOWN) and not name.startswith(":")}


def prompt_of(texts: Mapping[str, str]) -> str:
    """Return a candidate's instructions as one text, as a history keeps it."""
    told = instructions_of(texts)
    return next(iter(told.values())) if len(told) == 1 else "\n\n".join(f"{name}: {text}" for name, text in told.items())
