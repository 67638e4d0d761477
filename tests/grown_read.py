"""python -m tests.grown_read DATA: lay out what a growth wrote, so that it can be read and ticked.

DATA is the folder of a growth without a name, as of `dspy-programs data run -d DATA`. Each pair stands with its kind, its seed,
what the checks found, and the judge's verdict; what was refused follows with the reason. Before the pairs: how many passed in
each cycle and in all, with the 95 % interval (Wilson).
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspy_programs.failures import wilson


def share(part: int, whole: int) -> str:
    low, high = wilson(part, whole)
    return f"{part} of {whole}, {part / max(whole, 1):.1%} [{low:.1%}, {high:.1%}]"


def page(cycles: list[dict[str, Any]]) -> Iterator[str]:
    for cycle in cycles:
        yield f"cycle {cycle['cycle_id']}: passed {share(len(cycle['passed_pairs']), tried(cycle))}\n"
    yield f"all: passed {share(sum(len(cycle['passed_pairs']) for cycle in cycles), sum(map(tried, cycles)))}\n"
    number = 0
    for cycle in cycles:
        verdicts = {judgment["pair_id"]: judgment for judgment in cycle["judgments"]}
        for pair in cycle["generated_pairs"]:
            number += 1
            verdict, faults = verdicts.get(pair["id"]), cycle["failed_checks"].get(pair["id"], [])
            said = "passed" if verdict and verdict["passed"] else "failed" if verdict else "fault" if faults else "no verdict"
            how = f"{pair['category']}, {pair['metadata'].get('strategy')}, of {pair['source_seed'][:80]!r}"
            yield f"## {number}. {said}: {how}\n"
            for name in ("instruction", "input", "output"):
                if pair.get(name):
                    yield f"{name}:\n\n" + "\n".join(f"    {line}" for line in pair[name].splitlines()) + "\n"
            yield "; ".join(faults) or (verdict["judgment_reasoning"] if verdict else "")
            yield "\n- [ ] usable\n"
        for refused in cycle["refused"]:
            pair = refused.get("pair") or {}
            reason = refused["reason"][:200]
            yield f"refused, {refused['stage']}: {reason}: {pair.get('instruction')!r} -> {pair.get('output')!r}\n"


def tried(cycle: dict[str, Any]) -> int:
    return len(cycle["judgments"]) + len(cycle["failed_checks"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    found = sorted((parser.parse_args().data / "checkpoints").glob("checkpoint_*.json"))
    print("\n".join(page([json.loads(path.read_text(encoding="utf-8"))["cycles"][-1] for path in found])))


if __name__ == "__main__":
    main()
