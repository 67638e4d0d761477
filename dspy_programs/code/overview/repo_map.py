"""A map of a repository within a token budget: the signatures that the rest of the code uses most."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from dspy_programs.code.index.index import Index
from dspy_programs.code.overview.references import Ranked, ranked_definitions
from dspy_programs.errors import UsageError
from dspy_programs.tokens import TokenCounter, counter_named


class RepoMap(NamedTuple):
    """text: files, the most important first, with signatures in their order; tokens: of the text, by the counter.

    shown, known: how many definitions are in the text, and in the folder.
    """

    text: str
    tokens: int
    counter: str
    shown: int
    known: int
    definitions: Sequence[Ranked]


def map_of(index: Index, tokens: int = 1_000, focus: Collection[str] = (), counter: TokenCounter | None = None) -> RepoMap:
    """Return the map of an index that is up to date.

    Args:
        index: Of the folder.
        tokens: The most that the text may have.
        focus: Paths of files that matter now; what they use comes first.
        counter: By default OpenAI's cl100k vocabulary.

    Raises UsageError for a path that is not in the index.
    """
    counter = counter or counter_named(None)
    if unknown := sorted(path for path in focus if not index.database.rows("SELECT 1 FROM files WHERE path = ?", (path,))):
        raise UsageError(f"{unknown[0]}: not in the index; give paths relative to {index.folder}")
    ranked = ranked_definitions(index, focus)
    most, least = len(ranked), 0
    while least < most:  # the text grows with every definition
        middle = (least + most + 1) // 2
        least, most = (middle, most) if counter.count(_drawn(ranked[:middle])) <= tokens else (least, middle - 1)
    text = _drawn(ranked[:least])
    return RepoMap(text, counter.count(text), counter.name, least, len(ranked), ranked[:least])


def _drawn(ranked: Sequence[Ranked]) -> str:
    """Draw definitions under their files; a method brings the line of its class."""
    files: dict[str, list[Ranked]] = {}
    for one in ranked:
        files.setdefault(one.definition.path, []).append(one)
    lines = []
    for path, held in sorted(files.items(), key=lambda each: -sum(one.rank for one in each[1])):
        lines.append(path)
        drawn: set[str] = set()
        for one in sorted(held, key=lambda one: one.definition.symbol.head):
            symbol, signature = one.definition.symbol, one.definition.signature
            outer = symbol.name.rpartition(".")[0]
            if outer and outer not in drawn:
                drawn.add(outer)
                lines.append(f"      {outer}")
            drawn.add(symbol.name)
            lines.append(f"{symbol.head:5} {'  ' * bool(outer)}{signature}")
    return "\n".join(lines)
