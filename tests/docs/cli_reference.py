"""python -m tests.docs.cli_reference [--write]: docs/reference/cli.md, made from the commands' own help."""

import inspect
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from typer.main import get_command

from tests.docs.examples import ROOT
from tests.docs.generated import main_for

PAGE = ROOT / "docs" / "reference" / "cli.md"
APPS = {
    "python -m optimizers.": {
        "Train and measure": ("train", "train_code", "evaluate", "learning_curve", "benchmark"),
        "Learn from runs": ("harvest", "online", "improve", "gate", "scaling"),
        "What is in use": ("history", "show", "promote", "rollback", "export", "verify"),
        "Judges and data": ("agreement", "calibrate", "build"),
    }
}
HEAD = """# Commands

`dspy-programs` is also `python -m dspy_programs`. An expected error is one line on standard error and exit code 2; a gate that
fails exits with 1, an interrupted command with 130. This page is generated from `--help`.
"""
WIDE = 10_000  # columns: no line of help is broken


def reference() -> str:
    """Return the page."""
    lines = [HEAD, "## The tools", ""]
    lines += section(get_command(import_module("dspy_programs.__main__").app), "dspy-programs", None)
    for prefix, groups in APPS.items():
        for title, names in groups.items():
            lines += [f"## {title}", ""]
            for name in names:
                lines += section(get_command(import_module(f"optimizers.{name}").app), f"{prefix}{name}", None)
    return "\n".join(lines).rstrip() + "\n"


def section(command: Any, name: str, parent: Any) -> Iterator[str]:
    """Describe a command, or each command of a group."""
    context = command.context_class(command, info_name=name, parent=parent, terminal_width=WIDE, max_content_width=WIDE)
    if commands := getattr(command, "commands", {}):
        for inner, each in commands.items():
            yield from section(each, inner, context)
        return
    yield f"### {context.command_path}"
    yield ""
    yield from paragraphs(command.help or "")
    yield "```text"
    yield f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    yield "```"
    yield ""
    yield from table(command, context)


def paragraphs(text: str) -> Iterator[str]:
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        yield markdown(" ".join(paragraph.split()))
        yield ""


def table(command: Any, context: Any) -> Iterator[str]:
    records = [record for each in command.get_params(context) if (record := each.get_help_record(context))]
    if rows := [(names, text) for names, text in records if "--help" not in names]:
        yield "| Option | Meaning |"
        yield "|---|---|"
        for names, text in rows:
            yield f"| `{plain(names)}` | {markdown(' '.join(text.split()))} |"
        yield ""


def plain(names: str) -> str:
    """Write choices without the bar that would end a cell."""
    return " ".join(names.split()).replace("|", ", ")


def markdown(text: str) -> str:
    """Escape what Markdown would read as markup; code in backticks stays."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\[\]<>*|\\])", r"\\\1", part) for part in parts)


def main(argv: Sequence[str] | None = None) -> int:
    return main_for(__doc__, {PAGE: reference}, argv)


if __name__ == "__main__":
    raise SystemExit(main())
