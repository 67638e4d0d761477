"""What chat APIs refuse in a list of messages, by their published rules: OpenAI's, and Anthropic's after conversion.

Output     faults(messages, strict) -> one line each, [] for messages that both accept.
Source     platform.openai.com/docs/api-reference/chat/create; docs.anthropic.com/en/api/messages and its errors;
           strict: Gemini and the templates that raise "roles must alternate"
"""

import base64
import json
import re
from itertools import pairwise

ROLES = ("system", "user", "assistant", "tool")
KEYS = {
    "system": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}
PARTS = {"text": {"text"}, "image_url": {"image_url"}, "input_audio": {"input_audio"}, "file": {"file"}}
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def faults(messages, strict=False):
    try:
        json.dumps(messages, allow_nan=False).encode()
        json.dumps(messages, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        return [f"not JSON: {error!r}"]
    found = [fault for place, message in enumerate(messages) for fault in _of_message(message, f"messages[{place}]")]
    found += _of_order(messages, strict)
    return found or _of_anthropic(as_anthropic(messages), strict)


def _of_message(message, where):
    role = message.get("role")
    if role not in ROLES:
        return [f"{where}: role {role!r}"]
    found = [f"{where}: key {key!r} of {role}" for key in message.keys() - KEYS[role]]
    if "name" in message and not (isinstance(message["name"], str) and NAME.fullmatch(message["name"])):
        found.append(f"{where}: name {message['name']!r}")
    content = message.get("content")
    if content is None and not message.get("tool_calls"):
        found.append(f"{where}: no content")
    elif isinstance(content, list):
        found += _of_parts(content, role, where)
    elif content is not None and not (isinstance(content, str) and content.strip()):
        found.append(f"{where}: content {content!r:.60}")
    if "tool_calls" in message and not message["tool_calls"]:
        found.append(f"{where}: tool_calls is empty")
    for call in message.get("tool_calls", []):
        found += _of_call(call, where)
    return found


def _of_parts(parts, role, where):
    found = [] if parts else [f"{where}: no parts"]
    for part in parts:
        kind = part.get("type")
        if kind not in PARTS or part.keys() - {"type"} != PARTS[kind]:
            found.append(f"{where}: part {part!r:.80}")
        elif kind != "text" and role != "user":
            found.append(f"{where}: {kind} in a message of {role}")
        elif kind == "text" and not (isinstance(part["text"], str) and part["text"].strip()):
            found.append(f"{where}: an empty text")
        elif kind == "image_url" and not re.match(r"https?://|data:image/[a-z.+-]+;base64,.", str(part[kind].get("url"))):
            found.append(f"{where}: {part!r:.80}")
    return found


def _of_call(call, where):
    if call.keys() != {"id", "type", "function"} or call["type"] != "function":
        return [f"{where}: call {call!r:.80}"]
    function = call["function"]
    found = [] if function.keys() == {"name", "arguments"} else [f"{where}: function {function!r:.80}"]
    if not ID.fullmatch(str(call["id"])):
        found.append(f"{where}: id {call['id']!r}")
    if not NAME.fullmatch(function["name"]):
        found.append(f"{where}: function's name {function['name']!r}")

    def refused(constant):
        raise ValueError(constant)

    try:
        if not isinstance(json.loads(function["arguments"], parse_constant=refused), dict):
            found.append(f"{where}: arguments are no object")
    except ValueError:
        found.append(f"{where}: arguments {function['arguments']!r:.60}")
    return found


def _of_order(messages, strict):
    roles = [message["role"] for message in messages]
    spoken = [role for role in roles if role != "system"]
    found = [] if not messages or spoken[:1] == ["user"] else ["no user's message first"]
    if "system" in roles[len(roles) - len(spoken) :]:
        found.append("a system message after the conversation began")
    ids = [call["id"] for message in messages for call in message.get("tool_calls", [])]
    found += ["ids are not unique"] if len(ids) != len(set(ids)) else []
    waiting = []
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            if not waiting or message["tool_call_id"] != waiting.pop(0):
                found.append(f"messages[{place}]: a result that answers no call before it, or out of order")
                waiting = []
        elif waiting:
            found.append(f"messages[{place}]: calls {waiting} have no result")
            waiting = []
        waiting = waiting or [call["id"] for call in message.get("tool_calls", [])]
    found += [f"calls {waiting} have no result at the end"] if waiting else []
    if strict:
        found += ["several system messages"] if roles.count("system") > 1 else []
        found += [f"two of {a} in a row" for a, b in pairwise(roles) if a == b and a != "tool"]
    return found


def as_anthropic(messages):
    """Convert OpenAI's messages to Anthropic's request, as the usual clients do."""
    system = [text for message in messages if message["role"] == "system" for text in _texts(message["content"])]
    turns = []
    for message in messages:
        role = message["role"]
        if role == "tool":
            block = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": message["content"]}
            if turns and turns[-1]["role"] == "user" and turns[-1]["content"][-1]["type"] == "tool_result":
                turns[-1]["content"].append(block)
            else:
                turns.append({"role": "user", "content": [block]})
        elif role != "system":
            blocks = [_block(part) for part in _parts(message["content"])]
            for call in message.get("tool_calls", []):
                given = json.loads(call["function"]["arguments"])
                blocks.append({"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": given})
            turns.append({"role": role, "content": blocks})
    return {"system": system, "messages": turns}


def _parts(content):
    return content if isinstance(content, list) else [{"type": "text", "text": content}] if content is not None else []


def _texts(content):
    return [part["text"] for part in _parts(content)]


def _block(part):
    if part["type"] == "text":
        return dict(part)
    return {"type": "image" if part["type"] == "image_url" else "document", "source": part}


def _of_anthropic(body, strict):
    turns, found = body["messages"], []
    if strict:  # without it Anthropic joins the turns itself, but results must still begin the turn after their calls
        for a, b in pairwise(turns):
            results_then_words = a["content"][-1]["type"] == "tool_result" and b["role"] == "user"
            if a["role"] == b["role"] and not results_then_words:
                found.append(f"anthropic: two turns of {a['role']}")
    if turns and turns[0]["role"] != "user":
        found.append("anthropic: first turn is not the user's")
    for turn, after in zip(turns, [*turns[1:], None], strict=False):
        if not turn["content"]:
            found.append("anthropic: a turn without content")
        uses = [block["id"] for block in turn["content"] if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in after["content"] if block["type"] == "tool_result"] if after else []
        if uses != results:
            found.append(f"anthropic: tool_use {uses}, tool_result {results}")
        found += ["anthropic: a blank text" for b in turn["content"] if b["type"] == "text" and not b["text"].strip()]
    last = turns[-1]["content"][-1] if turns and turns[-1]["role"] == "assistant" else {}
    if last.get("type") == "text" and last["text"] != last["text"].rstrip():
        found.append("anthropic: the last answer ends in a space")
    return found


def picture(width, height, kind="png"):
    """Return the first bytes of a picture in base64: enough to tell its size."""
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\x00\x00\x00"
    if kind == "gif":
        head = b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x00\x00\x00"
    elif kind == "jpeg":
        preview = b"\xff\xe1" + (8).to_bytes(2) + b"Exif\x00\x00"
        head = b"\xff\xd8" + preview + b"\xff\xc0\x00\x11\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\x03" * 12
    elif kind == "webp":
        sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        head = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + sizes
    return base64.b64encode(head).decode()
