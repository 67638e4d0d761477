"""The vectors of an index: one for each chunk and embedder, in the file of the index, made when a search first wants them.

Input      an Index that is up to date, and an Embedder: WordLlama's static one from embedder_named(None), any that DSPy can
           reach by its name, or a function from texts to vectors.
Output     embed_chunks: how many texts were embedded. vectors_of: the places and a matrix, whose rows have length 1.
Guarantees only texts that no chunk had before are embedded; vectors of several embedders stand side by side. A process that
           is killed loses at most one batch. What is not in the index is never embedded.
Raises     MissingExtra without WordLlama; UsageError for an embedder that does not answer, or not with vectors.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dspy_programs.code.index.index import Index, Progress
from dspy_programs.code.index.words import spread
from dspy_programs.errors import MissingExtra, ProgramsError, UsageError

Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
_BATCH = 512  # chunks
_MOST = 1_000  # characters of a chunk: more made the search slower and no better
_AT_ONCE = 100  # texts of one request
_PATIENCE = 60  # seconds for one request
_RECIPE = 1  # of what is embedded of a chunk


class Embedder(NamedTuple):
    """name: in the index, so another model needs another name; embed: one vector a text."""

    name: str
    embed: Callable[[list[str]], Any]

    @property
    def key(self) -> str:
        return f"{self.name} {_RECIPE}"

    def vectors(self, texts: list[str]) -> Vectors:
        """Return vectors of length 1; zeros for a text without a word."""
        try:
            found = np.asarray(self.embed(texts), dtype=np.float32)
        except ProgramsError:
            raise
        except Exception as error:  # anybody's code; its words may hold a key
            raise UsageError(f"the embedder {self.name} does not answer: {type(error).__name__}") from error
        if found.ndim != 2 or len(found) != len(texts) or not np.isfinite(found).all():
            raise UsageError(
                f"the embedder {self.name} answers with shape {found.shape}, not one vector for each of {len(texts)}"
            )
        return _of_length_1(found)


def embedder_named(name: str | None = None) -> Embedder:
    """Return WordLlama's embedder, or one that DSPy reaches by its name, with its key in the environment."""
    if name is None:
        from importlib.metadata import PackageNotFoundError, version

        from dspy_programs.embedding import embed_texts

        try:
            return Embedder(f"wordllama {version('wordllama')}", embed_texts)
        except PackageNotFoundError:
            raise MissingExtra('vectors need wordllama; install it: pip install "dspy-programs[embed]"') from None
    if not re.fullmatch(r"[\w.-]+(/[\w.:-]+)+", name):
        raise UsageError(f"{name}: not an embedder; name one as provider/model, such as openai/text-embedding-3-small")
    import dspy

    from dspy_programs.lm import stay_offline

    stay_offline()
    return Embedder(name, dspy.Embedder(name, batch_size=_AT_ONCE, caching=False, timeout=_PATIENCE))


def embed_chunks(index: Index, embedder: Embedder, progress: Progress | None = None) -> int:
    """Make the vectors that are missing; return how many texts were embedded."""
    rows, key = index.database.rows, embedder.key
    of_key = "SELECT place FROM vectors WHERE embedder = ? AND place IS NOT NULL"
    missing = [row["id"] for row in rows(f"SELECT id FROM places WHERE id NOT IN ({of_key}) ORDER BY id", (key,))]
    if not missing:
        return 0
    spare = {row["digest"]: row["vector"] for row in rows("SELECT digest, vector FROM vectors WHERE embedder = ?", (key,))}
    embedded = 0
    for start in range(0, len(missing), _BATCH):
        if progress:
            progress(start, len(missing))
        wanted = _texts_of(index, missing[start : start + _BATCH])
        new = {digest: text for digest, text in wanted.values() if digest not in spare}
        if new:
            spare |= zip(new, (vector.tobytes() for vector in _embedded(embedder, list(new.values()))), strict=True)
            embedded += len(new)
        with index.database.together():
            now = _texts_of(index, list(wanted))  # another process may have changed them meanwhile
            held = [(key, at, digest, spare[digest]) for at, (digest, _) in wanted.items() if now.get(at, ("",))[0] == digest]
            index.database.write_many("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", held)
    index.database.write("DELETE FROM vectors WHERE embedder = ? AND place IS NULL", (key,))
    return embedded


def vectors_of(index: Index, embedder: Embedder) -> tuple[Ids, Vectors]:
    """Return the ids of the places, and their vectors as the rows of a matrix."""
    rows = index.database.rows("SELECT place, vector FROM vectors WHERE embedder = ? AND place IS NOT NULL", (embedder.key,))
    if len({len(row["vector"]) for row in rows}) > 1:
        raise UsageError(
            f"the vectors of {embedder.name} differ in length; delete {index.file}: the next command makes it anew"
        )
    if not rows:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    held = np.frombuffer(b"".join(row["vector"] for row in rows), dtype=np.float16).reshape(len(rows), -1)
    return np.array([row["place"] for row in rows], dtype=np.int64), held.astype(np.float32)


class _Text(NamedTuple):
    name: str
    body: str


def _texts_of(index: Index, places: Sequence[int]) -> dict[int, tuple[bytes, _Text]]:
    """Return what is embedded of chunks, with its digest."""
    rows = index.database.rows(
        f"SELECT id, symbol, substr(text, 1, {_MOST}) AS text FROM places JOIN chunks ON chunks.rowid = places.id "
        f"WHERE id IN ({', '.join('?' * len(places))})",
        list(places),
    )
    texts = {row["id"]: _Text(spread(row["symbol"]), spread(row["text"])) for row in rows}
    return {at: (hashlib.blake2b("\n".join(text).encode(), digest_size=16).digest(), text) for at, text in texts.items()}


def _embedded(embedder: Embedder, texts: Sequence[_Text]) -> npt.NDArray[np.float16]:
    """Return the mean of a name's vector and its code's: the name of a function says as much as all of its lines."""
    names = list(dict.fromkeys(text.name for text in texts if text.name))
    bodies = embedder.vectors([text.body or text.name or "empty" for text in texts])
    if names:
        by_name = dict(zip(names, embedder.vectors(names), strict=True))
        bodies = bodies + np.stack([by_name.get(text.name, np.zeros(bodies.shape[1])) for text in texts])
    return _of_length_1(bodies).astype(np.float16)


def _of_length_1(vectors: npt.NDArray[Any]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors, dtype=np.float32), where=lengths > 0)
