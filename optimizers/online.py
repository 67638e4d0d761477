"""python -m optimizers.online --module planner --traces DIR: learn from real runs; promote only what wins on held-back rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, LmOption, new_app, run
from dspy_programs.cluster import AddressOption, EngineOption, WorkersOption, cluster_named
from optimizers.cli import (
    MaxReplyTokensOption,
    ReflectionApiBaseOption,
    ReflectionApiKeyOption,
    ReflectionLmOption,
    ThreadsOption,
    TimeoutOption,
    connect_both,
)

app = new_app("Learn from recorded runs: propose, compare with the program in use on held-back rows, promote only a winner.")


@app.command()
def online(
    module: Annotated[str, typer.Option(help="Which program: actor, failure_judge, memory_summarizer or planner.")],
    traces: Annotated[list[Path] | None, typer.Option(help="A file or folder of recorded runs; may be repeated.")] = None,
    data: Annotated[Path | None, typer.Option(help="A folder made by `optimizers.harvest`, instead of --traces.")] = None,
    lm: LmOption = None,
    reflection_lm: ReflectionLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    reflection_api_base: ReflectionApiBaseOption = None,
    reflection_api_key: ReflectionApiKeyOption = None,
    max_reply_tokens: MaxReplyTokensOption = None,
    timeout: TimeoutOption = None,
    challengers: Annotated[int, typer.Option(min=1, help="The most challengers compared.")] = 4,
    rows: Annotated[int | None, typer.Option(min=1, help="The most held-back rows used. Default: all.")] = None,
    level: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Error rate: of challengers that are no better, the share promoted.")
    ] = 0.05,
    margin: Annotated[
        float, typer.Option(min=0, max=0.5, help="Reject a challenger at once if its gain is surely below this.")
    ] = 0.02,
    shadow: Annotated[bool, typer.Option("--shadow", help="Compare and record, promote nothing.")] = False,
    proposer: Annotated[Literal["auto", "rules", "dspy"], typer.Option(help="Instruction proposer, as for train.")] = "auto",
    min_probability: Annotated[float, typer.Option(min=0, max=1, help="As for harvest.")] = 0.5,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Limit: minutes.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(min=1, help="Limit: tokens of both models.")] = None,
    max_usd: Annotated[float | None, typer.Option(min=0, help="Limit: US dollars by DSPy's price table.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    threads: ThreadsOption = None,
    run_dir: Annotated[Path | None, typer.Option(help="Folder of the loop. Default: runs/online/<module>/<model>.")] = None,
    history: Annotated[Path | None, typer.Option(help="History. Default: gepa_history.jsonl in the loop's folder.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Set the models' earlier answers aside, and ask again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Harvest, print the plan, ask no model.")] = False,
    engine: EngineOption = "here",
    address: AddressOption = None,
    workers: WorkersOption = None,
) -> None:
    """Run one round: harvest, propose from failures and successes, compare through the gate, promote a winner.

    Every decision is appended to the history. To undo a promotion: python -m optimizers.rollback --module planner
    """
    from dspy_programs.errors import BudgetSpent, UsageError
    from dspy_programs.registry import file_name
    from optimizers.calls import Budget
    from optimizers.harvesting import MODULES, harvest_runs, lines_of
    from optimizers.loop import Loop, one_round, price_of
    from optimizers.recipes import recipe

    if module not in MODULES:
        raise UsageError(f"--module {module}: choose from {', '.join(MODULES)}")
    if bool(traces) == bool(data):
        raise UsageError("give either --traces, recorded runs, or --data, the folder that optimizers.harvest wrote")
    cluster = cluster_named(engine, address, workers)
    of_task, of_reflection = (api_base, api_key), (reflection_api_base, reflection_api_key)
    limits = {"max_tokens": max_reply_tokens, "timeout": timeout}
    task, reflection = connect_both(lm, reflection_lm, of_task, of_reflection, **limits)
    folder = run_dir or Path("runs") / "online" / module / file_name(task.model)
    if traces:
        done = harvest_runs(traces, [module], folder / "rows", min_probability=min_probability, replace=True)
        for line in lines_of(done):
            print(line, flush=True)
    place = data or folder / "rows" / module
    if not place.exists():
        raise UsageError(f"{place}: no such folder; make it: python -m optimizers.harvest --traces DIR -o {place.parent}")
    loop = Loop(
        recipe(module), task, reflection, place, folder, history or folder / "gepa_history.jsonl",
        Budget(None, max_minutes, budget_tokens, max_usd), challengers, rows, level, margin, shadow, proposer, seed, threads,
        fresh=fresh, cluster=cluster,
    )  # fmt: skip
    if dry_run:
        told = f"up to {challengers} challengers for {module} on {task.model}"
        calls = _most_calls(place, challengers, rows)
        print(f"plan        {told}: up to {calls} calls{price_of(task)(calls)}; no model is asked now")
        return
    try:
        decisions = one_round(loop)
    except BudgetSpent as spent:
        print(f"limit reached: {spent}; nothing is decided on the challenger at hand, and what was paid for is kept")
        print(f"history     {loop.history}; the same command with a larger limit goes on")
        return
    if not decisions:
        print("nothing to compare: no new challenger could be proposed")
    if promoted := [each for each in decisions if each.promoted]:
        print(f"now in use: {promoted[0].promoted}")
        print(f"to undo: python -m optimizers.rollback --module {module} --lm {task.model}")
    print(f"history     {loop.history}")


def _most_calls(place: Path, challengers: int, rows: int | None) -> int:
    """Return how many calls a round takes if all held-back rows are needed, and each is one call."""
    files = [file for split in ("val", "test") if (file := place / f"{split}.jsonl").is_file()]
    held_back = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    return 2 * challengers * min(held_back, rows or held_back) + challengers


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
