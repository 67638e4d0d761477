"""Failures inserted into correct runs, and correct runs that look like failures.

Every function takes (a correct run, a random source, words of the split) and returns a Made, or None if the run is
unsuitable. `turn` is the index of the first turn that fails.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from dspy_programs.text import shortened
from optimizers.sources.failure_judge_runs import WRITES, Run, Turns, agent, call, user
from optimizers.sources.failure_judge_wordings import Words


class Made(NamedTuple):
    turns: Turns
    turn: int | None
    cause: str = ""
    goal: str | None = None  # if it is not the run's own
    tools: list[str] | None = None  # likewise


Transplant = Callable[[Run, Random, Words], Made | None]


def calls_of(turns: Turns) -> list[int]:
    return [i for i, turn in enumerate(turns) if turn["role"] == "tool"]


def _reads_of(turns: Turns) -> list[int]:
    return [i for i in calls_of(turns) if not WRITES.search(turns[i]["tool_name"])]


def said(words: Words, kind: str, draw: Random) -> Turns:
    text = words(kind, draw)
    return [agent(text)] if text else []


def _repeat_call(run: Run, draw: Random, words: Words) -> Made | None:
    """CONTEXT_LOSS: an answered call is repeated, with nothing changed in between."""
    if not (reads := _reads_of(run.turns)):
        return None
    if draw.random() < 0.4:  # a short run: the request, its shortest look-up, and that again
        turn = run.turns[min(reads, key=lambda i: len(str(run.turns[i])))]
        again = [*said(words, "again", draw), dict(turn)]
        return Made([run.turns[0], turn, *again, agent(words("no_answer", draw))], 1 + len(again), turn["tool_name"])
    place = draw.choice(reads)
    repeated = run.turns[place]
    middle: Turns = []
    for _ in range(draw.choice([1, 2, 3])):
        middle += [*said(words, "again", draw), dict(repeated)]
    first = place + next(i for i, turn in enumerate(middle, 1) if turn["role"] == "tool")
    after = run.turns[place + 1 :] if draw.random() < 0.5 else [agent(words("no_answer", draw))]
    return Made([*run.turns[: place + 1], *middle, *after], first, repeated["tool_name"])


def _ask_again(run: Run, draw: Random, words: Words) -> Made | None:
    """CONTEXT_LOSS: the agent asks for what the user has already said."""
    if run.source != "tau-bench" or len(run.turns) < 4:
        return None
    asked = draw.choice(["your user ID", "your reservation number", "the name on the booking"])
    question, reply = words("asked_again", draw).format(asked=asked).split("|")
    value = draw.choice(["mia_li_3668", "K1NW8N", "Ann Ross"])
    wish = shortened(run.turns[0]["content"], 100)
    told = [user(wish), agent(f"Please give me {asked}."), user(f"It is {value}.")]
    start = len(told)
    rest = [agent(question), user(reply), agent(words("no_answer", draw))]
    return Made([*told, *rest], start, asked, goal=told[0]["content"])


def _loop_of_thoughts(run: Run, draw: Random, words: Words) -> Made | None:
    """CIRCULAR_REASONING: two or three alternating thoughts, repeated two to four times."""
    steps = [agent(text) for text in words("musing", draw).split("|")]
    short = draw.random() < 0.4
    place = 1 if short else draw.choice([i + 1 for i in calls_of(run.turns)[:2]] or [1])
    times = 2 if short else draw.choice([2, 3, 4])
    after = draw.choice([[], [agent(words("no_answer", draw))]])
    turns = [*run.turns[:place], *[dict(step) for _ in range(times) for step in steps], *after]
    return Made(turns, place + len(steps), " ".join(steps[0]["content"].split()[:4]))


def _loop_of_calls(run: Run, draw: Random, words: Words) -> Made | None:
    """CIRCULAR_REASONING: two different look-ups alternate."""
    reads = [run.turns[i] for i in _reads_of(run.turns)]
    if len(reads) < 2 or reads[0]["tool_input"] == reads[1]["tool_input"]:
        return None
    cycle: Turns = []
    for read in reads[:2]:
        cycle += [*said(words, "again", draw), read]
    start = _reads_of(run.turns)[0]
    turns = [*run.turns[:start], *[dict(t) for _ in range(draw.choice([2, 3])) for t in cycle], agent(words("no_answer", draw))]
    first = next(i for i, turn in enumerate(cycle) if turn["role"] == "tool")
    return Made(turns, start + len(cycle) + first, reads[0]["tool_name"])


def _break_json(run: Run, draw: Random, words: Words) -> Made | None:
    """SCHEMA_ERROR: the arguments of a call are not JSON."""
    places = [i for i in calls_of(run.turns) if isinstance(run.turns[i]["tool_input"], dict) and run.turns[i]["tool_input"]]
    if not places:
        return None
    place = draw.choice(places)
    broken = call(run.turns[place]["tool_name"], damaged(run.turns[place]["tool_input"], draw), words("schema_fault", draw))
    if draw.random() < 0.3:
        broken["tool_output"] = None
    return Made([*run.turns[:place], broken, agent(words("no_answer", draw))], place, broken["tool_name"])


def _break_answer(run: Run, draw: Random, words: Words) -> Made | None:
    """SCHEMA_ERROR: the user wants JSON and the answer is not."""
    wish = draw.choice(["Answer as JSON.", "Return a JSON object.", "The reply must be valid JSON."])
    facts = {"status": "done", "request": run.goal[:40], "steps": len(calls_of(run.turns))}
    turns = [user(f"{run.goal} {wish}"), *run.turns[1:-1], agent(damaged(facts, draw))]
    return Made(turns, len(turns) - 1, "status", f"{run.goal} {wish}")


def damaged(value: dict[str, Any], draw: Random) -> str:
    text = json.dumps(value, ensure_ascii=False)
    ways = [
        text[: max(2, int(len(text) * draw.uniform(0.4, 0.9)))],
        text[:-1],
        text.replace('": ', '" ', 1),
        text.replace('"', "", 2),
        text.replace(", ", " ", 1) if ", " in text else text[:-1],
        text.replace("{", "{{", 1),
        text[:-1] + ",, }",
        text.replace('"', "'", 3),
    ]
    return draw.choice([way for way in ways if not is_json(way)])


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _wrong_argument(run: Run, draw: Random, words: Words) -> Made | None:
    """TOOL_MISUSE: an argument is missing or wrong, the tool says so, and the agent leaves it at that."""
    places = [i for i in calls_of(run.turns) if isinstance(run.turns[i]["tool_input"], dict) and run.turns[i]["tool_input"]]
    if not places:
        return None
    place = draw.choice(places)
    given, name = dict(run.turns[place]["tool_input"]), run.turns[place]["tool_name"]
    key = draw.choice(sorted(given))
    if draw.random() < 0.5:
        fault = words("argument_fault", draw)
        given.pop(key)
    else:
        fault = words("value_fault", draw)
        given[key] = draw.choice(["unknown", "the latest one", "-1", "32/13/2023", "<id>", "n/a", "first"])
    output = fault.format(key=key, tool=name, value=given.get(key, ""))
    bad = call(name, given, draw.choice([output, {"error": output}, {"status": "failed", "message": output}]))
    last = words("no_answer", draw) if draw.random() < 0.6 else words("claimed", draw)
    return Made([*run.turns[:place], bad, agent(last)], place, f"{name} {key}")


def _write_too_early(run: Run, draw: Random, words: Words) -> Made | None:
    """TOOL_MISUSE: the change is made before the look-up that it depends on, with a made-up id."""
    reads, writes = _reads_of(run.turns), [i for i in calls_of(run.turns) if WRITES.search(run.turns[i]["tool_name"])]
    if not reads or not writes or reads[0] > writes[0] or not isinstance(run.turns[writes[0]]["tool_input"], dict):
        return None
    early = dict(run.turns[writes[0]])
    ids = [key for key in early["tool_input"] if key.endswith("_id")]
    if not ids:
        return None
    value = draw.choice(["00000000", "12345678", "latest", "1"])
    early["tool_input"] = early["tool_input"] | {ids[0]: value}
    early["tool_output"] = words("value_fault", draw).format(key=ids[0], tool=early["tool_name"], value=value)
    turns = [*run.turns[: reads[0]], early, dict(run.turns[reads[0]]), agent(words("no_answer", draw))]
    return Made(turns, reads[0], f"{early['tool_name']} {ids[0]}")


def _rush(run: Run, draw: Random, words: Words) -> Made | None:
    """TIMEOUT_CASCADE: one call is slow and the agent drops the rest."""
    places = [i for i in calls_of(run.turns) if len(json.dumps(run.turns[i]["tool_output"])) > 60]
    if not places:
        return None
    place = draw.choice(places)
    slow = dict(run.turns[place]) | {"latency_ms": draw.choice([5200, 6100, 7400, 9000, 12500, 31000, 60000])}
    if draw.random() < 0.25:
        slow["tool_output"] = f"partial result after {slow['latency_ms']} ms: " + json.dumps(slow["tool_output"])[:150]
    return Made([*run.turns[:place], slow, agent(words("rushed", draw))], place, slow["tool_name"])


def swap_answer(other: Run) -> Transplant:
    """GOAL_DRIFT: another run's ending replaces this one's."""

    def transplant(run: Run, draw: Random, words: Words) -> Made | None:
        if other.group == run.group or other.source != run.source or _first_area(other) == _first_area(run):
            return None
        kept = run.turns[: draw.choice([1, *[i + 1 for i in calls_of(run.turns)[:2]]])]
        tail = other.turns[1:] if draw.random() < 0.4 and len(other.turns) < 6 else other.turns[-1:]
        tools = sorted({*(run.tools or []), *(other.tools or [])})
        cause = " ".join(other.turns[-1]["content"].split()[:6])
        return Made([*kept, *[dict(turn) for turn in tail]], len(kept), cause, tools=tools)

    return transplant


def _first_area(run: Run) -> str:
    places = calls_of(run.turns)
    return str(run.turns[places[0]]["tool_name"]).split(".")[0] if places else run.group


def _invent_tool(run: Run, draw: Random, words: Words) -> Made | None:
    """HALLUCINATION: a tool is called that is not offered."""
    if not (places := calls_of(run.turns)):
        return None
    place = draw.choice(places)
    area = str(run.turns[place]["tool_name"]).split(".")[0].split("_")[-1]
    name = words("invented_tool", draw).format(area=area)
    invented = dict(run.turns[place]) | {"tool_name": name}
    if draw.random() < 0.4:
        invented["tool_output"] = draw.choice([f"unknown tool: {name}", f"no tool named {name}", f"{name} does not exist"])
    return Made([*run.turns[:place], invented, *run.turns[place + 1 :]], place, name)


def _claim_without_calls(run: Run, draw: Random, words: Words) -> Made | None:
    """HALLUCINATION: the agent claims an action for which it never called a tool."""
    if not any(WRITES.search(run.turns[i]["tool_name"]) for i in calls_of(run.turns)):
        return None
    answer = run.turns[-1]["content"] if draw.random() < 0.5 else words("claimed", draw)
    return Made([run.turns[0], agent(answer)], 1, "")


def _fact_without_source(run: Run, draw: Random, words: Words) -> Made | None:
    """HALLUCINATION: a figure from nowhere."""
    values = {
        "city": words.city(draw),
        "number": f"{draw.randint(20, 900)},{draw.randint(100, 999)}",
        "year": draw.randint(1650, 1990),
        "meters": draw.randint(40, 400),
        "percent": round(draw.uniform(2, 15), 1),
    }
    goal, answer = words("fact", draw).format(**values).split("|")
    return Made([user(goal), agent(answer)], 1, " ".join(answer.split()[:6]), goal)


def _refuse(run: Run, draw: Random, words: Words) -> Made | None:
    """OVER_REFUSAL: a simple request that the offered tools can fulfil is refused at once."""
    return Made([run.turns[0], agent(words("refusal", draw))], 1, "")


# Runs that look like failures but are not.


def _read_after_write(run: Run, draw: Random, words: Words) -> Made | None:
    """The same look-up again, after a change."""
    reads, writes = _reads_of(run.turns), [i for i in calls_of(run.turns) if WRITES.search(run.turns[i]["tool_name"])]
    if not reads or not writes or reads[0] > writes[-1]:
        return None
    return Made([*run.turns[:-1], *said(words, "again", draw), dict(run.turns[reads[0]]), run.turns[-1]], None)


def _retry_that_works(run: Run, draw: Random, words: Words) -> Made | None:
    """A passing fault of the network, and the same call again."""
    if not (places := calls_of(run.turns)):
        return None
    place = draw.choice(places)
    failed = dict(run.turns[place]) | {"tool_output": words("transient", draw)}
    return Made([*run.turns[:place], failed, *said(words, "again", draw), *run.turns[place:]], None)


def _mended_argument(run: Run, draw: Random, words: Words) -> Made | None:
    """A wrong argument, corrected at once."""
    made = _wrong_argument(run, draw, words)
    if made is None or made.turn is None:
        return None
    return Made([*made.turns[: made.turn + 1], *run.turns[made.turn :]], None)


def _slow_but_answered(run: Run, draw: Random, words: Words) -> Made | None:
    """A slow tool, and all the rest of the run after it."""
    places = [i for i in calls_of(run.turns) if len(json.dumps(run.turns[i]["tool_output"])) > 60]
    if not places or len(run.turns[-1]["content"]) < 60:
        return None
    slow = dict(run.turns[places[-1]]) | {"latency_ms": draw.choice([5600, 8200, 15000, 40000])}
    return Made([*run.turns[: places[-1]], slow, *run.turns[places[-1] + 1 :]], None)


def small_talk(run: Run, draw: Random, words: Words) -> Made | None:
    """No tool is needed: a greeting, an opinion, a text with braces."""
    goal, answer = words("small_talk", draw).split("|")
    return Made([user(goal), agent(answer)], None, "", goal)


def _json_answer(run: Run, draw: Random, words: Words) -> Made | None:
    """The answer is complete JSON, as requested."""
    goal = f"{run.goal} {draw.choice(['Give the result as JSON.', 'Reply with a JSON object.'])}"
    facts = {"done": True, "summary": run.turns[-1]["content"]}
    return Made([user(goal), *run.turns[1:-1], agent(json.dumps(facts, ensure_ascii=False))], None, "", goal)


def _as_it_was(run: Run, draw: Random, words: Words) -> Made | None:
    """A correct run, unchanged."""
    return Made(run.turns, None)


FAILURES: dict[str, list[Transplant]] = {
    "HALLUCINATION": [_invent_tool, _claim_without_calls, _fact_without_source],
    "TOOL_MISUSE": [_wrong_argument, _write_too_early, _wrong_argument],
    "CONTEXT_LOSS": [_repeat_call, _ask_again, _repeat_call],
    "CIRCULAR_REASONING": [_loop_of_thoughts, _loop_of_calls, _loop_of_thoughts],
    "GOAL_DRIFT": [],  # swap_answer needs a second run
    "OVER_REFUSAL": [_refuse],
    "SCHEMA_ERROR": [_break_json, _break_answer, _break_json],
    "TIMEOUT_CASCADE": [_rush],
}
LOOK_ALIKES: list[Transplant] = [
    _read_after_write, _retry_that_works, _mended_argument, _slow_but_answered, small_talk, _json_answer, _as_it_was,
]  # fmt: skip
