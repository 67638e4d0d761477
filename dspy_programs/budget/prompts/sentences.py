"""The sentences of a paragraph or list item, in any language.

Guarantees what stands in quotation marks, brackets or code is never cut, nor is a line that is wrapped.
"""

import itertools
import re
from collections.abc import Iterator

_MASKED = re.compile(
    r"`[^`\n]{1,300}`|\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|«[^»\n]{1,300}»|„[^“”\n]{1,300}[“”]|「[^」\n]{1,300}」|"
    r"『[^』\n]{1,300}』|\([^()\n]{1,300}\)|（[^（）\n]{1,300}）|\{\{[^{}\n]{1,100}\}\}|https?://\S+"
)
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*+(?=\s)|[。！？]+[”’」』）]*|(?<![।؟])[।؟]++(?=\s|$)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(„\"])(?:[^\W\d_]|(?:[^\W\d_]\.\s?)+[^\W\d_]|mrs?|ms|dr|prof|st|vs|figs?|eqs?|etc|inc|ltd|approx|"
    r"dept|no|vol|pp?|ca|cf"
    r"|al|nr|bzw|usw|vgl|inkl|exkl|ggf|evtl|sog|art|abs|str|max|min|env|ex|sr|sra|srta|ud|uds|vd|ecc|sig|pag|núm|"
    r"pág|bijv|blz|enz"
    r"|др|пр|гл|стр|рис|см|ул|г|т|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)$",
    re.IGNORECASE,
)
_LOWER = re.compile(r"\s+[a-zà-öø-ÿа-яё]")
_NARROWEST = 50  # characters; a paragraph whose lines are shorter is not wrapped


def sentences(body: str, begin: int = 0) -> Iterator[tuple[int, int]]:
    """Yield the sentences of a paragraph as (start, end); begin: where its text begins, behind the marker of a list item."""
    masked = _MASKED.sub(lambda found: "x" * len(found.group()), body)
    start, end = 0, len(body.rstrip())
    for cut in sorted({*_ends(masked, begin), *_line_ends(masked)}):
        if cut < end and body[start:cut].strip():
            yield start, cut
            start = cut
    yield start, len(body)


def _ends(masked: str, begin: int) -> Iterator[int]:
    """Yield where sentences end: not after an abbreviation, nor before a small letter."""
    for end in _END.finditer(masked, begin):
        if end.group()[0] in ".!?…" and _LOWER.match(masked, end.end()):
            continue
        if end.group()[0] == "." and _ABBREVIATION.search(masked[max(0, end.start() - 12) : end.start()]):
            continue
        yield end.end()


def _line_ends(masked: str) -> Iterator[int]:
    """Yield the line breaks that end a statement: not those of a wrapped line, where the next word had no room."""
    lines = masked.rstrip("\n").split("\n")
    widest, at = max(map(len, lines)), 0
    for line, following in itertools.pairwise(lines):
        at += len(line) + 1
        first = following.split(maxsplit=1)[0] if following.strip() else ""
        is_wrapped = widest >= _NARROWEST and len(line) + 1 + len(first) > widest
        goes_on = line.rstrip().endswith((",", ";", "-", "，", "、")) or following.lstrip()[:1].islower()
        if line.rstrip().endswith((":", "：")) or not (is_wrapped or goes_on):
            yield at
