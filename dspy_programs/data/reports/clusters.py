"""Which pairs are near duplicates of each other, from a report of `validate`: clusters of all that hang together."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from dspy_programs.data.checks.report import Issue

_OF = re.compile(r"(?:near )?duplicate of (\S+)")


@dataclass
class Cluster:
    """ids: of its pairs, the one that stays first; text: what that one asks, once it is known."""

    ids: list[str] = field(default_factory=list)
    text: str = ""


def clusters_in(issues: Iterable[Issue]) -> list[Cluster]:
    """Return the clusters, the largest first. The checks dedup and near_dup name what a pair is a duplicate of."""
    root: dict[str, str] = {}

    def top(name: str) -> str:
        root.setdefault(name, name)
        while root[name] != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for issue in issues:
        if issue.check in ("dedup", "near_dup") and (match := _OF.match(issue.message)):
            kept, other = top(match[1]), top(issue.pair_id)
            root[other] = kept
    members: defaultdict[str, list[str]] = defaultdict(list)
    for name in root:
        members[top(name)].append(name)
    made = [Cluster([kept, *(name for name in names if name != kept)]) for kept, names in members.items()]
    return sorted(made, key=lambda cluster: -len(cluster.ids))
