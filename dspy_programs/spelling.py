"""Mend the typing errors in the words that say what to do; names and other words stay as they are."""

import difflib
import re
from collections.abc import Callable, Collection

_WORD = re.compile(r"[a-z]{5,}")
_LIKENESS = 0.84


def spelled_right(text: str, vocabulary: Collection[str], is_name: Callable[[str], bool] = lambda word: False) -> str:
    """Return a text in small letters with its words of five letters and more as the vocabulary spells them.

    vocabulary: words in small letters; a word that one of them begins, or that begins one, is no error. is_name: what to leave.
    """

    def mended(found: re.Match[str]) -> str:
        word = found[0]
        if is_name(word):
            return word
        anagram = [each for each in vocabulary if len(each) == len(word) and sorted(each) == sorted(word)]
        near = anagram[0] if anagram else next(iter(difflib.get_close_matches(word, vocabulary, n=1, cutoff=_LIKENESS)), word)
        return word if word.startswith(near[:-1]) or near.startswith(word) else near

    return _WORD.sub(mended, " ".join(text.lower().split()))
