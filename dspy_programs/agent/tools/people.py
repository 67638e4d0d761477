"""Ask the user, or hand a part of the work to a sub-agent."""

from dspy_programs.agent.tools.tool import Composed, Scope, ToolError, tool


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
def delegate(scope: Scope, goal: Composed, tools: list[str] | None = None) -> str:
    """Give a part of the work to a helper that knows only this goal. It reports back. tools: names of tools it may use."""
    if not goal.strip():
        raise ToolError("the goal is empty; say what the helper is to do, with the names of the files")
    return scope.delegate(goal.strip(), tools or [])
