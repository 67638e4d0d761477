"""python -m tests.actor_sources: what the checks before a call do to the actor's calls, uncompiled and compiled.

One run of each row gives both: the model's first reply as it is, checked against the schemas alone, and the actor's result.
Answers are journalled where `optimizers.evaluate` has its own, so that a second run is free. Not a test: it needs a model.
"""

import argparse
import contextlib
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dspy

from dspy_programs import load
from dspy_programs.lm import connect, prepare
from dspy_programs.programs.actor import NO_TOOL, ActorResult
from dspy_programs.programs.actor.actor import DraftFinish, decision
from dspy_programs.programs.actor.before_call import before_call
from dspy_programs.registry import file_name
from dspy_programs.types import Call
from metrics.actor import paired, same
from optimizers.calls import Journal, Meter, recorded
from optimizers.data import data_directory, read_split
from optimizers.recipes import Recipe, recipe
from optimizers.scoring import Runner, bootstrap
from optimizers.scoring.scores import RowRun
from optimizers.training import RunDirectory

LM = "local/qwen2.5-coder-1.5b"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("files", nargs="*", type=Path, help="rows; by default our val.jsonl")
    options.add_argument("--lm", default=LM)
    options.add_argument("--every", type=int, default=1, help="use each N-th row of a file")
    options.add_argument("--rows", type=int, help="and of those the first N")
    options.add_argument("--kind", help="and before that only rows of this kind")
    given = options.parse_args()
    acting = recipe("actor")
    model = connect(given.lm)
    meter = Meter()
    directory = RunDirectory(Path("runs") / "evaluate" / file_name(model.model))
    with contextlib.closing(directory), contextlib.closing(Journal(directory.journal)) as journal:
        prepare(model)
        runner = Runner(recorded(model, "task", journal, meter), meter)
        for path in given.files or [data_directory("actor") / "val.jsonl"]:
            rows = [row for row in read_split(path, acting.program, acting.labels) if given.kind in (None, row.kind)]
            for name, program in programs(acting, model.model):
                runs = list(runner.run(lambda row, made=program: made, rows[:: given.every][: given.rows], acting.scorer))
                print(f"\n{path.stem}, {name}, {len(runs)} rows")
                print(*table(acting, runs), sep="\n")


def programs(acting: Recipe, spec: str) -> Iterator[tuple[str, dspy.Module]]:
    """Yield the uncompiled program as `optimizers.evaluate` builds it, and the compiled one."""
    seed = acting.new_program()
    for predictor in seed.predictors():
        predictor.signature = predictor.signature.with_instructions(predictor.signature.instructions)
    yield "uncompiled", seed
    with warnings.catch_warnings(action="ignore"):
        compiled = load("actor", spec)
    if compiled.loaded_from:
        yield "compiled", compiled


def unchecked(run: RowRun) -> ActorResult:
    """Return what the actor would have answered on its first reply without looking at sources."""
    action = run.steps[0][2].action.root if run.steps and hasattr(run.steps[0][2], "action") else None
    if action is None:
        return run.prediction
    if isinstance(action, DraftFinish):
        return decision(finish=action.finish)
    calls = [Call(tool=draft.tool, arguments=draft.arguments) for draft in action.calls]
    found = before_call(calls, run.row.tools, None)
    return decision(calls=found.calls, problems=found.problems, cannot=None if calls else action.cannot.strip() or NO_TOOL)


def table(acting: Recipe, runs: list[RowRun]) -> Iterator[str]:
    firsts = [unchecked(run) for run in runs]
    before = [acting.metric(run.row, first) for run, first in zip(runs, firsts, strict=True)]
    after = [run.score for run in runs]
    for part in ("score", "exact"):
        pairs = [[s.value if part == "score" else s.components.get("exact", 0.0) for s in some] for some in (before, after)]
        gain = bootstrap([new - old for old, new in zip(*pairs, strict=True)])
        yield f"{part}: {bootstrap(pairs[0]).mean:.3f} unchecked, {bootstrap(pairs[1]).mean:.3f} checked, difference {gain}"
    count = Counter[str]()
    for run, first in zip(runs, firsts, strict=True):
        count += counts(run, first)
    yield f"abstains where no call is right: {count['free before']} and {count['free']} of {count['nothing to call']} rows"
    yield f"right calls held back: {count['calls lost']} of {count['right calls']}"
    yield f"arguments left out: {count['wrong out']} wrong, {count['right out']} right of {count['right arguments']} right ones"
    yield f"model calls: {sum(len(run.steps) for run in runs) / len(runs):.2f} a row"


def counts(run: RowRun, first: ActorResult) -> Counter[str]:
    """Count what became of the first reply's calls; the step's own repetitions are not held back but done."""
    if not run.row.calls:
        return Counter({"nothing to call": 1, "free before": not first.calls, "free": not run.prediction.calls})
    found = Counter[str]()
    for pair in paired(run.row.calls, first.calls):
        if pair.call is None:
            continue
        made = next((call for call in run.prediction.calls if is_part(call, pair.call)), None)
        found["right calls"] += pair.share == 1
        found["calls lost"] += pair.share == 1 and made is None
        for name, value in pair.call.arguments.items():
            accepted = pair.wanted.accepted.get(name, [])
            is_right = any(same(value, each) for each in accepted)
            found["right arguments"] += is_right
            if made is not None and name not in made.arguments:
                found["right out" if is_right and "" not in accepted else "wrong out"] += 1
    return found


def is_part(call: Call, of: Call) -> bool:
    return call.tool == of.tool and call.arguments.keys() <= of.arguments.keys()


if __name__ == "__main__":
    main()
