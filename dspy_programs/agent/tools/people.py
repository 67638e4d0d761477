"""Ask the user, or hand a part of the work to a sub-agent."""

from typing import Annotated

from pydantic import Field

from dspy_programs.agent.tools.tool import COMPOSED, Composed, Scope, ToolError, tool

Chosen = Annotated[list[str], Field(json_schema_extra={COMPOSED: True})]


@tool(effect="reads")
def ask_user(scope: Scope, question: Composed) -> str:
    """Ask the user one question, when a value is missing that nothing here says."""
    if not question.strip():
        raise ToolError("the question is empty")
    answer = scope.ask(question.strip())
    if answer is None:
        raise ToolError("nobody is there to answer; go on without it, or say what is missing")
    return answer.strip() or "[the user gave an empty answer]"


@tool(effect="runs")
def delegate(scope: Scope, goal: Composed, tools: Chosen = []) -> str:  # noqa: B006  never changed
    """Give a part of the work to a helper that knows only this goal. It reports back. tools: names of tools it may use."""
    if not goal.strip():
        raise ToolError("the goal is empty; say what the helper is to do, with the names of the files")
    return scope.delegate(goal.strip(), tools)
