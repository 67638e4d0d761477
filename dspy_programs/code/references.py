"""Which files and definitions the rest of a folder leans on: PageRank over who mentions whose names, as aider's map does.

Input      an Index that is up to date.
Output     ranked definitions, the most important first; ranks sum to at most 1.
Limits     a name that stands in a comment counts as one in code. Names of many files, short ones and private ones count little.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from dspy_programs.code.index import Definition, Index

_DAMPING = 0.85
_ROUNDS = 50
_CLOSE_ENOUGH = 1e-6
_FAMILIES = {"typescript": "javascript", "tsx": "javascript", "cpp": "c", "kotlin": "java", "scala": "java"}
_MANY_FILES = 5  # define the name: it says little
_LONG_NAME = 8  # characters: with two parts, it means nothing else by accident
_TELLING = 5.0  # times the weight of a plain word such as "get"
_FOCUS = 20.0  # times the weight of another file

Edges = Mapping[str, Mapping[str, float]]


class Ranked(NamedTuple):
    definition: Definition
    rank: float


def ranked_definitions(index: Index, focus: Collection[str] = ()) -> list[Ranked]:
    """Return the definitions outside of functions, the most important first. focus: paths that matter now."""
    rows = index.database.rows("SELECT path, language, names FROM files WHERE language != ''")
    family = {row["path"]: _FAMILIES.get(row["language"], row["language"]) for row in rows}
    held = [one for one in index.definitions() if not one.symbol.nested]
    homes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in held:
        if not (name := _last(one)).startswith("__"):
            homes[family[one.path], name].add(one.path)
    mentions: dict[str, dict[str, float]] = {}
    for row in rows:
        counted = (line.split(" ") for line in row["names"].split("\n") if line)
        of = family[row["path"]]
        mentions[row["path"]] = {
            name: _weight(name, homes[of, name]) * math.sqrt(int(count)) for name, count in counted if (of, name) in homes
        }
    edges: dict[str, dict[str, float]] = {path: defaultdict(float) for path in family}
    for path, names in mentions.items():
        for name, weight in names.items():
            for home in homes[family[path], name]:
                if home != path:
                    edges[path][home] += weight
    ranks = page_rank(edges, {path: _FOCUS if path in focus else 1.0 for path in family})
    shares: dict[tuple[str, str], float] = defaultdict(float)
    for path, names in mentions.items():
        out = sum(edges[path].values())
        for name, weight in names.items():
            for home in homes[family[path], name]:
                if home != path:
                    shares[home, name] += ranks[path] * weight / out
    same: dict[tuple[str, str], int] = defaultdict(int)
    for one in held:
        same[one.path, _last(one)] += 1
    found = [Ranked(one, shares[one.path, _last(one)] / same[one.path, _last(one)]) for one in held]
    return sorted(found, key=lambda one: -one.rank)


def page_rank(edges: Edges, wanted: Mapping[str, float]) -> dict[str, float]:
    """Return the rank of each node. edges: node -> the nodes it points to, with weights; wanted: where a walk begins anew."""
    total = sum(wanted.values()) or 1.0
    start = {node: weight / total for node, weight in wanted.items()}
    ranks, out = dict(start), {node: sum(targets.values()) for node, targets in edges.items()}
    for _ in range(_ROUNDS):
        lost = sum(rank for node, rank in ranks.items() if not out.get(node))  # of nodes that point nowhere
        new = {node: (1 - _DAMPING + _DAMPING * lost) * share for node, share in start.items()}
        for node, targets in edges.items():
            for target, weight in targets.items():
                new[target] += _DAMPING * ranks[node] * weight / out[node]
        moved, ranks = sum(abs(new[node] - ranks[node]) for node in ranks), new
        if moved < _CLOSE_ENOUGH:
            break
    return ranks


def _last(one: Definition) -> str:
    return one.symbol.name.rpartition(".")[2]


def _weight(name: str, homes: Collection[str]) -> float:
    weight = 1.0 / len(homes)
    if name[0].isupper() or (len(name) >= _LONG_NAME and ("_" in name.strip("_") or name.lower() != name)):
        weight *= _TELLING
    if name.startswith("_") or len(name) < 4:
        weight *= 0.1
    return weight * (0.1 if len(homes) > _MANY_FILES else 1.0)
