"""Several wishes in one goal, each of which is spelled out: "Append 'x' to a.txt and then rename it to b.txt".

Input      goal; the workspace.
Output     the calls of all wishes in order; [] if one of the wishes is left open.
Guarantees no model; nothing is written. "it" is the file or folder that the wish before was about. The last wish may be to show
           something.
"""

import re
from collections.abc import Sequence

from dspy_programs.agent.rules.changing import spelled_out
from dspy_programs.agent.rules.draft import Draft
from dspy_programs.agent.rules.pieces import EXCEPT
from dspy_programs.agent.rules.showing import looks
from dspy_programs.agent.tools.tool import ToolError
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.programs.planner import split_goal
from dspy_programs.types import Call

_MOST_CLAUSES, _MOST_CALLS = 8, 20
_SPARED = re.compile(rf"{EXCEPT.pattern}(?:\s+(?:alone|as\s+(?:it|they)\s+(?:is|are)|unchanged|untouched))?[\s.!]*", re.I)
_IT = re.compile(
    r"(?P<quoted>\"[^\"\n]*\"|`[^`\n]*`|“[^”\n]*”|„[^“”\n]*[“”]|(?<!\w)'[^'\n]*'(?!\w))"
    r"|(?P<before>\b(?:rename|move|copy|duplicate|delete|remove|erase|read|show|display|print|open|cat|(?:show|tell)\s+me|to|into|in|of|"
    r"from|benenne|verschiebe|kopiere|lösche|zeige?)\s+)"
    r"(?:it|(?:this|that|the)\s+(?:(?:new|renamed|copied|moved|whole)\s+)?(?:file|copy|folder|directory)|sie|es|ihn)\b"
    r"(?!\s+[\"'`]?[\w./-]*\.\w)(?!\s+(?:called|named|namens))",
    re.I,
)


def joined(goal: str, workspace: Workspace) -> list[Call]:
    """Return the calls of several spelled out wishes; [] if the goal is one wish, or one of them is left open."""
    clauses = split_goal(goal)
    if not 1 < len(clauses) <= _MOST_CLAUSES or spelled_out(goal, workspace):
        return []
    draft, calls, spared = Draft(workspace), list[Call](), set[str]()
    for number, clause in enumerate(clauses, 1):
        if found := _SPARED.fullmatch(clause):
            spared |= set(re.findall(r"[\w./-]*\w", found["paths"]))
            continue
        clause = _with_it_named(clause, calls)
        made = spelled_out(clause, draft)
        try:
            for call in made:
                draft.make(call)
        except (ToolError, ValueError):
            return []
        made = made or (looks(clause, draft) if number == len(clauses) else [])
        if not made:
            return []
        calls += made
    is_spared = any(path in spared or path.rpartition("/")[2] in spared for path in draft.changed())
    return [] if is_spared or len(calls) > _MOST_CALLS else calls


def _with_it_named(clause: str, calls: Sequence[Call]) -> str:
    """Put the path that the last call leaves in the place of "it"."""
    if not calls:
        return clause
    given = calls[-1].arguments
    named = str(given.get("to") or given.get("path") or str(given.get("command", "")).rpartition(" ./")[2])
    return _IT.sub(lambda found: found[0] if found["quoted"] else f"{found['before']}{named}", clause) if named else clause
