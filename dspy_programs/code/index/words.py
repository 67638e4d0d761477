"""The words of code and of questions about it: getHTTPResponse is also get, HTTP and response.

SQLite's tokenizer splits snake_case itself, and takes the endings off English words.
"""

import re
from collections import Counter

from dspy_programs.text import STOPWORDS

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z])")  # GZip is one word
_CAMEL = re.compile(r"\b[A-Za-z]*[a-z0-9][A-Z]\w*|\b[A-Z]{2,}[a-z]\w*")
_NAME = re.compile(r"[A-Za-z_]\w{2,63}")
_WORD = re.compile(r"\w+")
_PLAIN = re.compile(r"[^\W_]+")
_SAYS_LITTLE = STOPWORDS - frozenset("all down get make not off only out own put up use".split())  # they are in many names
_ASKING = frozenset("code function method class file find show where implement implemented defined definition".split())
_CONTRACTED = re.compile(r"(?<=\w)['’](?:s|re|ve|ll|d|m|t)\b")  # what's, we've
_MOST_WORDS = 40  # of a question


def humps(text: str) -> str:
    """Return the parts of the camelCase words in a text, each word once."""
    return " ".join(_HUMP.sub(" ", word) for word in dict.fromkeys(_CAMEL.findall(text)))


def spread(text: str) -> str:
    """Return the words of a text, those inside of names apart, and nothing else."""
    return " ".join(_HUMP.sub(" ", word) for word in _PLAIN.findall(text))


def names_in(text: str) -> Counter[str]:
    """Return the identifiers in a text, and how often each comes."""
    return Counter(_NAME.findall(text))


def asked_words(question: str) -> list[str]:
    """Return the words of a question that may tell one place from another, each once; all of them if none does."""
    parts = [part for word in _WORD.findall(_CONTRACTED.sub(" ", question)) for part in _parts(word)]
    every = list(dict.fromkeys(part.lower() for part in parts if part))[:_MOST_WORDS]
    telling = [word for word in every if word not in _SAYS_LITTLE and word not in _ASKING]
    return telling or [word for word in every if word not in _SAYS_LITTLE] or every


def _parts(word: str) -> list[str]:
    return [part for piece in word.split("_") for part in _HUMP.sub(" ", piece).split()]


def names_asked(question: str) -> set[str]:
    """Return what in a question is written as an identifier, in lower case: with _, a dot or a capital inside."""
    return {name.lower() for name in re.findall(r"[\w.]+", question) if re.search(r"_|\w\.\w|[a-z0-9][A-Z]", name)}
