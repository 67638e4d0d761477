"""What `ask` shows of a definition that a question wants explained: where it stands, what it does, its first lines."""

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dspy_programs.code.printing import from_here, say

if TYPE_CHECKING:
    from dspy_programs.code.explaining.code import ExplainedCode
    from dspy_programs.code.finding.extracting import Piece
    from dspy_programs.programs.orchestrator import Chosen

_WANTS_WORDS = re.compile(r"\b(?:what(?:'s| is| are| does| do)|explain|describe|summari[sz]e|purpose of|how do(?:es)?)\b", re.I)
_WANTS_CODE = re.compile(r"\b(?:look like|source|code|body|signature|implementation|definition|defined|show|print)\b", re.I)
_ONE_WORD = re.compile(
    r"\b(?:what does|how does|explain|describe) `?([A-Za-z_][\w.]*)`?(?:\(\))?(?: do| work| mean)?\s*\??$", re.I
)
_MOST_LINES = 12


def definition_to_explain(query: str, chosen: "Chosen", folder: Path) -> "Piece | None":
    """Return the definition that a question wants explained; None if it wants to see it, or does not name one alone.

    A plain word, for which a search was chosen, may be the name of one.
    """
    from dspy_programs.code import extract_symbol
    from dspy_programs.errors import UsageError

    symbol = str(chosen.arguments.get("symbol", ""))
    if chosen.tool == "search" and (word := _ONE_WORD.search(query)):
        symbol = word[1]
    asked = query.replace(symbol, "") if symbol else ""
    if chosen.tool not in ("extract", "search") or not symbol or not _WANTS_WORDS.search(asked) or _WANTS_CODE.search(asked):
        return None
    where = folder / str(chosen.arguments.get("path", ""))
    try:
        return from_here(where, extract_symbol(where, symbol))
    except UsageError:  # extract says what is wrong
        return None


def say_explained(found: "ExplainedCode", piece: "Piece") -> None:
    """Print what a definition does, and how its code begins."""
    from dspy_programs.code.commands.explain import say_code
    from dspy_programs.text import printable

    say_code(found, most=0)
    lines = piece.text.rstrip("\n").split("\n")
    say("\n".join(f"    {line}" for line in lines[:_MOST_LINES]))
    if len(lines) > _MOST_LINES:
        words = shlex.join(["dspy-programs", "code", "extract", piece.path, "--symbol", piece.symbol])
        print(printable(f"{len(lines) - _MOST_LINES:,} more lines: {words}"), file=sys.stderr)
