"""python -m tests.tokens: tokens that the engine works through for one plan, ours against a plain DSPy program.

The plain program is what one writes first: unbounded outputs, chain of thought, DSPy's own adapter; each prompt is read
whole. Ours is what `load` gives, and of its prompt what the cache holds is not read again. Both on the same rows.
"""

import argparse

import dspy

from dspy_programs import load
from dspy_programs.lm import connect, use
from dspy_programs.programs.planner import Planner
from dspy_programs.types import Task, Tool
from metrics.planner import plan_matches
from optimizers.calls import Journal, Meter, recorded
from optimizers.data import data_directory, read_split
from optimizers.recipes import recipe
from optimizers.scoring import bootstrap


class Plan(dspy.Signature):
    """Break the goal into tasks, one tool for each task."""

    goal: str = dspy.InputField()
    tools: list[Tool] = dspy.InputField()
    progress: str = dspy.InputField()
    tasks: list[Task] = dspy.OutputField()


class Naive(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.plan = dspy.ChainOfThought(Plan)

    def forward(self, **inputs: object) -> dspy.Prediction:
        try:
            tasks = self.plan(**inputs).tasks
        except dspy.utils.exceptions.AdapterParseError:
            tasks = []
        return dspy.Prediction(tasks=tasks, rationale="", problems=[], answered_by="model", failure=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lm", default="local/qwen2.5-coder-1.5b")
    parser.add_argument("--rows", type=int, default=8, help="validation rows")
    parser.add_argument("--longest", type=int, default=1000, help="tokens after which a reply of the plain program is cut")
    asked = parser.parse_args()
    planner = recipe("planner")
    rows = read_split(data_directory("planner") / "val.jsonl", planner.program, planner.labels)[: asked.rows]
    found = {}
    for name, program in (("plain", Naive()), ("as written", Planner()), ("compiled", load("planner", asked.lm))):
        meter = Meter()
        lm = recorded(connect(asked.lm, max_tokens=asked.longest if name == "plain" else None), "task", Journal(), meter)
        with dspy.context(lm=lm, adapter=dspy.ChatAdapter()) if name == "plain" else use(lm):
            scores = [plan_matches(row, program(**row.inputs())).value for row in rows]
        used = meter.roles["task"]
        read = used.input_tokens - (0 if name == "plain" else used.cached_tokens)
        found[name] = (read + used.output_tokens) / len(rows)
        print(
            f"{name:11} score {bootstrap(scores)}; a row: {read / len(rows):6.0f} tokens read, "
            f"{used.output_tokens / len(rows):5.0f} written, {used.seconds / len(rows):5.1f} s; "
            f"{found[name] / found['plain']:.2f} of the plain program's tokens"
        )


if __name__ == "__main__":
    main()
