"""A judge of one text by a rubric: the compiled quality_judge on a model, or its rules without one.

Output     an Opinion: scores of every criterion, and why.
Guarantees no verdict is read from a reply. A reply that cannot be read, lacks a criterion or scores outside the scale is
           Unjudged, never a score; so is a call that failed.
Calls      one for each opinion of a model; none for a blank response, which scores 0.
"""

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dspy_programs.data.judging.judgment import Opinion
from dspy_programs.data.judging.shown import Shown
from dspy_programs.errors import ProgramsError
from dspy_programs.rubric import DEFAULT, rubric_of
from dspy_programs.text import sendable
from dspy_programs.types import Rubric

if TYPE_CHECKING:
    import dspy

    from dspy_programs.predict import Failure
    from dspy_programs.programs.quality_judge import QualityJudge

RULES = "rules"
_FORMAT = 1  # of a key; another one for another meaning of a stored opinion
_LONGEST_REASON, _LONGEST_SAMPLE = 300, 300  # characters


class Unjudged(Exception):
    """Why there is no opinion. sample: the start of the reply, if there was one.

    kind: "reply" could not be read; "refused" this one text; "lost": the model did not answer; "unreachable": there was no
    connection; "hopeless": it never will.
    """

    def __init__(self, reason: str, sample: str = "", kind: str = "reply") -> None:
        super().__init__(reason)
        self.reason, self.sample, self.kind = reason, sample, kind


class Judge(Protocol):
    """name: of the model, or "rules"; digest: of all that changes an opinion but the text; costs: asking again is not free."""

    name: str
    digest: str
    costs: bool

    def opinion(self, shown: Shown) -> Opinion:
        """Judge one text. Raises Unjudged."""


class RulesJudge:
    """Checks of form and overlap, the same that quality_judge falls back to. Calls no model."""

    name = RULES
    costs = False

    def __init__(self, rubric: Rubric) -> None:
        self.rubric = rubric_of(rubric.model_dump())
        self.digest = _digest(RULES, _seen_of(rubric))

    def opinion(self, shown: Shown) -> Opinion:
        from dspy_programs.programs.quality_judge import scores_by_checks, worst_fault

        asked, response = f"{shown.instruction}\n{shown.input}", shown.response
        reason = worst_fault(asked, response) or "no fault in form or length"
        scores = scores_by_checks(asked, response, self.rubric)
        return Opinion(judge_model=RULES, scores=scores, reason=reason, answered_by="rules", at=now())


class ModelJudge:
    """The quality_judge compiled for a model; an embedded one is asked for a mistake instead (doubt.py)."""

    costs = True

    def __init__(self, lm: "dspy.LM", rubric: Rubric, program: "QualityJudge | None" = None) -> None:
        """program: the one to use in place of that compiled for the model."""
        from dspy_programs.lm import address_of, decoding, is_embedded
        from dspy_programs.registry import load

        self.lm, self.rubric, self.name = lm, rubric_of(rubric.model_dump()), str(lm.model)
        self.program = program or load("quality_judge", lm.model)
        self._by_doubt = program is None and is_embedded(lm) and _seen_of(self.rubric) == _seen_of(rubric_of(DEFAULT))
        state = json.dumps(self.program.dump_state(), sort_keys=True)
        self.digest = _digest(lm.model, address_of(lm), decoding(lm), state, _seen_of(rubric))

    def opinion(self, shown: Shown) -> Opinion:
        from dspy_programs.lm import running_on

        try:
            with running_on(self.lm):
                if self._by_doubt and (told := self._by_doubt_of(shown)) is not None:
                    return told
                found = self.program(shown.instruction, shown.response, input=shown.input, rubric=self.rubric)
        except (ProgramsError, Unjudged):
            raise
        except Exception as error:  # of a model's engine, which may be anybody's: what it raises says why this one has no score
            raise _unanswered(error) from error
        if found.failure is not None:
            raise _unreadable(found.failure)
        said = sendable(found.reason, _LONGEST_REASON)
        return Opinion(judge_model=self.name, scores=found.scores, reason=said, answered_by=found.answered_by, at=now())

    def _by_doubt_of(self, shown: Shown) -> Opinion | None:
        """Return the opinion by log-probabilities; None for a blank response, and from an engine without them."""
        from dspy_programs.data.judging.doubt import share_without_mistake
        from dspy_programs.predict import Failure

        told = share_without_mistake(shown) if shown.response.strip() else None
        if told is None:
            return None
        if isinstance(told, Failure):
            raise _unreadable(told)
        share, reason = told
        scores = {criterion.name: share for criterion in self.rubric.criteria}
        return Opinion(judge_model=self.name, scores=scores, reason=reason, answered_by="model", at=now())


def _unanswered(error: Exception) -> Unjudged:
    from dspy.utils.exceptions import (
        ContextWindowExceededError,
        LMAuthError,
        LMBillingError,
        LMConfigurationError,
        LMTransportError,
        LMUnsupportedModelError,
    )

    kinds = {
        "hopeless": LMAuthError | LMBillingError | LMConfigurationError | LMUnsupportedModelError,
        "refused": ContextWindowExceededError,
        "unreachable": LMTransportError,
    }
    kind = next((name for name, classes in kinds.items() if isinstance(error, classes)), "lost")
    reason = sendable(" ".join(str(error).split()), _LONGEST_REASON) or type(error).__name__
    return Unjudged(reason, kind=kind)


def _unreadable(failure: "Failure") -> Unjudged:
    return Unjudged(sendable(failure.reason, _LONGEST_REASON), sendable(failure.raw_reply, _LONGEST_SAMPLE))


def key_of(judge: Judge, shown: Shown) -> str:
    """Return the key of a judge's opinion on a text."""
    return _digest(judge.digest, shown)


def digest_of(*parts: object) -> str:
    """Return a short digest of values that JSON can hold."""
    return _digest(*parts)[:16]


def _digest(*parts: object) -> str:
    said = json.dumps([_FORMAT, _code(), *parts], sort_keys=True)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _seen_of(rubric: Rubric) -> dict[str, object]:
    """Return what of a rubric a judge can see."""
    return rubric.model_dump(include={"criteria", "description", "scoring_instructions"})


@cache
def _code() -> str:
    """Return a digest of the code that makes prompts and reads replies, and of the rules: other code is another judge."""
    package = Path(__file__).parents[2]
    files = [
        *sorted((package / "programs" / "quality_judge").glob("*.py")),
        package / "text.py",
        *(Path(__file__).parent / name for name in ("shown.py", "doubt.py")),
    ]
    return hashlib.sha256(b"\0".join(b"\n".join(path.read_bytes().splitlines()) for path in files)).hexdigest()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
