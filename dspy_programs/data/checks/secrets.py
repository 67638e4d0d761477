"""Are there keys, tokens or passwords in a pair, and in which pairs of a batch may there be any?"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.finding import Finding, texts_of
from dspy_programs.data.checks.lookup import Lookup
from dspy_programs.data.checks.word_hashes import Words, hash_of_pair, hash_of_words
from dspy_programs.data.pair import DataPair
from dspy_programs.secret_values import LONG, secrets_in as secrets_in

_NAMES = (
    "password passwort passwd passphrase pwd secret secrets token apikey credential credentials bearer authorization begin sk"
    " hf postgres postgresql mysql mongodb srv redis amqp ftp"
).split()
_PAIRS = tuple(f"{name} key" for name in "api access auth private secret encryption account".split())
_lookup: list[Lookup] = []


def suspected(words: Words) -> NDArray[np.int64]:
    """Return the texts of a batch that may have a secret, so that only these are read."""
    if not _lookup:
        _lookup.append(Lookup(np.unique(hash_of_words(_NAMES))))
        _lookup.append(Lookup(np.unique(np.concatenate([hash_of_pair(pair) for pair in _PAIRS]))))
    named = [_lookup[0].found(words.hashes)[0], _lookup[1].found(words.pairs)[0]]
    texts = np.searchsorted(words.starts, np.concatenate(named), side="right") - 1
    return np.unique(np.concatenate([texts, np.flatnonzero(words.longest > LONG)]))


def secrets_findings(pair: DataPair) -> Iterator[Finding]:
    """Find secrets: an error for each field, with their kinds and where they are; they themselves are not in the message."""
    for field, text in texts_of(pair):
        if found := secrets_in(text):
            kinds = ", ".join(sorted({secret.kind for secret in found}))
            yield Finding("secrets", "error", f"secret in {field}: {kinds}", field, [secret._asdict() for secret in found])
