"""python -m optimizers.agreement --module quality_judge: compare a judge with people and say whether to trust it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, LmOption, new_app, run
from optimizers.cli import ThreadsOption, UnseenDataOption

UNSEEN = "test"  # the split whose figures a gate may rely on
REFUSED = 1  # with --gate: the judge is no better than chance

app = new_app("Compare a judge's verdicts with people's: agreement, Cohen's kappa, and whether it can serve as a gate.")


@app.command()
def agreement(
    module: Annotated[str, typer.Option(help="Which judge: quality_judge.")],
    lm: LmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    rules: Annotated[bool, typer.Option("--rules", help="Measure the rules, which need no model.")] = False,
    compiled: Annotated[Path | None, typer.Option(help="A compiled JSON. Default: the one `load` would use.")] = None,
    data: UnseenDataOption = None,
    split: Annotated[str, typer.Option(help="Which rows: train, val or test.")] = UNSEEN,
    rows: Annotated[int | None, typer.Option(min=1, help="Use only the first N rows. Default: all.")] = None,
    threads: ThreadsOption = None,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with 1 if the judge is no better than chance.")] = False,
    json_out: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Print agreement, kappa with its interval, position consistency and the verdict; save those of test for later gates."""
    from dspy_programs import load
    from dspy_programs.errors import UsageError
    from dspy_programs.lm import connect, is_embedded, prepare
    from dspy_programs.registry import compiled_store
    from optimizers.calls import Journal, Meter, Progress, noise_to, recorded
    from optimizers.data import SPLITS
    from optimizers.measures import VERDICTS, agreement_with_people as measure, save_agreement, summary
    from optimizers.recipes import recipe as recipe_of
    from optimizers.scoring import Runner
    from optimizers.training import rows_to_test

    recipe = recipe_of(module)
    if "verdict" not in (recipe.labels or ()):
        raise UsageError(
            f"--module {module}: its rows have no human verdict ({', '.join(VERDICTS)}) to compare with; choose quality_judge"
        )
    if split not in SPLITS:
        raise UsageError(f"--split {split}: choose from {', '.join(SPLITS)}")
    examples = rows_to_test(recipe, data, split, rows)
    meter = Meter()
    if rules:
        judge, task = recipe.new_program(), None
    else:
        model = connect(lm, api_base=api_base, api_key=api_key)
        judge = load(module, model.model, path=compiled)
        prepare(model)
        task = recorded(model, "task", Journal(), meter)
    threads = threads or (1 if task is None or is_embedded(task) else 8)
    progress = Progress(meter, 2 * len(examples))
    progress.phase = "judging"
    with noise_to(Path(os.devnull)), progress.live():
        result = measure(judge, examples, Runner(task, meter, threads), module)
    for name, text in summary(result).items():
        print(f"{name:12} {text}")
    kept = save_agreement(result) if split == UNSEEN else f"nowhere: only the {UNSEEN} rows are unseen"
    print(f"{'kept':12} {kept}")
    if json_out:
        compiled_store.write_atomically(json_out, result.model_dump_json(indent=2) + "\n")
    if gate and not result.usable_as_gate:
        raise typer.Exit(REFUSED)


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
