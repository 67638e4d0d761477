"""Find code by meaning: by the vectors of chunks alone, fused with the search by words, or like other code.

Input      an Index that is up to date; a question, or a place; how many hits; an Embedder, by default WordLlama's.
Output     list[Hit], the best first; score: 1 for the best, and shares of it; of search_like the cosine.
Calls      the embedder: for chunks that have no vector yet, and for the question.
Source     reciprocal rank fusion: Cormack, Clarke and Buettcher, SIGIR 2009. Its constant and weight are measured, see
           docs/tools/code.md.
"""

import math

import numpy as np

from dspy_programs.code.finding.by_words import Hit, Place, as_hits, each_once, lexical_ranking, places_of, reluctance
from dspy_programs.code.index.index import Index, Progress
from dspy_programs.code.index.vectors import Embedder, Ids, Vectors, embed_chunks, embedder_named, vectors_of
from dspy_programs.code.index.words import asked_words
from dspy_programs.errors import UsageError

_CANDIDATES = 60
_RANKS = 10.0  # RRF's constant: how soon a rank counts little
_BY_MEANING = 0.5  # weight of a rank by vectors; one by words has 1


def search_by_meaning(
    index: Index, question: str, k: int = 10, embedder: Embedder | None = None, progress: Progress | None = None
) -> list[Hit]:
    """Return the places whose vectors are closest to the question's; [] for a question without words."""
    words = asked_words(question)
    ranked = _ranking(index, question, max(_CANDIDATES, k), embedder, progress) if words else []
    return as_hits(index, ranked[:k], words)


def search_fused(
    index: Index, question: str, k: int = 10, embedder: Embedder | None = None, progress: Progress | None = None
) -> list[Hit]:
    """Return the places that are found by words, by meaning, or best by both."""
    words, most = asked_words(question), max(_CANDIDATES, k)
    if not words:
        return []
    by_words = lexical_ranking(index, question, most)
    by_meaning = _ranking(index, question, most, embedder, progress)
    scores: dict[tuple[str, str, int], float] = {}
    known: dict[tuple[str, str, int], Place] = {}
    for ranking, weight in ((by_words, 1.0), (by_meaning, _BY_MEANING)):
        for rank, one in enumerate(ranking, 1):
            known.setdefault(one.key, one)
            scores[one.key] = scores.get(one.key, 0.0) + weight / (_RANKS + rank)
    best = sorted(scores, key=lambda key: -scores[key])[:k]
    return as_hits(index, [known[key]._replace(score=scores[key]) for key in best], words)


def search_like(
    index: Index, path: str, line: int, k: int = 10, embedder: Embedder | None = None, progress: Progress | None = None
) -> list[Hit]:
    """Return the places most like the one at a line. path: relative to the folder. Raises UsageError for no such place."""
    rows = index.database.rows(
        "SELECT places.id FROM places JOIN files ON files.id = file WHERE path = ? AND line <= ? AND end_line >= ? "
        "ORDER BY symbol = '', end_line - line",
        (path, line, line),
    )
    if not rows:
        known = index.database.rows("SELECT 1 FROM files WHERE path = ? AND why = ''", (path,))
        raise UsageError(f"{path}:{line}: {'no code at this line' if known else 'not in the index'}; name a FILE:LINE in it")
    own = rows[0]["id"]
    ids, vectors = _vectors(index, embedder or embedder_named(), progress)
    if own not in ids:
        raise UsageError(f"{path}: has changed meanwhile; try again")
    cosines = vectors @ vectors[ids.tolist().index(own)]
    near = np.argsort(-cosines)[: 3 * k + 1]
    found = places_of(index, {int(ids[each]): float(cosines[each]) for each in near})
    (itself,) = places_of(index, {own: 1.0})
    ranked = each_once(sorted((one for one in found if one.key != itself.key), key=lambda one: -one.score))[:k]
    return [hit._replace(score=round(one.score, 3)) for hit, one in zip(as_hits(index, ranked, []), ranked, strict=True)]


def _ranking(index: Index, question: str, most: int, embedder: Embedder | None, progress: Progress | None) -> list[Place]:
    """Return places by the cosine of their vectors to the question's, less for tests that nobody asked for."""
    embedder = embedder or embedder_named()
    ids, vectors = _vectors(index, embedder, progress)
    if not len(ids):
        return []
    cosines = vectors @ embedder.vectors([" ".join(asked_words(question))])[0]
    near = np.argsort(-cosines)[: 5 * most]
    found = places_of(index, {int(ids[each]): float(cosines[each]) for each in near})
    weighed = [one._replace(score=one.score * math.sqrt(reluctance(one, question))) for one in found if one.score > 0]
    return each_once(sorted(weighed, key=lambda one: -one.score))[:most]


def _vectors(index: Index, embedder: Embedder, progress: Progress | None) -> tuple[Ids, Vectors]:
    embed_chunks(index, embedder, progress)
    return vectors_of(index, embedder)
