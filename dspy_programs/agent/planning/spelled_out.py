"""Goals that say themselves which calls to make: "rename a.txt to b.txt", "show notes.md". No model is asked for a plan."""

from collections.abc import Mapping

from dspy_programs.agent.host import Host
from dspy_programs.agent.rules.changing import spelled_out
from dspy_programs.agent.rules.joined import joined
from dspy_programs.agent.rules.showing import looks
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.text import shortened
from dspy_programs.types import Call


def plan_as_spelled_out(host: Host, tools: Mapping[str, AgentTool]) -> bool:
    """Put what the goal spells out into the ledger, a task for each call, or one for all that is only shown.

    Returns whether it spells out anything that these tools can do.
    """
    shown = looks(host.wish, host.workspace)
    one = shown or spelled_out(host.wish, host.workspace)
    calls = one or joined(host.wish, host.workspace)
    if not calls or not {call.tool for call in calls} <= tools.keys():
        return False
    if shown:
        host.planned("the goal says what to show", "rules", [host.wish])
        host.ledger.add(shortened(host.wish, 300), tool=calls[0].tool, calls=calls)
        return True
    titles = [_title_of(call, tools[call.tool]) for call in calls]
    host.planned("the goal says how", "rules", titles)
    shares = host.acceptance.shared_out([(title, call.tool) for title, call in zip(titles, calls, strict=True)], tools)
    with host.record.together():
        before: list[str] = []
        for title, call, criteria in zip(titles, calls, shares, strict=True):
            waits = [] if one else before[-1:]
            added = host.ledger.add(title, tool=call.tool, calls=[call], criteria=criteria, depends_on=waits)
            before.append(added.id)
    return True


def _title_of(call: Call, tool: AgentTool) -> str:
    return " ".join([call.tool, *(tool.touches(call.arguments) or map(str, call.arguments.values()))])
