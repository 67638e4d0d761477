"""python -m optimizers.train_code --workspace FOLDER --module task: train a program of `code` on a repository's own rows.

A door to `optimizers.train` with dspy-code's names: it makes the rows if there are none, and brings given ones into the form
that is read.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dspy_programs.cli import new_app, run

app = new_app("Train a program of `dspy-programs code` on a repository's own rows.")

PROGRAMS = {
    "context": "log_context",
    "task": "command_planner",
    "code": "code_summarizer",
    "orchestrator": "orchestrator",
    "codegen": "code_editor",
}
"""dspy-code's name of a module -> the program."""
_RENAMED = {"log_context": {"logs_preview": "logs"}, "code_summarizer": {"snapshot": "code"}}
"""program -> a field of dspy-code's rows -> ours."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train_code(
    context: typer.Context,
    module: Annotated[
        Literal["context", "task", "code", "orchestrator", "codegen"],
        typer.Option(help="What to train: " + ", ".join(f"{old} is {ours}" for old, ours in PROGRAMS.items()) + "."),
    ],
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="The folder of the repository.")] = Path("."),
    train_jsonl: Annotated[Path | None, typer.Option(help="Rows to learn from. Default: those of `code init`.")] = None,
    val_jsonl: Annotated[Path | None, typer.Option(help="Rows to choose by.")] = None,
    test_jsonl: Annotated[Path | None, typer.Option(help="Rows to test on. Without them the rows are split.")] = None,
    test_cmd: Annotated[str, typer.Option(help="codegen: the command that runs the tests, in a copy of the repository.")] = "",
    type_cmd: Annotated[str, typer.Option(help="codegen: the command that checks the types.")] = "",
    lint_cmd: Annotated[str, typer.Option(help="codegen: the command that lints.")] = "",
    max_full_evals: Annotated[int | None, typer.Option(min=1, help="Limit: metric calls for each row.")] = None,
    save_best: Annotated[Path | None, typer.Option(help="Where to write the result. Default: where `code` finds it.")] = None,
) -> None:
    """Train on a repository's rows. All other options are those of `python -m optimizers.train`, such as --auto and --lm."""
    from dspy_programs.errors import UsageError
    from optimizers.train import main as train

    program = PROGRAMS[module]
    commands = {name: each for name, each in (("tests", test_cmd), ("types", type_cmd), ("lint", lint_cmd)) if each}
    if commands and module != "codegen":
        raise UsageError("--test-cmd, --type-cmd and --lint-cmd are for --module codegen; leave them out")
    given = {split: file for split, file in (("train", train_jsonl), ("val", val_jsonl), ("test", test_jsonl)) if file}
    if given and "train" not in given:
        raise UsageError("--val-jsonl and --test-jsonl need --train-jsonl; name all three, or only that")
    files = given or _made(workspace, program)
    if given or commands:
        files = _rewritten(files, Path("runs") / "code" / program, program, commands)
    only = next(iter(files.values()))
    words = ["--module", program, "--data", str(only.parent if len(files) > 1 else only), *context.args]
    if max_full_evals:
        words += ["--max-metric-calls", str(max_full_evals * _count(files))]
    if save_best:
        words += ["--out", str(save_best)]
    if code := train(words):
        raise typer.Exit(code)


def _made(path: Path, program: str) -> dict[str, Path]:
    """Return the rows of a repository by split, made now if there are none. Raises UsageError if none can be."""
    from dspy_programs.code.history import FOLDER, make_rows
    from dspy_programs.errors import UsageError

    folder = path / FOLDER
    if not any(folder.glob("*/*.jsonl")):
        print(f"making rows: dspy-programs code init {path}", flush=True)
        make_rows(path)
    found = {file.stem: file for file in sorted((folder / program).glob("*.jsonl"))}
    if not found:
        raise UsageError(f"{folder / program}: no rows for this program; `dspy-programs code init {path} --replace` says why")
    return found


def _rewritten(files: Mapping[str, Path], target: Path, program: str, commands: Mapping[str, str]) -> dict[str, Path]:
    """Copy rows into one folder, with our names of the fields and these commands as their checks."""
    from dspy_programs.atomic_file import write_atomically
    from dspy_programs.tables import rows_in

    written = {}
    for split, file in files.items():
        rows = [_as_ours(row, program, commands) for _, _, row in rows_in(file)]
        written[split] = target / f"{split}.jsonl"
        write_atomically(written[split], "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
    for other in set(target.glob("*.jsonl")) - set(written.values()):
        other.unlink()
    return written


def _as_ours(row: Mapping[str, Any], program: str, commands: Mapping[str, str]) -> dict[str, Any]:
    renamed = _RENAMED.get(program, {})
    ours = {renamed.get(name, name): value for name, value in row.items()}
    if commands:
        ours["checks"] = {**ours.get("checks", {}), **commands}
    return ours


def _count(files: Mapping[str, Path]) -> int:
    """Count the rows that a search scores: not those of the test."""
    from dspy_programs.tables import rows_in

    return sum(sum(1 for _ in rows_in(file)) for split, file in files.items() if split != "test")


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
