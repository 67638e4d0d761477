"""python -m tests.agent_workbench.recorded --raw DIR --out TRACES: WorkBench's runs by five other models, as traces.

For `python -m optimizers.improve --traces TRACES`: what a user has on record before the first cycle. Outcomes are those of the
end state. Runs of the templates that the sample is from are left out, so that a test on it stays unseen.
"""

import argparse
import json
from pathlib import Path

from dspy_programs.atomic_file import write_atomically
from dspy_programs.types import Trace
from optimizers.sources.failure_outcomes import workbench_ended
from tests.agent_workbench.cases import preamble, sample
from tests.agent_workbench.tables import Office
from tests.agent_workbench.tools import tools


def recorded(raw: Path) -> list[dict[str, object]]:
    """Return the runs whose outcome is known, as a trace's JSON, with the schemas of the tools that they were offered."""
    unseen = {request.template for request in sample(raw)}
    known = {
        each.name: {"name": each.name, "description": each.description, "parameters": each.parameters}
        for each in tools(Office(raw))
    }
    return [
        _with_tools(run.trace, known) | {"is_successful": run.went_well}
        for run in workbench_ended(raw)
        if run.went_well is not None and run.group not in unseen
    ]


def _with_tools(trace: Trace, known: dict[str, dict[str, object]]) -> dict[str, object]:
    found = trace.model_dump(mode="json", exclude_none=True)
    turns = [{"role": "system", "content": preamble()}, *found["turns"]]
    found["turns"] = [{**turn, "turn_number": number} for number, turn in enumerate(turns)]
    return found | {"tools": [known[name] for name in trace.tools or () if name in known]}


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--raw", type=Path, required=True, help="the folder that holds actor/ and failure_judge/")
    flags.add_argument("--out", type=Path, required=True, help="the folder for the traces")
    asked = flags.parse_args()
    found = recorded(asked.raw)
    asked.out.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(trace, ensure_ascii=False) + "\n" for trace in found)
    write_atomically(asked.out / "workbench.jsonl", text.encode("utf-8", "replace"))
    print(f"{len(found)} runs, {sum(bool(trace['is_successful']) for trace in found)} of them went well")


if __name__ == "__main__":
    main()
