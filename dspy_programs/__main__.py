"""python -m dspy_programs run|failures|memory|route|serve ...: all tools in one command, installed as `dspy-programs`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from dspy_programs import __version__
from dspy_programs.agent.commands import chat, run as run_agent
from dspy_programs.agent.session_commands import sessions
from dspy_programs.budget.commands import app as budget
from dspy_programs.cli import new_app, run
from dspy_programs.code.commands import app as code
from dspy_programs.data.commands import app as data
from dspy_programs.documents.commands import app as documents
from dspy_programs.failures.commands import app as failures
from dspy_programs.linting.commands import lint_loops
from dspy_programs.memory.commands import app as memory
from dspy_programs.router.commands import app as route
from dspy_programs.serve.commands import app as serve
from dspy_programs.serve.up_command import up

app = new_app("Tools for people who build LM agents. Each works without a model; --lm adds one.")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version, and stop.")
    ] = False,
) -> None:
    """What all commands have in common."""


app.command("run")(run_agent)
app.command("chat")(chat)
app.command("lint-loops")(lint_loops)
code.command("up")(up)  # its status page is a server
app.add_typer(code, name="code", help="Know a repository, and change it: search, explain, edit, undo, follow logs.")
app.add_typer(sessions, name="sessions", help="The agent's sessions: list, show, fork, export, delete.")
app.add_typer(failures, name="failures", help="Find out why an agent run failed: traces in, causes and fixes out.")
app.add_typer(memory, name="memory", help="Keep an agent's memory within a token budget, facts first.")
app.add_typer(budget, name="budget", help="Find a smaller prompt whose outputs are as good as the full one's.")
app.add_typer(data, name="data", help="Make training data: read, check, judge, label, grow, export.")
app.add_typer(documents, name="documents", help="Ask documents, each read once by the model.")
app.add_typer(route, name="route", help="Choose which of your models answers: by measured quality, price and latency.")
app.add_typer(serve, name="serve", help="Serve the tools to other programs over MCP, A2A and REST.")


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
