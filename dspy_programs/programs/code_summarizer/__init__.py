"""From a piece of code to what it does: what goes in and out, what it raises, and what it changes."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.code_summarizer.code_rules import (
        facts_in as facts_in,
        facts_said as facts_said,
        summary_by_rules as summary_by_rules,
    )
    from dspy_programs.programs.code_summarizer.code_summarizer import (
        CodeSummarizer as CodeSummarizer,
        CodeSummarizerResult as CodeSummarizerResult,
    )
    from dspy_programs.programs.code_summarizer.other_languages import comment_of as comment_of
    from dspy_programs.programs.code_summarizer.python_facts import Facts as Facts
    from dspy_programs.programs.code_summarizer.unknown_names import foreign_names as foreign_names
    from dspy_programs.programs.code_summarizer.wording import first_sentence as first_sentence

_HOMES = {
    "CodeSummarizer": "code_summarizer",
    "CodeSummarizerResult": "code_summarizer",
    "Facts": "python_facts",
    "comment_of": "other_languages",
    "facts_in": "code_rules",
    "facts_said": "code_rules",
    "first_sentence": "wording",
    "foreign_names": "unknown_names",
    "summary_by_rules": "code_rules",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
