"""Nobody's e-mail address, phone, card, account or identity number: where they are, and texts without them."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.data.checks.pii.check import pii_findings as pii_findings, redacted_pair as redacted_pair
    from dspy_programs.data.checks.pii.recognisers import (
        KINDS as KINDS,
        PiiSpan as PiiSpan,
        pii_in as pii_in,
        redacted as redacted,
    )

_HOMES = {
    "KINDS": "recognisers",
    "PiiSpan": "recognisers",
    "pii_findings": "check",
    "pii_in": "recognisers",
    "redacted": "recognisers",
    "redacted_pair": "check",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
