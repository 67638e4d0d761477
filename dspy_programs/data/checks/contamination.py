"""Is a row, or a part of it, in a test set?

A text of a test set is found in a row if half of its runs of 8 words are there, whatever stands around it.
Runs that more than three texts of the test sets share are their form ("Answer the following question with yes or no"), and
say nothing; a text whose every run is of that kind is compared as a whole. Texts under 8 words are found only where a field
is the same. Of a text under 40 words nearly all telling words must be there too: "the area of a cube" is not "the area of a
cylinder", though both tests and rows are often of one form.
Source     runs of words as in Brown et al., "Language Models are Few-Shot Learners" (2020), appendix C, which takes 13.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.finding import Finding
from dspy_programs.data.checks.lookup import Lookup
from dspy_programs.data.checks.minhash import digests_of
from dspy_programs.data.checks.word_hashes import Hashes, Words, hash_of_words, mixed, words_of
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import UsageError
from dspy_programs.tables import FORMATS, ending_of, rows_in
from dspy_programs.text import REQUESTS, STOPWORDS, TELLING

RUN = 8  # words
_SHARE = 0.5
_FORM = 3  # texts
_FEWEST = 3  # words of a text that is compared as a whole
_SHORT = 40  # words
_MAY_LACK = 20  # telling words of a short text for each that may be missing; no number may
_NUMBER = re.compile(r"\d+")
_QUESTIONS = ("instruction", "question", "prompt", "query", "problem", "input", "context", "text", "passage", "goal", "task")
_BATCH = 500
_LINES = (".jsonl", ".ndjson")  # a line may be a plain text here


class TestSets:
    """Texts not to train on. files: rows in any format, or plain text, one text a line. Raises UsageError, DatasetError."""

    __test__ = False  # no class of tests, whatever pytest thinks of its name

    def __init__(self, files: Sequence[Path]) -> None:
        self._names: list[str] = []
        runs: list[Hashes] = []
        owners: list[NDArray[np.int64]] = []
        wholes: list[Hashes] = []
        self._short: dict[int, Hashes] = {}
        common, numbers = np.sort(hash_of_words(STOPWORDS - TELLING | REQUESTS)), set[str]()
        for texts in _batches(self._read(files)):
            words = words_of(texts)
            first = sum(map(len, wholes))
            hashes, of = _runs_of(words)
            runs.append(hashes)
            owners.append(of + first)
            for text in np.flatnonzero((words.counts >= RUN) & (words.counts < _SHORT)):
                numbers.update(_NUMBER.findall(texts[text]))
                told = np.unique(words.hashes[words.starts[text] : words.starts[text + 1]])
                self._short[first + int(text)] = np.setdiff1d(told, common, assume_unique=True)
            wholes.append(np.where(words.counts >= _FEWEST, digests_of(words), 0))
        if not self._names:
            raise UsageError(f"no texts to compare with in {', '.join(map(str, files))}")
        self._numbers = np.sort(hash_of_words(numbers))
        self._wholes = Lookup(np.concatenate(wholes))
        self._runs, self._sizes = _owned(np.concatenate(runs), np.concatenate(owners), len(self._names))

    def found(self, words: Words) -> dict[int, str]:
        """Return which texts of a batch have one of the test sets in them, and where that is from."""
        hashes, of = _runs_of(words)
        places, owners = self._runs.found(hashes)
        hits, times = np.unique(np.stack([of[places], owners], 1), axis=0, return_counts=True)
        enough = times >= _SHARE * self._sizes[hits[:, 1]] if len(hits) else times
        likely = hits[enough.astype(bool)]
        return {int(text): self._names[owner] for text, owner in likely if self._has_its_words(words, text, owner)}

    def _has_its_words(self, words: Words, text: int, owner: int) -> bool:
        """Return whether a text has the telling words of a short one of the test sets; a long one may be there in part."""
        told = self._short.get(int(owner))
        if told is None:
            return True
        missing = np.setdiff1d(told, words.hashes[words.starts[text] : words.starts[text + 1]])
        return missing.size <= told.size // _MAY_LACK and not np.isin(missing, self._numbers).any()

    def same(self, words: Words) -> dict[int, str]:
        """Return which texts of a batch are one of the test sets', but for case, spaces and signs."""
        some = np.flatnonzero(words.counts >= _FEWEST)
        places, numbers = self._wholes.found(digests_of(words)[some])
        return {int(some[place]): self._names[number] for place, number in zip(places, numbers, strict=True)}

    def _read(self, files: Iterable[Path]) -> Iterator[str]:
        for path in files:
            if (ending := ending_of(path)) in FORMATS and ending not in _LINES:
                for row in rows_in(path):
                    for text in _texts_of(row.fields):
                        self._names.append(f"{path.name}:{row.number}")
                        yield text
                continue
            try:
                with path.open(encoding="utf-8-sig", errors="replace") as lines:
                    for number, line in enumerate(lines, 1):
                        for text in _texts_in(line):
                            self._names.append(f"{path.name}:{number}")
                            yield text
            except OSError as error:
                raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def contamination_finding(where: str, field: str = "") -> Finding:
    return Finding("contamination", "error", f"is in the test set: {where}", field)


def asked_in(pair: DataPair) -> list[str]:
    """Return the texts of a row that may be a test's as a whole."""
    return [pair.instruction, f"{pair.instruction} {pair.input}", pair.input]


def _texts_in(line: str) -> list[str]:
    """Return what a line of a test set asks, a row or a text."""
    if not line.strip():
        return []
    try:
        row: Any = json.loads(line)
    except ValueError:
        return [line.strip()]
    return _texts_of(row)


def _texts_of(row: Any) -> list[str]:
    """Return what a row asks; all of it if its fields have other names."""
    if isinstance(row, str):
        return [row]
    if not isinstance(row, dict):
        return [" ".join(_strings(row))]
    asked = [row[name] for name in _QUESTIONS if isinstance(row.get(name), str) and row[name].strip()]
    if "messages" in row:
        turns = [turn for turn in row["messages"] if isinstance(turn, dict)] if isinstance(row["messages"], list) else []
        asked += [turn["content"] for turn in turns if turn.get("role") == "user" and isinstance(turn.get("content"), str)]
    if "instruction" in row and isinstance(row.get("input"), str) and row["input"].strip():
        asked = [f"{row['instruction']} {row['input']}"]
    return asked or [text for text in _strings(row) if len(text.split()) >= _FEWEST]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _runs_of(words: Words) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the runs of RUN words inside each text, and the text of each."""
    count = len(words.hashes) - RUN + 1
    if count <= 0:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    summed = np.zeros(count, np.uint64)
    for place in range(RUN):
        summed = summed * np.uint64(0x9E3779B97F4A7C15) + words.hashes[place : place + count]
    of = np.repeat(np.arange(len(words.starts) - 1), words.counts)
    inside = of[:count] == of[RUN - 1 :]
    return mixed(summed[inside]), of[:count][inside]


def _owned(hashes: Hashes, owners: NDArray[np.int64], texts: int) -> tuple[Lookup, NDArray[np.int64]]:
    """Return the runs that are not the form of the test sets, each with the first text that has it, and how many each has."""
    both = np.unique(np.stack([hashes, owners.astype(np.uint64)], 1), axis=0)
    runs, first, times = np.unique(both[:, 0], return_index=True, return_counts=True)
    own = times <= _FORM
    of = both[first[own], 1].astype(np.int64)
    return Lookup(runs[own], of), np.bincount(of, minlength=texts)
