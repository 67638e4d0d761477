"""Models behind an API: the schemas they accept, deadlines, keys."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.lm.server.identity import ServedModel as ServedModel, Unasked as Unasked, served_model as served_model
    from dspy_programs.lm.server.lm_wrapper import call_inner as call_inner, endpoint_of as endpoint_of, wrap as wrap
    from dspy_programs.lm.server.redaction import redact as redact
    from dspy_programs.lm.server.transport import ending_at as ending_at

_HOMES = {
    "call_inner": "lm_wrapper",
    "endpoint_of": "lm_wrapper",
    "wrap": "lm_wrapper",
    "redact": "redaction",
    "ServedModel": "identity",
    "Unasked": "identity",
    "served_model": "identity",
    "ending_at": "transport",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
