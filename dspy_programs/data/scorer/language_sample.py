"""The languages of a sample of rows that depends on the rows alone, not on their order: those with the smallest digests.

Source     adaptive sampling (Wegman; Flajolet 1990): whenever the sample is full, the bound on the digests is halved.
"""

from array import array
from collections.abc import Callable

from dspy_programs.data.checks.lang import family_of, language_of
from dspy_programs.data.scorer.view import View

MOST = 5_000  # rows; a share of 1 % is then known to 0.14 points
_SURE = 0.8  # names of products look like German
_BEGINNING = 300  # characters of each text, if one does not do
_ALL = 2**64


class LanguageSample:
    """rows, digests, languages: of the rows that were judged. named: names the language of a text."""

    def __init__(self, most: int = MOST) -> None:
        self.named: Callable[[str], tuple[str, float]] | None = None
        self.most, self.bound = most, _ALL
        self.rows, self.digests, self.numbers = array("q"), array("Q"), array("h")
        self.known: dict[str, int] = {}

    @property
    def is_whole(self) -> bool:
        """Whether every row is in it."""
        return self.bound == _ALL

    def add(self, row: int, digest: int, view: View) -> None:
        if self.named is None or digest >= self.bound:
            return
        language, sure = language_of(view.answered, self.named)
        if sure < _SURE:
            texts = (view.answered, view.asked, view.given) if view.asked or view.answered else (view.more,)
            language, sure = language_of("\n".join(text[:_BEGINNING] for text in texts), self.named)
        if sure < _SURE:
            return
        self.rows.append(row)
        self.digests.append(digest)
        self.numbers.append(self.known.setdefault(family_of(language), len(self.known)))
        while len(self.rows) > self.most and self.bound > 1:
            self.bound //= 2
            self._drop()

    def _drop(self) -> None:
        kept = [place for place, digest in enumerate(self.digests) if digest < self.bound]
        self.rows = array("q", [self.rows[place] for place in kept])
        self.numbers = array("h", [self.numbers[place] for place in kept])
        self.digests = array("Q", [self.digests[place] for place in kept])
