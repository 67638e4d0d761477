"""Models behind an API: the schemas they accept, deadlines, keys."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.lm.server.inner import ask as ask, place_of as place_of, through as through
    from dspy_programs.lm.server.redaction import redact as redact

_HOMES = {
    "ask": "inner",
    "place_of": "inner",
    "through": "inner",
    "redact": "redaction",
}

__getattr__ = exports(__name__, _HOMES)
