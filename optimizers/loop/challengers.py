"""Challengers made from real runs: their successes as demonstrations, their failures as a better instruction, and both.

The proposers are those of the search. What they are shown are failures as they happened, so a proposal costs no row; without
any, rows that the champion gets wrong now.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
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
) -> Iterator[Challenger]:
    """Yield challengers, the likeliest first. tried: identities of those that were compared before, which do not come again."""
    known = {identity(job, champion), *tried}
    shown = next((name for name in (NEAREST, POOLED, SPREAD) if name in job.store.sets), None)
    found: list[Challenger] = []
    if shown is not None:
        found.append(Challenger("demonstrations from runs that went well", showing(champion, shown)))
    for each in found:
        if (key := identity(job, each.texts)) not in known:
            known.add(key)
            yield each
    cases = cases or _cases_now(job, champion, runner)
    for kind in kinds_for(reflection, choice):
        texts = _rewritten(job, champion, cases, reflection, meter, kind)
        if texts is None:
            continue
        rewritten = [Challenger(f"instruction from {len(cases[-_CASES:])} failures ({kind})", texts)]
        if shown is not None:
            rewritten.append(Challenger(f"{rewritten[0].how}, with demonstrations", showing(texts, shown)))
        for each in rewritten:
            if (key := identity(job, each.texts)) not in known:
                known.add(key)
                yield each


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


def cases_in(path: Path) -> list[Record]:
    """Return the failed steps of a harvest as a proposer sees them; those who know what was right come last."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    found: list[Record] = [
        {"Inputs": line["inputs"], "Generated Outputs": line["reply"], "Feedback": line["feedback"]} for line in lines
    ]
    return sorted(found, key=lambda case: "What worked later" in str(case["Feedback"]))


def instructions_of(texts: Texts) -> dict[str, str]:
    """Return the instructions in a candidate's texts, by predictor."""
    return {name: text for name, text in texts.items() if not name.endswith(SHOWN) and not name.startswith(":")}


def prompt_of(texts: Mapping[str, str]) -> str:
    """Return a candidate's instructions as one text, as a history keeps it."""
    told = instructions_of(texts)
    return next(iter(told.values())) if len(told) == 1 else "\n\n".join(f"{name}: {text}" for name, text in told.items())
