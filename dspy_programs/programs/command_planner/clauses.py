"""The clauses of a task and what of them is planned: the rest is told, and nothing is done beside a "not"."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dspy_programs.programs.command_planner.step import Step
from dspy_programs.text import content_stems

CLAUSE = re.compile(r"(?:^|,|;|\. |\band\b|\bthen\b)((?:(?!,|;|\. |\band\b|\bthen\b).)*)")
_ASKS = re.compile(
    r"(?:please |also |finally )?(?:run|build|test|commit|push|make|update|create|delete|remove|start|stop|install|add|"
    r"open|move|rename|send|deploy|"
    r"write|fix|change|check|find|show|list|restart|copy|download|upload|merge|release|tag|preview|launch|generate|"
    r"restore|deploy|come back|go back)\b"
)
_REVERSING = re.compile(
    r"\b(?:delete|remove|abort|cancel|undo|revert|drop|uninstall|disable|kill|never|don't|do not|skip|except|instead)\b"
)
_FILLERS = frozenset(
    content_stems(
        "run start folder last date failure everything project program code app way repo repository machine computer "
        "local locally again first command "
        "shell terminal git "
        "here file files change changes work please quickly currently moment whole whatever somebody someone exactly "
        "simply best how "
        "branch commit commits test tests message called named name show see find tell type right suite python using"
    )
)


class Found(NamedTuple):
    start: int
    end: int
    steps: list[Step]
    lacks: str


def unless_reversed(found: Found, low: str, kept: Sequence[Found]) -> Found:
    """Plan nothing where a word that turns the meaning round stands beside what was understood: "delete the tag"."""
    for clause in CLAUSE.finditer(low):
        if not (found.steps and found.start < clause.end(1) and clause.start(1) < found.end):
            continue
        for word in _REVERSING.finditer(low, clause.start(1), clause.end(1)):
            if not any(one.start <= word.start() < one.end for one in kept):
                return found._replace(steps=[], lacks=f"how to {clause[1].strip()}")
    return found


def unheard(low: str, kept: Sequence[Found], steps: Sequence[Step]) -> list[str]:
    """Return, as one line, the words of planned clauses that neither a pattern nor a step has: "verbose", "parallel"."""
    heard = {
        stem for step in steps for stem in content_stems(f"{step.says} {step.command}".replace("/", " ").replace("_", " "))
    }
    found = []
    for clause in CLAUSE.finditer(low):
        spans = [one for one in kept if one.start < clause.end(1) and clause.start(1) < one.end and one.steps]
        for word in re.finditer(r"[\w./-]{3,}", clause[1] if spans else ""):
            at = clause.start(1) + word.start()
            is_matched = any(one.start <= at < one.end for one in spans)
            stems = set(content_stems(word[0].replace("/", " ").replace("_", " ")))
            if stems and not is_matched and not stems & (heard | _FILLERS):
                found.append(word[0].strip("."))
    return [f"not taken into account: {', '.join(found)}"] if found else []


def unplanned(low: str, kept: Sequence[Found]) -> Iterator[str]:
    """Yield the clauses that ask for something and of which nothing is planned."""
    for clause in CLAUSE.finditer(low):
        is_planned = any(found.start < clause.end(1) and clause.start(1) < found.end for found in kept)
        if not is_planned and _ASKS.match(clause[1].strip()):
            yield clause[1].strip()
