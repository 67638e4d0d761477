"""What the commands share: options, and how a result is printed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

DataOption = Annotated[
    Path, typer.Option("--data", envvar=["DSPY_PROGRAMS_DATA", "DATA_DIR"], help="The folder of data sets.")
]  # of the second name are the data flywheel's variables
NameOption = Annotated[str, typer.Option("--dataset", "-d", "--name", "-n", help="The data set.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MaxUsdOption = Annotated[float | None, typer.Option(min=0, help="Stop at this cost, in US dollars.")]
MaxTokensOption = Annotated[int | None, typer.Option(min=1, help="Stop after this many tokens, prompts and replies together.")]
MaxMinutesOption = Annotated[float | None, typer.Option(min=0, help="Stop after this many minutes.")]


def print_result(content: Any, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    for line in lines:
        typer.echo(line)
