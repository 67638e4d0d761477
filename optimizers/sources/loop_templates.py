"""Slow loops in the common forms, which can be run: code with words to fill in, inputs, and the mend where rules have none.

Output     TEMPLATES, each of one split only, and THEMES, the words that fill them in.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

Make = Callable[[random.Random, int], Any]
"""A random generator and a size -> a value that JSON can hold."""


class Template(NamedTuple):
    """inputs: the word that a value has -> how it is made; totals and outputs are compared afterwards (`keeps`)."""

    split: Literal["train", "val", "test"]
    pattern: str
    code: str
    inputs: Mapping[str, Make]
    types: Mapping[str, str]
    keeps: tuple[str, ...] = ("$out",)
    setup: str = ""
    rewrite: str = ""
    """"" where the linter's own mend is the right one."""


def _words(draw: random.Random, size: int) -> list[str]:
    return ["".join(draw.choices("abcxyz", k=draw.randint(0, 4))) for _ in range(size)]


def _some_words(draw: random.Random, size: int) -> list[str]:
    return [*_words(draw, size), "abc"]


def _numbers(draw: random.Random, size: int) -> list[int]:
    return [draw.randint(-9, 9) for _ in range(size)]


def _some_numbers(draw: random.Random, size: int) -> list[int]:
    return [*_numbers(draw, size), 3]


def _lists(draw: random.Random, size: int) -> list[list[int]]:
    return [_numbers(draw, draw.randint(0, 3)) for _ in range(size)]


def _word_lists(draw: random.Random, size: int) -> list[list[str]]:
    return [_words(draw, draw.randint(0, 3)) for _ in range(size)]


def _records(draw: random.Random, size: int) -> list[dict[str, int]]:
    return [{"id": draw.randint(0, 5), "parent": draw.randint(0, 5), "count": draw.randint(-3, 9)} for _ in range(size)]


def _counts(draw: random.Random, size: int) -> dict[str, int]:
    return {letter: draw.randint(0, 9) for letter in "abcxyz"}


def _letters(draw: random.Random, size: int) -> list[str]:
    return draw.choices("abcxyz", k=size)


def _limit(draw: random.Random, size: int) -> int:
    return draw.randint(0, 5)


def _text(draw: random.Random, size: int) -> str:
    return " ".join(_words(draw, size))


_RECORDS, _WORDS, _NUMBERS = "list[dict[str, int]]", "list[str]", "list[int]"
THEMES = (
    {"rows": "orders", "row": "order", "other": "refunded", "out": "lines", "total": "amount"},
    {"rows": "users", "row": "user", "other": "banned", "out": "active", "total": "seen"},
    {"rows": "tokens", "row": "token", "other": "stopwords", "out": "kept", "total": "count"},
    {"rows": "files", "row": "name", "other": "skipped", "out": "listed", "total": "size_sum"},
    {"rows": "samples", "row": "sample", "other": "outliers", "out": "clean", "total": "score"},
)
TEMPLATES = (
    # LOOP001
    Template(
        "train",
        "NestedLoopSameIterable",
        '$out = []\nfor $row in $rows:\n    for peer in $rows:\n        if peer["id"] == $row["parent"]:\n'
        '            $out.append(($row["id"], peer["count"]))',
        {"rows": _records},
        {"$rows": _RECORDS},
        rewrite="by_id = {}\nfor peer in $rows:\n"
        '    by_id.setdefault(peer["id"], []).append(peer)\n$out = []\nfor $row in $rows:\n'
        '    for peer in by_id.get($row["parent"], []):\n        $out.append(($row["id"], peer["count"]))',
    ),
    Template(
        "val",
        "NestedLoopSameIterable",
        "$total = 0\nfor $row in $rows:\n    for peer in $rows:\n        if peer == $row:\n            $total += 1",
        {"rows": _words},
        {"$rows": _WORDS},
        ("$total",),
        rewrite="times = {}\nfor $row in $rows:\n    times[$row] = times.get($row, 0) + 1\n"
        "$total = sum(each * each for each in times.values())",
    ),
    Template(
        "test",
        "NestedLoopSameIterable",
        '$out = [($row["id"], peer["id"]) for $row in $rows for peer in $rows if $row["id"] == peer["parent"]]',
        {"rows": _records},
        {"$rows": _RECORDS},
        rewrite='children = {}\nfor peer in $rows:\n    children.setdefault(peer["parent"], []).append(peer)\n'
        '$out = [($row["id"], peer["id"]) for $row in $rows for peer in children.get($row["id"], [])]',
    ),
    # LOOP002
    Template(
        "train",
        "StringConcatInLoop",
        '$out = ""\nfor $row in $rows:\n    $out += $row + ","',
        {"rows": _words},
        {"$rows": _WORDS},
    ),
    Template(
        "train",
        "StringConcatInLoop",
        '$out = ">"\nfor $row in $rows:\n    if $row:\n        $out += f"[{$row}]"\n    else:\n        $out += "-"',
        {"rows": _words},
        {"$rows": _WORDS},
    ),
    Template(
        "val",
        "StringConcatInLoop",
        '$out = ""\nfor $row in $rows:\n    $out = $row + $out',
        {"rows": _words},
        {"$rows": _WORDS},
        rewrite='parts = []\nfor $row in $rows:\n    parts.append($row)\n$out = "".join(reversed(parts))',
    ),
    Template(
        "test",
        "StringConcatInLoop",
        '$out = b""\nfor $row in $rows:\n    $out += $row.encode()',
        {"rows": _words},
        {"$rows": _WORDS},
    ),
    # LOOP003
    Template(
        "train",
        "ListAppendInLoop",
        "$out = []\nfor $row in $rows:\n    if $row:\n        $out.append($row.upper())",
        {"rows": _words},
        {"$rows": _WORDS},
    ),
    Template(
        "train",
        "ListAppendInLoop",
        "$out = []\nfor group in $rows:\n    for $row in group:\n        $out.append($row)",
        {"rows": _lists},
        {"$rows": "list[list[int]]"},
    ),
    Template(
        "test",
        "ListAppendInLoop",
        '$out = []\nfor $row in $rows:\n    if $row["count"] < limit:\n        continue\n'
        '    $out.append(($row["id"], $row["count"]))',
        {"rows": _records, "limit": _limit},
        {"$rows": _RECORDS, "limit": "int"},
    ),
    # LOOP004
    Template(
        "train",
        "ListMembershipInLoop",
        "$total = 0\nfor $row in $rows:\n    if $row in $other:\n        $total += 1",
        {"rows": _words, "other": _words},
        {"$rows": _WORDS, "$other": _WORDS},
        ("$total",),
    ),
    Template(
        "train",
        "ListMembershipInLoop",
        '$out = {}\nfor $row in $rows:\n    $out[$row["id"]] = $row["count"] in $other',
        {"rows": _records, "other": _numbers},
        {"$rows": _RECORDS, "$other": _NUMBERS},
    ),
    Template(
        "val",
        "ListMembershipInLoop",
        "$out = [$row for $row in $rows if $row not in $other]",
        {"rows": _words, "other": _words},
        {"$rows": _WORDS, "$other": _WORDS},
    ),
    Template(
        "test",
        "ListMembershipInLoop",
        "$out = []\nfor group in $rows:\n    for $row in group:\n        if $row not in $other:\n            $out.append($row)",
        {"rows": _word_lists, "other": _words},
        {"$rows": "list[list[str]]", "$other": _WORDS},
    ),
    # LOOP005
    Template(
        "train",
        "LenInLoopGuard",
        "$total = 0\nat = 0\nwhile at < len($rows):\n    $total = $total + $rows[at]\n    at += 1",
        {"rows": _numbers},
        {"$rows": _NUMBERS},
        ("$total", "at"),
    ),
    Template(
        "test",
        "LenInLoopGuard",
        "at = 0\nwhile at < len($rows) and $rows[at] != limit:\n    at += 1",
        {"rows": _numbers, "limit": _limit},
        {"$rows": _NUMBERS, "limit": "int"},
        ("at",),
    ),
    # LOOP006
    Template(
        "train",
        "CopyInLoop",
        "$total = 0\nfor $row in $rows:\n    if $row in list($other):\n        $total += 1",
        {"rows": _letters, "other": _counts},
        {"$rows": _WORDS, "$other": "dict[str, int]"},
        ("$total",),
    ),
    Template(
        "val",
        "CopyInLoop",
        "$total = 0\n$out = sorted($rows)\nfor $row in list($out):\n    $total += len($row)",
        {"rows": _words},
        {"$rows": _WORDS},
        ("$total", "$out"),
    ),
    Template(
        "test",
        "CopyInLoop",
        "$out = []\nfor $row in $rows:\n    $out.append($row * sum(list($other)))",
        {"rows": _numbers, "other": _numbers},
        {"$rows": _NUMBERS, "$other": _NUMBERS},
    ),
    # LOOP007
    Template(
        "train",
        "SortInLoop",
        "$out = []\nfor $row in $rows:\n    for each in sorted($other):\n        if each > $row:\n"
        "            $out.append((each, $row))",
        {"rows": _numbers, "other": _numbers},
        {"$rows": _NUMBERS, "$other": _NUMBERS},
    ),
    Template(
        "train",
        "SortInLoop",
        "$out = []\nfor $row in $rows:\n    $out.append($row - sorted($other)[0])",
        {"rows": _numbers, "other": _some_numbers},
        {"$rows": _NUMBERS, "$other": _NUMBERS},
        rewrite="least = min($other)\n$out = []\nfor $row in $rows:\n    $out.append($row - least)",
    ),
    Template(
        "test",
        "SortInLoop",
        '$out = []\nfor $row in $rows:\n    $out.append($row + ", ".join(sorted($other)))',
        {"rows": _words, "other": _words},
        {"$rows": _WORDS, "$other": _WORDS},
    ),
    # LOOP008
    Template(
        "train",
        "ListConcatInLoop",
        "$out = []\nfor $row in $rows:\n    if $row > 0:\n        $out = $out + [$row * 2]",
        {"rows": _numbers},
        {"$rows": _NUMBERS},
    ),
    Template(
        "val",
        "ListConcatInLoop",
        "$out = []\nfor $row in $rows:\n    $out = $out + $row",
        {"rows": _lists},
        {"$rows": "list[list[int]]"},
        rewrite="$out = []\nfor $row in $rows:\n    $out.extend($row)",
    ),
    Template(
        "test",
        "ListConcatInLoop",
        "$out = ()\nfor $row in $rows:\n    $out += ($row, len($row))",
        {"rows": _words},
        {"$rows": _WORDS},
    ),
    # LOOP009
    Template(
        "train",
        "RangeLenInLoop",
        "$total = 0\nfor at in range(len($rows)):\n    $total += $rows[at] * $rows[at]",
        {"rows": _numbers},
        {"$rows": _NUMBERS},
        ("$total",),
        rewrite="$total = 0\nfor $row in $rows:\n    $total += $row * $row",
    ),
    Template(
        "train",
        "RangeLenInLoop",
        "$out = {}\nfor at in range(len($rows)):\n    $out[$rows[at]] = at",
        {"rows": _words},
        {"$rows": _WORDS},
        rewrite="$out = {}\nfor at, $row in enumerate($rows):\n    $out[$row] = at",
    ),
    Template(
        "test",
        "RangeLenInLoop",
        "marks = [2 * $row for $row in $rows]\n$out = []\nfor at in range(len(marks)):\n    if marks[at] > limit:\n"
        "        $out.append((at, marks[at]))",
        {"rows": _numbers, "limit": _limit},
        {"$rows": _NUMBERS, "limit": "int"},
    ),
    # LOOP010
    Template(
        "train",
        "RepeatedLookupInLoop",
        "$total = 0\nfor $row in $rows:\n    if $other[$row] > 3:\n        $total += $other[$row] * $other[$row]",
        {"rows": _letters, "other": _counts},
        {"$rows": _WORDS, "$other": "dict[str, int]"},
        ("$total",),
    ),
    Template(
        "test",
        "RepeatedLookupInLoop",
        "$out = []\nfor $row in $rows:\n    if $other[$row] != limit:\n"
        "        $out.append(($row, $other[$row], $other[$row] - limit))",
        {"rows": _letters, "other": _counts, "limit": _limit},
        {"$rows": _WORDS, "$other": "dict[str, int]", "limit": "int"},
    ),
    # LOOP011
    Template(
        "train",
        "RegexCompileInLoop",
        '$out = []\nfor $row in $rows:\n    $out.append(re.sub(r"[xyz]+", "-", $row))',
        {"rows": _words},
        {"$rows": _WORDS, "re": "module"},
        setup="import re",
    ),
    Template(
        "val",
        "RegexCompileInLoop",
        '$total = 0\nfor $row in $rows:\n    if re.search(r"^a.*c$$", $row):\n        $total += len($row)',
        {"rows": _some_words},
        {"$rows": _WORDS, "re": "module"},
        ("$total",),
        setup="import re",
    ),
    Template(
        "test",
        "RegexCompileInLoop",
        '$out = []\nfor $row in $rows:\n    $out += re.compile("[abc]").findall($row)',
        {"rows": _words},
        {"$rows": _WORDS, "re": "module"},
        setup="import re",
    ),
    # LOOP012
    Template(
        "train",
        "IOInLoop",
        "$out = []\nfor $row in $rows:\n    with open(path) as file:\n        $out.append($row in file.read())",
        {"rows": _words, "text": _text},
        {"$rows": _WORDS, "path": "str"},
        setup='path = "words.txt"\nwith open(path, "w") as file:\n    file.write(text)\ndel file',
        rewrite="$out = []\nwith open(path) as file:\n    content = file.read()\n"
        "for $row in $rows:\n    $out.append($row in content)",
    ),
    Template(
        "test",
        "IOInLoop",
        "$total = 0\nfor $row in $rows:\n    $total += path.read_text().count($row)",
        {"rows": _letters, "text": _text},
        {"$rows": _WORDS, "path": "Path"},
        ("$total",),
        setup='from pathlib import Path\npath = Path("words.txt")\npath.write_text(text)',
        rewrite="$total = 0\ncontent = path.read_text()\nfor $row in $rows:\n    $total += content.count($row)",
    ),
)
