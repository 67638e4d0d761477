"""Generate new training pairs from a seed.

Guarantees a model sees the seed's key words, never the seed: shown an example, a small model copies it.
Calls      one per pair, each seeing the instructions written so far, including refused ones, until the third refusal.
           Without a language model none, and the rules of pair_templates.py answer, as they do if the first reply is
           unreadable.
Source     the task: Self-Instruct (Wang et al. 2023).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import dspy
from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.errors import UsageError
from dspy_programs.model_in_use import model_in_use
from dspy_programs.predict import Failure, FewShot, Program, Result, ask
from dspy_programs.programs.data_generator.pair_templates import pairs_by_rules
from dspy_programs.text import STOPWORDS, jaccard, ngrams, sendable, shortened, words
from dspy_programs.types import Pair, pair_problems

_Template = Literal["QA", "INSTRUCTION", "REASONING", "CREATIVE", "TOOL_USE", "CODE"]
MEANING: dict[_Template, str] = {
    "QA": "a question and its short, true answer",
    "INSTRUCTION": "a task in plain words and the text that does it",
    "REASONING": "a problem that takes steps; the output gives the steps and ends with the answer",
    "CREATIVE": "a request for imaginative writing and the writing itself",
    "TOOL_USE": 'a request, with the tools on offer as input; the output is one call, {"tool": name, "arguments": {...}}',
    "CODE": "a programming task and the bare code that does it",
}
_MOST_PAIRS = 8
RETRIES = 2  # pairs that may be refused before the next refusal ends it
_MOST_FAILURES = 5
_LONGEST_FAILURE = 160  # characters
_LONGEST_WRITTEN = 300  # characters of an instruction written already that the model reads
_MOST_WORDS = 12  # of the seed, that the model is shown
_LONGEST_WORD = 40  # characters
_READ = 4000  # characters of each field of the seed that are read at all
_COPY = 0.5  # of the pairs of neighbouring words of two instructions: the same but for a word or two
_FENCED = re.compile(r"\s*```[\w+-]*\n(?P<text>.*?)\n?```\s*", re.DOTALL)


class Rejected(BaseModel):
    """A pair that must not be trained on, or a reply that is none, and why."""

    reason: str
    pair: Pair | None = None
    raw: str = ""


# No docstring: it would be a part of the prompt. About 170 tokens at most.
class DraftPair(Pair):
    model_config = ConfigDict(extra="forbid")

    instruction: str = Field(min_length=1, max_length=200)
    input: str = Field(max_length=200)
    output: str = Field(min_length=1, max_length=300)


class WritePair(dspy.Signature):
    """Write one new training example of the given kind about the subject: a task, the text it works on if it needs one, and the right and complete answer, short. The task is unlike all those written already."""  # noqa: E501

    kind: str = dspy.InputField(desc="what the example must be")
    failures: list[str] = dspy.InputField(desc="mistakes made earlier; the example teaches to do this right")
    subject: str = dspy.InputField(desc="words from an example that there is already")
    written: list[str] = dspy.InputField(desc="instructions written already; do not repeat them")
    pair: DraftPair = dspy.OutputField(desc="the new example")


class DataGeneratorResult(Result):
    """New pairs, and refused ones."""

    pairs: list[Pair]
    """The pairs that may be trained on, at most `n`, each with an instruction of its own."""
    rejected: list[Rejected]
    """The pairs that may not, each with the reason, and a reply that could not be read."""


class DataGenerator(Program):
    """Write pairs one by one, and keep those suitable for training."""

    def __init__(self) -> None:
        super().__init__()
        self.write = FewShot(WritePair)

    def forward(
        self,
        seed: Pair | Mapping[str, object] | str,
        template: _Template = "INSTRUCTION",
        failures: Sequence[str] = (),
        n: int = 1,
    ) -> DataGeneratorResult:
        """Make new training pairs out of a seed.

        Args:
            seed: A Pair, a mapping of its fields, or just the instruction as text.
            template: What kind of pair to make.
            failures: Earlier mistakes to teach; the first 5 are used, 160 characters of each.
            n: How many pairs to make, 1 to 8.

        Returns:
            The pairs, fewer than `n` if three were refused.

        Raises:
            UsageError: The seed has no instruction, the template is unknown, or `n` is out of range.
            ValueError: The seed is not a pair.
            ModelLost: This thread cannot see the model that another thread chose with `use`.
        """
        start = _seed_of(seed)
        lessons = _lessons_of(failures)
        _check_request(template, n)
        harvest = _Harvest(n, [start.instruction, *_instructions_of(self.write.demos)])
        if model_in_use(self.write.lm) is None:
            return _by_rules(start, template, harvest)
        failure = None
        while not harvest.is_full and len(harvest.rejected) <= RETRIES:
            inputs = {"kind": f"{template}: {MEANING[template]}", "failures": lessons, "subject": subject(start)}
            written = [shortened(text, _LONGEST_WRITTEN) for text in harvest.instructions]
            reply = ask(self.write, **inputs, written=written)
            if isinstance(reply, Failure):
                failure = reply
                harvest.rejected.append(Rejected(reason=reply.reason, raw=reply.raw_reply))
                break
            harvest.add(reply.pair)
        if failure and not harvest.pairs:
            return _by_rules(start, template, harvest, failure)
        return harvest.result("model", failure)

    if TYPE_CHECKING:
        __call__ = forward


@dataclass
class _Harvest:
    """The pairs kept and refused so far. `known` are instructions that no new one may copy."""

    n: int
    known: list[str]
    pairs: list[Pair] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return len(self.pairs) >= self.n

    @property
    def instructions(self) -> list[str]:
        """The instructions of all pairs so far, each once: a model that sees its refused one writes another."""
        refused = [each.pair.instruction for each in self.rejected if each.pair]
        return list(dict.fromkeys([*(pair.instruction for pair in self.pairs), *refused]))

    def add(self, draft: Pair) -> None:
        """Keep a pair that is new and suitable for training; else record why not."""
        pair = Pair(**{name: sendable(unfenced(text), _READ) for name, text in draft.model_dump().items()})
        problems = pair_problems(pair) or [f"a copy of {text!r}" for text in self.known if _is_copy(pair.instruction, text)]
        if problems:
            self.rejected.append(Rejected(reason="; ".join(problems), pair=pair))
            return
        self.pairs.append(pair)
        self.known.append(pair.instruction)

    def result(self, answered_by: Literal["model", "rules"], failure: Failure | None) -> DataGeneratorResult:
        return DataGeneratorResult(pairs=self.pairs, rejected=self.rejected, answered_by=answered_by, failure=failure)


def _by_rules(seed: Pair, template: _Template, harvest: _Harvest, failure: Failure | None = None) -> DataGeneratorResult:
    for pair in pairs_by_rules(seed, template):
        if harvest.is_full:
            break
        harvest.add(pair)
    return harvest.result("rules", failure)


def _seed_of(value: Pair | Mapping[str, object] | str) -> Pair:
    """Read a seed: a pair, or an instruction that has no answer yet."""
    seed = Pair(instruction=value, output="") if isinstance(value, str) else Pair.model_validate(value)
    seed = Pair(**{name: sendable(text, _READ) for name, text in seed.model_dump().items()})
    if not words(seed.instruction):
        raise UsageError("the seed has no instruction; give a pair, or the instruction alone as text")
    return seed


def _lessons_of(failures: Sequence[str]) -> list[str]:
    """Return the first few non-empty failures, each cut."""
    if isinstance(failures, str) or not all(isinstance(failure, str) for failure in failures):
        raise UsageError("failures must be a list of strings, each saying what went wrong")
    told = (" ".join(sendable(failure, _READ).split()) for failure in failures)
    return [shortened(text, _LONGEST_FAILURE) for text in told if text][:_MOST_FAILURES]


def _check_request(template: str, n: int) -> None:
    if template not in MEANING:
        raise UsageError(f"unknown template {template!r}; choose from {', '.join(get_args(_Template))}")
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= _MOST_PAIRS:
        raise UsageError(f"n is {n!r}; it must be an integer from 1 to {_MOST_PAIRS}")


def subject(seed: Pair) -> str:
    """Return a seed's key words: shown a whole example, a small model copies it."""
    found = (word[:_LONGEST_WORD] for text in seed.model_dump().values() for word in words(text))
    telling = dict.fromkeys(word for word in found if word not in STOPWORDS and len(word) > 2 and not word.isdigit())
    return ", ".join(list(telling)[:_MOST_WORDS]) or seed.instruction[:_LONGEST_WORD]


def unfenced(text: str) -> str:
    """Return the contents of a code fence if there is nothing else."""
    match = _FENCED.fullmatch(text)
    return match["text"] if match else text


def _is_copy(instruction: str, other: str) -> bool:
    return jaccard(ngrams(instruction, 2), ngrams(other, 2)) >= _COPY


def _instructions_of(demonstrations: Iterable[Any]) -> list[str]:
    """Return the demonstrations' instructions, which a small model tends to repeat."""
    pairs = (demonstration.get("pair") for demonstration in demonstrations)
    return [str(pair.get("instruction", "") if isinstance(pair, Mapping) else pair.instruction) for pair in pairs if pair]
