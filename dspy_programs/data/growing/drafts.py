"""What strategies share: a reply of the model becomes a pair that may be trained on, or a refusal with its reason."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from dspy_programs.predict import Failure
from dspy_programs.programs.data_generator import Rejected, unfenced
from dspy_programs.text import sendable
from dspy_programs.types import Pair, pair_problems

_READ = 4000  # characters of a field


class Written(NamedTuple):
    """answered_by: "rules" if no model is in use."""

    pairs: list[Pair]
    rejected: list[Rejected]
    answered_by: Literal["model", "rules"] = "model"

    @property
    def unreadable(self) -> str:
        """Return why a reply could not be read; "" if all could."""
        return next((each.reason for each in self.rejected if each.pair is None), "")


def written(replies: Iterable[Pair | Failure], seed: str = "", examples: Iterable[Mapping[str, Any]] = ()) -> Written:
    """Sort replies, up to the first that cannot be read. seed, and each example's pair: instructions that are no new ones."""
    shown = {_key(example["pair"].instruction) for example in examples}
    pairs: list[Pair] = []
    rejected: list[Rejected] = []
    for reply in replies:
        if isinstance(reply, Failure):
            rejected.append(Rejected(reason=reply.reason, raw=reply.raw_reply))
            break
        pair = Pair(**{name: sendable(unfenced(text), _READ) for name, text in reply.model_dump().items()})
        problems = pair_problems(pair) + (["the instruction is the seed's"] if _key(pair.instruction) == _key(seed) else [])
        problems += ["the instruction is an example's"] if _key(pair.instruction) in shown else []
        if problems:
            rejected.append(Rejected(reason="; ".join(problems), pair=pair))
        else:
            pairs.append(pair)
    return Written(pairs, rejected)


def _key(instruction: str) -> str:
    return " ".join(instruction.lower().split())
