"""Ask for what another person would ask about a seed's subject: one model alone writes as one person.

Source     personas as a source of variety: Ge et al. 2024, "Scaling Synthetic Data Creation with 1,000,000,000 Personas".
"""

from collections.abc import Iterator

import dspy

from dspy_programs.data.growing.drafts import Written, written
from dspy_programs.data.growing.examples import ASKED
from dspy_programs.data.growing.request import Request
from dspy_programs.predict import Failure, ask
from dspy_programs.programs.data_generator import MEANING, DraftPair, subject
from dspy_programs.types import Pair

PERSONAS = (
    "a child of nine who wants to know why",
    "a nurse on night shift with little time",
    "a farmer who plans the next season",
    "a lawyer who needs exact words",
    "a retired engineer who repairs old radios",
    "a cook in a small restaurant",
    "a student on the evening before an exam",
    "a mother of three who runs a shop",
    "a traveller in a country whose language she does not speak",
    "a data analyst who distrusts averages",
    "a bus driver and amateur astronomer",
    "a teacher of a class with many mother tongues",
    "a volunteer who writes a newsletter for neighbours",
    "a programmer new to the language at hand",
    "a nature photographer",
    "a treasurer of a sports club",
)


class AskAsPerson(dspy.Signature):
    """Write one new training example of the given kind that this person would ask for about the subject: a task in the person's own words, the text it works on if it needs one, and the right and complete answer, short."""  # noqa: E501

    kind: str = dspy.InputField(desc="what the example must be")
    failures: list[str] = dspy.InputField(desc="mistakes made earlier; the example teaches to do this right")
    person: str = dspy.InputField(desc="who asks")
    subject: str = dspy.InputField(desc="words of the subject")
    pair: DraftPair = dspy.OutputField(desc="the new example")


def asked_by_persona(request: Request) -> Written:
    return written(_replies(request), request.seed.instruction, ASKED)


def _replies(request: Request) -> Iterator[Pair | Failure]:
    predictor, seed = dspy.Predict(AskAsPerson), request.seed
    predictor.demos = list(ASKED)
    for nth in range(request.pairs):
        reply = ask(
            predictor,
            kind=f"{request.template}: {MEANING[request.template]}",  # type: ignore[index]  # checked before
            failures=seed.failures,
            person=PERSONAS[(request.turn * request.pairs + nth) % len(PERSONAS)],
            subject=subject(seed.pair),
        )
        yield reply if isinstance(reply, Failure) else reply.pair
