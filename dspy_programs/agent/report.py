"""How a run ended: its outcome, and all that it reports, put on file and told to whoever watches.

Guarantees "completed" only where every task is complete, every criterion met, and each result was checked.
"""

from dspy_programs.agent.checking.verification import doubts
from dspy_programs.agent.host import Host
from dspy_programs.agent.result import AgentResult, HowItEnded, StoppedBy
from dspy_programs.agent.scripts.files_shown import orders_read


def report(host: Host, stopped_by: StoppedBy, why: str) -> AgentResult:
    """Return how the run ended, and put it on file."""
    tasks, criteria, session = host.ledger.tasks, host.acceptance.end_state(), host.record.session
    is_done = stopped_by == "done" and host.ledger.is_complete and all(one.met for one in criteria) and not host.idle()
    reading = [name for name, tool in host.calls.tools.items() if tool.effect == "reads"]
    unchecked = doubts(tasks, reading)
    if host.meter.spent.model_calls:
        read = orders_read(host.goal, host.workspace)
        unchecked += [f"read the result: {path} gives orders to machines, such as {order!r}" for path, order in read.items()]
    outcome: HowItEnded = "failed" if not is_done else "unverified" if unchecked else "completed"
    note = next((task.notes[-1] for task in reversed(tasks) if task.status == "complete" and task.notes), "")
    shown = str(session.get("shown", ""))
    answer = shown if " ".join(shown.split()).startswith(note) else note  # a note is cut, and in one line
    artefacts = list(dict.fromkeys(path for task in tasks for path in task.artefacts))
    has_acted = any(past.call.tool not in reading for past in session.calls())
    back = f"; to put all back: dspy-programs sessions undo {session.id}" if session.is_kept and has_acted else ""
    if outcome == "unverified":
        why = f"{'; '.join(unchecked)}{back}"
    elif outcome == "failed" and artefacts and back:
        why += f"; changed: {', '.join(artefacts)}{back}"
    cost = host.meter.spent.model_dump()
    host.tell("stop", stopped_by=stopped_by, why=why, outcome=outcome, answer=answer, cost=cost)
    session.set("done" if outcome == "completed" else outcome if is_done else stopped_by, cost=cost)
    return AgentResult(
        goal=host.goal,
        outcome=outcome,
        completed=outcome == "completed",
        tasks=tasks,
        history=host.record.history(),
        rationale=session.get("rationale", ""),
        answer=answer,
        artefacts=artefacts,
        criteria=criteria,
        cost=host.meter.spent,
        stopped_by=stopped_by,
        why=why,
        session=session.id if session.is_kept else None,
        trace=host.record.ended(answer or why, None if outcome == "unverified" else outcome == "completed"),
        in_flight=session.get("in_flight", []),
    )
