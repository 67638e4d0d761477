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
        "simply best how each every version latest newest package.json pyproject.toml cargo.toml script scripts recursively "
        "branch commit commits test tests message called named name show see find tell type right suite python using"
    )
)


_NAME = re.compile(r"[\w.-]*[/.][\w./-]*\w|\"[^\"]*\"|`[^`]*`")
_QUESTION = re.compile(
    r"(?:(?:please|now|and|so|hey|hi|can you|could you|i (?:want|need|would like) to|let me|let us)\b,? ?)*"
    r"(?:which|what|who|whose|where|when|why|how (?:many|much|big|large|long|old|often|full)|is|are|does|did|has|have|list"
    r"|count|show|print|display)\b"
)
_HOW = re.compile(r"^(?:please )?how (?:can|do|to|could|would|should) ?(?:i|we|you)? ?")
_CHANGING = re.compile(
    rf"(?:{_HOW.pattern[1:]})?(change|set|edit|replace|insert|rewrite|modify|convert|copy|split|swap|sign|list|count)\b"
)
"""How a clause begins that asks for what the rules would else take for something near it."""
_LIMITS = re.compile(r"(?:but not|except|excluding|without|not|ignoring|unless|no)\b")
_ASKS_HOW = re.compile(r"\bcommand\b|\bhow to\b|\bdo (?:i|we)\b|\b(?:should|must|can) (?:i|we)\b")


class Found(NamedTuple):
    start: int
    end: int
    steps: list[Step]
    lacks: str
    acts: bool = False
    """Whether it changes something: no question means that."""


def how_to(clause: str) -> str:
    """Return what is missing for a clause of which nothing is planned."""
    return f"how to {_HOW.sub('', clause.strip().rstrip('?'))}"


def is_beside(found: Found, low: str) -> bool:
    """Return whether what was found is but a part of a name, in an exception, or acts where the clause only asks."""
    inside = (name for name in _NAME.finditer(low) if name.start() <= found.start and found.end <= name.end())
    if any(name.end() - name.start() > found.end - found.start for name in inside):
        return True
    clause = next((each[1].strip() for each in CLAUSE.finditer(low) if each.start(1) <= found.start < each.end(1)), "")
    if re.search(r"\bnot\b(?! (?:track|know))", low[found.start : found.end]):
        return True
    if _LIMITS.match(clause):
        return True
    return found.acts and _QUESTION.match(clause) is not None and not _ASKS_HOW.search(clause)


def unless_missed(found: Sequence[Found], low: str) -> list[Found]:
    """Plan no change for a clause of which more is left over than understood."""
    kept = []
    for one in found:
        clause = next((each for each in CLAUSE.finditer(low) if each.start(1) <= one.start < each.end(1)), None)
        lost = _lost_in(clause, found, [step for each in found for step in each.steps]) if clause and one.steps else []
        known = {stem for stem in content_stems(clause[1]) if stem not in _FILLERS} if clause else set()
        too_many = one.acts and len(lost) >= 3 and len({stem for word in lost for stem in content_stems(word)}) > len(known) / 2
        kept.append(one._replace(steps=[], lacks=how_to(clause[1])) if too_many and clause else one)
    return kept


def unless_reversed(found: Found, low: str, kept: Sequence[Found]) -> Found:
    """Plan nothing where a word that turns the meaning round stands beside what was understood: "delete the tag"."""
    for clause in CLAUSE.finditer(low):
        if not (found.steps and found.start < clause.end(1) and clause.start(1) < found.end):
            continue
        for word in _REVERSING.finditer(low, clause.start(1), clause.end(1)):
            if not any(one.start <= word.start() < one.end for one in kept):
                return found._replace(steps=[], lacks=how_to(clause[1]))
        changing = _CHANGING.match(clause[1].strip())
        if (
            changing
            and not found.acts
            and not found.steps[0].says.startswith(changing[1])
            and not any(one.start <= clause.start(1) + clause[1].index(changing[1]) < one.end for one in kept)
        ):
            return found._replace(steps=[], lacks=how_to(clause[1]))
    return found


def unheard(low: str, kept: Sequence[Found], steps: Sequence[Step]) -> list[str]:
    """Return, as one line, the words of planned clauses that neither a pattern nor a step has: "verbose", "parallel"."""
    found = [word for clause in CLAUSE.finditer(low) for word in _lost_in(clause, kept, steps)]
    return [f"not taken into account: {', '.join(found)}"] if found else []


def _lost_in(clause: re.Match[str], kept: Sequence[Found], steps: Sequence[Step]) -> list[str]:
    """Return the words of a clause that neither a pattern nor a step has; [] if nothing of it is planned."""
    heard = {
        stem for step in steps for stem in content_stems(f"{step.says} {step.command}".replace("/", " ").replace("_", " "))
    }
    found = []
    spans = [one for one in kept if one.start < clause.end(1) and clause.start(1) < one.end and one.steps]
    for word in re.finditer(r"[\w./-]{3,}", clause[1] if spans else ""):
        at = clause.start(1) + word.start()
        is_matched = any(one.start <= at < one.end for one in spans)
        stems = set(content_stems(word[0].replace("/", " ").replace("_", " ")))
        if stems and not is_matched and not stems & (heard | _FILLERS):
            found.append(word[0].strip("."))
    return found


def unplanned(low: str, kept: Sequence[Found]) -> Iterator[str]:
    """Yield the clauses that ask for something and of which nothing is planned."""
    for clause in CLAUSE.finditer(low):
        is_planned = any(found.start < clause.end(1) and clause.start(1) < found.end for found in kept)
        if not is_planned and _ASKS.match(clause[1].strip()):
            yield clause[1].strip()
