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
    r"\b(?:(?:what|how) does|explain|describe) (?:the )?(?:class |function |method )?`?([A-Za-z_][\w.]*)(?:\(\))?`?"
    r"(?: do| work)?\s*\??$",
    re.I,
)
_MOST_LINES = 12


def definition_to_explain(query: str, chosen: "Chosen", folder: Path) -> "Piece | None":
    """Return the definition that a question wants explained; None if it wants to see it, or does not name one alone."""
    from dspy_programs.code import extract_symbol
    from dspy_programs.errors import UsageError

    symbol = _named_in(query, chosen, folder)
    asked = query.replace(symbol, "") if symbol else ""
    if not _WANTS_WORDS.search(asked) or _WANTS_CODE.search(asked):
        return None
    where = folder / (str(chosen.arguments.get("path", "")) if chosen.tool == "extract" else "")
    try:
        return from_here(where, extract_symbol(where, symbol))
    except UsageError:  # extract says what is wrong
        return None


def _named_in(query: str, chosen: "Chosen", folder: Path) -> str:
    """Return what may be the name of a definition, also where a search was chosen, or Response.json was taken for a file."""
    if chosen.tool == "search":
        word = _ONE_WORD.search(query)
        return word[1] if word else ""
    if chosen.tool == "summary" and not (folder / str(chosen.arguments.get("path", ""))).exists():
        return str(chosen.arguments["path"])
    return str(chosen.arguments.get("symbol", ""))


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
