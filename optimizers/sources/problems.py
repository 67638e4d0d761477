"""The functions of MBPP and HumanEval that are short and have tests of one line each, as they can be made into repair rows.

Input      raw: the folder with mbpp/mbpp.jsonl and humaneval/HumanEval.jsonl, or with a folder `code` that has them.
Output     Problem: the code as `ast.unparse` writes it, so without comments, and up to four tests.
Source     MBPP: Austin et al. 2021, "Program Synthesis with Large Language Models" (CC BY 4.0); HumanEval: Chen et al. 2021,
           "Evaluating Large Language Models Trained on Code" (MIT).
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from optimizers.sources.reading import home, read_jsonl

_LINES = range(3, 19)
_MOST_TESTS = 4
_LICENCES = {"mbpp": "CC-BY-4.0", "humaneval": "MIT"}
_FILES = {"mbpp": "mbpp/mbpp.jsonl", "humaneval": "humaneval/HumanEval.jsonl"}


class Problem(NamedTuple):
    """A function with its tests. what: what it does, after "should"."""

    name: str
    code: str
    tests: str
    what: str
    licence: str

    @property
    def stem(self) -> str:
        return f"{self.name}_" if self.name in sys.stdlib_module_names else self.name

    def call_in(self, text: str) -> str:
        """Return the call of the function with which a text begins; "" if it begins otherwise."""
        for end in (at for at, letter in enumerate(text) if letter == ")"):
            try:
                found = ast.parse(text[: end + 1], mode="eval").body
            except SyntaxError:
                continue
            is_it = isinstance(found, ast.Call) and isinstance(found.func, ast.Name) and found.func.id == self.name
            return text[: end + 1] if is_it else ""
        return ""


def problems_of(raw: Path, source: str) -> Iterator[Problem]:
    """Yield the problems of "mbpp" or "humaneval" that can be used."""
    for _, row in read_jsonl(home(raw, "code") / _FILES[source]):
        read = _of_mbpp(row) if source == "mbpp" else _of_humaneval(row)
        if read is None:
            continue
        name, text, tests, said = read
        code = _plain(text, name)
        what = _what(said)
        if code and what and tests and len(code.splitlines()) in _LINES:
            yield Problem(name, code, "\n".join(tests[:_MOST_TESTS]), what, _LICENCES[source])


def _of_mbpp(row: dict[str, Any]) -> tuple[str, str, list[str], str] | None:
    tests = [*filter(None, map(_compared, row["test_list"]))]
    called = re.match(r"(\w+)\(", tests[0]) if tests else None
    return (called[1], row["code"], tests, row["text"]) if called and not row["test_setup_code"] else None


def _of_humaneval(row: dict[str, Any]) -> tuple[str, str, list[str], str] | None:
    name = row["entry_point"]
    said = [line.strip() for line in row["test"].splitlines()]
    tests = [test for line in said if (test := _compared(line.replace("candidate(", f"{name}(")))]
    tree = ast.parse(row["prompt"] + row["canonical_solution"])
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    doc = ast.get_docstring(functions[-1]) or ""
    return name, ast.unparse(tree), [test for test in tests if test.startswith(f"{name}(")], doc


def _compared(line: str) -> str:
    """Return the comparison that an assert makes, "" if it is no plain one of a line."""
    try:
        node = ast.parse(line.strip()).body[0]
    except (SyntaxError, IndexError):
        return ""
    if not isinstance(node, ast.Assert) or not isinstance(node.test, ast.Compare) or not isinstance(node.test.ops[0], ast.Eq):
        return ""
    text = ast.unparse(node.test)
    return text if len(text) < 160 and "\n" not in text else ""


def _plain(text: str, name: str) -> str:
    """Return code in one style, "" if it does more than define functions, or has a loop that a defect might make endless."""
    try:
        tree = ast.parse(text.replace("\r", ""))
    except SyntaxError:
        return ""
    if not all(isinstance(node, (ast.FunctionDef, ast.Import, ast.ImportFrom)) for node in tree.body):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, (ast.While, ast.Try)) or (
            isinstance(node, ast.Name) and node.id in ("print", "input", "eval", "exec")
        ):
            return ""
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
            if not node.body:
                return ""
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        node.value.id for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    tree.body = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom)) or _is_used(node, used)]
    return ast.unparse(tree) + "\n" if name in names else ""


def _is_used(node: ast.Import | ast.ImportFrom, used: set[str]) -> bool:
    return any((alias.asname or alias.name).partition(".")[0] in used for alias in node.names)


def _what(said: str) -> str:
    """Return what a function should do, after "should": its first sentence without the order; "" if it is no such sentence."""
    first = re.split(
        r"(?<=[a-z)])\.(?:\s|$)|\n\s*\n|\n\s*>>>|\n\s*(?:Example|For example)",
        " ".join(said.partition(">>>")[0].split("\n")[:4]).strip(),
    )[0]
    first = " ".join(first.split())
    bare = re.sub(r"^write (?:a|an) (?:python )?function to ", "", first, flags=re.IGNORECASE)
    if bare == first and not re.match(r"(?:Return|Find|Check|Compute|Count|Create|Filter|Remove|Concatenate|Sum)\b", first):
        return ""
    if re.match(r"create a function", bare, re.IGNORECASE):  # and what it does is said later
        return ""
    bare = bare[:1].lower() + bare[1:].rstrip(". :")
    return bare if 10 < len(bare) < 170 and '"' not in bare else ""
