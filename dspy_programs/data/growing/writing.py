"""From a request to new pairs: the compiled data_generator, or a strategy of its own; by rules without a model.

Output     Written: pairs that may be trained on, and what was refused, each with the reason.
Guarantees a reply that cannot be read is a failure, never a pair, nor a reason for rules to answer in a model's place.
Raises     Unjudged, as a judge does, where the model did not answer: the loop counts both alike.
Calls      one for each pair, and up to three for refused ones; the sample is the cycle's, so another cycle has other answers.
"""

from typing import TYPE_CHECKING, Protocol

from dspy_programs.data.growing.back_translation import back_translated
from dspy_programs.data.growing.drafts import Written
from dspy_programs.data.growing.evolution import evolved
from dspy_programs.data.growing.examples import WRITTEN
from dspy_programs.data.growing.personas import asked_by_persona
from dspy_programs.data.growing.request import MOST_PAIRS, Request
from dspy_programs.data.judging.judges import Unjudged
from dspy_programs.errors import ProgramsError
from dspy_programs.text import sendable

if TYPE_CHECKING:
    import dspy

_LONGEST_REASON = 300  # characters
OWN = {"evolve": evolved, "back-translate": back_translated, "persona": asked_by_persona}


class Write(Protocol):
    """What writes pairs. name: of the model, or "rules"."""

    name: str

    def __call__(self, request: Request) -> Written:
        """Raises Unjudged if the model did not answer."""


class Writer:
    """Writes on a model; by rules without one."""

    def __init__(self, lm: "dspy.LM | None" = None) -> None:
        from dspy_programs.programs.data_generator import DataGenerator
        from dspy_programs.registry import load

        self.lm, self.name = lm, "rules" if lm is None else str(lm.model)
        self.generator = DataGenerator() if lm is None else load("data_generator", lm.model).deepcopy()
        if lm is not None and not self.generator.write.demos:
            self.generator.write.demos = list(WRITTEN)

    def __call__(self, request: Request) -> Written:
        from dspy_programs.lm import running_on, sample

        try:
            with running_on(self.lm), sample(request.cycle):
                if self.lm is not None and request.strategy in OWN:
                    return OWN[request.strategy](request)
                return self._by_generator(request)
        except ProgramsError:
            raise
        except Exception as error:  # of a model's engine, which may be anybody's: what it raises says why there is no pair
            raise _unanswered(error) from error

    def _by_generator(self, request: Request) -> Written:
        """Ask the program. Rules cost nothing, so they write all they can: what is new among it is taken."""
        seed = request.seed
        pairs = request.pairs if self.lm else MOST_PAIRS
        found = self.generator(seed.pair, request.template, seed.failures, pairs)  # type: ignore[arg-type]  # checked before
        if self.lm is not None and found.answered_by == "rules":
            return Written([], found.rejected, "model")
        return Written(found.pairs, found.rejected, found.answered_by)


def _unanswered(error: Exception) -> Unjudged:
    from dspy.utils.exceptions import (
        ContextWindowExceededError,
        LMAuthError,
        LMBillingError,
        LMConfigurationError,
        LMUnsupportedModelError,
    )

    hopeless = isinstance(error, LMAuthError | LMBillingError | LMConfigurationError | LMUnsupportedModelError)
    kind = "hopeless" if hopeless else "refused" if isinstance(error, ContextWindowExceededError) else "lost"
    return Unjudged(sendable(" ".join(str(error).split()), _LONGEST_REASON) or type(error).__name__, kind=kind)
