"""Options shared by several commands in this package; those shared by all commands are in dspy_programs/cli/cli.py."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import dspy

ALL = "all"
MODULES = (
    "Which program: actor, code_editor, code_summarizer, command_planner, data_generator, document_qa, "
    "failure_judge, log_context, loop_explainer, memory_summarizer, orchestrator, planner, "
    "quality_judge, section_scorer, or all."
)

OF_YOUR_OWN = " Your own program: package.module:attribute, a recipe or a dspy.Module."
ModuleOption = Annotated[str, typer.Option(help=MODULES + OF_YOUR_OWN)]
MetricOption = Annotated[
    str | None,
    typer.Option(help="For your own dspy.Module: package.module:function of (row, prediction), returning a score in [0, 1]."),
]
ReflectionLmOption = Annotated[
    str | None,
    typer.Option(envvar="DSPY_PROGRAMS_REFLECTION_LM", help="The model that proposes instructions. Default: --lm."),
]
ReflectionApiBaseOption = Annotated[str | None, typer.Option(help="Like --api-base, for --reflection-lm.")]
ReflectionApiKeyOption = Annotated[
    str | None, typer.Option(envvar="DSPY_PROGRAMS_REFLECTION_API_KEY", help="Like --api-key, for --reflection-lm.")
]
MaxReplyTokensOption = Annotated[int | None, typer.Option(min=1, help="Token limit of one reply, for both models.")]
TimeoutOption = Annotated[float | None, typer.Option(min=0.1, help="Seconds to wait for one complete reply from a server.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="Rows in parallel. Default: 1 for an embedded model, else 8.")]
_DATA = (
    "Your own rows: one file (JSONL, JSON, CSV, TSV, also .gz; Parquet), a folder with train, val and test in any of these "
    "formats or saved by Hugging Face datasets, or hf:OWNER/NAME[:CONFIG][@REVISION] on the Hub. One file is split for you."
)
DataOption = Annotated[Path | None, typer.Option(help=_DATA)]
UnseenDataOption = Annotated[Path | None, typer.Option(help="Your own rows, as for train; only one split is read.")]
RowsOption = Annotated[int | None, typer.Option(min=1, help="Use only the first N rows. Default: the recipe's.")]


def require_checkout(what: str) -> None:
    """Raise UsageError if the builders of our rows are not here: the wheel leaves them out."""
    from dspy_programs.errors import UsageError

    if find_spec("optimizers.sources") is None:
        raise UsageError(f"{what} needs a checkout of the project: the installed package has no builders")


def connect_both(
    lm: str | None,
    reflection_lm: str | None,
    of_task: tuple[str | None, str | None],
    of_reflection: tuple[str | None, str | None],
    temperature: float | None = None,
    **settings: Any,
) -> tuple["dspy.LM", "dspy.LM"]:
    """Return task and reflection model. of_task, of_reflection: base URL and key; without a reflection model, the task's."""
    from dspy_programs.lm import DEFAULT_SPEC, connect

    spec = lm or DEFAULT_SPEC
    task = connect(spec, api_base=of_task[0], api_key=of_task[1], temperature=temperature, **settings)
    base, key = of_reflection if reflection_lm else of_task
    return task, connect(reflection_lm or spec, api_base=base, api_key=key, **settings)
