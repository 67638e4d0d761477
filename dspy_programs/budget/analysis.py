"""Token counts of a prompt's sections, and the tokenizer they are counted with.

Input      sections: list[Section]; counter: a TokenCounter (tokens.py), by default with OpenAI's cl100k vocabulary.
Output     Analysis: the sections in order with tokens and share, the total, the counter's name and whether it is exact for
           the named model. The empty lines between sections count in `joined`, not in the total.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from dspy_programs.budget.prompts.prompt import joined
from dspy_programs.tokens import TokenCounter, counter_named
from dspy_programs.types import Section

RULE = "-" * 65


class SectionTokens(BaseModel):
    """One row of the table. share: of the total, in [0, 1]."""

    name: str
    type: str
    tokens: int
    share: float
    priority: int


class Analysis(BaseModel):
    """Where the tokens of a prompt are."""

    sections: list[SectionTokens]
    total: int
    joined: int
    token_counter: str
    exact: bool


def analyze(sections: Sequence[Section], counter: TokenCounter | None = None) -> Analysis:
    """Count the tokens of each section of a prompt.

    Args:
        sections: The parts of the prompt.
        counter: The token counter; by default OpenAI's cl100k vocabulary.

    Returns:
        The sections with their tokens and shares, and the total.
    """
    counter = counter or counter_named(None)
    counts = [counter.count(section.content) for section in sections]
    total = sum(counts)
    rows = [
        SectionTokens(name=s.name, type=s.type, tokens=count, share=count / total if total else 0.0, priority=s.priority)
        for s, count in zip(sections, counts, strict=True)
    ]
    whole = counter.count(joined(sections))
    return Analysis(sections=rows, total=total, joined=whole, token_counter=counter.name, exact=counter.exact)


def table(analysis: Analysis) -> str:
    """Return the analysis as lines of text."""
    width = max([20, *(len(row.name) for row in analysis.sections)])
    rule = RULE + "-" * (width - 20)
    lines = [f"{'Section':<{width}} {'Type':<15} {'Tokens':>8} {'%':>8} {'Priority':>8}", rule]
    for row in analysis.sections:
        lines.append(f"{row.name:<{width}} {row.type:<15} {row.tokens:>8} {row.share:>8.1%} {row.priority:>8}")
    lines += [rule, f"{'TOTAL':<{width}} {'':<15} {analysis.total:>8} {float(analysis.total > 0):>8.1%}"]
    exact = "exact for this model" if analysis.exact else "a model with another tokenizer counts somewhat differently"
    return "\n".join([*lines, f"Tokens of {analysis.token_counter} ({exact}); {analysis.joined} with the lines between"])


def problems(analysis: Analysis, max_tokens: int | None = None, max_share: float | None = None) -> list[str]:
    """Say what exceeds a limit: the prompt as sent, or the share of one section."""
    found = []
    if max_tokens is not None and analysis.joined > max_tokens:
        found.append(f"{analysis.joined} tokens, {analysis.joined - max_tokens} more than the {max_tokens} allowed")
    for row in analysis.sections:
        if max_share is not None and row.share > max_share:
            found.append(f"section {row.name!r} has {row.share:.1%} of the tokens; {max_share:.1%} are allowed")
    return found
