"""Commands for those who do not know the tools: ask, commands."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, NoCacheOption, NoLlmOption, ToolLmOption
from dspy_programs.code.printing import print_json, say

if TYPE_CHECKING:
    import dspy

    from dspy_programs.programs.orchestrator import Chosen

_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="The folder of the repository.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, and run nothing.")]


def ask(
    query: Annotated[str, typer.Argument(help="What you want to know or do, in your own words.")],
    path: _Folder = Path("."),
    show: Annotated[bool, typer.Option("--show", help="Only print the command.")] = False,
    lm: ToolLmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    as_json: _Json = False,
) -> None:
    """Choose the command that answers a question about a repository, say which it is, and run it if it only reads.

    Of a definition that is to be explained it says what it does, by rules or on the model of --lm, and where it stands. A
    command that changes files or needs a model is printed, not run. Exits with 1 if no command does this, or if something is
    missing.
    """
    from dspy_programs.code.commands.explained import definition_to_explain, say_explained
    from dspy_programs.code.commands.whole_word import widened
    from dspy_programs.code.explaining.code import explain_code
    from dspy_programs.code.overview.listing import listing_of
    from dspy_programs.errors import UsageError
    from dspy_programs.lm import using
    from dspy_programs.programs.orchestrator import READ_ONLY, command_words

    if not query.strip():
        raise UsageError("the question is empty; write what you want to know")
    workspace = listing_of(path)
    with using(None if no_llm else lm, api_base, api_key, no_cache) as model:
        chosen = widened(_chosen(query, workspace, model), path)
        if piece := definition_to_explain(query, chosen, path):
            place = f"{Path(piece.path).relative_to(path).as_posix()}:{piece.symbol}"
            chosen = chosen._replace(tool="summary", arguments={"path": place}, why="it asks what a definition does")
        explained = explain_code(Path(piece.path), piece.symbol, "", model) if piece and not (show or as_json) else None
    words = command_words(chosen.tool, chosen.arguments, path.as_posix()) if chosen.tool else []
    line = shlex.join(["dspy-programs", "code", *words]) if words else ""
    if as_json:
        print_json(_plain(chosen) | {"command": line})
    _stop_unless_whole(chosen)
    if as_json:
        return
    if show or chosen.tool not in READ_ONLY:
        say(line)
        if not show:
            print(f"not run: {chosen.why}; ask runs only what reads", file=sys.stderr)
        return
    print(line, file=sys.stderr, flush=True)
    if piece and explained:
        say_explained(explained, piece)
    else:
        _run(words)


def _chosen(query: str, workspace: str, model: "dspy.LM | None") -> "Chosen":
    """Choose among the commands that are here: by the rules, without loading DSPy, or on a model."""
    from dspy_programs.code.commands.group import app
    from dspy_programs.programs.orchestrator import REPOSITORY_TOOLS, Chosen, Place, chosen_by_rules

    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    tools = [tool for tool in REPOSITORY_TOOLS if tool.name in known]
    if model is None:
        return chosen_by_rules(Place(query, workspace), tools)
    found = _program("orchestrator", model)(query, workspace, tools=tools)
    return Chosen(found.tool, found.arguments, found.why, found.missing, found.repairs)


def _program(name: str, model: "dspy.LM") -> "dspy.Module":
    from dspy_programs.registry import load, without_warning

    with without_warning():
        return load(name, model.model)


def _stop_unless_whole(chosen: "Chosen") -> None:
    """End with exit code 1 if there is no tool, or an argument to ask for."""
    from dspy_programs.cli import GATE_CLOSED
    from dspy_programs.programs.orchestrator import WHEN
    from dspy_programs.text import printable

    if not chosen.tool:
        why = "" if chosen.why == WHEN[""] else f": {chosen.why}"
        print(printable(f"no command does this{why}; dspy-programs code --help lists them"), file=sys.stderr)
        raise typer.Exit(GATE_CLOSED)
    for gap in chosen.missing:
        print(printable(f"code {chosen.tool} needs its {gap.argument}: {gap.why}; ask again and say it"), file=sys.stderr)
    if chosen.missing:
        raise typer.Exit(GATE_CLOSED)


def _run(words: list[str]) -> None:
    from dspy_programs.code.commands.group import app

    code = typer.main.get_command(app).main(words, "dspy-programs code", standalone_mode=False)
    if code:
        raise typer.Exit(code)


def _plain(chosen: "Chosen") -> dict[str, object]:
    return {
        "tool": chosen.tool,
        "arguments": chosen.arguments,
        "why": chosen.why,
        "missing": [gap.model_dump() for gap in chosen.missing],
        "repairs": [*chosen.repairs],
    }


def commands(
    task: Annotated[str, typer.Argument(help="What you want to do: run one test, undo a commit, build...")],
    path: _Folder = Path("."),
    lm: ToolLmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    as_json: _Json = False,
) -> None:
    """Print the shell commands for a task in a repository, with its steps; nothing is run.

    A dangerous command is marked and commented out. Exits with 1 if there is no command.
    """
    from dspy_programs.code.overview.toolbox import LOOKED_AT, context_of
    from dspy_programs.code.printing import gate
    from dspy_programs.errors import UsageError
    from dspy_programs.lm import using
    from dspy_programs.programs.command_planner import Planned, planned_by_rules
    from dspy_programs.shell import danger_of

    if not task.strip():
        raise UsageError("the task is empty; write what you want to do")
    context = context_of(path)
    with using(None if no_llm else lm, api_base, api_key, no_cache) as model:
        if model is None:
            planned = planned_by_rules(task, context)
        else:
            found = _program("command_planner", model)(task=task, context=context)
            planned = Planned(found.plan, found.commands, found.missing)
    dangers = {command: why for command in planned.commands if (why := danger_of(command))}
    if as_json:
        print_json({**planned._asdict(), "dangerous": dangers})
    for number, step in enumerate([] if as_json else planned.plan, 1):
        say(f"# {number}. {step}")
    for command in [] if as_json else planned.commands:
        say(f"# DANGEROUS, {dangers[command]}: {_one_line(command)}" if command in dangers else command)
    for what in planned.missing:
        print(_one_line(f"missing: {what}"), file=sys.stderr)
    lacks_tool = any(what.startswith("a tool to ") for what in planned.missing)
    gate(planned.commands, f"no command: looked for {LOOKED_AT}, and found no tool for this" if lacks_tool else "no command")


def _one_line(text: str) -> str:
    from dspy_programs.text import printable

    return " ".join(printable(text).split())
