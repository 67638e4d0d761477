"""Commands that say what something means: context for logs, summary for code."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.cli import GATE_CLOSED, ApiBaseOption, ApiKeyOption, NoCacheOption, NoLlmOption, ToolLmOption
from dspy_programs.code.printing import print_json, say, say_kind, tell

if TYPE_CHECKING:
    from dspy_programs.code.explaining.code import ExplainedCode
    from dspy_programs.code.explaining.logs import ExplainedLogs
    from dspy_programs.code.overview.outline import FileOutline

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_MOST_DEFINITIONS = 6  # of a file, in the outline of a folder


def context(
    log: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[LOG]...", help="A log file, a folder of them, or - for stdin. Default: the folder logs."),
    ] = None,
    logs: Annotated[list[Path] | None, typer.Option("--logs", help="Same as LOG, as an option; repeatable.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say in a few sentences what went wrong, with the lines that prove it.")
    ] = False,
    task: Annotated[str, typer.Option(help="What you want to know or to do. With --explain.")] = "",
    most: Annotated[int, typer.Option(min=1, help="How many kinds of events to show.")] = 20,
    lm: ToolLmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    as_json: _Json = False,
) -> None:
    """Say what went wrong, from logs: each kind of event once with its stack trace, the worst and most frequent first.

    --explain answers by rules, or with the model of --lm. Keys and passwords that are recognised are removed. Exits with 1
    if nothing went wrong.
    """
    from dspy_programs.errors import UsageError

    if task and not explain:
        raise UsageError("--task is for --explain; add it")
    places = [*(log or ()), *(logs or ())]
    if not places and not Path("logs").exists():
        raise UsageError("no log is named, and there is no folder logs here; name a log file or a folder of them")
    places = places or [Path("logs")]
    if explain:
        from dspy_programs.code.explaining.logs import explain_logs
        from dspy_programs.lm import using

        with using(None if no_llm else lm, api_base, api_key, no_cache) as model:
            _say_explained(explain_logs(places, task, model), as_json)
        return
    from dspy_programs.code.log_bus import redacted_lines
    from dspy_programs.logs import log_context
    from dspy_programs.text import quantity

    found = log_context(places)
    for kind in found.kinds[:most]:
        kind.lines = redacted_lines(kind.lines)
    if as_json:
        shown = [kind.as_dict() for kind in found.kinds[:most]]
        print_json({"files": found.files, "events": found.events, "kinds": len(found.kinds), "shown": shown})
    for kind in [] if as_json else found.kinds[:most]:
        say_kind(kind)
    beyond = f"; {found.beyond:,} events of rarer kinds were not kept" if found.beyond else ""
    counted = f"{quantity(found.events, 'event')} of {quantity(len(found.kinds), 'kind')} in {quantity(found.files, 'file')}"
    print(f"{counted}{beyond}{'; --most shows more' if len(found.kinds) > most else ''}", file=sys.stderr)
    if not found.kinds:
        raise typer.Exit(GATE_CLOSED)


def _say_explained(found: "ExplainedLogs", as_json: bool) -> None:
    from dspy_programs.text import quantity

    if as_json:
        points = [{"path": point.path, "line": point.number, "text": point.text} for point in found.points]
        print_json({**found._asdict(), "points": points})
    else:
        say(f"{found.context} (by {'a model' if found.answered_by == 'model' else 'the rules'})")
        for point in found.points:
            say(f"    {point.path}:{point.number}: {point.text}")
    if found.note:
        print(found.note, file=sys.stderr)
    if found.withdrawn:
        print(f"left out: {quantity(len(found.withdrawn), 'statement')} that the logs do not bear out", file=sys.stderr)
    if not found.points:
        raise typer.Exit(GATE_CLOSED)


def summary(
    place: Annotated[str, typer.Argument(metavar="[PATH[:SYMBOL]]", help="A file, a folder, or a definition in a file.")] = ".",
    ask: Annotated[str, typer.Option(help='What you want to know about the code, such as "What does it raise?"')] = "",
    most: Annotated[int, typer.Option(min=1, help="How many files of a folder, or definitions of a file.")] = 50,
    lm: ToolLmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    as_json: _Json = False,
) -> None:
    """Say what code does: a definition or a file in a few sentences, a file or a folder also in outline. It is never run.

    Written by rules, or, for a definition or a file, by the model of --lm.
    """
    from dspy_programs.code.explaining.code import explain_code, path_and_symbol
    from dspy_programs.code.files.source_files import LeftOut
    from dspy_programs.errors import UsageError
    from dspy_programs.lm import using

    path, symbol = path_and_symbol(place)
    if path.is_dir():
        from dspy_programs.code.overview.outline import outlines_in

        if ask:
            raise UsageError(f"{path}: a folder; --ask is about a file, or a definition in one: FILE:SYMBOL")
        told = LeftOut()
        _say_outlines(list(outlines_in(path, told)), most, as_json)
        tell({why: count for why, count in told.items() if why not in ("ignored by git", "binary", "link")})
        return
    with using(None if no_llm else lm, api_base, api_key, no_cache) as model:
        found = explain_code(path, symbol, ask, model)
    if as_json:
        print_json({**found._asdict(), "definitions": [each._asdict() for each in found.definitions[:most]]})
    else:
        say_code(found, most)
    if len(found.definitions) > most:
        print(f"{len(found.definitions) - most:,} more definitions; --most shows more", file=sys.stderr)


def say_code(found: "ExplainedCode", most: int) -> None:
    """Print where code stands, what it does, and so many of its definitions."""
    say(f"{found.path}:{found.line}  {found.symbol or found.language or 'text'}")
    say(f"{found.summary} (by {'a model' if found.answered_by == 'model' else 'the rules'})")
    for each in found.definitions[:most]:
        inside = "  " * each.name.count(".")
        say(f"  {each.line:5}  {inside}{each.signature}{f'  {each.says}' if each.says else ''}")
    if found.note:
        print(found.note, file=sys.stderr)


def _say_outlines(found: "list[FileOutline]", most: int, as_json: bool) -> None:
    from dspy_programs.text import quantity

    if as_json:
        print_json([{**each._asdict(), "definitions": [one._asdict() for one in each.definitions]} for each in found[:most]])
    for each in [] if as_json else found[:most]:
        say(f"{each.path}  {quantity(each.lines, 'line')}{f'  {each.says}' if each.says else ''}")
        names = sorted((one.name for one in each.definitions if "." not in one.name), key=lambda name: name.startswith("_"))
        more = f" and {len(names) - _MOST_DEFINITIONS} more" if len(names) > _MOST_DEFINITIONS else ""
        if names:
            say(f"    {', '.join(names[:_MOST_DEFINITIONS])}{more}")
    lines = sum(each.lines for each in found)
    more = "; --most shows more" if len(found) > most else ""
    print(f"{quantity(len(found), 'file')}, {quantity(lines, 'line')}{more}", file=sys.stderr)
