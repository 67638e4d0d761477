"""How every program calls the model: nearest demonstrations, reasoning, a reply or a typed failure."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.predict.few_shot import (
        ALL_SHOWN as ALL_SHOWN,
        NEAREST as NEAREST,
        FewShot as FewShot,
        Index as Index,
        shown_length as shown_length,
    )
    from dspy_programs.predict.program import Program as Program, Result as Result
    from dspy_programs.predict.reasoning import FIELD as FIELD, add_reasoning as add_reasoning
    from dspy_programs.predict.reply import Failure as Failure, ask as ask, first_line as first_line

_HOMES = {
    "ALL_SHOWN": "few_shot",
    "FewShot": "few_shot",
    "Index": "few_shot",
    "NEAREST": "few_shot",
    "shown_length": "few_shot",
    "Program": "program",
    "Result": "program",
    "FIELD": "reasoning",
    "add_reasoning": "reasoning",
    "Failure": "reply",
    "ask": "reply",
    "first_line": "reply",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
