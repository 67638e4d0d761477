"""Which files and definitions the rest of a folder uses most: PageRank over who mentions whose names, as aider's map does.

Input      an Index that is up to date.
Output     ranked definitions, the most important first; ranks sum to at most 1.
Limits     a name that stands in a comment counts as one in code. A name says little if many files define it, if it is short,
           private, or a plain word after a dot, which anything may have; and less if the file that defines it is not named.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from dspy_programs.code.index.index import Definition, Index

_DAMPING = 0.85
_ROUNDS = 50
_CLOSE_ENOUGH = 1e-6
_FAMILIES = {"typescript": "javascript", "tsx": "javascript", "cpp": "c", "kotlin": "java", "scala": "java"}
_MANY_FILES = 5  # define the name
_LONG_NAME = 8  # characters: with two parts, it means nothing else by accident
_TELLING = 5.0  # times the weight of a plain word such as "get"
_NOT_NAMED = 0.2  # the file that defines the name is not mentioned beside it
_FOCUS = 20.0  # times the weight of another file

Edges = Mapping[str, Mapping[str, float]]


class Ranked(NamedTuple):
    definition: Definition
    rank: float


class _Mention(NamedTuple):
    """One file uses a name that another one defines."""

    path: str
    name: str
    home: str
    weight: float


def ranked_definitions(index: Index, focus: Collection[str] = ()) -> list[Ranked]:
    """Return the definitions outside of functions, the most important first. focus: paths that matter now."""
    held = [one for one in index.definitions() if not one.symbol.nested]
    mentions = list(_mentions(index, held))
    edges: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for each in mentions:
        edges[each.path][each.home] += each.weight
    paths = [row["path"] for row in index.database.rows("SELECT path FROM files WHERE language != ''")]
    ranks = page_rank(edges, {path: _FOCUS if path in focus else 1.0 for path in paths})
    out = {path: sum(targets.values()) for path, targets in edges.items()}
    shares: dict[tuple[str, str], float] = defaultdict(float)
    for each in mentions:
        shares[each.home, each.name] += ranks[each.path] * each.weight / out[each.path]
    same = Counter((one.path, _last(one)) for one in held)
    found = [Ranked(one, shares[one.path, _last(one)] / same[one.path, _last(one)]) for one in held]
    return sorted(found, key=lambda one: -one.rank)


def _mentions(index: Index, held: Sequence[Definition]) -> Iterator[_Mention]:
    rows = index.database.rows("SELECT path, language, names FROM files WHERE language != ''")
    family = {row["path"]: _FAMILIES.get(row["language"], row["language"]) for row in rows}
    homes: dict[tuple[str, str], set[str]] = defaultdict(set)
    outer: set[tuple[str, str]] = set()
    for one in held:
        name = _last(one)
        if not name.startswith("__"):
            homes[family[one.path], name].add(one.path)
            if "." not in one.symbol.name:
                outer.add((one.path, name))
    for row in rows:
        path, counted = row["path"], dict(line.split(" ") for line in row["names"].split("\n") if line)
        for name, count in counted.items():
            for home in homes.get((family[path], name), ()):
                if home != path:
                    weight = _weight(name, len(homes[family[path], name]), (home, name) in outer) * math.sqrt(int(count))
                    yield _Mention(path, name, home, weight * (1.0 if _module(home) in counted else _NOT_NAMED))


def _weight(name: str, homes: int, is_outer: bool) -> float:
    weight = 1.0 / homes * (0.1 if homes > _MANY_FILES else 1.0)
    if name.startswith("_") or len(name) < 4:
        return weight * 0.1
    is_compound = "_" in name.strip("_") or name.lower() != name[0].lower() + name[1:]
    if (is_outer and name[0].isupper()) or (len(name) >= _LONG_NAME and is_compound):
        return weight * _TELLING
    return weight if is_outer or is_compound else weight * 0.1


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


def _module(path: str) -> str:
    """Return what an import calls a file: its name, or its folder's for a package."""
    named = PurePosixPath(path)
    return named.parent.name if named.stem in ("__init__", "index", "mod", "lib") else named.stem
