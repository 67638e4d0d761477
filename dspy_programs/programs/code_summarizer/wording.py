"""Words that summaries of code have in common: a docstring's first sentence, a list of names."""

import re
from collections.abc import Sequence

from dspy_programs.text import sentences, shortened

_LONGEST_SENTENCE = 240  # characters of a docstring's first sentence
_MOST_NAMED = 4
_ROLE = re.compile(r":[\w:+-]+:`~?\.?([^`<]+?)(?:\s*<[^`>]*>)?`")


def first_sentence(doc: str) -> str:
    """Return the first sentence of a docstring with names in single backticks, "" if it has none."""
    paragraph = " ".join(doc.strip().split("\n\n")[0].split())
    text = _ROLE.sub(lambda role: f"`{role[1].split('.')[-1]}`", paragraph.replace("``", "`")).replace("*", "")
    found = sentences(text)
    if not found or not re.search(r"[A-Za-z]{2}", found[0]):
        return ""
    sentence = shortened(found[0].rstrip(".:; "), _LONGEST_SENTENCE)
    if sentence.count("`") % 2:
        sentence = sentence.replace("`", "")
    return sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith(("?", "!")) else ".")


def listed(names: Sequence[str], most: int = _MOST_NAMED, last: str = "and") -> str:
    """Return "a, b and c", with how many more there are."""
    if len(names) > most + 1:
        names = [*names[:most], f"{len(names) - most} more"]
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)
