"""Options that the commands of this package share, and the model that --lm selects."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

AT_ONCE = 8  # traces sent to a model on a server in parallel
FormatOption = Annotated[str | None, typer.Option("--format", help="Trace format. Default: detected per trace.")]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Also write a self-contained HTML report.")]
SarifOption = Annotated[Path | None, typer.Option("--sarif", help="Also write SARIF 2.1.0, for code scanning.")]
JunitOption = Annotated[Path | None, typer.Option("--junit", help="Also write JUnit XML, for CI test reports.")]


class InUse(NamedTuple):
    """Whether a model may be asked, and about how many traces in parallel."""

    model: bool
    at_once: int


@contextlib.contextmanager
def model(
    lm: str | None, api_base: str | None, api_key: str | None, no_llm: bool = False, no_cache: bool = False
) -> Iterator[InUse]:
    """Run a block with the selected model, if any."""
    if no_llm or not lm:
        yield InUse(False, 1)
        return
    from dspy_programs.lm import connect_kept, is_embedded, use

    connected = connect_kept(lm, not no_cache, api_base=api_base, api_key=api_key)
    with use(connected):
        yield InUse(True, 1 if is_embedded(connected) else AT_ONCE)
