"""A task done by one Python script: what a small coder model does better than a row of calls.

The model reads the request, the list of files and the beginnings of those that matter, and writes a script; the host runs it
like any call of `python`. What went wrong goes back, not the script: a small model would write it again. Code in a block needs
no escapes, and a script counts, sums, merges and renames exactly.

Input      task, context and trajectory, as of an Actor; the workspace.
Output     a step: a call of `python`; or what is missing: an address, number or id in the script that nobody said and no file
           has; or that it cannot, where the model says so. Once, a script that overlooks a word of the request is a problem.
Guarantees what a file contains is shown as data, quoted line by line; nothing is run here.
Calls      one.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.agent.checks import end_of
from dspy_programs.agent.files_shown import files_in, files_shown, is_named, overlooked, texts_in
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.control_tokens import plain
from dspy_programs.model_in_use import model_in_use
from dspy_programs.predict import Failure, Index, Program, ask
from dspy_programs.programs.actor import ActorResult, MissingArgument, decision
from dspy_programs.text import shortened
from dspy_programs.types import Call, ToolDefinitions, Turn

TOOL = "python"
PRINTED_NOTHING = "[it printed nothing]"  # as the tool says it
EXAMPLES = Path(__file__).with_name("script_examples.jsonl")
_MOST_EXAMPLES = 2
_MOST_SCRIPTS = 4
_SAID = 300  # characters of a result
_MOST_TOKENS = 400
_OVERLOOKS = "does not look for"
_OTHERWISE = 0.5  # the temperature for another script than the likeliest
_BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|$)", re.DOTALL)
_OTHER_BLOCK = re.compile(r"```(\w+)[ \t]*\n")
MISSING = "MISSING:"
_CANNOT = re.compile(rf"^\s*(?:#\s*)?{MISSING}\s*(.+)", re.MULTILINE)
_USUAL = {name: f"import {name}" for name in "csv json os re shutil datetime math string glob".split()} | {
    "Path": "from pathlib import Path",
    "Counter": "from collections import Counter",
    "defaultdict": "from collections import defaultdict",
}  # modules and names that a small model uses without importing them
_HINTS = {
    "IsADirectoryError": "This is a folder: loop over its files with Path.rglob.",
    "FileNotFoundError": "Use the paths as they stand under Files.",
}
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

    def __init__(self, workspace: Workspace, examples: Sequence[Mapping[str, str]] = ()) -> None:
        """examples: {request, files, script}; the nearest are shown."""
        super().__init__()
        self.workspace, self.examples = workspace, examples
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
        with dspy.context(adapter=_CodeBlock(use_json_adapter_fallback=False)):
            reply = ask(
                self.write,
                request=request,
                files=files_shown(request, self.workspace),
                before=_before(turns),
                demos=self._nearest(request),
                config={"max_tokens": _MOST_TOKENS} | ({"temperature": _OTHERWISE, "rollout_id": sample} if sample else {}),
            )
        return decision(failure=reply) if isinstance(reply, Failure) else self._step(reply.script, request, turns)

    def _step(self, reply: str, request: str, turns: Sequence[Turn]) -> ActorResult:
        block, other = _BLOCK.search(reply), _OTHER_BLOCK.search(reply)
        if block is None and other is not None:
            return decision(
                failure=Failure(reason=f"it is {other[1]}; write a Python script that does the work", raw_reply=reply)
            )
        if said := _CANNOT.search(reply if block is None else block[1]):
            return decision(cannot=f"missing: {said[1].strip()}")
        code = (block[1] if block else reply).strip("\n") + "\n"
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return decision(failure=Failure(reason=f"not Python: {error}", raw_reply=reply))
        if not tree.body:
            return decision(failure=Failure(reason="there is no script in the reply", raw_reply=reply))
        code = _with_imports(code, tree)
        if any(turn.tool_name == TOOL and turn.tool_input == {"code": code} for turn in turns):
            return decision(problems=["the same script has just been run"])
        if (word := overlooked(request, code, self.workspace)) and not any(_OVERLOOKS in turn.content for turn in turns):
            return decision(problems=[f"the script {_OVERLOOKS} {word!r}, which the request names"])
        invented = [value for value in _values_in(tree) if not self._is_known(value, request)]
        if invented:
            why = f"the script has {invented[0]!r}, which nobody said and no file has"
            return decision(missing=[MissingArgument(tool=TOOL, argument="the value to use", why=why)], cannot=why)
        return decision([Call(tool=TOOL, arguments={"code": code})])

    def _nearest(self, request: str) -> list[Mapping[str, str]]:
        others = [example for example in self.examples if example["request"] not in request]
        return [*Index(others, ["request"]).nearest({"request": request})[-_MOST_EXAMPLES:]] if others else []

    def _is_known(self, value: str, request: str) -> bool:
        return value in request or any(value in text for _, text in texts_in(self.workspace))


class _CodeBlock(dspy.ChatAdapter):
    """The request as one message, the reply as it is: code in a block, where JSON would need escapes."""

    def format(self, signature: Any, demos: Any, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        system = f"{signature.instructions} Reply with the script in one ```python block and nothing else."
        messages = [{"role": "system", "content": system}]
        for demo in demos:
            script = demo["script"]
            reply = plain(script if _CANNOT.match(script) else f"```python\n{script}```")
            messages += [{"role": "user", "content": _asked(demo)}, {"role": "assistant", "content": reply}]
        user = _asked(inputs)
        if inputs["before"]:
            user += f"\n\n{plain(inputs['before'])}\nWrite a script that does it."
        return [*messages, {"role": "user", "content": user}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        return {"script": completion}


def _asked(inputs: Mapping[str, str]) -> str:
    return plain(f"Request: {inputs['request']}\n\nFiles:\n{inputs['files']}")


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
