"""python -m dspy_programs failures|memory|budget|serve ...: the tools, as one command; also installed as `dspy-programs`."""

from collections.abc import Sequence

from dspy_programs.budget.commands import app as budget
from dspy_programs.cli import new_app, run
from dspy_programs.failures.commands import app as failures
from dspy_programs.memory.commands import app as memory
from dspy_programs.serve.commands import app as serve

app = new_app("Tools for people who build LM agents. Each works without a model; --lm names one that helps.")
app.add_typer(failures, name="failures", help="Why did the run of an agent fail? Traces in, causes and fixes out.")
app.add_typer(memory, name="memory", help="Keep an agent's memory within a budget of tokens, facts first.")
app.add_typer(budget, name="budget", help="Find the smallest prompt that is as good as the whole one.")
app.add_typer(serve, name="serve", help="The same tools for other programs: MCP, A2A, REST.")


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
