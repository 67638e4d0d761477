"""python -m optimizers.improve --agent "python my_agent.py": run an agent, learn from its runs, run it again."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

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

app = new_app("Run an agent on its tasks, learn from its runs, and run it again: cycles of the loop, each stage resumable.")
_FUNCTION = re.compile(r"\w+(?:\.\w+)*:\w+(?:\.\w+)*")


@app.command()
def improve(
    agent: Annotated[
        str,
        typer.Option(
            help="A shell command that runs the agent and writes traces into the folder in $TRACES; or "
            "package.module:function, which is given the folder."
        ),
    ],
    test_agent: Annotated[
        str | None, typer.Option(help="The same for tasks that nothing is learnt from: run before, and after each cycle.")
    ] = None,
    traces: Annotated[
        list[Path] | None,
        typer.Option(help="Runs on record, to learn from besides the agent's own; repeatable."),
    ] = None,
    module: Annotated[list[str] | None, typer.Option(help="What to learn; repeatable. Default: planner and actor.")] = None,
    cycles: Annotated[
        int, typer.Option(min=1, help="How often to run and learn. A larger number continues a finished run.")
    ] = 1,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave something out, to see what it is worth; repeatable: successes, corrections, generated, demonstrations "
            "(these three), failures, judge."
        ),
    ] = None,
    lm: LmOption = None,
    reflection_lm: ReflectionLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    reflection_api_base: ReflectionApiBaseOption = None,
    reflection_api_key: ReflectionApiKeyOption = None,
    max_reply_tokens: MaxReplyTokensOption = None,
    timeout: TimeoutOption = None,
    challengers: Annotated[int, typer.Option(min=1, help="The most challengers compared per module and cycle.")] = 4,
    rows: Annotated[int, typer.Option(min=1, help="The most held-back rows used.")] = 200,
    min_probability: Annotated[float, typer.Option(min=0, max=1, help="As for harvest.")] = 0.5,
    words: Annotated[
        Literal["model", "rules"], typer.Option(help="Who words generated requests: --reflection-lm, or nobody anew.")
    ] = "model",
    shadow: Annotated[bool, typer.Option("--shadow", help="Compare and record, promote nothing.")] = False,
    max_usd: Annotated[float | None, typer.Option(min=0, help="Limit: US dollars for learning, by DSPy's price table.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Limit: tokens for learning, of both models.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Limit: minutes for all stages, including the agent's runs.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    threads: ThreadsOption = None,
    run_dir: Annotated[Path, typer.Option(help="Folder of its stages, where it resumes.")] = Path("runs/improve"),
    begin_with: Annotated[
        Path | None,
        typer.Option(help="The --run-dir of another one with the same agent: its first test and run are not run again."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Set the models' answers in the unfinished stage aside, and ask again.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the stages and what they cost; do none.")] = False,
    engine: EngineOption = "here",
    address: AddressOption = None,
    workers: WorkersOption = None,
) -> None:
    """Run, learn, run again; print how many runs went well before and after, and what was promoted.

    If it was killed or stopped at a limit, the same command continues. What happened is shown in report.html in the folder.
    """
    from dspy_programs.errors import BudgetSpent, UsageError
    from optimizers.calls import Budget
    from optimizers.harvesting import MODULES
    from optimizers.loop import Improvement, Loop, arrows_left, improve_agent, write_report
    from optimizers.recipes import recipe

    names = list(dict.fromkeys(module or ["planner", "actor"]))
    if unknown := [name for name in names if name not in MODULES]:
        raise UsageError(f"--module {unknown[0]}: choose from {', '.join(MODULES)}")
    arrows_left(without or ())
    cluster = cluster_named(engine, address, workers)
    of_task, of_reflection = (api_base, api_key), (reflection_api_base, reflection_api_key)
    limits = {"max_tokens": max_reply_tokens, "timeout": timeout}
    task, reflection = connect_both(lm, reflection_lm, of_task, of_reflection, **limits)
    loops = [
        Loop(
            recipe(name), task, reflection, run_dir / "rows" / name, run_dir / "loops" / name,
            run_dir / "loops" / name / "gepa_history.jsonl",
            most=challengers, rows=rows, shadow=shadow, seed=seed, threads=threads, fresh=fresh, cluster=cluster,
        )
        for name in names
    ]  # fmt: skip
    improvement = Improvement(
        _agent_of(agent), test_agent and _agent_of(test_agent), run_dir, loops, cycles, min_probability,
        Budget(None, minutes, max_tokens, max_usd), frozenset(without or ()), words == "model",
        lambda line: print(line, flush=True), begin_with, traces or (),
    )  # fmt: skip
    if dry_run:
        _print_plan(improvement)
        return
    try:
        results = improve_agent(improvement)
    except BudgetSpent as spent:
        print(f"{spent}; what was paid for is kept: the same command with a larger limit goes on")
        print(f"report      {write_report(run_dir)}")
        return
    print(f"report      {write_report(run_dir)}")
    if line := _before_and_after(results, "test" if test_agent else "run"):
        print(line)


def _agent_of(given: str) -> Any:
    """Return a command as it is, and the function that a name like package.module:function stands for."""
    if not _FUNCTION.fullmatch(given):
        return given
    from dspy_programs.registry import object_named

    return object_named(given)


def _before_and_after(results: list[dict[str, Any]], kind: str) -> str:
    tests = [result for result in results if result["kind"] == kind]
    before, after = tests[0], tests[-1]
    if before["success"] is None or after["success"] is None:
        return ""
    told = "unseen tasks" if kind == "test" else "the tasks that it has learnt from"
    if "same_as" in after:
        return f"on {told}: {_share(after)}; nothing changed since, so they were not run again"
    is_apart = after["low"] > before["high"] or after["high"] < before["low"]
    return f"on {told}: {_share(before)} before, {_share(after)} after{'' if is_apart else '; chance may explain it'}"


def _share(result: dict[str, Any]) -> str:
    return f"{result['success']:.1%} of {result['known']} runs [{result['low']:.1%}, {result['high']:.1%}]"


def _print_plan(improvement: Any) -> None:
    from optimizers.loop import plan, price_of

    price = price_of(improvement.loops[0].task)
    price_of_words = price_of(improvement.loops[0].reflection)
    for stage in plan(improvement):
        of = price_of_words if stage.kind == "generate" else price
        cost = f"; up to {stage.calls} calls{of(stage.calls)}" if stage.calls else ""
        print(f"{stage.name:<12} {stage.says}{cost}")


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
