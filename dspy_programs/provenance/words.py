"""Words by meaning: case, accents, plurals and scripts without spaces aside; ids and e-mail addresses exactly."""

import re
import unicodedata

from dspy_programs.provenance.numbers import WORDS_OF
from dspy_programs.text import CJK_RUN, STOPWORDS, stem

_MOSTLY = 0.6  # of a free text's words must have been seen
_LONGEST_WORD = 100  # characters
_SHORTEST_IN_PARTS, _LONGEST_PART = 6, 12  # characters
_RUN_OF_ASCII = re.compile(r"[a-z0-9]{1,100}")
_RUN = re.compile(r"[^\W_]{1,100}")
_BETWEEN = re.compile(r"\s*[,;]\s*")
_ADDRESS = re.compile(r"[^\s@<>\"',;:()]{1,64}@[^\s@<>\"',;:()]{1,190}")
_HOST = re.compile(r"(?<![^\s@/(\"'<])(?:[a-z0-9-]{1,60}\.){1,5}[a-z]{2,12}(?![a-z0-9])")


def folded(text: str) -> str:
    """Lower case, without accents: "Ménière" is "meniere"."""
    if text.isascii():
        return text.lower()
    split = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join([c for c in split if not unicodedata.combining(c)]))


def runs_of(low: str) -> list[str]:
    """Return the runs of letters and digits of a folded text; of scripts without spaces, neighbouring pairs of characters."""
    if low.isascii():
        return _RUN_OF_ASCII.findall(low)
    runs: list[str] = _RUN.findall(low)
    if not CJK_RUN.search(low):
        return runs
    return [part for run in runs for part in (_pairs(run) if CJK_RUN.search(run) else [run])]


def _pairs(run: str) -> list[str]:
    """Pairs of characters of CJK, and the runs of other letters between them."""
    found, end = [], 0
    for match in CJK_RUN.finditer(run):
        found += [run[end : match.start()]] if match.start() > end else []
        text = match.group()
        found += [text[i : i + 2] for i in range(len(text) - 1)] or [text]
        end = match.end()
    return [*found, run[end:]] if end < len(run) else found


def _word_stem(run: str) -> str:
    return stem(run).removesuffix("s") if run.isascii() and len(run) > 3 else run


class Words:
    """The words that a run has shown, each with the turn that showed it first."""

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        self._without_stem: list[str] = []  # words whose stem is not there yet
        self._hosts: set[str] = set()
        self._addresses: dict[str, int] = {}

    def read(self, text: str, turn: int) -> None:
        """Read a folded text."""
        known = self._turns  # a set minus its keys() would walk through all of them
        new = [run for run in set(runs_of(text)) if run not in known]
        known.update(dict.fromkeys(new, turn))
        self._without_stem += new
        if "." in text:
            self._hosts.update(_HOST.findall(text))
        if "@" in text:
            self._addresses.update((address.rstrip("."), turn) for address in _ADDRESS.findall(text))

    def turn_of_run(self, run: str) -> int | None:
        return self._turns.get(run)

    def turn_of_spelled(self, number: float) -> int | None:
        return next((self._turns[word] for word in WORDS_OF.get(number, ()) if word in self._turns), None)

    def turn_of_all(self, text: str) -> int | None:
        """Return the latest turn that is needed to have seen all of an id, written with other spaces perhaps."""
        runs = runs_of(folded(text))
        turn = self._latest(runs)
        if turn is None and len(runs) > 1:
            turn = self._turns.get("".join(runs))
        return turn

    def turn_of_parts(self, id_: str) -> int | None:
        """Return the latest turn that showed a part of a folded id: "AT61 1904 3002" for "at6119043002"."""
        if not _SHORTEST_IN_PARTS <= len(id_) <= _LONGEST_WORD:
            return None
        ends = {0: (0, -1)}  # place -> (how many parts end there, the latest turn of them)
        for start in range(len(id_)):
            if start in ends:
                count, turn = ends[start]
                for end in range(start + 2, min(start + _LONGEST_PART, len(id_)) + 1):
                    if (shown := self._turns.get(id_[start:end])) is not None:
                        ends.setdefault(end, (count + 1, max(turn, shown)))
        count, turn = ends.get(len(id_), (0, -1))
        return turn if count and 3 * count <= len(id_) else None

    def _latest(self, runs: list[str]) -> int | None:
        turns = [self._turns[run] for run in runs if run in self._turns]
        return max(turns) if turns and len(turns) == len(runs) else None

    def turn_of_emails(self, addresses: str) -> int | None:
        """Return where the last of some addresses was seen, None if any was not."""
        turns = [self._turn_of_email(address) for address in _BETWEEN.split(addresses)]
        found = [turn for turn in turns if turn is not None]
        return max(found) if len(found) == len(turns) else None

    def _turn_of_email(self, address: str) -> int | None:
        """Return where an address was seen, or a name that it is made of, if its host was."""
        if address in self._addresses:
            return self._addresses[address]
        local, _, host = address.partition("@")
        if host not in self._hosts:
            return None
        runs = runs_of(local)
        if (turn := self._latest(runs)) is not None:
            return turn
        cuts = [part for run in runs for i in range(1, len(run)) for part in (run[i:], run[:i]) if len(part) > 2]
        return next((self._turns[part] for part in cuts if part in self._turns), None)

    def turn_of_most(self, text: str) -> int | None:
        """Return the latest turn that showed words of a free text, if most of those that carry meaning were shown."""
        runs = runs_of(folded(text))
        if (turn := self._latest(runs)) is not None:
            return turn
        content = [run for run in runs if run not in STOPWORDS and (len(run) > 1 or not run.isascii() or run.isdigit())]
        turns = [turn for run in content if (turn := self._turn_of_stem(run)) is not None]
        return max(turns) if turns and len(turns) >= _MOSTLY * len(content) else None

    def _turn_of_stem(self, run: str) -> int | None:
        if (turn := self._turns.get(run)) is not None:
            return turn
        for word in self._without_stem:
            self._stems.setdefault(_word_stem(word), self._turns[word])
        self._without_stem.clear()
        return self._stems.get(_word_stem(run))
