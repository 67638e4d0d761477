"""What the commands of judging share: options, and how a result is printed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

DataOption = Annotated[Path, typer.Option("--data", envvar="DSPY_PROGRAMS_DATA", help="The folder of data sets.")]
NameOption = Annotated[str, typer.Option("--dataset", "-d", "--name", "-n", help="The data set.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_result(content: Any, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    for line in lines:
        typer.echo(line)
