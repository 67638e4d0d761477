"""What code that is no Python does, as far as the comment that it begins with and its definitions tell."""

import re
from collections.abc import Sequence

from dspy_programs.programs.code_summarizer.wording import first_sentence, listed
from dspy_programs.text import quantity

_COMMENT = re.compile(r"^\s*(?://[/!]?|#+(?=\s|$)|--|/?\*+)\s?(.*?)(?:\*/)?\s*$")
_NO_COMMENT = re.compile(r"copyright|licen[cs]e|spdx|eslint|-\*-", re.IGNORECASE)
_LONGEST_LINE = 200
_DEFINED = re.compile(
    r"\s*(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\(\w+\))?|override|open|data)\s+)*"
    r"(?:(?:function\*?|func|fn|fun|class|struct|interface|enum|trait|impl|object|module|def|sub|type|namespace)\s+"
    r"(?:\([^)]*\)\s*)?"
    r"|(?:const|let)\s+(?=\w+\s*=\s*(?:async\s*)?(?:\(|\w+\s*=>))"
    r"|(?!return|else|new|await|throw|case|if|for|while|switch|catch)"
    r"[A-Za-z_][\w<>\[\],*&:. ]*\s+[*&]?(?=\w+\([^;]*\{\s*$))(\w+)"
)
_THROWN = re.compile(r"\b(?:throw new ([A-Z]\w+)|(?:throw|raise|throws) ([A-Z]\w*(?:Error|Exception)))\b")


def said_of_other_language(text: str) -> list[str]:
    """Return sentences on it, at least one."""
    lines = text.split("\n")
    said = [doc] if (doc := first_sentence(comment_of(lines))) else []
    defined = [(line, found[1]) for line in lines if (found := _DEFINED.match(line[:_LONGEST_LINE]))]
    if defined:
        head, others = defined[0][0].split("{")[0].strip().replace("`", "'"), [f"`{name}`" for _, name in defined[1:]]
        inside = f", with {listed(list(dict.fromkeys(others)))}" if others else ""
        said.append(f"It defines `{head}`{inside}.")
    if thrown := list(dict.fromkeys(one or other for one, other in _THROWN.findall(text))):
        said.append(f"It raises {listed([f'`{name}`' for name in thrown], 3)}.")
    return said or [f"These are {quantity(len(lines), 'line')} that no rule here can read."]


def comment_of(lines: Sequence[str]) -> str:
    """Return the text of the comment that the code begins with."""
    found = []
    for line in lines[1:] if lines and lines[0].startswith("#!") else lines:
        if (match := _COMMENT.match(line)) is None:
            break
        found.append(match[1])
    text = "\n".join(found).strip()
    return "" if _NO_COMMENT.search(text) else text
