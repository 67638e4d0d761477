"""How a run ended, in honest words: "completed" only if each result was checked, "unverified" if some was not, else "failed".

A small model's result looks the same whether it is right or wrong, so that nothing has failed says little.

Input      the tasks of a run in the ledger, and which of their tools only read.
Output     doubts(...) -> what nobody has checked, in words; [] where all was.
"""

from collections.abc import Collection, Sequence

from dspy_programs.agent.ledger import LedgerTask

_CHECKED = ("code", "judge", "goal")
_WHY = {
    "agreement": "two scripts came to the same, and both may be wrong",
    "nothing": "one script came to it, and no other",
    "tool": "nothing is known but that its tool ran",
}


def doubts(tasks: Sequence[LedgerTask], reading: Collection[str]) -> list[str]:
    """Return what has not been checked, each thing once. reading: tools that change nothing, which only the answer rests on."""
    counted = [task for task in tasks if not task.replaced and task.status == "complete"]
    doubtful = [
        task
        for task in counted
        if task.checked_by not in _CHECKED and (task.tool not in reading or task is counted[-1])
    ]
    said = [f"read {', '.join(task.artefacts) or 'the answer'}: {_WHY.get(task.checked_by, _WHY['tool'])}" for task in doubtful]
    return [*dict.fromkeys(said)]
