"""What of a history a model is shown: large results by what matters in them, and beyond the budget a note for what is older.

Input      turns; the words that the task mentions; a budget in the model's own tokens.
Output     turns for the actor; the same ones where all fits.
Guarantees the last turns and what the system said stay; a result is never without its call; nothing is added to a result.
           The given turns are not changed. Done by rules: memory's. Orders in a result are not shown (orders.py).
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence

from pydantic import JsonValue

from dspy_programs.agent.scripts.orders import without_orders
from dspy_programs.memory import MemoryEntry, compress_session, mentioned_in, stub_of
from dspy_programs.text import content_stems
from dspy_programs.tokens import TokenCounter
from dspy_programs.types import Turn

_RESULT = 900  # characters of a result, a little less than the actor shows of one
_CHARACTERS_OF_TOKEN = 4
_FEW = 5  # lines that have a word, for it to be rare
_LINE, _MOST_LINES = 2000, 5000  # that are looked at: characters of a line, lines
_LAST = 3  # messages that stay word for word


def shown(turns: Sequence[Turn], words: str, budget: int, counter: TokenCounter) -> list[Turn]:
    """Return what a model is to see of a history."""
    short = [_without_orders(_with_short_result(turn, words)) for turn in turns]
    if sum(map(_size, short)) <= budget * _CHARACTERS_OF_TOKEN:  # counting takes longer
        return short
    return _within(short, words, budget, counter)


def _with_short_result(turn: Turn, words: str) -> Turn:
    """Cut a large result to the lines that have rare words of the task, and what matters in it anyway."""
    text = turn.tool_output if isinstance(turn.tool_output, str) else json.dumps(turn.tool_output, ensure_ascii=False)
    if turn.tool_output is None or len(text) <= _RESULT:
        return turn
    is_list = isinstance(turn.tool_output, list)
    lines = [json.dumps(each, ensure_ascii=False) for each in turn.tool_output] if is_list else text.splitlines()  # type: ignore[union-attr]
    found = "\n".join(_telling(lines, set(content_stems(words))))
    mentioned = mentioned_in([MemoryEntry(role="user", content=words)])
    room = (_RESULT - len(found)) // _CHARACTERS_OF_TOKEN
    stub = stub_of(MemoryEntry(role="tool", content=text), room, _about, mentioned)
    return turn.model_copy(update={"tool_output": f"{found}\n(...)\n{stub}" if found else stub})


def _without_orders(turn: Turn) -> Turn:
    """Leave the orders out of a result."""
    told = _told(turn.tool_output)
    return turn if told == turn.tool_output else turn.model_copy(update={"tool_output": told})


def _told(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return without_orders(value)
    if isinstance(value, list):
        return [_told(each) for each in value]
    return {name: _told(each) for name, each in value.items()} if isinstance(value, dict) else value


def _telling(lines: Sequence[str], wanted: set[str]) -> list[str]:
    """Return the lines, in order, that have those of the wanted words that only few lines have."""
    shared = [wanted.intersection(content_stems(line[:_LINE])) for line in lines[:_MOST_LINES]]
    times = Counter(stem for stems in shared for stem in stems)
    worth = [sum(times[stem] <= _FEW for stem in stems) for stems in shared]
    room, chosen = _RESULT // 2, []
    for number in sorted(range(len(worth)), key=lambda number: -worth[number]):
        room -= len(lines[number]) + 1
        if not worth[number] or room < 0:
            break
        chosen.append(number)
    return [lines[number] for number in sorted(chosen)]


def _about(text: str) -> int:
    return -(-len(text) // _CHARACTERS_OF_TOKEN)


def _size(turn: Turn) -> int:
    return len(turn.content) + len(json.dumps([turn.tool_input, turn.tool_output], ensure_ascii=False))


def _within(turns: Sequence[Turn], words: str, budget: int, counter: TokenCounter) -> list[Turn]:
    """Compress a history as a conversation, and read it back."""
    messages: list[dict[str, JsonValue]] = [{"role": "system", "content": words}]
    source: dict[int, Turn] = {}
    for number, each in enumerate(turns):
        made = _messages_of(each, number)
        messages += made
        source[id(made[-1])] = each
    kept, _ = compress_session(messages, max(budget, _least(messages, counter.count)), _LAST, counter=counter)
    by_call = {f"call_{number}": each for number, each in enumerate(turns)}
    found: list[Turn] = []
    for message in kept[1:]:
        turn: Turn | None = source.get(id(message))
        if turn is None and message.get("role") == "tool":
            turn = by_call[str(message["tool_call_id"])].model_copy(update={"tool_output": message["content"]})
        elif turn is None and not message.get("tool_calls"):
            turn = Turn(turn_number=0, role="system", content=str(message["content"]))
        if turn is not None:
            found.append(turn.model_copy(update={"turn_number": len(found)}))
    return found


def _messages_of(turn: Turn, number: int) -> list[dict[str, JsonValue]]:
    if turn.tool_name is None:
        return [{"role": "assistant" if turn.role == "agent" else "user", "content": turn.content}]
    arguments = json.dumps(turn.tool_input, ensure_ascii=False)
    call: JsonValue = {"id": f"call_{number}", "type": "function", "function": {"name": turn.tool_name, "arguments": arguments}}
    output = turn.tool_output if isinstance(turn.tool_output, str) else json.dumps(turn.tool_output, ensure_ascii=False)
    return [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"call_{number}", "content": output},
    ]


def _least(messages: Sequence[dict[str, JsonValue]], count: Callable[[str], int]) -> int:
    """Return a budget that what stays word for word has room in."""
    last = messages[-2 * _LAST :]
    return sum(count(json.dumps(message, ensure_ascii=False)) for message in (messages[0], *last)) + 100
