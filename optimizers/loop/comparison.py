"""Champion against challenger on held-back rows: both answer the same row, and the gate looks at the differences so far."""

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import dspy

from optimizers.json_text import as_json
from optimizers.loop.challengers import prompt_of
from optimizers.loop.log import Line
from optimizers.promotion import LEVEL, MARGIN, Verdict, level_for, verdict
from optimizers.scoring import Runner
from optimizers.search import Job, Texts

_SAME = 0.5  # share of the rows of an earlier comparison from which it was on the same rows
_DIGEST = 8  # hexadecimal digits of a row's


class Comparison(NamedTuple):
    """The verdict, both programs' scores on the rows that it needed, in order, all rows, and the champion's prompt."""

    verdict: Verdict
    champion: list[float]
    challenger: list[float]
    rows: list[str]
    prompt: str


def compare(
    job: Job,
    champion: Texts,
    challenger: Texts,
    rows: Sequence[dspy.Example],
    runner: Runner,
    *,
    weights: Mapping[str, float],
    number: int = 1,
    level: float = LEVEL,
    margin: float = MARGIN,
    seed: int = 0,
    on_row: Callable[[Verdict], None] = lambda verdict: None,
) -> Comparison:
    """Score both on the rows, in an order drawn by the seed, until the gate decides.

    weights: of rows whose label is a guess, by id; number: of the challenger on these rows, from 1.
    """
    drawn = random.Random(f"{seed}-held-back").sample(list(rows), len(rows))
    share = level_for(number, level)
    scores: tuple[list[float], list[float]] = ([], [])
    found = verdict([], level=share, margin=margin, ended=not drawn)
    for start in range(0, len(drawn), runner.threads):
        part = drawn[start : start + runner.threads]
        for side, texts in zip(scores, (champion, challenger), strict=True):
            side.extend(run.score.value for run in runner.run(job.for_rows(texts), part, job.metric))
        so_far = drawn[: start + len(part)]
        differences = [weights.get(row.id, 1.0) * (new - old) for row, old, new in zip(so_far, *scores, strict=True)]
        found = verdict(differences, level=share, margin=margin, ended=len(so_far) == len(drawn), refusing=level)
        on_row(found)
        if found.decision != "continue":
            break
    used = found.rows
    if found.decision == "refuse" and scores[0] == scores[1]:
        found = found._replace(reason="it scores like the champion on every row")
    return Comparison(found, scores[0][:used], scores[1][:used], rows_digests(drawn), prompt_of(champion))


def rows_digests(rows: Iterable[dspy.Example]) -> list[str]:
    """Return a digest of each row's inputs, sorted: by these a later run knows the same rows again."""
    return sorted({digest_of_inputs(row)[:_DIGEST] for row in rows})


def digest_of_inputs(row: dspy.Example) -> str:
    """Return what two rows share if, and only if, they ask the same."""
    return hashlib.sha256(as_json(dict(row.inputs()), sort_keys=True).encode("utf-8", "replace")).hexdigest()


def challengers_before(history: Iterable[Line], module: str, lm: str, rows: Sequence[str]) -> list[str]:
    """Return the identities of the challengers that were compared on at least half of these rows.

    Each of them spent a part of the level; one that is compared again spends none, for its answers are the same.
    """
    known: set[str] = set(rows)
    found: dict[str, None] = {}
    for line in history:
        if line.get("kind") != "decision" or (line.get("module"), line.get("lm")) != (module, lm):
            continue
        earlier = set(line.get("held_back") or ())
        if earlier and len(earlier & known) >= _SAME * min(len(earlier), len(known)):
            found[f"{line.get('identity', len(found))} over {line.get('over')}"] = None
    return list(found)
