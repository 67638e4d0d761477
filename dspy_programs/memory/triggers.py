"""When to compress: after a number of turns, or above a number of tokens.

Input      compression_interval_turns, compression_threshold_tokens: None switches that trigger off; require_both: both must
           fire; hysteresis: share of the threshold, in [0, 1].
Output     should_compress(store) -> bool; get_status(store); get_compression_priority(store): what would be compressed first.
Guarantees the token trigger needs 5 entries, the turn trigger half as many as its interval. After a compression the token
           trigger pauses until the memory has grown by (1 - hysteresis) of the threshold, unless compression brought it
           below hysteresis of it: it neither fires at every turn when little can be saved, nor stops firing for good.
Raises     UsageError for an interval or a threshold below 1, or both None.
"""

from typing import NotRequired, TypedDict

from dspy_programs.errors import UsageError
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.importance import ImportanceScorer
from dspy_programs.memory.store import MemoryStore
from dspy_programs.memory.units import protected, units

_MIN_ENTRIES = 5  # for the token trigger


class TurnTrigger(TypedDict):
    """Where the turn trigger stands."""

    max_turns: int
    turns_since_compression: int
    should_trigger: bool


class TokenTrigger(TypedDict):
    """Where the token trigger stands."""

    token_threshold: int
    current_tokens: int
    tokens_after_compression: int | None
    hysteresis: float
    should_trigger: bool


class Status(TypedDict):
    """Whether it is time to compress, and why; a trigger that is switched off is not there."""

    should_compress: bool
    require_both: bool
    turn_trigger: NotRequired[TurnTrigger]
    token_trigger: NotRequired[TokenTrigger]


class ForgettingCurve:
    """Two triggers, by turns and by tokens."""

    def __init__(
        self,
        compression_interval_turns: int | None = 10,
        compression_threshold_tokens: int | None = 6000,
        require_both: bool = False,
        hysteresis: float = 0.9,
    ) -> None:
        """Set the triggers.

        Args:
            compression_interval_turns: Turns after which to compress, 1 or more; None switches this trigger off.
            compression_threshold_tokens: Tokens above which to compress, 1 or more; None switches this trigger off.
            require_both: Both triggers must hold.
            hysteresis: Share of the threshold, in [0, 1]: how far the memory must fall or grow before the token trigger fires
                again. MemoryCompressor brings a memory that it has compressed before to 0.9 of its budget, so with that budget
                as the threshold it fires as soon as the memory is above it again.

        Raises:
            UsageError: Both triggers are off, or a number is out of range.
        """
        given = {"interval_turns": compression_interval_turns, "threshold_tokens": compression_threshold_tokens}
        if set(given.values()) == {None}:
            raise UsageError("give a turn interval, a token threshold or both; without them nothing is ever compressed")
        for name, value in given.items():
            if value is not None and value < 1:
                raise UsageError(f"compression_{name} is {value}; give 1 or more, or None to switch it off")
        if not 0 <= hysteresis <= 1:
            raise UsageError(f"hysteresis is {hysteresis}; give a share from 0 to 1")
        self.compression_interval_turns = compression_interval_turns
        self.compression_threshold_tokens = compression_threshold_tokens
        self.require_both, self.hysteresis = require_both, hysteresis
        self._last_turn = 0
        self._rests_at: int | None = None  # tokens right after the last compression, while the token trigger pauses

    def should_compress(self, store: MemoryStore) -> bool:
        """Return whether it is time to compress."""
        given = [self.compression_interval_turns, self.compression_threshold_tokens]
        fired = [self._turns(store), self._tokens(store)]
        answers = [answer for answer, value in zip(fired, given, strict=True) if value is not None]
        return all(answers) if self.require_both else any(answers)

    def mark_compressed(self, store: MemoryStore) -> None:
        """Restart counting: the store has just been compressed."""
        self._last_turn, self._rests_at = _turns_so_far(store), store.token_total()

    def _turns(self, store: MemoryStore) -> bool:
        interval = self.compression_interval_turns
        if interval is None or len(store) < max(1, interval // 2):
            return False
        return _turns_so_far(store) - self._last_turn >= interval

    def _tokens(self, store: MemoryStore) -> bool:
        threshold, total = self.compression_threshold_tokens, store.token_total()
        if threshold is None or len(store) < _MIN_ENTRIES:
            return False
        if self._rests_at is not None:
            grown = total - self._rests_at >= max(1, (1 - self.hysteresis) * threshold)
            if not grown and self._rests_at > self.hysteresis * threshold:
                return False
        return total > threshold

    def get_status(self, store: MemoryStore) -> Status:
        """Say where both triggers stand."""
        status: Status = {"should_compress": self.should_compress(store), "require_both": self.require_both}
        if self.compression_interval_turns is not None:
            status["turn_trigger"] = {
                "max_turns": self.compression_interval_turns,
                "turns_since_compression": _turns_so_far(store) - self._last_turn,
                "should_trigger": self._turns(store),
            }
        if self.compression_threshold_tokens is not None:
            status["token_trigger"] = {
                "token_threshold": self.compression_threshold_tokens,
                "current_tokens": store.token_total(),
                "tokens_after_compression": self._rests_at,
                "hysteresis": self.hysteresis,
                "should_trigger": self._tokens(store),
            }
        return status

    def get_compression_priority(
        self, store: MemoryStore, protected_recent: int = 3, scorer: ImportanceScorer | None = None
    ) -> list[MemoryEntry]:
        """Return the entries that may be compressed, least important first, ties by age."""
        entries = store.entries
        kept = protected(entries, units(entries), protected_recent)
        scores = (scorer or ImportanceScorer()).scores(entries)
        return [entries[index] for index in sorted(range(len(entries)), key=lambda i: (scores[i], i)) if index not in kept]


def _turns_so_far(store: MemoryStore) -> int:
    """Return the session's latest turn; if entries have no turn numbers, how many were added."""
    return store.last_turn or store.ever_added
