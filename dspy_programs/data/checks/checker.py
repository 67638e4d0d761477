"""All that is checked row by row, a block of lines at a time.

The words of a whole block are hashed at once (word_hashes.py). From these come the sketches, and which few rows a slow
check has to read at all: those with a word of the list, a long run of signs, many digits.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks import secrets
from dspy_programs.data.checks.checked_block import BAD, ERROR, PERSONAL, CheckedBlock
from dspy_programs.data.checks.contamination import TestSets, asked_in, contamination_finding
from dspy_programs.data.checks.fences import fences_findings
from dspy_programs.data.checks.finding import Finding, contents_of
from dspy_programs.data.checks.lang import checked_language, detector, lang_findings
from dspy_programs.data.checks.length import length_findings
from dspy_programs.data.checks.minhash import BANDS, bands_of, digests_of
from dspy_programs.data.checks.near_dup import key_of
from dspy_programs.data.checks.options import CheckOptions
from dspy_programs.data.checks.pii import pii_findings
from dspy_programs.data.checks.placeholders import placeholders_findings
from dspy_programs.data.checks.profanity import SwearWords, profanity_findings
from dspy_programs.data.checks.refusals import refusals_findings
from dspy_programs.data.checks.schema import parsed, schema_findings
from dspy_programs.data.checks.turns import turns_findings
from dspy_programs.data.checks.word_hashes import Words, words_of
from dspy_programs.data.pair import DataPair

_FEWEST_DIGITS = 5  # of a text that has a phone, a card, a date of birth
_ATS = ("@", "at)", "at]")  # of a text that has an e-mail address
_SYSTEM = ("system", "developer")


class Checker:
    """The checks of one row after another. Raises UsageError, MissingExtra for what a check needs and has not."""

    def __init__(self, options: CheckOptions) -> None:
        self._options, self._on = options, options.running()
        self._swearing = SwearWords(checked_language(options.language)) if "profanity" in self._on else None
        self._language = checked_language(options.language)
        self._named = detector(self._language) if "lang" in self._on else None
        self._tests = TestSets([Path(path) for path in options.against]) if "contamination" in self._on else None
        self._plain = [look for name, look in self._plain_checks().items() if name in self._on]
        self._needs_words = bool(self._on & {"dedup", "near_dup", "profanity", "secrets", "contamination", "pii"})

    def _plain_checks(self) -> dict[str, Callable[[DataPair], Iterable[Finding]]]:
        """Return the checks that take no time."""
        return {
            "schema": schema_findings,
            "length": partial(length_findings, options=self._options),
            "refusals": refusals_findings,
            "placeholders": placeholders_findings,
            "fences": fences_findings,
            "turns": turns_findings,
            "lang": lambda pair: lang_findings(pair, self._language, self._named) if self._named else (),
        }

    def check(self, pair: DataPair) -> list[Finding]:
        """Return what is wrong with one pair by itself."""
        found = [finding for look in self._plain for finding in look(pair)]
        words = words_of([document_of(pair)]) if self._tests else None
        for name in ("pii", "profanity", "secrets"):
            if name in self._on:
                found += self._slow_findings(name, pair)
        return found + [contamination_finding(where) for where in self._contaminated([pair], words).values()]

    def check_block(self, block: bytes, first_line: int = 1) -> CheckedBlock:
        """Check the lines of a block; first_line is the number of the first one in its file."""
        pairs: list[DataPair | Finding] = []
        offsets, lengths, numbers, at = [], [], [], 0
        for number, line in enumerate(block.split(b"\n"), first_line):
            if line and not line.isspace():
                pairs.append(parsed(line))
                offsets.append(at)
                lengths.append(len(line))
                numbers.append(number)
            at += len(line) + 1
        found: dict[int, list[Finding]] = {}
        for row, pair in enumerate(pairs):
            if isinstance(pair, Finding):
                found[row] = [pair]
            elif findings := [finding for look in self._plain for finding in look(pair)]:
                found[row] = findings
        good = [row for row, pair in enumerate(pairs) if isinstance(pair, DataPair)]
        digests, bands = self._by_words(pairs, good, found)
        return _checked(pairs, found, numbers, np.array(offsets, np.uint32), np.array(lengths, np.uint32), digests, bands)

    def _by_words(
        self, pairs: list[DataPair | Finding], good: list[int], found: dict[int, list[Finding]]
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint32] | None]:
        """Add what is found by the words of all rows; return each row's digest, and its bands if near duplicates count."""
        digests = np.zeros(len(pairs), np.uint64)
        bands = None
        if good and self._needs_words:
            known = [pair for row in good if isinstance(pair := pairs[row], DataPair)]
            documents = [document_of(pair) for pair in known]
            words = words_of(documents)
            digests[good] = digests_of(words)
            if "near_dup" in self._on:
                bands = np.zeros((BANDS, len(pairs)), np.uint32)
                bands[:, good] = bands_of(words, np.array([key_of(pair) for pair in known], np.uint64))
            for name, rows in self._suspected(known, documents, words).items():
                for row in rows:
                    if findings := self._slow_findings(name, known[row]):
                        found.setdefault(good[row], []).extend(findings)
            for row, where in self._contaminated(known, words).items():
                found.setdefault(good[row], []).append(contamination_finding(where))
        elif "near_dup" in self._on:
            bands = np.zeros((BANDS, len(pairs)), np.uint32)
        return digests, bands

    def _suspected(self, pairs: list[DataPair], documents: list[str], words: Words) -> Mapping[str, Iterable[int]]:
        """Return the rows that each slow check has to read: only what is not in the words, a system message, is always read."""
        instructed = [row for row, pair in enumerate(pairs) if pair.messages and pair.messages[0].get("role") in _SYSTEM]
        rows: dict[str, NDArray[np.int64]] = {}
        if self._swearing:
            rows["profanity"] = self._swearing.suspected(words)
        if "secrets" in self._on:
            rows["secrets"] = secrets.suspected(words)
        if "pii" in self._on:
            addressed = [row for row, text in enumerate(documents) if not text.isascii() or any(at in text for at in _ATS)]
            rows["pii"] = np.union1d(np.flatnonzero(words.digits >= _FEWEST_DIGITS), addressed)
        return {name: np.union1d(each, instructed).astype(np.int64).tolist() for name, each in rows.items()}

    def _slow_findings(self, name: str, pair: DataPair) -> list[Finding]:
        if name == "pii":
            return [*pii_findings(pair, self._options.pii)]
        if name == "secrets":
            return [*secrets.secrets_findings(pair)]
        return [*profanity_findings(pair, self._swearing)] if self._swearing else []

    def _contaminated(self, pairs: list[DataPair], words: Words | None) -> dict[int, str]:
        if self._tests is None or words is None:
            return {}
        asked = [asked_in(pair) for pair in pairs]
        same = self._tests.same(words_of([text for texts in asked for text in texts]))
        each = len(asked[0])
        return {**{place // each: where for place, where in same.items()}, **self._tests.found(words)}


def document_of(pair: DataPair) -> str:
    """Return the words of a row that count for duplicates: all but what a system message says to many conversations."""
    if pair.messages is None:
        parts = [pair.instruction, pair.input, pair.output]
    else:
        parts = [text for turn in pair.messages if turn.get("role") not in _SYSTEM for text in contents_of(turn)]
        parts.append(pair.input)
    if pair.context:
        parts.append(pair.context)
    if pair.rejected:
        parts.append(pair.rejected)
    return "\n".join(parts)


def _checked(
    pairs: list[DataPair | Finding],
    found: dict[int, list[Finding]],
    numbers: list[int],
    offsets: NDArray[np.uint32],
    lengths: NDArray[np.uint32],
    digests: NDArray[np.uint64],
    bands: NDArray[np.uint32] | None,
) -> CheckedBlock:
    """Write down what was found, in the order of the rows."""
    flags = np.zeros(len(pairs), np.uint8)
    counts: Counter[str] = Counter()
    issues: list[bytes] = []
    reasons: dict[int, str] = {}
    for row in sorted(found):
        pair = pairs[row]
        if not isinstance(pair, DataPair):
            flags[row] |= BAD
        name = pair.identified().id if isinstance(pair, DataPair) else f"line {numbers[row]}"
        for finding in found[row]:
            counts[finding.check] += 1
            counts[f"severity:{finding.severity}"] += 1
            issues.append(json.dumps(finding.as_issue(name), ensure_ascii=False).encode("utf-8", "replace"))
            if finding.severity == "error":
                flags[row] |= ERROR
            if finding.check == "pii":
                flags[row] |= PERSONAL
        errors = [finding for finding in found[row] if finding.severity == "error"]
        if errors:
            reasons[row] = "; ".join(f"{finding.check}: {finding.message}" for finding in errors)
    return CheckedBlock(dict(counts), issues, reasons, numbers, offsets, lengths, flags, digests, bands)
