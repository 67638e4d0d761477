"""Statements: a prompt's text in the smallest parts that may go alone.

Input      the text of a section: Markdown, XML tags, lines in capitals, tables, code, plain text, in any language.
Output     Statements in order; their slices of the text, joined, are the text.
Guarantees a sentence wrapped over lines is one statement, and so is what stands in quotation marks, brackets, a block of
           quoted lines, or a code fence of any length, a fence inside a longer fence included; a list item and a table row
           know the line they hang on. Linear in the text.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from dspy_programs.budget.prompts.sentences import sentences

Form = Literal["sentence", "item", "row", "code", "heading", "rule"]  # rule: a line that only separates


class Statement(NamedTuple):
    """A part of a text: text[start:end] is its slice with the space after it.

    text: without list marker, tags and outer space. lead_in: the lines it hangs on ("Never:"), outermost first; heading:
    the headings it stands under, outermost first, one a line.
    """

    start: int
    end: int
    text: str
    form: Form
    lead_in: str = ""
    heading: str = ""


class _Block(NamedTuple):
    start: int
    end: int
    form: Form
    indent: int
    level: int = 0  # of a heading: smaller is higher; 0 closes a tag


_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})([^\n]*)")
_MARKER = re.compile(
    r"[ \t>]*(?:[-*+•·▪◦●○‣–—・]|(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})[.)](?!\d)|\(\w{1,3}\)|\d{1,3}[、．：]|[①-⑳]|"
    r"\[[ xX]?\])(?:[ \t]+|(?<=[、．：①-⑳・]))"
)
_TAG = re.compile(r"[ \t]*<(/?)([^\W\d][\w.:-]{0,60})(\s[^<>\n]{0,200})?>[ \t]*")
_WRAPPED = re.compile(r"\s*<([A-Za-z][\w.:-]{0,60})>([^<>]*)</\1>\s*")  # <rule>Wait.</rule>
_PLAIN_TAGS = frozenset(
    "rule item li p step instruction guideline requirement constraint text b i strong em u br div span td th".split()
)
"""Names of tags that add nothing to what stands in them, as "never" and "keep" do."""
_HEADING = re.compile(r"[ \t]*(#{1,6})[ \t]+\S")
_RULE = re.compile(r"[ \t]*(?:[-=_*~#]{3,}|[-=_*~] [-=_*~ ]{3,}+)[ \t]*")
_DIVIDER = frozenset(" \t|:+-")  # signs of the line under a table's header
_BOLD_LINE = re.compile(
    r"[ \t]*(?:\*\*|__)[^*_\n]{1,80}(?:\*\*|__)[:：]?[ \t]*|[ \t]*(?:【[^】\n]{1,40}】|\[[^\]a-z\n]{1,40}\]|"
    r"={2,} ?[^=\n]{1,60} ?={2,})[ \t]*"
)
_OPENS, _CLOSES = frozenset({"{", "[", "[{"}), ("}", "]")
_ROWS = 98  # indent of a table's first row, which the others hang on
_PLAIN_TITLE = 7  # level of a title without the signs of Markdown
_MOST_LINES = 400  # of a block of JSON
_LONGEST_TITLE = 300  # characters of a heading, or of a line that introduces others
_DEEPEST = 12  # tags in tags that count as headings, or lines in lines that others hang on
_LOWEST = 10 + _DEEPEST


@functools.lru_cache(maxsize=2_000)
def statements(text: str) -> tuple[Statement, ...]:
    """Return the statements of a text, in order."""
    found: list[Statement] = []
    headings: list[tuple[int, str]] = []
    leads: list[tuple[int, str]] = []  # (indent, text) of the lines that what follows hangs on
    template = ""  # the line that titles without a sign of their own hang on: "Output this template:"
    for block in _blocks(text):
        if block.form == "heading":
            after_lead = leads[-1][1] if leads and found[-1].text == leads[-1][1] else template
            template = after_lead if block.level == _PLAIN_TITLE else ""
            leads = []
            headings = [kept for kept in headings if kept[0] < block.level] if block.level else headings[:-1]
        elif block.form == "item":
            template = ""
        if block.form == "sentence":
            leads = leads[-1:] if found and leads and found[-1].text == leads[-1][1] else []
        elif block.form not in ("heading", "rule"):
            leads = [lead for lead in leads if lead[0] < block.indent]
        under = "\n".join(title for _, title in headings)
        for start, end in _sentences(text, block):
            said = _bare(text[start:end], block.form)
            above = " ".join([*([template] if template else []), *(lead for _, lead in leads)])
            found.append(Statement(start, end, said, block.form if said else "rule", above, under))
            if block.form in ("sentence", "item") and introduces(said):
                leads = [*leads[1 - _DEEPEST :], (block.indent if block.form == "item" else -1, said)]
        if block.form == "heading" and block.level and found[-1].text:
            headings.append((block.level, found[-1].text))
        elif block.form == "row" and not (leads and leads[-1][0] == _ROWS):
            leads.append((_ROWS, found[-1].text))
    return tuple(_tiled(found, text))


def _tiled(found: list[Statement], text: str) -> Iterator[Statement]:
    """Stretch each statement to the next one's start, so that no character is left out."""
    for i, one in enumerate(found):
        end = found[i + 1].start if i + 1 < len(found) else len(text)
        yield one._replace(start=one.start if i else 0, end=end)


def introduces(said: str) -> bool:
    """Return whether what follows hangs on a statement."""
    return len(said) <= _LONGEST_TITLE and said.rstrip("*_ ").endswith((":", "："))


def _bare(text: str, form: Form) -> str:
    if form == "code":
        return text.strip()
    if form == "heading":
        tag = _TAG.fullmatch(text.strip())
        name = f"{tag[2].replace('_', ' ').replace('-', ' ')} {(tag[3] or '').strip()}" if tag else ""
        text = name if tag else text.strip().strip("#*_=[]【】 \t")
        return "" if tag and tag[1] else text.strip()
    if form == "item" and (marker := _MARKER.match(text)):
        text = text[marker.end() :]
    if wrapped := _WRAPPED.fullmatch(text):
        text = wrapped[2] if wrapped[1].lower() in _PLAIN_TAGS else f"{wrapped[1].replace('_', ' ')}: {wrapped[2].strip()}"
    return " ".join(text.split())


def _blocks(text: str) -> Iterator[_Block]:
    """Yield headings, list items, table rows, code and paragraphs, by line."""
    lines = list(re.finditer(r"[^\n]*(?:\n|$)", text))
    texts = [line.group() for line in lines]
    at, opened, unclosed = 0, 0, 0  # unclosed: before this line no closing bracket was found
    while at < len(lines) and lines[at].group():
        line, start = lines[at].group().rstrip("\n"), lines[at].start()
        last = at
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            at += 1
            continue
        if line.strip() in _OPENS and at >= unclosed and not _brackets_end(lines, at):
            unclosed = at + _MOST_LINES
        if fence := _FENCE.match(line):
            last = _fence_end(texts, at, fence[1])
            yield _Block(start, lines[last].end(), "code", 99)
        elif line.startswith(">"):
            while last + 1 < len(lines) and lines[last + 1].group().startswith(">"):
                last += 1
            yield _Block(start, lines[last].end(), "code", 99)
        elif line.strip() in _OPENS and at >= unclosed and (closed := _brackets_end(lines, at)):
            last = closed
            yield _Block(start, lines[last].end(), "code", 99)
        elif tag := _TAG.fullmatch(line):
            opened += -1 if tag[1] else 1
            level = 0 if opened < _DEEPEST else _LOWEST
            yield _Block(start, lines[at].end(), "heading", 0, level if tag[1] else min(10 + opened, _LOWEST))
        elif _RULE.fullmatch(line) or ("--" in line and _DIVIDER.issuperset(line)):
            yield _Block(start, lines[at].end(), "rule", 0)
        elif level := _heading_level(lines, at):
            yield _Block(start, lines[at].end(), "heading", 0, level)
        elif line.strip().startswith("|") or line.count("|") > 1:
            yield _Block(start, lines[at].end(), "row", 99)
        else:
            item = _MARKER.match(line)
            while last + 1 < len(lines) and _continues(lines, last + 1):
                last += 1
            yield _Block(start, lines[last].end(), "item" if item else "sentence", indent if item else 0)
        at = last + 1


def outside_fences(lines: Sequence[str]) -> list[int]:
    """Return the numbers of the lines that are in no code fence."""
    found, at = [], 0
    while at < len(lines):
        if fence := _FENCE.match(lines[at]):
            at = _fence_end(lines, at, fence[1])
        else:
            found.append(at)
        at += 1
    return found


def _fence_end(lines: Sequence[str], at: int, mark: str) -> int:
    """Return the line that closes a fence: as many of the same signs or more, and nothing else; else the last line."""
    for number in range(at + 1, len(lines)):
        found = _FENCE.match(lines[number])
        if found and found[1].startswith(mark) and not found[2].strip():
            return number
    return len(lines) - 1


def _brackets_end(lines: list[re.Match[str]], at: int) -> int:
    """Return the line that closes a block of JSON that begins with a bracket alone on its line; 0 if none does."""
    depth = 0
    for number in range(at, min(len(lines), at + _MOST_LINES)):
        line = lines[number].group()
        depth += line.count("{") + line.count("[") - line.count("}") - line.count("]")
        if depth <= 0 and line.strip().rstrip(",;").endswith(_CLOSES):
            return number
    return 0


def _heading_level(lines: list[re.Match[str]], at: int) -> int:
    """Return 1 to 6 for Markdown's headings, 7 for other lines that stand as one, 0 for none."""
    line = lines[at].group().strip()
    if len(line) <= _LONGEST_TITLE and (found := _HEADING.match(line)):
        return len(found[1])
    following = lines[at + 1].group().strip() if at + 1 < len(lines) else ""
    if len(following) > 2 and set(following) in ({"="}, {"-"}) and len(line) < 80 and not _MARKER.match(line):
        return 1 if following[0] == "=" else 2
    if _MARKER.match(line) or len(line) > 80:
        return 0
    is_capitals = (
        line.upper() == line and line.lower() != line and len(line.split()) <= 8 and not line.endswith((".", "!", "?", ","))
    )
    return _PLAIN_TITLE if _BOLD_LINE.fullmatch(line) or (is_capitals and not re.search(r"[{}<>|=]", line)) else 0


def _continues(lines: list[re.Match[str]], at: int) -> bool:
    """Return whether a line goes on with the paragraph or list item before it."""
    line = lines[at].group().rstrip("\n")
    if not line.strip() or line.strip() in _OPENS or line.count("|") > 1 or line.strip().startswith("|"):
        return False
    starts = (_FENCE.match(line), _MARKER.match(line), _TAG.fullmatch(line), _RULE.fullmatch(line))
    return not any(starts) and not _heading_level(lines, at)


def _sentences(text: str, block: _Block) -> Iterator[tuple[int, int]]:
    """Yield the sentences of a block as (start, end); what is no prose stays whole."""
    if block.form not in ("sentence", "item"):
        yield block.start, block.end
        return
    body = text[block.start : block.end]
    marker = _MARKER.match(body) if block.form == "item" else None
    yield from ((block.start + start, block.start + end) for start, end in sentences(body, marker.end() if marker else 0))
