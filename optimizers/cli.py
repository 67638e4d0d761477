"""What every command shares: its options, how it is run from Python and from a shell, and how it fails."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import dspy

ALL = "all"
MODULES = (
    "Which program: actor, data_generator, failure_judge, memory_summarizer, planner, quality_judge, section_scorer, or all."
)

ModuleOption = Annotated[str, typer.Option(help=MODULES)]
LmOption = Annotated[
    str | None,
    typer.Option(
        envvar="DSPY_PROGRAMS_LM",
        help="The model: provider/name. Default: local/qwen2.5-coder-1.5b, embedded, no key.",
    ),
]
ReflectionLmOption = Annotated[
    str | None,
    typer.Option(envvar="DSPY_PROGRAMS_REFLECTION_LM", help="The model that proposes instructions. Default: --lm."),
]
ApiBaseOption = Annotated[
    str | None, typer.Option(envvar="DSPY_PROGRAMS_API_BASE", help="URL of an OpenAI-compatible server for --lm.")
]
ApiKeyOption = Annotated[
    str | None,
    typer.Option(envvar="DSPY_PROGRAMS_API_KEY", help="Its key; better in the environment than on a command line."),
]
ReflectionApiBaseOption = Annotated[str | None, typer.Option(help="The same for --reflection-lm.")]
ReflectionApiKeyOption = Annotated[
    str | None, typer.Option(envvar="DSPY_PROGRAMS_REFLECTION_API_KEY", help="The same for --reflection-lm.")
]
MaxReplyTokensOption = Annotated[int | None, typer.Option(min=1, help="Longest reply of either model.")]
TimeoutOption = Annotated[float | None, typer.Option(min=0.1, help="Seconds to wait for a server.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="Rows at once. Default: 1 for an embedded model, else 8.")]
DataOption = Annotated[Path | None, typer.Option(help="Folder with train.jsonl, val.jsonl, test.jsonl of your own.")]
RowsOption = Annotated[int | None, typer.Option(min=1, help="Use the first so many. Default: the recipe's.")]

INTERRUPTED = 130  # by a signal: what is there is kept, and the same command goes on
FAILED = 2  # a wrong flag, a wrong file, a model that does not answer: one line, nothing half done


def connect_both(
    lm: str | None,
    reflection_lm: str | None,
    of_task: tuple[str | None, str | None],
    of_reflection: tuple[str | None, str | None],
    temperature: float | None = None,
    **settings: Any,
) -> tuple["dspy.LM", "dspy.LM"]:
    """Return task and reflection model. of_task, of_reflection: base URL and key; the same server where there is one model."""
    from dspy_programs.lm import DEFAULT_SPEC, connect

    spec = lm or DEFAULT_SPEC
    task = connect(spec, api_base=of_task[0], api_key=of_task[1], temperature=temperature, **settings)
    base, key = of_reflection if reflection_lm else of_task
    return task, connect(reflection_lm or spec, api_base=base, api_key=key, **settings)


def new_app(help_text: str) -> typer.Typer:
    return typer.Typer(help=help_text, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def run(app: typer.Typer, argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 with one line on stderr, or what it chose. Bugs keep their traceback."""
    from dspy_programs.errors import ProgramsError

    try:
        app(args=list(sys.argv[1:] if argv is None else argv), standalone_mode=True)
    except ProgramsError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else FAILED
    return 0
