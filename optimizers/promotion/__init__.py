"""Which compiled program is in use, which were before, and what may replace it."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.promotion.card import card_of as card_of, interval_line as interval_line, shown_line as shown_line
    from optimizers.promotion.gate import (
        LEVEL as LEVEL,
        MARGIN as MARGIN,
        Verdict as Verdict,
        level_for as level_for,
        verdict as verdict,
    )
    from optimizers.promotion.program_history import (
        Entry as Entry,
        checked_place as checked_place,
        current as current,
        digest_of as digest_of,
        require_fit as require_fit,
    )
    from optimizers.promotion.promoting import (
        Superseded as Superseded,
        card_for as card_for,
        export_stock as export_stock,
        promote as promote,
    )

_HOMES = {
    "LEVEL": "gate",
    "MARGIN": "gate",
    "Verdict": "gate",
    "level_for": "gate",
    "verdict": "gate",
    "card_of": "card",
    "interval_line": "card",
    "shown_line": "card",
    "Entry": "program_history",
    "current": "program_history",
    "digest_of": "program_history",
    "checked_place": "program_history",
    "require_fit": "program_history",
    "Superseded": "promoting",
    "card_for": "promoting",
    "export_stock": "promoting",
    "promote": "promoting",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
