"""Options shared by the commands of this package, and how many traces they read in parallel."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import dspy

_AT_ONCE = 8  # traces sent to a model on a server in parallel
FormatOption = Annotated[str | None, typer.Option("--format", help="Trace format. Default: detected per trace.")]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Also write a self-contained HTML report.")]
OpenQuestionOption = Annotated[
    bool,
    typer.Option("--open-question", help="Also ask how a run failed where the rules found nothing. Only for large models."),
]
SarifOption = Annotated[Path | None, typer.Option("--sarif", help="Also write SARIF 2.1.0, for code scanning.")]
MinProbabilityOption = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=1.0,
        metavar="P",
        help="A failure less likely than this is only possible: shown, and not counted. One without a probability counts.",
    ),
]
JunitOption = Annotated[Path | None, typer.Option("--junit", help="Also write JUnit XML, for CI test reports.")]


def at_once(model: "dspy.LM | None") -> int:
    """Return how many traces to classify in parallel."""
    if model is None:
        return 1
    from dspy_programs.lm import is_embedded

    return 1 if is_embedded(model) else _AT_ONCE


def judge_in_words(model: "dspy.LM | None", open_question: bool) -> str | None:
    """Name who judges beside the rules: with an open question a model is another judge. None if there is no model."""
    return None if model is None else f"{model.model} and an open question" if open_question else model.model
