"""Recorded runs read into turns: WorkBench, tau-bench, XSTest, Who&When; and what is known for certain about each.

Input      raw: the folder that holds actor/ and failure_judge/.
Output     Run: goal, turns, tools, and a label if the source or a simple rule gives one.
Guarantees nothing of a source is evaluated: a Python repr is read as a syntax tree of literals.
Raises     DatasetError if a file is missing or malformed.
"""

import ast
import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.text import shortened
from optimizers.sources.reading import read_csv, read_json, read_jsonl

LONGEST = {"thought": 160, "answer": 260, "output": 200, "value": 40}  # characters
_LONGEST_RUN = 40  # turns

_NOT_A_TOOL = re.compile(r"is not a valid tool")
_NOT_PLAIN = re.compile(r"ot found|is not a valid tool")
_WRONG_ARGUMENT = re.compile(r"not provided|not valid\. Please choose|must be one of|^Invalid |^Missing |Field not found")
WRITES = re.compile(r"(?:^|[._])(?:create|update|delete|send|forward|reply|add|book|cancel|transfer)_")

_REFUSALS = {
    (True, "2_full_refusal"): "OVER_REFUSAL",
    (True, "1_full_compliance"): "none",
    (False, "2_full_refusal"): "none",
}  # (the request is safe, what people say of the answer)

Turns = list[dict[str, Any]]
Step = tuple[str, Any, Any, str]  # tool, input, output, thought


@dataclass(frozen=True)
class Run:
    """One run. `mode` is None if unknown; `turn` is the index of the turn that failed first."""

    id: str
    group: str
    source: str
    goal: str
    turns: Turns
    tools: list[str] | None = None
    mode: str | None = None
    turn: int | None = None
    cause: str = ""
    label_kind: str = ""
    went_right: bool = field(default=False)  # a simple, correct run that a failure can be inserted into


def user(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content}


def agent(content: str) -> dict[str, Any]:
    return {"role": "agent", "content": content}


def call(name: str, given: Any, output: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_name": name, "tool_input": given, "tool_output": output}


def workbench_runs(raw: Path) -> list[Run]:
    """Return the runs whose outcome a simple rule can determine."""
    csv.field_size_limit(sys.maxsize)
    answers = {
        row["query"]: row
        for path in sorted((raw / "actor/workbench/processed/queries_and_answers").glob("*.csv"))
        for row in read_csv(path)
    }
    rows = [
        (f"{path.stem}-{number}", row, steps_of(f"{path}:{number}", row["full_response"]))
        for path in sorted((raw / "failure_judge/workbench_traces").glob("*.csv"))
        for number, row in enumerate(read_csv(path))
        if row["full_response"] and row["query"] in answers
    ]
    if not rows:
        raise DatasetError(f"{raw}: no run of failure_judge/workbench_traces has its query in actor/workbench")
    tools = sorted({step[0] for _, _, (steps, _) in rows for step in steps if not _NOT_A_TOOL.search(str(step[2]))})
    return [_workbench_run(id_, row, *read, answers[row["query"]], tools) for id_, row, read in rows]


def _workbench_run(
    id_: str, row: dict[str, str], steps: Sequence[Step], answer: str, known: dict[str, str], tools: list[str]
) -> Run:
    turns = [user(row["query"].strip())]
    for name, given, output, thought in steps:
        turns += [agent(thought)] if thought else []
        turns.append(call(name, given, _compact(output)))
    turns.append(agent(shortened(answer.strip(), LONGEST["answer"])))
    domains = {*ast.literal_eval(known["domains"]), "company_directory"}
    offered = [tool for tool in tools if tool.split(".")[0] in domains]
    done = {made for made in ast.literal_eval(row["function_calls"]) if WRITES.search(made.split("(")[0])}
    right = not row["error"] and done == set(ast.literal_eval(known["answer"])) and "{" not in answer
    base = Run(id_, known["base_template"], "workbench", turns[0]["content"], turns, offered)
    if len(turns) > _LONGEST_RUN:
        return base
    if right and done:
        repeated = len({json.dumps(step[:2]) for step in steps}) < len(steps)
        faulty = any(_NOT_PLAIN.search(str(output)) or _WRONG_ARGUMENT.search(str(output)) for _, _, output, _ in steps)
        return labelled(base, "none", None, "", went_right=not repeated and not faulty)
    found = [] if right else [fault for fault in faults_of(turns, row["error"]) if fault]
    return labelled(base, *found[0]) if len(found) == 1 else base


def labelled(run: Run, mode: str, turn: int | None, cause: str, kind: str = "rule-made", went_right: bool = False) -> Run:
    return Run(run.id, run.group, run.source, run.goal, run.turns, run.tools, mode, turn, cause, kind, went_right)


def faults_of(turns: Turns, error: str) -> Iterator[tuple[str, int, str] | None]:
    """Yield the faults of a run that ended wrong: (mode, turn, cause), by nearly certain signs."""
    calls = [(i, turn) for i, turn in enumerate(turns) if turn["role"] == "tool"]
    unknown = [i for i, turn in calls if _NOT_A_TOOL.search(str(turn["tool_output"]))]
    yield ("HALLUCINATION", unknown[0], turns[unknown[0]]["tool_name"]) if unknown else None
    wrong = [i for i, turn in calls if _WRONG_ARGUMENT.search(str(turn["tool_output"]))]
    well = {turn["tool_name"]: i for i, turn in calls if i not in wrong}
    wrong = [i for i in wrong if well.get(turns[i]["tool_name"], -1) < i]  # those never corrected
    yield ("TOOL_MISUSE", wrong[0], turns[wrong[0]]["tool_name"]) if wrong else None
    yield _repeated_calls(calls)
    text = [i for i, turn in calls if isinstance(turn["tool_input"], str) and turn["tool_input"].strip()]
    unfinished = re.match(r"\s*(?:Action:\s*)?(?:```\w*\s*)?\{\s*\"action\"", turns[-1]["content"])
    if "output parsing error" in error or unfinished:
        yield "SCHEMA_ERROR", len(turns) - 1, "action"
    elif text and "'str' object has no attribute" in error:
        yield "SCHEMA_ERROR", text[0], turns[text[0]]["tool_name"]


def _repeated_calls(calls: Sequence[tuple[int, dict[str, Any]]]) -> tuple[str, int, str] | None:
    """The same call three times is CONTEXT_LOSS; two or three calls in turn, twice over, are CIRCULAR_REASONING."""
    keys = [json.dumps([turn["tool_name"], turn["tool_input"]]) for _, turn in calls]
    for period in (2, 3):
        for start in range(len(keys) - 2 * period + 1):
            first, second = keys[start : start + period], keys[start + period : start + 2 * period]
            if first == second and len(set(first)) > 1:
                return "CIRCULAR_REASONING", calls[start + period][0], calls[start][1]["tool_name"]
    key, count = Counter(keys).most_common(1)[0] if keys else ("", 0)
    changed = any(WRITES.search(turn["tool_name"]) and known != key for (_, turn), known in zip(calls, keys, strict=True))
    if count < 3 or changed:
        return None
    places = [place for place, known in zip(calls, keys, strict=True) if known == key]
    return "CONTEXT_LOSS", places[1][0], places[1][1]["tool_name"]


def steps_of(where: str, text: str, cut: bool = True) -> tuple[list[Step], str]:
    """Read a Python repr of LangChain's steps: ([(tool, input, output, thought)], the final answer). cut: thoughts are."""
    try:
        record = _literal(ast.parse(text.strip(), mode="eval").body)
        steps = [
            (str(action["tool"]), action["tool_input"], output, _thought_of(action["log"], cut))
            for action, output in record["intermediate_steps"]
        ]
    except (SyntaxError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(f"{where}: not a recorded run: {error!r}") from error
    answer = record["output"]
    return steps, answer if isinstance(answer, str) else json.dumps(answer)


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {str(_literal(k)): _literal(v) for k, v in zip(keys, values, strict=True) if k is not None}
        case ast.Call(args=[value, *_]):
            return _literal(value)  # array([...], dtype=object)
        case ast.Call(keywords=keywords):
            return {keyword.arg: _literal(keyword.value) for keyword in keywords}
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_literal(operand)
        case ast.Name(id=name):
            return name  # nan
    raise ValueError(f"not a literal: {type(node).__name__}")


def _thought_of(log: str, cut: bool) -> str:
    thought = re.split(r"Action:|```|\{\s*\"action\"|Observation", log, maxsplit=1)[0]
    plain = " ".join(re.sub(r"\bThought:", "", thought).split())
    return shortened(plain, LONGEST["thought"]) if cut else plain


def _compact(output: Any) -> Any:
    """Shorten a tool's output to valid JSON: two items of a list, short values."""
    if isinstance(output, list):
        return [_compact_values(item) for item in output[:2]]
    if isinstance(output, dict):
        return _compact_values(output)
    text = str(output)
    return text if len(text) <= LONGEST["output"] else shortened(text, LONGEST["output"])


def _compact_values(item: Any) -> Any:
    if not isinstance(item, dict):
        return shortened(str(item), LONGEST["value"]) if isinstance(item, str) else item
    flat = {key: value for key, value in item.items() if isinstance(value, (str, int, float, bool))}
    kept = list(flat.items())[:4]
    return {key: shortened(value, LONGEST["value"]) if isinstance(value, str) else value for key, value in kept}


def tau_runs(raw: Path) -> list[Run]:
    """Return the conversations that passed, without the policy in front, cut after at most 11 turns at an answer.

    Those with a refusal are unsuitable for inserted failures: only the policy could tell whether it was right.
    """
    path = raw / "failure_judge/tau_bench_gpt4o_airline/gpt-4o-airline.json"
    records = [record for record in read_json(path) if record["reward"] == 1]
    tools = sorted({m["name"] for record in records for m in record["traj"] if m["role"] == "tool"})
    runs = []
    for number, record in enumerate(records):
        turns: Turns = []
        arguments: dict[str, Any] = {}
        for message in record["traj"]:
            for made in message.get("tool_calls") or []:
                arguments = json.loads(made["function"]["arguments"])
            if message["role"] == "tool":
                turns.append(call(message["name"], _compact_values(arguments), _compact(json_or_text(message["content"]))))
            elif message["role"] in ("user", "assistant") and message["content"]:
                speak = user if message["role"] == "user" else agent
                turns.append(speak(shortened(message["content"].replace(" ###STOP###", ""), LONGEST["thought"])))
        ends = [i for i, turn in enumerate(turns[:11]) if turn["role"] == "agent"]
        kept = turns[: ends[-1] + 1]
        errors = any("Error" in str(turn.get("tool_output")) for turn in kept)
        refused = any(re.search(r"annot|unable|can't", turn["content"]) for turn in kept if turn["role"] == "agent")
        id_ = f"tau-{record['task_id']}-{number}"
        base = Run(id_, f"tau-{record['task_id']}", "tau-bench", kept[0]["content"], kept, tools)
        runs.append(labelled(base, "none", None, "", went_right=not errors and not refused))
    return runs


def json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def xstest_runs(raw: Path) -> list[Run]:
    """A safe request refused in full is OVER_REFUSAL; one complied with, or an unsafe one refused, is no failure."""
    runs = []
    for path in sorted((raw / "failure_judge/xstest").glob("xstest_v2_completions_*.csv")):
        for row in read_csv(path):
            safe, label = not row["type"].startswith("contrast"), row["final_label"]
            if found := _REFUSALS.get((safe, label)):
                turns = [user(row["prompt"]), agent(shortened(row["completion"].strip(), LONGEST["answer"]))]
                run = Run(f"{path.stem[22:]}-{row['id']}", f"xstest-{row['prompt']}", "xstest", row["prompt"], turns)
                runs.append(labelled(run, found, None if found == "none" else 1, "", kind="human"))
    return runs


def _turn_of_talk(name: str, text: str) -> dict[str, Any]:
    return call("terminal", None, text) if name == "Computer_terminal" else agent(text)


def who_and_when_runs(raw: Path) -> list[Run]:
    """Conversations of several agents: people said which turn failed first and why, but not in which mode."""
    runs = []
    for where, record in read_jsonl(raw / "failure_judge/who_and_when/algorithm_generated.jsonl"):
        try:
            turns = [_turn_of_talk(message["name"], shortened(message["content"], 400)) for message in record["history"]]
            goal, turn = shortened(record["question"], 400), int(record["mistake_step"])
            base = Run(f"who-{record['file']}", f"who-{record['file']}", "who-and-when", goal, turns)
            reason = shortened(" ".join(record["mistake_reason"].split()), 100)
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{where}: not a record of Who&When: {error!r}") from error
        if turn < len(turns):
            runs.append(Run(base.id, base.group, base.source, goal, turns, None, None, turn, reason, "human"))
    return runs
