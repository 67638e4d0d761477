"""How a small coder model is asked for code, and how its reply is read: one block, where JSON would need escapes.

Input      a signature with request, files and before (why the last attempt failed, "" at first) and one output; examples.
Output     the reply as it is; `code_in`: the code of its block, and its tree.
"""

import ast
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import dspy

from dspy_programs.control_tokens import plain

_BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|$)", re.DOTALL)
_OTHER_BLOCK = re.compile(r"```(\w+)[ \t]*\n")
MISSING = "MISSING:"
_CANNOT = re.compile(rf"^\s*(?:#\s*)?{MISSING}\s*(.+)", re.MULTILINE)


class CodeBlock(dspy.ChatAdapter):
    """The request as one message, the reply as it is."""

    def format(self, signature: Any, demos: Any, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        (output,) = signature.output_fields
        system = f"{signature.instructions} Reply with the {output} in one ```python block and nothing else."
        messages = [{"role": "system", "content": system}]
        for demo in demos:
            code = demo[output]
            reply = plain(code if _CANNOT.match(code) else f"```python\n{code}```")
            messages += [{"role": "user", "content": _asked(demo)}, {"role": "assistant", "content": reply}]
        user = _asked(inputs)
        if inputs["before"]:
            user += f"\n\n{plain(inputs['before'])}\nWrite a {output} that does it."
        return [*messages, {"role": "user", "content": user}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        (output,) = signature.output_fields
        return {output: completion}


class Code(NamedTuple):
    """What a reply holds. fault: why it cannot be used, "" if it can; missing: what the model says is not there."""

    text: str
    tree: ast.Module
    fault: str = ""
    missing: str = ""


def code_in(reply: str) -> Code:
    """Return the code of a reply; a reply without a block is code as a whole."""
    block, other, nothing = _BLOCK.search(reply), _OTHER_BLOCK.search(reply), ast.parse("")
    if block is None and other is not None:
        return Code("", nothing, f"it is {other[1]}; write a Python script that does the work")
    if said := _CANNOT.search(reply if block is None else block[1]):
        return Code("", nothing, missing=said[1].strip())
    text = (block[1] if block else reply).strip("\n") + "\n"
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Code(text, nothing, f"not Python: {error}")
    return Code(text, tree, "" if tree.body else "there is no script in the reply")


def _asked(inputs: Mapping[str, str]) -> str:
    return plain(f"Request: {inputs['request']}\n\nFiles:\n{inputs['files']}")
