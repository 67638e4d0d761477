"""A task done by one Python script: what a small coder model does better than a row of calls.

The model reads the request, the list of files and the beginnings of those that matter, and writes a script; the host runs it
like any call of `python`. What went wrong goes back, not the script: a small model would write it again. Code in a block needs
no escapes, and a script counts, sums, merges and renames exactly.

Input      task, context and trajectory, as of an Actor; the workspace.
Output     a step: a call of `python`; or what is missing: an address, number or id in the script that nobody said and no file
           has; or that it cannot, where the model says so. Once, a script that overlooks a word of the request is a problem.
Guarantees what a file contains is shown as data, without the orders in it (orders.py); nothing is run here.
Calls      one; where code is corrected or a fact is copied first, as code_mender.py and facts.py say.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dspy

from dspy_programs.agent.checking.checks import end_of
from dspy_programs.agent.rules.criteria import criteria_of
from dspy_programs.agent.scripts.code_block import CodeBlock, code_in
from dspy_programs.agent.scripts.code_mender import CodeMender, code_tested
from dspy_programs.agent.scripts.facts import FactFinder
from dspy_programs.agent.scripts.files_shown import files_in, files_shown, is_named, overlooked, texts_in
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.model_in_use import model_in_use
from dspy_programs.predict import Failure, Index, Program, ask
from dspy_programs.programs.actor import ActorResult, MissingArgument, decision
from dspy_programs.text import shortened
from dspy_programs.types import Call, ToolDefinitions, Turn

TOOL = "python"
PRINTED_NOTHING = "[it printed nothing]"  # as the tool says it
EXAMPLES = Path(__file__).with_name("script_examples.jsonl")
_MOST_EXAMPLES = 2
SETS = 2  # of examples: the nearest and the next
_MOST_SCRIPTS = 4
_SAID = 300  # characters of a result
_MOST_TOKENS = 400
_OVERLOOKS = "does not look for"
_OTHERWISE = 0.5  # the temperature for another script than the likeliest
_USUAL = {name: f"import {name}" for name in "csv json os re shutil datetime math string glob".split()} | {
    "Path": "from pathlib import Path",
    "Counter": "from collections import Counter",
    "defaultdict": "from collections import defaultdict",
}  # modules and names that a small model uses without importing them
_HINTS = {
    "IsADirectoryError": "This is a folder: loop over its files with Path.rglob.",
    "FileNotFoundError": "Use the paths as they stand under Files, and make new folders first.",
}
_IMPORTS = re.compile(r"\b(?:ImportError|ModuleNotFoundError|imports?)\b")  # no function is wrong
_FOLDER = re.compile(r"\w[\w-]*(?:/\w[\w-]*)*")
_VALUE = re.compile(
    r"[^\s@'\"]{1,64}@[^\s@'\"]{1,190}\.\w+|https?://[^\s'\"]+|\+?\d[\d /-]{4,}\d"
)  # what a model likes to make up


class WriteScript(dspy.Signature):
    """You do a user's request on files by writing one Python 3 script, with the standard library only. It runs in the folder of the files, with relative paths. Change only what the request asks for, and no other file. If it asks a question, print the answer. Count, add up and compare by code; copy a fact from a text as it stands there. If something that the request needs is not there, reply only with MISSING: and what it is."""  # noqa: E501

    request: str = dspy.InputField()
    files: str = dspy.InputField()
    before: str = dspy.InputField(desc="why the last script did not do it; empty at first")
    script: str = dspy.OutputField()


class ScriptWriter(Program):
    """Choose the next step of a task that one script does."""

    def __init__(self, workspace: Workspace, examples: Sequence[Mapping[str, str]] = (), *, mends: bool = False) -> None:
        """examples: {request, files, script}; the nearest are shown. about: other words for what an example shows.

        mends: whether a file may be edited in place.
        """
        super().__init__()
        self.workspace, self.examples, self.mends = workspace, examples, mends
        self.mender, self.facts = CodeMender(workspace), FactFinder(workspace)
        self.write = dspy.Predict(WriteScript)

    def forward(
        self,
        task: str,
        tools: ToolDefinitions = (),
        context: str = "",
        trajectory: Sequence[Turn | Mapping[str, object]] = (),
        sample: int = 0,
    ) -> ActorResult:
        """Return the next script as a call of `python`. sample: not 0 for another one than the likeliest."""
        if model_in_use() is None:
            return decision(cannot="there is no language model", answered_by="rules")
        turns = [Turn.model_validate(turn) if isinstance(turn, Mapping) else turn for turn in trajectory]
        if sum(turn.tool_name == TOOL for turn in turns) >= _MOST_SCRIPTS:
            return decision(cannot=shortened(f"{_MOST_SCRIPTS} scripts did not do it. {turns[-1].content}", _SAID))
        request, sample = context or task, sample or len(turns)
        if self.mends and not _IMPORTS.search(request) and code_tested(request, self.workspace).code:
            step: ActorResult = self.mender(task=task, context=request, trajectory=turns)
            return step
        path = None if any(turn.tool_name == TOOL for turn in turns) else self._answer_file(request)
        if path is not None and (fact := self.facts(request=request, sample=sample)):
            code = f"open({path!r}, 'w').write({fact!r} + '\\n')\n" if path else f"print({fact!r})\n"
            return decision([Call(tool=TOOL, arguments={"code": self._with_folders(code, ast.parse(code), request)})])
        with dspy.context(adapter=CodeBlock(use_json_adapter_fallback=False)):
            reply = ask(
                self.write,
                request=request,
                files=files_shown(request, self.workspace),
                before=_before(turns),
                demos=self._nearest(request, sample),
                config={"max_tokens": _MOST_TOKENS} | ({"temperature": _OTHERWISE, "rollout_id": sample} if sample else {}),
            )
        return decision(failure=reply) if isinstance(reply, Failure) else self._step(reply.script, request, turns)

    def _step(self, reply: str, request: str, turns: Sequence[Turn]) -> ActorResult:
        code, tree, fault, missing = code_in(reply)
        if missing:
            gap = MissingArgument(tool=TOOL, argument=missing, why=f"this is missing: {missing}")
            return decision(missing=[gap], cannot=missing)
        if fault:
            return decision(failure=Failure(reason=fault, raw_reply=reply))
        code = _with_imports(self._with_folders(code, tree, request), tree)
        if any(turn.tool_name == TOOL and turn.tool_input == {"code": code} for turn in turns):
            return decision(problems=["the same script has just been run"])
        if (word := overlooked(request, code, self.workspace)) and not any(_OVERLOOKS in turn.content for turn in turns):
            return decision(problems=[f"the script {_OVERLOOKS} {word!r}, which the request names"])
        invented = [value for value in _values_in(tree) if not self._is_known(value, request)]
        if invented:
            why = f"the script has {invented[0]!r}, which nobody said and no file has"
            return decision(missing=[MissingArgument(tool=TOOL, argument="the value to use", why=why)], cannot=why)
        return decision([Call(tool=TOOL, arguments={"code": code})])

    def _nearest(self, request: str, sample: int) -> list[Mapping[str, str]]:
        """Return the nearest examples, and for another sample the next ones: scripts of one example err alike."""
        others = [{"about": each["request"], **each} for each in self.examples if each["request"] not in request]
        first = _nearest_of(others, request)
        next_ones = _nearest_of([each for each in others if each not in first], request) if sample % SETS else []
        return next_ones or first

    def _answer_file(self, request: str) -> str | None:
        """Return the new file that is to hold an answer, "" if the answer is only wanted, None if the request wants more."""
        files = [file.path for file in files_in(self.workspace)]
        checks = [one.check for one in criteria_of(request, files) if one.check.check != "unchanged"]
        paths = {check.path for check in checks if check.check in ("file_written", "file_short")}
        if len(paths) > 1 or any(check.path not in paths for check in checks) or paths.intersection(files):
            return None
        path = next(iter(paths), "")
        return None if path.endswith(".json") else path

    def _with_folders(self, code: str, tree: ast.AST, request: str) -> str:
        """Put in front the making of folders that the request names and a script only writes to."""
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        named = {text.rpartition("/")[0] for text in texts if "/" in text and f"{text.rpartition('/')[0]}/" in request}
        new = sorted(folder for folder in named if _FOLDER.fullmatch(folder) and self.workspace.kind(folder) is None)
        makes = "".join(f"os.makedirs({folder!r}, exist_ok=True)\n" for folder in new)
        return f"import os\n{makes}{code}" if makes else code

    def _is_known(self, value: str, request: str) -> bool:
        return value in request or any(value in text for _, text in texts_in(self.workspace))


def _nearest_of(examples: Sequence[Mapping[str, str]], request: str) -> list[Mapping[str, str]]:
    index = Index(examples, ["about"]) if examples else None
    return [*index.nearest({"about": request}, even_far=True)[-_MOST_EXAMPLES:]] if index else []


def is_for_a_script(goal: str, workspace: Workspace) -> bool:
    """Return whether a goal is about files: it names one, a folder, or one to be written."""
    if re.search(r"(?<![\w@/])(?:[\w.-]+/)*[\w-]*\.[A-Za-z]\w{0,9}\b(?![@/])", goal):
        return True
    return any(is_named(file.path, goal) for file in files_in(workspace))


def script_examples() -> list[dict[str, str]]:
    """Return requests with scripts that were run on them and did what they ask for."""
    return [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]


def _before(turns: Sequence[Turn]) -> str:
    """Say why the last script did not do it. The script is not shown: a small model writes it again."""
    last = max((place for place, turn in enumerate(turns) if turn.tool_name == TOOL), default=None)
    said = "\n".join(turn.content for turn in turns[0 if last is None else last + 1 :] if turn.role == "system")
    if last is None:
        return said
    output, failed, _ = str(turns[last].tool_output).rpartition("[exit code")
    hint = next((hint for error, hint in _HINTS.items() if error in output), "")
    return f"Another script failed: {end_of(output)}. {hint}" if failed else f"Another script ran. {said}"


def _with_imports(code: str, tree: ast.AST) -> str:
    """Put in front the imports that a script forgot."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    used = dict.fromkeys(node.id for node in names if node.id in _USUAL and node.id not in bound)
    return "".join(f"{_USUAL[name]}\n" for name in used) + code


def _values_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _VALUE.findall(node.value)
