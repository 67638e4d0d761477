"""The candidates of a training run as a tree, and which of them are on the Pareto front.

Source     the front over rows: Agrawal et al. 2025, "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement Learning".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Node(NamedTuple):
    """depth: 0 for the uncompiled program; fell_out: why it was dropped, or ""; best_on: rows on which none is better."""

    number: int
    depth: int
    what: str
    shows: str
    score: float
    rows: int
    fell_out: str
    best_on: int
    calls: int


def tree_of(candidates: Sequence[Mapping[str, Any]]) -> Iterator[Node]:
    """Yield the candidates, each after its first parent."""
    children: dict[int | None, list[Mapping[str, Any]]] = {}
    known = {each["index"] for each in candidates}
    for each in candidates:
        parent = next((parent for parent in each["parents"] if parent in known and parent < each["index"]), None)
        children.setdefault(parent, []).append(each)
    best = best_on(candidates)

    def below(parent: int | None, depth: int) -> Iterator[Node]:
        for each in children.get(parent, ()):
            yield Node(
                number=each["index"],
                depth=depth,
                what=each["start"],
                shows=each["shows"],
                score=each["score"],
                rows=len(each["scores"]),
                fell_out=each.get("fell_out") or "",
                best_on=best[each["index"]],
                calls=each["metric_calls"],
            )
            yield from below(each["index"], depth + 1)

    yield from below(None, 0)


def best_on(candidates: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Return on how many validation rows each candidate is as good as the best; one with none is not on the front.

    A row on which only one was scored says nothing.
    """
    found = {each["index"]: 0 for each in candidates}
    for row in range(max((len(each["scores"]) for each in candidates), default=0)):
        scores = {each["index"]: each["scores"][row] for each in candidates if row < len(each["scores"])}
        most = max(scores.values())
        for index, score in scores.items() if len(scores) > 1 else ():
            found[index] += score == most
    return found
