"""A case made by hand: right code, a defect planted in it, the report of a user, and tests; as files for a row of code_editor.

Input      a table of repair_cases/*.toml: `code`, or `package`, `file` and `take`, the names whose definitions are cut out of
           an installed package; `was` and `bug`, whole lines without their indent (`nth` of several places); `task`; `why`;
           `tests`, one a line: EXPRESSION == EXPRESSION, or EXPRESSION raises ERROR. `imports` are what the code needs, `setup`
           what the tests need; `more` are other files of the package, `drop` lines that are left out.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError
from metrics.code_editor import Checks
from optimizers.sources.reading import read_text

_RAISES = re.compile(r"(.*) raises (\w+)$")
_FUTURE = "from __future__ import annotations\n\n"
_MOST_COMMENTS = 3  # lines of a comment that are kept together; longer ones make a row too long
_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Made(NamedTuple):
    """A case as files."""

    path: str
    fixed: str
    broken: str
    checks: Checks


def made(case: dict[str, Any], raw: Path) -> Made:
    """Return a case's files. raw: the folder with the installed packages. Raises DatasetError if something is not there."""
    where = f"{case.get('file') or case['name']}: {case.get('take') or ''}"
    path = f"{_stem(case)}.py"
    fixed = case["code"].strip("\n") + "\n" if "code" in case else _cut_out(case, raw, where)
    broken = _planted(fixed, case["was"], case["bug"], case.get("nth", 1), where)
    return Made(path, fixed, broken, checks_of(path, fixed, case["tests"], case.get("setup", "")))


def _stem(case: dict[str, Any]) -> str:
    if "name" in case:
        return str(case["name"])
    last = case["more"][-1] if "more" in case else case
    stem = Path(last["file"]).stem
    stem = Path(last["file"]).parent.name if stem == "__init__" else stem
    return f"{stem}_" if stem in sys.stdlib_module_names else stem


def _cut_out(case: dict[str, Any], raw: Path, where: str) -> str:
    parts = [case["imports"].strip()] if "imports" in case else []
    for each in [case, *case.get("more", ())]:
        text = read_text(raw / each["file"])
        parts += [*_definitions(text, each["take"], where)]
    code = "\n\n\n".join(parts) + "\n"
    for line in case.get("drop", ()):
        code, count = re.subn(rf"^[ \t]*{re.escape(line)}\n", "", code, flags=re.MULTILINE)
        if count != 1:
            raise DatasetError(f"{where}: {line!r} is there {count} times")
    annotated = any(
        isinstance(node, ast.AnnAssign) or (isinstance(node, _DEFINED[:2]) and (node.returns or _annotated(node)))
        for node in ast.walk(ast.parse(code))
    )
    gap = "\n" if code.startswith(("def ", "class ")) else ""
    return f"{_FUTURE}{gap}{code}" if annotated else code


def _annotated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(each.annotation for each in [*node.args.args, *node.args.kwonlyargs])


def _definitions(text: str, names: Sequence[str], where: str) -> Iterator[str]:
    """Yield the source of each name, the last of several; with a docstring of one line and without long comments."""
    lines = text.splitlines()
    last: dict[str, ast.stmt] = {}
    for node in ast.parse(text).body:
        if isinstance(node, _DEFINED):
            last[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    last[target.id] = node
    for name in names:
        if (found := last.get(name)) is None:
            raise DatasetError(f"{where}: {name} is not defined there")
        first = min([found.lineno, *(each.lineno for each in getattr(found, "decorator_list", ()))])
        kept = lines[first - 1 : found.end_lineno]
        if isinstance(found, _DEFINED) and (doc := ast.get_docstring(found)) and found.body[0].end_lineno:
            start, end = found.body[0].lineno - first, found.body[0].end_lineno - first
            if start != end:
                kept[start : end + 1] = [f'{" " * found.body[0].col_offset}"""{doc.splitlines()[0].strip()}"""']
        yield "\n".join(_without_essays(kept)).rstrip("\n")


def _without_essays(lines: Sequence[str]) -> Iterator[str]:
    run: list[str] = []
    for line in [*lines, ""]:
        if line.strip().startswith("#"):
            run.append(line)
            continue
        if len(run) <= _MOST_COMMENTS:
            yield from run
        run = []
        yield line


def _planted(code: str, was: str, bug: str, nth: int, where: str) -> str:
    """Return code in whose place of `was`, whole lines, `bug` stands."""
    lines, old, new = code.splitlines(), was.strip("\n").splitlines(), bug.strip("\n").splitlines()
    bare = [line.strip() for line in old]
    places = [at for at in range(len(lines)) if [line.strip() for line in lines[at : at + len(old)]] == bare]
    if len(places) < nth or (nth == 1 and len(places) > 1):
        raise DatasetError(f"{where}: {was!r} is there {len(places)} times")
    at = places[nth - 1]
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    lines[at : at + len(old)] = [f"{indent}{line}" if line.strip() else "" for line in new]
    return "\n".join(lines) + "\n"


def checks_of(path: str, code: str, tests: str, setup: str = "") -> Checks:
    """Return the checks of a file: a test file of unittest with a test for each line of `tests`."""
    names = sorted({name for name in _top_level(code) if re.search(rf"\b{re.escape(name)}\b", f"{tests}\n{setup}")})
    head = f"import unittest\n\nfrom {path.removesuffix('.py')} import {', '.join(names)}\n"
    body = "".join(f"\n    def test_{n}(self):\n{_test(line)}" for n, line in enumerate(tests.strip().splitlines(), 1))
    setup = f"{setup.strip()}\n" if setup.strip() else ""
    if setup and setup.startswith(("import ", "from ")):
        head, setup = f"{setup}{head}", ""
    text = f"{head}\n{setup and setup + chr(10)}\nclass Test(unittest.TestCase):{body}\n\nunittest.main()\n"
    name = f"test_{path}"
    return Checks(tests=f"python -B {name}", files={name: text}, says="\nOK")


def _top_level(code: str) -> Iterator[str]:
    for node in ast.parse(code).body:
        if isinstance(node, _DEFINED):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _test(line: str) -> str:
    if raises := _RAISES.match(line):
        return f"        with self.assertRaises({raises[2]}):\n            {raises[1]}\n"
    *before, last = ast.parse(line).body
    said = "".join(f"        {ast.unparse(node)}\n" for node in before)
    compared = last.value if isinstance(last, ast.Expr) else None
    if not isinstance(compared, ast.Compare) or len(compared.ops) != 1 or not isinstance(compared.ops[0], ast.Eq):
        raise DatasetError(f"{line!r} is not a test: write EXPRESSION == EXPRESSION")
    left, right = (ast.get_source_segment(line, each) for each in (compared.left, compared.comparators[0]))
    if right in ("True", "False", "None"):
        return f"{said}        self.assertIs({left}, {right})\n"
    return f"{said}        self.assertEqual({left}, {right})\n"
