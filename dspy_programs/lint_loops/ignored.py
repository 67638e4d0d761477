"""Comments that dismiss findings: `# noqa`, `# noqa: LOOP003`, `# noqa: E501, LOOP`, as flake8 and ruff read them."""

import io
import re
import tokenize
from collections.abc import Set

_NOQA = re.compile(r"#\s*noqa\b(?:\s*:\s*(?P<codes>[A-Z][A-Z0-9]*(?:[\s,]+[A-Z][A-Z0-9]*)*))?", re.IGNORECASE)


def ignored_lines(text: str, wanted: Set[int]) -> dict[int, frozenset[str]]:
    """Return line -> the codes, or beginnings of codes, that its comment names; an empty set dismisses everything.

    wanted: the lines with findings. Only if one of them has the word is the whole text searched for real comments.
    """
    lines = text.split("\n") if wanted else []
    if not any("noqa" in lines[at - 1].lower() for at in wanted if at <= len(lines)):
        return {}
    found: dict[int, frozenset[str]] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and (match := _NOQA.search(token.string)):
                codes = re.split(r"[\s,]+", (match["codes"] or "").upper())
                found[token.start[0]] = frozenset(filter(None, codes))
    except (tokenize.TokenError, SyntaxError):
        pass  # what was read so far counts
    return found
