"""A page of HTML as lines of text: one line a paragraph, a row or a card; scripts, styles and menus are left out.

Input      a tool's result.
Output     is_html: whether it is a page, or a part of one. text_of_html: its text; a control that has an id is told with it,
           "Continue to payment (#next)", for a browser's next click.
Guarantees linear; an end tag that is missing or in excess hides nothing after the page's body.
"""

import re
from html import unescape

_LONGEST = 400_000  # characters that are read
_FEWEST = 8  # tags near the beginning
_HEAD = 3_000  # characters
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][\w:-]{0,30})(?P<rest>(?:\s[^<>]{0,2000})?)>")
_ID = re.compile(r"\s(?:id|name)\s?=\s?[\"']?([\w.:-]{1,60})")
_KNOWN = frozenset(
    "article a body button div footer form h1 h2 h3 head header html input label li main nav p section span table "
    "td th tr ul".split()
)
_BREAK = "\0"  # between the parts of a row
_HIDDEN = frozenset("script style svg noscript template nav footer".split())
_ROWS = frozenset("article tr li label button".split())
_INLINE = frozenset("a abbr b code em i small span strong sub sup u".split())
_CONTROLS = frozenset("button input select textarea".split())


def is_html(text: str) -> bool:
    """Return whether a text is HTML, perhaps after a few words."""
    head = text[:_HEAD]
    start = head.find("<", 0, 200)
    return start >= 0 and sum(match["name"].lower() in _KNOWN for match in _TAG.finditer(head, start)) >= _FEWEST


def text_of_html(text: str) -> str:
    """Return the text of a page, a line for each block."""
    found: list[str] = []
    hidden, row, place = "", 0, 0
    for match in _TAG.finditer(text[:_LONGEST]):
        name, ends = match["name"].lower(), bool(match["end"])
        said, place = text[place : match.start()], match.end()
        if hidden:
            hidden = "" if ends and name == hidden else hidden
            continue
        found.append(" ".join(said.split()))
        if name in _HIDDEN:
            hidden = "" if ends or match["rest"].endswith("/") else name
        if name in _CONTROLS and not ends and (named := _ID.search(match["rest"])) is not None:
            found.append(f"(#{named[1]})")
        row -= ends and name in _ROWS
        if name not in _INLINE:
            found.append(_BREAK if row > 0 else "\n")
        row = max(0, row + (not ends and name in _ROWS))
    found.append(" ".join(text[place:_LONGEST].split()) if not hidden else "")
    lines = ("; ".join(filter(None, map(_in_one, line.split(_BREAK)))) for line in " ".join(found).split("\n"))
    return "\n".join(line for line in lines if line and not line.startswith("<!"))


def _in_one(words: str) -> str:
    return unescape(" ".join(words.split()))
