"""The content of one message in any dialect, taken apart: texts, calls of tools, results of tools.

A part says what it is by its type (OpenAI, Anthropic, LangChain, OpenTelemetry, Vercel's AI SDK, Inspect) or by its only
key (Gemini, Bedrock). Private reasoning is left out; pictures, sounds and files stay as a mark (media.py), and of a part
whose type nobody knows everything that can be read.
"""

import json
from collections.abc import Iterable
from typing import Any

from dspy_programs.conversation.media import mark_of, media_of, readable
from dspy_programs.conversation.messages import Call, Result
from dspy_programs.conversation.values import as_dict, decoded, marked, text_id

TEXT = (None, "text", "input_text", "output_text", "summary_text")
PRIVATE = ("thinking", "redacted_thinking", "reasoning", "reasoning_content")
_CALL_PARTS = ("tool_call", "tool-call", "server_tool_call", "function_call")
_RESULT_PARTS = ("tool_call_response", "tool-result", "server_tool_call_response")
_BLOCKS = (
    *(*TEXT, *PRIVATE, "refusal", "image", "image_url", "input_image", "audio", "input_audio", "video", "file", "input_file"),
    *("document", "resource", "resource_link", "search_result", "tool_reference", "web_search_result"),
)
_SILENT = ("step-start", "step_start")
_OUTPUTS = ("content", "response", "result", "output")
_RESULT_IDS = ("tool_use_id", "toolUseId", "tool_call_id", "toolCallId", "call_id", "id")
_TAGGED = ("text", "json", "error-text", "error-json", "content")  # {"type": "json", "value": ...}, of Vercel's AI SDK
_SNAKE = {"function_call": "functionCall", "function_response": "functionResponse", "executable_code": "executableCode",
          "code_execution_result": "codeExecutionResult", "inline_data": "inlineData", "file_data": "fileData"}  # fmt: skip
_CODE = "code_execution"


class Parts:
    """What the content of a message holds."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.calls: list[Call] = []
        self.results: list[Result] = []

    def add_calls(self, calls: Iterable[Call]) -> None:
        """Add what is new: some logs tell a call twice, as a part of the content and beside it."""
        known = {call.id for call in self.calls if call.id}
        self.calls += [call for call in calls if call.id not in known]


def parts_of(content: Any) -> Parts:
    """Take a content apart. A part of an unknown type is named in the text, and its own text kept."""
    parts = Parts()
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            parts.texts += [part] if part else []
        elif isinstance(part, dict):
            if not is_private(part) and not _add_keyed(parts, part):
                _add_typed(parts, part, part.get("type"))
        elif part is not None:
            parts.texts.append(json.dumps(part, ensure_ascii=False))
    return parts


def is_private(part: dict[str, Any]) -> bool:
    return part.get("type") in PRIVATE or part.get("thought") is True or "reasoningContent" in part


def _add_typed(parts: Parts, part: dict[str, Any], kind: Any) -> None:
    """Add a part that says what it is."""
    words = next((part[key] for key in ("text", "content", "refusal") if isinstance(part.get(key), str)), None)
    if isinstance(part.get("text"), dict):
        words = str(part["text"].get("value", ""))  # OpenAI's threads
    is_ui_call = str(kind).startswith(("tool-", "dynamic-tool")) and "toolCallId" in part and kind not in _RESULT_PARTS
    if kind in _CALL_PARTS or str(kind).endswith("tool_use") or is_ui_call:
        name = str(kind).removeprefix("tool-") if is_ui_call else None
        parts.add_calls([call_of({"toolName": name, **part} if name and kind not in _CALL_PARTS else part)])
        if is_ui_call and ("output" in part or part.get("errorText")):
            parts.results.append(Result(marked(part.get("output"), part.get("errorText")), text_id(part, "toolCallId")))
    elif kind in _RESULT_PARTS or str(kind).endswith("tool_result"):
        parts.results.append(result_of(part))
    elif kind in TEXT or kind == "refusal":
        parts.texts += [words] if words else [] if kind else [json.dumps(part, ensure_ascii=False)]
    elif kind not in _SILENT:
        parts.texts += _other_texts(part, kind)


def _other_texts(part: dict[str, Any], kind: Any) -> list[str]:
    """Return the mark of a part that is no text, and the text in it."""
    media = media_of(part)
    source = as_dict(part.get("source"))  # Anthropic's documents
    held = part if isinstance(part.get("text"), str) else as_dict(part.get(kind)) if isinstance(kind, str) else {}
    if isinstance(held.get("text"), str):
        texts = [held["text"]]
    elif source.get("type") == "text" and isinstance(source.get("data"), str):
        texts = [source["data"]]
    elif isinstance(blocks := part.get("content") or source.get("content"), (list, str)):
        texts = parts_of(blocks).texts
    else:
        rest = {} if media else {key: value for key, value in part.items() if key != "type" and value not in (None, "", [], {})}
        texts = [json.dumps(readable(rest), ensure_ascii=False)] if rest else []
    return [mark_of(media or str(kind), part), *texts]


def _add_keyed(parts: Parts, part: dict[str, Any]) -> bool:
    """Add a part without a type that its keys tell; return whether it is one."""
    if "type" in part:
        return False
    found = {_SNAKE.get(key, key): value for key, value in part.items()}
    held = {key: value for key, value in found.items() if isinstance(value, dict)}
    if call := held.get("functionCall") or held.get("toolUse"):
        parts.calls.append(call_of(call))
    elif result := held.get("functionResponse") or held.get("toolResult"):
        parts.results.append(result_of(result))
    elif code := held.get("executableCode"):
        parts.calls.append(Call(_CODE, {"language": code.get("language"), "code": code.get("code")}))
    elif ran := held.get("codeExecutionResult"):
        failed = ran.get("outcome") not in ("OUTCOME_OK", None) and (ran.get("outcome") or True)
        parts.results.append(Result(marked(ran.get("output"), failed), None, _CODE))
    elif "arguments" in part and isinstance(part.get("name"), str):  # AutoGen
        parts.calls.append(call_of(part))
    elif "call_id" in part and "content" in part:
        parts.results.append(result_of(part))
    elif "json" in part and len(part) == 1:
        parts.texts.append(json.dumps(part["json"], ensure_ascii=False))
    elif media := media_of(part):
        parts.texts.append(mark_of(media, part))
    else:
        return False
    return True


def call_of(raw: dict[str, Any]) -> Call:
    """Read a call in any dialect."""
    inner = next((raw[key] for key in ("function", "custom", "server_tool_call") if isinstance(raw.get(key), dict)), raw)
    names = (inner.get("name"), raw.get("name"), raw.get("function"), raw.get("toolName"))
    name = next((name for name in names if isinstance(name, str) and name), "(unnamed)")
    given = next((inner[key] for key in ("arguments", "args", "input") if inner.get(key) is not None), None)
    return Call(name, decoded(given), text_id(raw, "call_id", "id", "toolCallId", "tool_call_id", "toolUseId"))


def result_of(raw: dict[str, Any]) -> Result:
    """Read a result in any dialect; a failure that a field says becomes the key `error` of the output."""
    name = next((raw[key] for key in ("name", "toolName") if isinstance(raw.get(key), str)), None)
    key = next((key for key in _OUTPUTS if raw.get(key) is not None), "content")
    output, is_error = _untagged(output_of(raw.get(key)), key)
    return Result(marked(output, is_error or failure_in(raw)), text_id(raw, *_RESULT_IDS), name)


def failure_in(raw: dict[str, Any]) -> Any:
    """Return what the fields around a tool's output say of a failure; something false where they say none."""
    flag = raw.get("error") or raw.get("is_error") or raw.get("isError")
    return flag or str(raw.get("status")).lower() in ("error", "failed", "failure")


def _untagged(output: Any, key: str) -> tuple[Any, bool]:
    """Return the value in {"type": "error-text", "value": ...} or in Gemini's {"result": ...}, and whether it is an error."""
    if isinstance(output, dict) and output.keys() >= {"type", "value"} and output["type"] in _TAGGED:
        return output_of(output["value"]), output["type"].startswith("error")
    if key == "response" and isinstance(output, dict) and len(output) == 1 and (inner := output.keys() & {"result", "output"}):
        return output[inner.pop()], False
    return output, False


def output_of(content: Any) -> Any:
    """Return blocks of text as text, an MCP result as what it says, and any other value as it is."""
    if isinstance(content, dict) and is_blocks(content.get("content")) and content.keys() & {"isError", "structuredContent"}:
        return marked(output_of(content["content"]), content.get("isError"))
    return "\n".join(parts_of(content).texts) if is_blocks(content) else content


def is_blocks(content: Any) -> bool:
    """Return whether a list holds parts of a message; records that have a `type` of their own are data."""
    return isinstance(content, list) and bool(content) and all(isinstance(part, dict) and _is_block(part) for part in content)


def _is_block(part: dict[str, Any]) -> bool:
    if "type" in part:
        return part["type"] in _BLOCKS
    return len(part) == 1 and (isinstance(part.get("text"), str) or "json" in part or isinstance(part.get("image"), dict))
