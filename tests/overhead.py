"""python -m tests.overhead: what this library costs beside the model. Prints ratios measured in one run.

Not a test: timings on a shared machine are for reading, not for passing.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dspy

from dspy_programs.lm import connect, use
from dspy_programs.lm.embedded.chat_request import chat_request
from dspy_programs.programs.planner import Planner
from dspy_programs.types import Tool
from metrics.score import for_gepa
from optimizers.calls import Budget, Journal, Meter, Progress, noise_to
from optimizers.data import data_directory, read_split
from optimizers.recipes import recipe
from optimizers.training import RunDirectory, Training, read_rows
from optimizers.training.training import train
from tests.fakes import both, plan_reply, scripted_lm, write_toy_data

CALLS = 400
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="also compare generation speed, e.g. local/qwen2.5-coder-1.5b")
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as folder:
        metric_calls(Path(folder))
    start_up()
    if model:
        generation(model)


def metric_calls(folder: Path) -> None:
    """Processor time a metric call with an engine that answers at once: `train` against plain dspy.GEPA, taking turns."""
    planner = recipe("planner")
    data = write_toy_data(folder / "data", train=60, val=30, test=2)
    rows = read_rows(planner, data, {})
    costs: dict[str, list[float]] = {"train": [], "dspy.GEPA": []}
    for turn in range(REPEATS):
        lm = scripted_lm(both)
        run, meter = RunDirectory(folder / f"run{turn}"), Meter()
        training = Training(planner, rows, lm, lm, Budget(CALLS), turn, 1, folder / f"{turn}.json")
        journal = Journal(run.journal)
        start = time.process_time()
        train(training, run, Progress(meter, CALLS, (folder / "progress").open("a")), meter, journal)
        costs["train"].append((time.process_time() - start) / meter.metric_calls)
        costs["dspy.GEPA"].append(plain_gepa(rows, turn, folder))
    ours, plain = (1000 * statistics.median(costs[name]) for name in ("train", "dspy.GEPA"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"processor time a metric call, engine of no latency: train {ours:.2f} ms, dspy.GEPA {plain:.2f} ms: {ours / plain:.2f}"
    )
    print(f"peak memory of this process: {memory:.0f} MB")


def plain_gepa(rows, seed: int, folder: Path) -> float:
    count = 0
    metric = for_gepa(recipe("planner").metric)

    def counted(gold, pred, trace=None, pred_name=None, pred_trace=None):
        nonlocal count
        count += pred_name is None
        return metric(gold, pred, trace, pred_name, pred_trace)

    gepa = dspy.GEPA(counted, max_metric_calls=CALLS, reflection_lm=scripted_lm(both), seed=seed, num_threads=1)
    start = time.process_time()
    with noise_to(folder / "gepa.log"), dspy.context(lm=scripted_lm(both), adapter=dspy.JSONAdapter()):
        gepa.compile(Planner(), trainset=list(rows["train"]), valset=list(rows["val"]))
    return (time.process_time() - start) / count


def start_up() -> None:
    command = [sys.executable, "-m", "optimizers.train", "--help"]
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    print(f"train --help: {statistics.median(seconds):.2f} s (median of 5)")


def generation(spec: str, count: int = 6) -> None:
    """Generated tokens a second: dspy.Predict on real rows, and such requests straight to llama.cpp, taking turns."""
    planner = recipe("planner")
    rows = read_split(data_directory("planner") / "train.jsonl", planner.program, planner.labels)[:count]
    lm, program = connect(spec), Planner()
    seconds, tokens = {"dspy": 0.0, "straight": 0.0}, {"dspy": 0, "straight": 0}
    with use(lm):
        program(**rows[0].inputs())  # load, and read what every prompt shares
        for number, row in enumerate(rows[1:]):
            for name in ("dspy", "straight") if number % 2 else ("straight", "dspy"):
                inputs = unshared(row, name)
                body = chat_request(request_of(program, inputs, spec))
                start = time.perf_counter()
                if name == "dspy":
                    program(**inputs)
                    tokens[name] += lm.history[-1]["usage"]["completion_tokens"]
                else:
                    tokens[name] += lm.engine.server().handle_chat_completions(body)["usage"]["completion_tokens"]
                seconds[name] += time.perf_counter() - start
    speeds = {name: tokens[name] / seconds[name] for name in seconds}
    ratio = speeds["dspy"] / speeds["straight"]
    print(
        f"generated tokens a second, whole calls: {json.dumps({k: round(v, 2) for k, v in speeds.items()})}, ratio {ratio:.3f}"
    )


def unshared(row: dspy.Example, mark: str) -> dict:
    """The row's inputs, changed at the front, so that neither way finds the other's prompt in the cache."""
    inputs = dict(row.inputs())
    first, *rest = inputs["tools"]
    return inputs | {"tools": [Tool(name=first.name, description=f"{mark} {first.description}"), *rest]}


def request_of(program: Planner, inputs: dict, spec: str):
    """The canonical request that the program makes of these inputs."""
    scripted = scripted_lm(lambda prompt: plan_reply(["x"]), spec)
    with use(scripted):
        program(**inputs)
    return scripted.engine.requests[0]


if __name__ == "__main__":
    main()
