"""The conversations that are probed, as chat messages, built from the raw files that conversations.jsonl names.

Input      raw: the folder that holds failure_judge/, actor/ and memory_summarizer/; a line of conversations.jsonl: {id,
           source, group, half, and where it is in its file}.
Output     conversations(raw) -> list[Conversation]; the same messages every time.
Raises     UsageError if a file is missing or is another than the one the probes were made from.
"""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import UsageError
from optimizers.sources.failure_judge_runs import steps_of
from tests.memory_probes.matching import Probe
from tests.memory_probes.sent import Messages

HERE = Path(__file__).parent
TAU = "failure_judge/tau_bench_gpt4o_airline/gpt-4o-airline.json"
WORKBENCH = "failure_judge/workbench_traces"
QMSUM = "memory_summarizer/qmsum"
WHO_AND_WHEN = "failure_judge/who_and_when/algorithm_generated.jsonl"
_WORKBENCH_SYSTEM = (
    "Today's date is Thursday, 2023-11-30 and the current time is 00:00:00. You help with the calendar, the email, the web "
    "analytics, the customers and the tasks of a company. Meetings must not start before 9am or end after 6pm."
)
_MEETING = "I will give you a meeting, turn by turn, as it was spoken. When it is over, do this: {asked}"


class Conversation(NamedTuple):
    """messages: what a method is given. group: the task, person or meeting that is all in one half."""

    id: str
    source: str
    group: str
    half: str
    messages: Messages


def conversations(raw: Path, lines: Sequence[dict[str, Any]] | None = None) -> list[Conversation]:
    """Return the conversations of conversations.jsonl, or of other lines like its."""
    found = []
    for line in read_jsonl(HERE / "conversations.jsonl") if lines is None else lines:
        try:
            messages = _READERS[line["source"]](raw, line)
        except (OSError, IndexError, KeyError) as error:
            raise UsageError(
                f"{line['id']} cannot be built from {raw}: {error}; give --raw the folder with {TAU} and the other sources"
            ) from error
        found.append(Conversation(line["id"], line["source"], line["group"], line["half"], messages))
    return found


def probes() -> list[Probe]:
    return [Probe(**line) for line in read_jsonl(HERE / "probes.jsonl")]


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


@cache
def tau_records(raw: Path) -> list[dict[str, Any]]:
    return json.loads((raw / TAU).read_text(encoding="utf-8"))


def _tau(raw: Path, line: dict[str, Any]) -> Messages:
    return tau_records(raw)[line["row"]]["traj"][: line["end"]]


@cache
def qmsum_records(raw: Path, part: str) -> list[dict[str, Any]]:
    return read_jsonl(raw / QMSUM / part)


def _qmsum(raw: Path, line: dict[str, Any]) -> Messages:
    meeting = qmsum_records(raw, line["file"])[line["row"]]
    turns = meeting["meeting_transcripts"][line["start"] : line["end"]]
    asked = {"role": "user", "content": _MEETING.format(asked=line["asked"])}
    return [asked, *({"role": "user", "content": f"{turn['speaker']}: {turn['content']}"} for turn in turns)]


@cache
def workbench_rows(raw: Path, file: str) -> list[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)
    with (raw / WORKBENCH / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def workbench_run(raw: Path, file: str, row: int) -> Messages:
    record = workbench_rows(raw, file)[row]
    steps, answer = steps_of(f"{file}:{row}", record["full_response"], cut=False)
    found: Messages = [{"role": "user", "content": record["query"].strip()}]
    for number, (name, given, output, thought) in enumerate(steps):
        id_ = f"call_{row}_{number}"
        function = {"name": name, "arguments": json.dumps(given, ensure_ascii=False)}
        found.append(
            {"role": "assistant", "content": thought, "tool_calls": [{"id": id_, "type": "function", "function": function}]}
        )
        content = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        found.append({"role": "tool", "tool_call_id": id_, "name": name, "content": content})
    return [*found, {"role": "assistant", "content": answer}]


def _workbench(raw: Path, line: dict[str, Any]) -> Messages:
    found: Messages = [{"role": "system", "content": _WORKBENCH_SYSTEM}]
    for file, row in line["runs"]:
        found += workbench_run(raw, file, row)
    return found[: len(found) - line["cut"]]


@cache
def who_and_when_records(raw: Path) -> list[dict[str, Any]]:
    return read_jsonl(raw / WHO_AND_WHEN)


def who_and_when_messages(raw: Path, row: int) -> Messages:
    """Return a run as messages: the task from the user, what the terminal prints as a user's message, experts by name."""
    found: Messages = []
    for number, turn in enumerate(who_and_when_records(raw)[row]["history"]):
        terminal = turn.get("name") == "Computer_terminal"
        role = "user" if number == 0 or terminal else "assistant"
        found.append({"role": role, "content": f"{turn.get('name', role)}: {turn['content']}"})
    return found


def _who_and_when(raw: Path, line: dict[str, Any]) -> Messages:
    return who_and_when_messages(raw, line["row"])[: line["end"]]


def _own(_raw: Path, line: dict[str, Any]) -> Messages:
    return json.loads((HERE / "own" / f"{line['id']}.json").read_text(encoding="utf-8"))["messages"]


_READERS = {"tau": _tau, "qmsum": _qmsum, "workbench": _workbench, "who_and_when": _who_and_when, "own": _own}


def by_conversation(found: Sequence[Probe]) -> Iterator[tuple[str, list[Probe]]]:
    kept: dict[str, list[Probe]] = {}
    for probe in found:
        kept.setdefault(probe.conversation, []).append(probe)
    yield from kept.items()
