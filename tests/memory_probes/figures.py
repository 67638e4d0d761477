"""The figures of the probe benchmark: what is kept of each conversation, and tables with intervals.

Intervals are 95 % percentile bootstraps over conversations, drawn whole; a difference is drawn with the same conversations on
both sides.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

_RESAMPLES = 2000
URGENT = ("done", "failed", "open request")


class Run(NamedTuple):
    """One conversation through one method, at one share, rolling or in one shot.

    kept: for each probe whether it is answered; budget and sent: tokens, of all that is sent; fits: whether it came within the
    budget; holds: whether the budget holds the open request and all calls that changed something, a line each.
    """

    method: str
    share: float
    rolling: bool
    conversation: str
    half: str
    source: str
    probes: list[str]
    kinds: list[str]
    kept: list[bool]
    budget: int
    sent: int
    fits: bool
    holds: bool
    seconds: float


class Share(NamedTuple):
    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]" if self.count else "-"


def share_of(runs: Sequence[Run], counts: Callable[[Run, int], bool] = lambda run, place: True) -> Share:
    """Return the share of the probes that are kept; counts: which probes of a run."""
    return _interval([_tally(run, counts) for run in runs])


def difference(runs: Sequence[Run], others: Sequence[Run]) -> Share:
    """Return by how much the first keep more than the others, of the same conversations."""
    theirs = {run.conversation: run for run in others}
    pairs = [(run, theirs[run.conversation]) for run in runs if run.conversation in theirs]
    return _interval([(sum(one.kept) - sum(other.kept), len(one.kept)) for one, other in pairs])


def _tally(run: Run, counts: Callable[[Run, int], bool]) -> tuple[int, int]:
    places = [place for place in range(len(run.kept)) if counts(run, place)]
    return sum(run.kept[place] for place in places), len(places)


def _interval(tallies: Sequence[tuple[int, int]]) -> Share:
    table = np.array([tally for tally in tallies if tally[1]], dtype=float)
    if not len(table):
        return Share(0, 0, 0, 0)
    draws = np.random.default_rng(0).integers(0, len(table), size=(_RESAMPLES, len(table)))
    sums = table[draws].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return Share(table[:, 0].sum() / table[:, 1].sum(), float(low), float(high), int(table[:, 1].sum()))


def columns(runs: Sequence[Run]) -> list[tuple[float, bool]]:
    return sorted({(run.share, run.rolling) for run in runs}, key=lambda column: (column[1], column[0]))


def tables(runs: Sequence[Run], halves: Sequence[str]) -> Iterator[str]:
    names = list(dict.fromkeys(run.method for run in runs))
    for half in halves:
        chosen = [run for run in runs if half in ("all", run.half)]
        talks = {run.conversation for run in chosen}
        count = sum(len(run.probes) for run in {run.conversation: run for run in chosen}.values())
        yield f"\nAnswers still there, {half.replace('_', ' ')}: {len(talks)} conversations, {count} probes\n"
        yield from table(chosen, names, lambda found: str(share_of(found)))
        if names[0] == "ours" and len(names) > 1:
            yield "\nOurs minus the others, the same conversations\n"
            yield from table(chosen, names[1:], lambda found, all_=chosen: str(difference(like(all_, found), found)))
    yield "\nOpen requests kept, and calls that changed something or failed, where the budget holds them (all halves)\n"
    yield from table(runs, names, _urgent)
    yield "\nTokens sent, as a share of the budget; conversations over it (nothing kept); seconds for all of them\n"
    yield from table(runs, names, _costs)


def table(runs: Sequence[Run], names: Sequence[str], cell: Callable[[list[Run]], str]) -> Iterator[str]:
    heads = [f"{share:.0%}{', rolling' if rolling else ''}" for share, rolling in columns(runs)]
    yield f"| method | {' | '.join(heads)} |"
    yield f"|---|{'---|' * len(heads)}"
    for name in names:
        rows = [[run for run in runs if (run.method, run.share, run.rolling) == (name, *column)] for column in columns(runs)]
        yield f"| {name} | {' | '.join(cell(row) for row in rows)} |"


def like(runs: Sequence[Run], others: Sequence[Run]) -> list[Run]:
    """Return the first method's runs at the share and in the manner of the others."""
    return [run for run in runs if others and run.method == "ours" and run[1:3] == others[0][1:3]]


def _urgent(runs: list[Run]) -> str:
    held = [run for run in runs if run.holds]
    request = share_of(held, lambda run, place: run.kinds[place] == "open request")
    deeds = share_of(held, lambda run, place: run.kinds[place] in ("done", "failed"))
    return f"{request.mean:.0%} of {request.count}, {deeds.mean:.0%} of {deeds.count}" if held else "-"


def _costs(runs: list[Run]) -> str:
    used = sum(run.sent for run in runs) / max(1, sum(run.budget for run in runs))
    return f"{used:.0%}, {sum(not run.fits for run in runs)} over, {sum(run.seconds for run in runs):.1f} s"


def by_kind(runs: Sequence[Run]) -> Iterator[str]:
    """Yield, for each kind of probe and each source, what each method keeps in one shot."""
    kinds = sorted({kind for run in runs for kind in run.kinds})
    sources = sorted({run.source for run in runs})
    heads: Mapping[str, Callable[[Run, int], bool]] = {
        **{kind: lambda run, place, kind=kind: run.kinds[place] == kind for kind in kinds},
        **{source: lambda run, place, source=source: run.source == source for source in sources},
    }
    yield f"| method, share | {' | '.join(heads)} |"
    yield f"|---|{'---|' * len(heads)}"
    for name in dict.fromkeys(run.method for run in runs):
        for share, rolling in columns(runs):
            found = [run for run in runs if (run.method, run.share, run.rolling) == (name, share, rolling)]
            cells = [share_of(found, counts) for counts in heads.values()]
            row = f"{name}, {share:.0%}{', rolling' if rolling else ''}"
            yield f"| {row} | {' | '.join(f'{cell.mean:.2f} of {cell.count}' for cell in cells)} |"
