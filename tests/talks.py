"""One talk told in every dialect: steps, and how each dialect's log has them.

A talk is a list of steps: ("user", text), ("agent", text, calls), where a call is (name, arguments, result). Results are
told in the order of the calls; `ids` numbers calls through the talk.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

Call = tuple[str, dict[str, Any], str]
Step = tuple[Any, ...]
Talk = list[Step]


def _ids() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"id_{number}"


def openai(talk: Talk) -> list[Any]:
    told: list[Any] = []
    ids = _ids()
    for step in talk:
        if step[0] == "user":
            told.append({"role": "user", "content": step[1]})
            continue
        named = [(next(ids), *call) for call in step[2]]
        calls = [
            {"id": i, "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
            for i, name, given, _ in named
        ]
        told.append({"role": "assistant", "content": step[1] or None, **({"tool_calls": calls} if calls else {})})
        told += [{"role": "tool", "tool_call_id": i, "content": result} for i, _, _, result in named]
    return told


def legacy(talk: Talk) -> list[Any]:
    """OpenAI's functions: one call a message, no ids."""
    told: list[Any] = []
    for step in talk:
        if step[0] == "user":
            told.append({"role": "user", "content": step[1]})
            continue
        if step[1] or not step[2]:
            told.append({"role": "assistant", "content": step[1]})
        for name, given, result in step[2]:
            told.append({"role": "assistant", "content": None, "function_call": {"name": name, "arguments": json.dumps(given)}})
            told.append({"role": "function", "name": name, "content": result})
    return told


def items(talk: Talk) -> list[Any]:
    """OpenAI's Responses and Agents, with the reasoning between."""
    told: list[Any] = []
    ids = _ids()
    for step in talk:
        if step[0] == "user":
            told.append({"role": "user", "content": step[1]})
            continue
        told.append({"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gAAA" * 40})
        if step[1] or not step[2]:
            told.append({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": step[1]}]})
        named = [(next(ids), *call) for call in step[2]]
        told += [
            {"type": "function_call", "call_id": i, "name": name, "arguments": json.dumps(given)} for i, name, given, _ in named
        ]
        told += [{"type": "function_call_output", "call_id": i, "output": result} for i, _, _, result in named]
    return told


def anthropic(talk: Talk) -> list[Any]:
    """Blocks; the results of one turn in one message, with the user's next words behind them."""
    told: list[Any] = []
    ids = _ids()
    waiting: list[Any] = []
    for step in talk:
        if step[0] == "user":
            told.append({"role": "user", "content": [*waiting, {"type": "text", "text": step[1]}]})
            waiting = []
            continue
        if waiting:
            told.append({"role": "user", "content": waiting})
        named = [(next(ids), *call) for call in step[2]]
        blocks: list[Any] = [{"type": "thinking", "thinking": "private thoughts", "signature": "x"}]
        blocks += [{"type": "text", "text": step[1]}] if step[1] or not named else []
        blocks += [{"type": "tool_use", "id": i, "name": name, "input": given} for i, name, given, _ in named]
        told.append({"role": "assistant", "content": blocks})
        waiting = [{"type": "tool_result", "tool_use_id": i, "content": result} for i, _, _, result in named]
    return [*told, {"role": "user", "content": waiting}] if waiting else told


def gemini(talk: Talk) -> list[Any]:
    """Contents: calls without ids."""
    told: list[Any] = []
    for step in talk:
        if step[0] == "user":
            told.append({"role": "user", "parts": [{"text": step[1]}]})
            continue
        parts: list[Any] = [{"text": step[1]}] if step[1] or not step[2] else []
        parts += [{"functionCall": {"name": name, "args": given}} for name, given, _ in step[2]]
        told.append({"role": "model", "parts": parts})
        if step[2]:
            answers = [{"functionResponse": {"name": name, "response": {"result": result}}} for name, _, result in step[2]]
            told.append({"role": "user", "parts": answers})
    return told


def langgraph(talk: Talk) -> list[Any]:
    """LangChain's messages, as LangGraph dumps a state."""
    told: list[Any] = []
    ids = _ids()
    for step in talk:
        if step[0] == "user":
            told.append({"type": "human", "content": step[1], "additional_kwargs": {}, "name": None, "id": "h"})
            continue
        named = [(next(ids), *call) for call in step[2]]
        calls = [{"name": name, "args": given, "id": i, "type": "tool_call"} for i, name, given, _ in named]
        told.append({"type": "ai", "content": step[1], "tool_calls": calls, "invalid_tool_calls": [], "id": "a"})
        told += [
            {"type": "tool", "content": result, "tool_call_id": i, "name": name, "status": "success"}
            for i, name, _, result in named
        ]
    return told


def langchain(talk: Talk) -> list[Any]:
    """messages_to_dict."""
    return [{"type": message["type"], "data": message} for message in langgraph(talk)]


_CLASSES = {"human": "HumanMessage", "ai": "AIMessage", "tool": "ToolMessage"}


def langchain_dump(talk: Talk) -> list[Any]:
    """dumpd."""
    head = ["langchain", "schema", "messages"]
    return [
        {"lc": 1, "type": "constructor", "id": [*head, _CLASSES[message["type"]]], "kwargs": message}
        for message in langgraph(talk)
    ]


def autogen(talk: Talk) -> list[Any]:
    """AutoGen 0.4: the messages of a model client."""
    told: list[Any] = []
    ids = _ids()
    for step in talk:
        if step[0] == "user":
            told.append({"type": "UserMessage", "content": step[1], "source": "user"})
            continue
        named = [(next(ids), *call) for call in step[2]]
        if step[1] or not named:
            told.append({"type": "AssistantMessage", "content": step[1], "source": "helper"})
        if named:
            calls = [{"id": i, "name": name, "arguments": json.dumps(given)} for i, name, given, _ in named]
            told.append({"type": "AssistantMessage", "content": calls, "source": "helper"})
            results = [{"content": result, "call_id": i, "name": name, "is_error": False} for i, name, _, result in named]
            told.append({"type": "FunctionExecutionResultMessage", "content": results})
    return told


def autogen_old(talk: Talk) -> list[Any]:
    """AutoGen 0.2: OpenAI's messages, the results of one turn in one message."""
    told: list[Any] = []
    for message in openai(talk):
        if message["role"] != "tool":
            told.append({**message, "name": "helper" if message["role"] == "assistant" else "user_proxy"})
        elif told[-1]["role"] == "tool":
            told[-1]["tool_responses"].append(message)
            told[-1]["content"] += "\n\n" + message["content"]
        else:
            told.append({"role": "tool", "name": "user_proxy", "content": message["content"], "tool_responses": [message]})
    return told


def claude_code(talk: Talk) -> list[Any]:
    """Lines of a session file, a line for each block of an answer."""
    told: list[Any] = [{"type": "summary", "summary": "s", "leafUuid": "u0"}]
    for message in anthropic(talk):
        number = len(told)
        line = {"uuid": f"u{number}", "parentUuid": f"u{number - 1}", "sessionId": "s1", "isSidechain": False}
        if message["role"] == "user":
            told.append({**line, "type": "user", "message": message})
            continue
        for block in message["content"]:
            inner = {"id": f"m{number}", "type": "message", **message, "content": [block]}
            told.append(
                {**line, "type": "assistant", "message": inner, "uuid": f"u{len(told)}", "parentUuid": f"u{len(told) - 1}"}
            )
    return told


def inspect_log(talk: Talk) -> list[Any]:
    told: list[Any] = []
    for message in openai(talk):
        calls = [
            {"id": c["id"], "function": c["function"]["name"], "arguments": json.loads(c["function"]["arguments"])}
            for c in message.get("tool_calls", ())
        ]
        told.append({**message, "content": message["content"] or "", **({"tool_calls": calls} if calls else {})})
    return told


def vercel(talk: Talk) -> list[Any]:
    """Vercel's AI SDK: the messages of a model."""
    told: list[Any] = []
    ids = _ids()
    for step in talk:
        if step[0] == "user":
            told.append({"role": "user", "content": [{"type": "text", "text": step[1]}]})
            continue
        named = [(next(ids), *call) for call in step[2]]
        parts: list[Any] = [{"type": "text", "text": step[1]}] if step[1] or not named else []
        parts += [{"type": "tool-call", "toolCallId": i, "toolName": name, "input": given} for i, name, given, _ in named]
        told.append({"role": "assistant", "content": parts})
        if named:
            results = [
                {"type": "tool-result", "toolCallId": i, "toolName": name, "output": {"type": "text", "value": result}}
                for i, name, _, result in named
            ]
            told.append({"role": "tool", "content": results})
    return told


def bedrock(talk: Talk) -> list[Any]:
    """The Converse API."""
    told: list[Any] = []
    for message in anthropic(talk):
        blocks: list[Any] = []
        for block in message["content"]:
            if block["type"] == "text":
                blocks.append({"text": block["text"]})
            elif block["type"] == "tool_use":
                blocks.append({"toolUse": {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}})
            elif block["type"] == "tool_result":
                held = {"toolUseId": block["tool_use_id"], "content": [{"text": block["content"]}], "status": "success"}
                blocks.append({"toolResult": held})
            else:
                blocks.append({"reasoningContent": {"reasoningText": {"text": block["thinking"]}}})
        told.append({"role": message["role"], "content": blocks})
    return told


def trace(talk: Talk) -> dict[str, Any]:
    """A trace of ours."""
    turns: list[Any] = []

    def add(role: str, **fields: Any) -> None:
        turns.append({"turn_number": len(turns), "role": role, **fields})

    for step in talk:
        if step[0] == "user":
            add("user", content=step[1])
            continue
        if step[1] or not step[2]:
            add("agent", content=step[1])
        for name, given, result in step[2]:
            add("agent", content="", tool_name=name, tool_input=given)
            add("tool", tool_name=name, tool_output=result)
    return {"trace_id": "t", "original_goal": "", "turns": turns}


def wrapped(talk: Talk) -> dict[str, Any]:
    return {"model": "some", "messages": openai(talk)}


def state(talk: Talk) -> dict[str, Any]:
    return {"thread_id": "t", "values": {"messages": langgraph(talk), "next": ["agent"]}}


DIALECTS: dict[str, Callable[[Talk], Any]] = {
    each.__name__: each
    for each in (openai, legacy, items, anthropic, gemini, langgraph, langchain, langchain_dump, autogen, autogen_old,
                 claude_code, inspect_log, vercel, bedrock, trace, wrapped, state)
}  # fmt: skip
