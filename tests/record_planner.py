"""python -m tests.record_planner: record what the embedded model replies to the planner's rows, for tests/newcomers.py.

For the program as it was written, the one in use, the spread rows and the nearest rows, on the validation and test rows of a
default run. What a run has paid for (--calls runs/planner/<model>/calls.jsonl) is taken from there; the model is loaded for
the first row that is missing, or never with --replay-only. The same command again goes on where it was stopped: the file is
whole after every row.
"""

import argparse
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dspy
from dspy.utils.exceptions import LMError

from dspy_programs import load, use
from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import ProgramsError
from dspy_programs.lm import connect, decoding
from optimizers.calls import Journal, Meter, RecordedEngine
from optimizers.data import data_directory
from optimizers.search import IN_USE
from optimizers.training import job_of, read_rows
from optimizers.training.budgets import default_rows
from tests.newcomers import LM, PLANNER, RECORDED, asked_of, reply_key

NAMES = {"seed": "none", IN_USE: "shipped"}  # of the others their own


class NotPaidFor(ProgramsError):
    """The reply is not in the journal, and no model is to be asked."""


class Replayed(RecordedEngine):
    """Answers from the journal alone."""

    def ask(self, key, request):
        raise NotPaidFor("not in the journal")


class Heard:
    """Hands each request on, and keeps the first with its reply."""

    def __init__(self, inner: RecordedEngine) -> None:
        self.inner = inner
        self.first: tuple[Any, str] | None = None
        self.supports_response_schema = inner.supports_response_schema
        self.supports_function_calling = inner.supports_function_calling
        self.supports_reasoning = inner.supports_reasoning
        self.supported_params = inner.supported_params

    def __deepcopy__(self, memo):
        return self

    def complete(self, request):
        response = self.inner.complete(request)
        self.first = self.first or (request, response.message.text or "")
        return response

    def stream(self, request):
        return self.inner.stream(request)

    def close(self):
        pass


@dataclass(frozen=True)
class Wanted:
    """One row under one program; shown: the name of what it shows."""

    shown: str
    program: dspy.Module
    row: dspy.Example

    @property
    def name(self) -> tuple[str, str]:
        return self.shown, self.row.id


def wanted(spec: str) -> Iterator[Wanted]:
    """List the rows program by program: what is constant in a prompt stays in the model's cache."""
    rows = read_rows(PLANNER, data_directory("planner"), default_rows(PLANNER, embedded=True))
    job = job_of(PLANNER, rows, 0, before={IN_USE: load("planner", spec)})
    for start in job.starts:
        program = job.build(start.texts)
        for row in [*rows["val"], *rows["test"]]:
            yield Wanted(NAMES.get(start.name, start.name), program, row)


def record(
    lm: dspy.LM, every: list[Wanted], out: Path, calls: Path | None, replay_only: bool, say: Callable[[str], None]
) -> int:
    """Add what is missing to `out`, row by row. Returns how many are missing still."""
    known = [json.loads(line) for line in gzip.decompress(out.read_bytes()).decode().splitlines()] if out.is_file() else []
    done = {(each["shown"], each["row"]) for each in known}
    journal = Journal()
    if calls:
        journal.read_also(calls)
    missing = 0
    for number, each in enumerate(every, 1):
        if each.name in done:
            continue
        try:
            known.append(recorded_row(lm, each, journal, replay_only))
        except LMError as error:  # DSPy's wrapping of whatever an engine raises
            if not isinstance(error.__cause__, NotPaidFor):
                raise
            missing += 1
            continue
        write_atomically(out, gzip.compress("".join(json.dumps(line) + "\n" for line in known).encode(), mtime=0))
        say(f"{number} of {len(every)}: {each.shown}, row {each.row.id}, {known[-1]['seconds']:.1f} s")
    return missing


def recorded_row(lm: dspy.LM, each: Wanted, journal: Journal, replay_only: bool) -> dict[str, Any]:
    meter = Meter()
    heard = Heard((Replayed if replay_only else RecordedEngine)(lm, "task", journal, meter))
    with use(dspy.LM(lm.model, engine=heard, cache=False, num_retries=0, **decoding(lm))):
        each.program(**each.row.inputs())
    assert heard.first is not None
    request, reply = heard.first
    shown, goal = asked_of(request)
    seconds = round(meter.roles["task"].seconds, 3)
    key = reply_key(shown, goal)
    return {"key": key, "shown": each.shown, "row": each.row.id, "goal": goal, "reply": reply, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lm", default=LM)
    parser.add_argument("--calls", type=Path, help="calls.jsonl of a run with that model")
    parser.add_argument("--replay-only", action="store_true", help="load no model; leave out what --calls does not have")
    parser.add_argument("--out", type=Path, default=RECORDED)
    arguments = parser.parse_args()
    every = list(wanted(arguments.lm))
    say = lambda text: print(text, flush=True)  # noqa: E731
    missing = record(connect(arguments.lm), every, arguments.out, arguments.calls, arguments.replay_only, say)
    print(f"{len(every) - missing} of {len(every)} replies are in {arguments.out}")


if __name__ == "__main__":
    main()
