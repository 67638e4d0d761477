"""The options that the commands of this package share, and the model that some of them name."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

AT_ONCE = 8  # traces that a model on a server is asked about at a time
FormatOption = Annotated[str | None, typer.Option("--format", help="The traces' format. Default: found out for each.")]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Also write a page that needs nothing else.")]
SarifOption = Annotated[Path | None, typer.Option("--sarif", help="Also write SARIF 2.1.0, for code scanning.")]
JunitOption = Annotated[Path | None, typer.Option("--junit", help="Also write JUnit XML, for a CI's test page.")]


class InUse(NamedTuple):
    """Whether a model may be asked, and about how many traces at once."""

    model: bool
    at_once: int


@contextlib.contextmanager
def model(
    lm: str | None, api_base: str | None, api_key: str | None, no_llm: bool = False, no_cache: bool = False
) -> Iterator[InUse]:
    """Run a block on the model that was named, if one was."""
    if no_llm or not lm:
        yield InUse(False, 1)
        return
    from dspy_programs.lm import is_embedded, use
    from dspy_programs.lm.cached import connect_kept

    connected = connect_kept(lm, not no_cache, api_base=api_base, api_key=api_key)
    with use(connected):
        yield InUse(True, 1 if is_embedded(connected) else AT_ONCE)
