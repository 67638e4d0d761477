"""Functions and classes of published packages without their docstrings, as rows of code_summarizer.

Input      raw: a folder of installed packages (site-packages) with those of PACKAGES.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, code, ask, keywords, reference, package, version, licence,
           path}.
Guarantees the same input gives the same rows, bit for bit; a package is in one split only; no two rows have nearly the same
           code; every keyword stands in the code too, so that it can be known without the docstring; a reference names nothing
           that is not in the code.
Raises     DatasetError if a package is missing or says no licence.
Source     the packages named in the data card; what to say of a function is what its authors say in its docstring.
"""

import ast
import random
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dspy_programs.programs.code_summarizer import Facts, facts_in, facts_said, first_sentence, foreign_names
from dspy_programs.text import STOPWORDS, jaccard, ngrams, stem, words
from metrics.code_summarizer import stems_in
from optimizers.sources.packages import told_of

SEED = 20261203
PACKAGES: Mapping[str, Mapping[str, str]] = {
    "train": {
        "anyio": "anyio",
        "click": "click",
        "fsspec": "fsspec",
        "httpx": "httpx",
        "jinja2": "Jinja2",
        "pygments": "Pygments",
        "requests": "requests",
        "rich": "rich",
        "sqlparse": "sqlparse",
        "starlette": "starlette",
    },
    "val": {"prompt_toolkit": "prompt_toolkit", "tenacity": "tenacity", "urllib3": "urllib3"},
    "test": {
        "botocore": "botocore",
        "pypdf": "pypdf",
        "sqlalchemy": "SQLAlchemy",
        "tornado": "tornado",
        "werkzeug": "Werkzeug",
    },
}
"""split -> folder in site-packages -> the name it is published under."""
_ROWS = {"train": 150, "val": 36, "test": 70}
_LINES, _CHARACTERS = (5, 40), 1_500  # of a piece of code
_SENTENCE = (5, 30)  # words of a docstring's first sentence
_KEYWORDS = (3, 5)
_ALIKE = 0.5  # share of runs of four words from which two pieces of code are nearly the same
_ASKED = 4  # one row of so many has a question
_QUESTIONS = {"raises": "What does it raise?", "effects": "What does it change?", "in and out": "What does it take and return?"}
_SAYS_LITTLE = STOPWORDS | frozenset(
    "return returns given function method object objects value values argument arguments parameter parameters instance class "
    "default used using self none true false note string type optional otherwise new call called".split()
)
_NO_SUMMARY = re.compile(
    r"deprecated|see |same as|like |alias|internal|todo|\.\. |initialize self|overrid|helper\b", re.IGNORECASE
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

Row = dict[str, Any]


def build(raw: Path, packages: Mapping[str, Mapping[str, str]] = PACKAGES) -> dict[str, list[Row]]:
    """Draw the rows of each split, the packages in turn."""
    seen: list[set[tuple[str, ...]]] = []
    splits = {}
    for split in ("train", "val", "test"):
        draw = random.Random(f"{SEED} {split}")
        found = {folder: [*_of_package(raw, folder, told)] for folder, told in told_of(raw, packages[split]).items()}
        for rows in found.values():
            draw.shuffle(rows)
        chosen: list[Row] = []
        while len(chosen) < _ROWS[split] and any(found.values()):
            for rows in found.values():
                if rows and (row := _unseen(rows, seen)) is not None:
                    chosen.append(row)
        splits[split] = [{"id": f"{split}-{at:03}", **_asked(row, at)} for at, row in enumerate(chosen[: _ROWS[split]])]
    return splits


def _unseen(rows: list[Row], seen: list[set[tuple[str, ...]]]) -> Row | None:
    """Take the next row whose code is like no other's."""
    while rows:
        row = rows.pop()
        runs = ngrams(row["code"], 4)
        if all(jaccard(runs, other) < _ALIKE for other in seen):
            seen.append(runs)
            return row
    return None


def _of_package(raw: Path, folder: str, told: Mapping[str, str]) -> Iterator[Row]:
    for file in sorted((raw / folder).rglob("*.py")):
        text = file.read_text(encoding="utf-8", errors="replace")
        if "test" in file.parts[-1] or "vendor" in str(file.relative_to(raw)):
            continue
        lines = text.split("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, _Definition) and (row := _row(node, lines)) is not None:
                yield {**row, **told, "path": f"{file.relative_to(raw).as_posix()}:{node.lineno}"}


def _row(node: _Definition, lines: list[str]) -> Row | None:
    """Return what a definition's docstring says of it, and its code without the docstring; None if it makes no row."""
    doc = first_sentence(ast.get_docstring(node) or "")
    if not _SENTENCE[0] <= len(words(doc)) <= _SENTENCE[1] or _NO_SUMMARY.search(doc) or node.name.startswith("__"):
        return None
    first = node.body[0]
    if first.lineno == node.lineno or len(node.body) < 2:
        return None
    kept = [*lines[node.lineno - 1 : first.lineno - 1], *lines[first.end_lineno or first.lineno : node.end_lineno]]
    code = textwrap.dedent("\n".join(kept)).strip("\n")
    if not _LINES[0] <= code.count("\n") + 1 <= _LINES[1] or len(code) > _CHARACTERS or '"""' in code:
        return None
    keywords = _keywords(doc, code)
    facts = facts_in(code)
    if len(keywords) < _KEYWORDS[0] or facts is None or foreign_names(doc, code):
        return None
    return {"code": code, "ask": "", "keywords": keywords, "reference": _reference(doc, facts)}


def _keywords(doc: str, code: str) -> list[str]:
    """Return the words of a sentence that stand in the code as well, as a word or in a name."""
    known, found = stems_in(code), dict[str, str]()
    for word in words(doc.replace("_", " ")):
        if word not in _SAYS_LITTLE and len(word) > 2 and stem(word) in known:
            found.setdefault(stem(word), word)
    return list(found.values())[: _KEYWORDS[1]]


def _reference(doc: str, facts: Facts) -> str:
    raises = [each for each in facts_said(facts, _QUESTIONS["raises"]) if "raises nothing" not in each]
    return " ".join([doc, *(raises if facts.raises and facts.kind != "class" else [])])


def _asked(row: Row, at: int) -> Row:
    """Turn one row of four into a question whose answer the syntax tree knows."""
    facts = facts_in(row["code"])
    if at % _ASKED or facts is None or facts.kind == "class":
        return row
    part = "raises" if facts.raises and facts.raises[0][0] else "effects" if facts.effects else "in and out"
    [reference] = facts_said(facts, _QUESTIONS[part])
    wanted = {
        "raises": [name.rpartition(".")[2] for name, _ in facts.raises if name],
        "effects": [name for effect in facts.effects for name in re.findall(r"`(?:self\.)?(\w+)`", effect)]
        or ["|".join(facts.effects)],
        "in and out": [*facts.takes, "returns|yields|gives"],
    }[part]
    keywords = list(dict.fromkeys(name.strip("*") for name in wanted))[: _KEYWORDS[1]]
    return {**row, "ask": _QUESTIONS[part], "keywords": keywords, "reference": reference}
