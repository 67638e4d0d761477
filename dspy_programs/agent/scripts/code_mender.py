"""Code that must make a command pass: the model writes the wrong functions again, the host puts them in their places.

A small model rewrites a function well, and writes a script that changes one badly.

Input      the request, with a command that must pass; how it fails now; the workspace.
Output     a step: a call of `edit_file` for each file that changes.
Guarantees only definitions and imports change, only in Python files that are no tests and that the command runs or the request
           names; what files contain is shown as data.
Calls      one, and one more for each reply that cannot be used, six in all.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import dspy
from pydantic import JsonValue

from dspy_programs.agent.rules.criteria import criteria_of, is_test
from dspy_programs.agent.scripts.code_block import Code, CodeBlock, code_in
from dspy_programs.agent.scripts.definitions import names_in, with_definitions
from dspy_programs.agent.scripts.files_shown import files_in, imported_by, is_named, text_at
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.predict import Failure, Program, ask
from dspy_programs.programs.actor import ActorResult, decision
from dspy_programs.types import Call, ToolDefinitions, Turn

TOOL = "edit_file"
_MOST = 6  # attempts
_MOST_TOKENS = 500
_SHOWN = 4000  # characters of all files
_OTHERWISE = 0.7  # the temperature after the first attempt
_DEFINED = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)", re.MULTILINE)


class MendCode(dspy.Signature):
    """A command fails because Python code is wrong or missing. Write again, whole and corrected, each function that must change, and only those. Keep the names and arguments that the tests use. The tests are right."""  # noqa: E501

    request: str = dspy.InputField()
    files: str = dspy.InputField()
    before: str = dspy.InputField(desc="where the fault is")
    function: str = dspy.OutputField()


class Tested(NamedTuple):
    """The code that a command tests, and the tests: text by path."""

    code: dict[str, str]
    tests: dict[str, str]


class CodeMender(Program):
    """Choose the next edit of code that a command tests."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.mend = dspy.Predict(MendCode)

    def forward(
        self,
        task: str,
        tools: ToolDefinitions = (),
        context: str = "",
        trajectory: Sequence[Turn | Mapping[str, object]] = (),
    ) -> ActorResult:
        """Return the next edits. context: the request, and how its command fails."""
        turns = [Turn.model_validate(turn) if isinstance(turn, Mapping) else turn for turn in trajectory]
        tried = [turn.tool_input for turn in turns if turn.tool_name == TOOL]
        tested = code_tested(context, self.workspace)
        reason = f"{_MOST} corrections did not do it. {turns[-1].content if turns else ''}".strip()
        for sample in range(len(tried), _MOST):
            code = self._written(context, tested, sample)
            if code.fault or code.missing:
                reason = code.fault or code.missing
                continue
            calls = [Call(tool=TOOL, arguments=edit) for edit in _edits(code, tested)]
            if any(call.arguments not in tried for call in calls):
                return decision(calls)
        return decision(cannot=reason)

    def _written(self, request: str, tested: Tested, sample: int) -> Code:
        otherwise = {"temperature": _OTHERWISE, "rollout_id": sample} if sample else {}
        with dspy.context(adapter=CodeBlock(use_json_adapter_fallback=False)):
            reply = ask(
                self.mend,
                request=request,
                files=_shown(tested),
                before=f"The fault is in {' or '.join(tested.code)}. Say in a first comment what is wrong there.",
                config={"max_tokens": _MOST_TOKENS} | otherwise,
            )
        return Code("", ast.parse(""), reply.reason) if isinstance(reply, Failure) else code_in(reply.function)


def code_tested(request: str, workspace: Workspace) -> Tested:
    """Return the code that a command of the request tests, what the request names first; nothing if there is no command."""
    paths = [file.path for file in files_in(workspace) if file.path.endswith(".py")]
    checks = [one.check for one in criteria_of(request, paths)]
    commands = [check.command for check in checks if check.check == "command_exits_0"]
    kept = {check.path for check in checks if check.check == "unchanged"}
    if not commands:
        return Tested({}, {})
    run = [path for path in paths if any(is_named(path, command) for command in commands)]
    tests = run or [path for path in paths if is_test(path)]
    named = [path for path in paths if is_named(path, request) and path not in tests]
    imported = imported_by(tests, paths, workspace)
    imported += [path for path in imported_by([*named, *imported], paths, workspace) if path not in imported]
    code = [path for path in dict.fromkeys([*named, *imported]) if path not in kept and not is_test(path)]
    crashed = [path for path in run if path not in kept]  # what runs is itself to be mended
    code, tests = [*crashed, *code], [path for path in tests if path not in crashed]
    return Tested(_texts(code, workspace), _texts(tests, workspace))


def _texts(paths: Sequence[str], workspace: Workspace) -> dict[str, str]:
    return {path: text for path in paths if (text := text_at(path, workspace) or "").strip()}


def _shown(tested: Tested) -> str:
    """Return the tests, then the code, as much as a small model reads."""
    lines, left = [], _SHOWN
    for path, text in [*tested.code.items(), *tested.tests.items()]:
        shown = text if len(text) <= left else _parts(text, " ".join(tested.tests.values()), left)
        left -= len(shown)
        if shown:
            lines.append(f"--- {path}\n{shown.rstrip()}")
    return "\n".join(reversed(lines))


def _parts(text: str, tests: str, most: int) -> str:
    """Return the definitions of a long module that the tests name, as many as there is room for."""
    try:
        nodes = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return text[:most]
    parts = [ast.get_source_segment(text, node) or "" for node in nodes if getattr(node, "name", "") in _words(tests)]
    shown = ""
    for part in parts:
        if len(shown) + len(part) > most:
            break
        shown += f"{part}\n\n\n"
    return shown


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _without_tests(tree: ast.Module, tested: Tested) -> ast.Module:
    """Leave out the tests, which a small model copies, and imports that only they need or that import the code itself."""
    own = [
        node for node in tree.body if not any(_defines(text, name) for text in tested.tests.values() for name in _names(node))
    ]
    modules = {path.removesuffix(".py").replace("/", ".") for path in tested.code}
    used = {node.id for each in own for node in ast.walk(each) if isinstance(node, ast.Name)}

    def is_needed(node: ast.stmt) -> bool:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            return True
        names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        return bool(names & used) and getattr(node, "module", None) not in modules

    return ast.Module([node for node in own if is_needed(node)], [])


def _names(node: ast.stmt) -> set[str]:
    return names_in(ast.Module([node], []))


def _edits(written: Code, tested: Tested) -> Iterator[dict[str, JsonValue]]:
    """Yield the arguments of an edit for each file in which definitions change; what is new goes into the first file."""
    code, tree = tested.code, _without_tests(written.tree, tested)
    names = names_in(tree)
    homes = {name: next((path for path, old in code.items() if _defines(old, name)), next(iter(code))) for name in names}
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    for path, old in code.items():
        own = [node for node in tree.body if {homes[name] for name in _names(node)} == {path}]
        if not own:
            continue
        try:
            new = with_definitions(old, ast.Module([*imports, *own], []), written.text)
        except SyntaxError:  # the file is not Python now: only a whole one can take its place
            new = written.text if {*_DEFINED.findall(old)} <= names else old
        if new != old:
            yield {"path": path, **_difference(old, new)}


def _defines(text: str, name: str) -> bool:
    return re.search(rf"^\s*(?:async\s+)?(?:def|class)\s+{name}\b|^{name}\s*[:=]", text, re.MULTILINE) is not None


def _difference(old: str, new: str) -> dict[str, str]:
    """Return the shortest whole lines that differ, with as many around them as make them unique in the old text."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    start = _alike(before, after)
    end = min(_alike(before[::-1], after[::-1]), len(before) - start, len(after) - start)
    while start or end:
        gone = "".join(before[start : len(before) - end])
        if gone and old.count(gone) == 1:
            break
        start, end = max(0, start - 1), max(0, end - 1)
    return {"old": "".join(before[start : len(before) - end]), "new": "".join(after[start : len(after) - end])}


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines two texts have in common from the first on."""
    return next(
        (number for number, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
