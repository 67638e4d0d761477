"""python -m optimizers.improve --agent "python my_agent.py": run an agent, learn from its runs, run it again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, LmOption, new_app, run
from dspy_programs.cluster import AddressOption, EngineOption, WorkersOption, cluster_named
from optimizers.cli import ReflectionApiBaseOption, ReflectionApiKeyOption, ReflectionLmOption, ThreadsOption, connect_both

app = new_app("Run an agent on its tasks, learn from its runs, and run it again: cycles of the loop, each stage resumable.")
_CALL = (1500, 200)  # tokens in and out of a call, for the price in a plan


@app.command()
def improve(
    agent: Annotated[
        str, typer.Option(help="A shell command that runs the agent and writes traces into the folder in $TRACES.")
    ],
    test_agent: Annotated[
        str | None, typer.Option(help="The same for tasks that nothing is learnt from: run before and after.")
    ] = None,
    module: Annotated[list[str] | None, typer.Option(help="What to learn; repeatable. Default: planner and actor.")] = None,
    cycles: Annotated[int, typer.Option(min=1, help="How often to run and learn.")] = 1,
    lm: LmOption = None,
    reflection_lm: ReflectionLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    reflection_api_base: ReflectionApiBaseOption = None,
    reflection_api_key: ReflectionApiKeyOption = None,
    challengers: Annotated[int, typer.Option(min=1, help="The most challengers compared per module and cycle.")] = 4,
    rows: Annotated[int, typer.Option(min=1, help="The most held-back rows used.")] = 200,
    min_probability: Annotated[float, typer.Option(min=0, max=1, help="As for harvest.")] = 0.5,
    shadow: Annotated[bool, typer.Option("--shadow", help="Compare and record, promote nothing.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    threads: ThreadsOption = None,
    run_dir: Annotated[Path, typer.Option(help="Folder of its stages, where it resumes.")] = Path("runs/improve"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the stages and what they cost; do none.")] = False,
    engine: EngineOption = "here",
    address: AddressOption = None,
    workers: WorkersOption = None,
) -> None:
    """Run, learn, run again; print how many runs went well before and after, and what was promoted."""
    from dspy_programs.errors import UsageError
    from optimizers.harvesting import MODULES
    from optimizers.loop import Improvement, Loop, improve_agent, plan
    from optimizers.recipes import recipe

    names = module or ["planner", "actor"]
    if unknown := [name for name in names if name not in MODULES]:
        raise UsageError(f"--module {unknown[0]}: choose from {', '.join(MODULES)}")
    cluster = cluster_named(engine, address, workers)
    task, reflection = connect_both(lm, reflection_lm, (api_base, api_key), (reflection_api_base, reflection_api_key))
    loops = [
        Loop(
            recipe(name), task, reflection, run_dir / "rows" / name, run_dir / "loops" / name,
            run_dir / "loops" / name / "gepa_history.jsonl",
            most=challengers, rows=rows, shadow=shadow, seed=seed, threads=threads, cluster=cluster,
        )
        for name in names
    ]  # fmt: skip
    improvement = Improvement(agent, test_agent, run_dir, loops, cycles, min_probability, lambda line: print(line, flush=True))
    if dry_run:
        price = price_of(task)
        for stage in plan(improvement):
            cost = "" if stage.calls is None else f"; about {stage.calls} calls{price(stage.calls)}"
            print(f"{stage.name:<12} {stage.says}{cost}")
        return
    results = improve_agent(improvement)
    before, after = results[0], results[-1]
    if before["success"] is not None and after["success"] is not None:
        told = "unseen tasks" if test_agent else "the tasks that it has learnt from"
        figures = f"{before['success']:.1%} of {before['known']} runs before, {after['success']:.1%} of {after['known']} after"
        print(f"on {told}: {figures}")


def price_of(lm: Any) -> Any:
    """Return a function of calls: what they cost by DSPy's price table, as text; "" if it has no price."""
    from dspy.clients.model_metadata import model_info

    provider, _, name = str(lm.model).partition("/")
    info = {} if provider == "local" else model_info(provider, name) or {}
    try:
        usd = _CALL[0] * float(info["input_cost_per_token"]) + _CALL[1] * float(info["output_cost_per_token"])
    except (KeyError, TypeError, ValueError):
        return lambda calls: ", free" if provider == "local" else ", price unknown"
    return lambda calls: f", about {calls * usd:.2f} USD at {_CALL[0]} + {_CALL[1]} tokens a call"


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
