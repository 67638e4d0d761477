"""Comments that dismiss findings: `# noqa`, `# noqa: LOOP003`, `# noqa: E501, LOOP`, as flake8 and ruff read them."""

import io
import re
import tokenize

_NOQA = re.compile(r"#\s*noqa\b(?:\s*:\s*(?P<codes>[A-Z][A-Z0-9]*(?:[\s,]+[A-Z][A-Z0-9]*)*))?", re.IGNORECASE)


def ignored_lines(text: str) -> dict[int, frozenset[str]]:
    """Return line -> the codes, or beginnings of codes, that its comment names; an empty set dismisses everything."""
    if "noqa" not in text.lower():
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
