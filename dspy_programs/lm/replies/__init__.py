"""Structured replies: the JSON requested from a model, and whatever a model writes around it."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.lm.replies.adapter import CompleteJSONAdapter as CompleteJSONAdapter
    from dspy_programs.lm.replies.thoughts import has_thoughts as has_thoughts, without_thoughts as without_thoughts

_HOMES = {
    "CompleteJSONAdapter": "adapter",
    "has_thoughts": "thoughts",
    "without_thoughts": "thoughts",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
