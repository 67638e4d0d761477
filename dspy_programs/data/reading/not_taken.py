"""Why a row is not taken."""

from typing import Literal

Kind = Literal["unreadable", "no pair", "empty", "duplicate"]


class NotTaken(Exception):
    """A row that cannot be a pair. kind: for counts; the message: why, in one line."""

    def __init__(self, reason: str, kind: Kind = "no pair") -> None:
        super().__init__(reason)
        self.kind = kind
