"""What a model gives for entries: a text, or why there is none."""

from typing import Literal, NamedTuple

Strategy = Literal["summarize", "extract_facts", "archive"]


class Change(NamedTuple):
    """fallback: why the rules have to answer instead of the model; then there is no text."""

    text: str
    fallback: str | None = None
