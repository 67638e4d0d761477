"""Show events as they come: a new kind whole, one that was shown before in a line with its count."""

from collections import OrderedDict
from collections.abc import Iterable

from dspy_programs.code.log_bus.redaction import redacted_lines
from dspy_programs.code.printing import say, say_kind
from dspy_programs.logs import Event, Kind, count_event

_MOST_KINDS = 20_000  # remembered; the one that came least lately is forgotten
_AT_ONCE = 2_000  # kinds of one round


class Live:
    """events, beyond: how many came; how many were of more kinds in one round than are shown."""

    def __init__(self) -> None:
        self.events = self.beyond = 0
        self._counts: OrderedDict[str, int] = OrderedDict()

    @property
    def kinds(self) -> int:
        return len(self._counts)

    def show(self, events: Iterable[Event]) -> None:
        """Print the events of one round."""
        kinds = dict[str, Kind]()
        for event in events:
            self.events += 1
            self.beyond += not count_event(kinds, event, _AT_ONCE)
        for signature, kind in kinds.items():
            before = self._counts.pop(signature, 0)
            self._counts[signature] = before + kind.count
            if len(self._counts) > _MOST_KINDS:
                self._counts.popitem(last=False)
            kind.lines = redacted_lines(kind.lines)
            if before:
                more = f"{kind.count:,} more, {before + kind.count:,} times"
                say("  ".join(part for part in (kind.severity, more, kind.at, kind.last, kind.lines[0][:200]) if part))
            else:
                say_kind(kind)
