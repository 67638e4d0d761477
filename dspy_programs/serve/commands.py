"""python -m dspy_programs serve ...: thin commands over this package."""

from dspy_programs.cli import new_app

app = new_app("The tools for other programs: MCP, A2A, REST.")


@app.callback()
def serve() -> None:
    """The tools for other programs: MCP, A2A, REST."""
