"""What of a run nobody has checked: a run is "completed" only if there is nothing of the kind, else "unverified".

A small model's result looks the same whether it is right or wrong, so that nothing has failed says little.

Input      the tasks of a run in the ledger, and which of their tools only read.
Output     what is to be read before it is believed, and why, in words; [] where all was checked.
"""

from collections.abc import Collection, Sequence

from dspy_programs.agent.planning.ledger import LedgerTask

_UNCHECKED = {
    "nothing": "one script came to it, and no other",
    "tool": "nothing is known but that its tool ran",
}


def doubts(tasks: Sequence[LedgerTask], reading: Collection[str]) -> list[str]:
    """Return what has not been checked, each thing once.

    reading: tools that change nothing; what they found matters only as the answer.
    """
    complete = [task for task in tasks if not task.replaced and task.status == "complete"]
    counted = [task for task in complete if task.tool not in reading or task is complete[-1]]
    told = {task.id: task.doubt or _UNCHECKED.get(task.checked_by, "") for task in counted}
    found = [f"read {', '.join(task.artefacts) or 'the answer'}: {why}" for task in counted if (why := told[task.id])]
    return [*dict.fromkeys(found)]
