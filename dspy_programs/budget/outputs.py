"""Score a prompt by its outputs on examples: the target model answers each one, and the answers are compared.

Examples   JSONL of {input: str, output or expected: str}, the latter optional: what the answer must equal or contain,
           ignoring case and whitespace. If it is missing, the quality judge scores the answer by the rubric.
Sent       one message: the prompt with {input} (or {question}, {query}, {text}, if that is the placeholder) filled in;
           without a placeholder the input follows after an empty line.
Output     Score: the mean over the examples.
Calls      one per example, plus one if the judge is needed.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import dspy
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dspy_programs.budget.prompt import SEPARATOR, joined
from dspy_programs.budget.scorers import Score, answering
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.lm import running_on
from dspy_programs.programs.quality_judge import QualityJudge
from dspy_programs.types import Rubric, Section

_PLACE = re.compile(r"\{\{?\s*(?:input|question|query|text|user_input)\s*\}?\}", re.IGNORECASE)
_MOST_EXAMPLES = 1000


class Example(BaseModel):
    """One input, and what its answer must equal or contain; None: the judge decides."""

    model_config = ConfigDict(extra="ignore")

    input: str = Field(min_length=1)
    output: str | None = None
    expected: str | None = None

    @property
    def wanted(self) -> str | None:
        return self.expected if self.expected is not None else self.output


def read_examples(path: Path | str) -> list[Example]:
    """Read examples. Raises UsageError as "file:line: field: why"."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start + 1} is not UTF-8") from error
    examples = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                examples.append(Example.model_validate_json(line))
            except ValidationError as error:
                raise UsageError(f"{path}:{number}: {first_fault(error, 'example')}") from error
    if not 0 < len(examples) <= _MOST_EXAMPLES:
        raise UsageError(f"{path}: {len(examples)} examples; give 1 to {_MOST_EXAMPLES}")
    return examples


class OutputsScorer:
    """The target model at temperature 0 on fixed examples: deterministic, so each is asked once."""

    noisy, reads = False, "outputs"

    def __init__(self, lm: dspy.LM, examples: Sequence[Example], judge: QualityJudge | None = None) -> None:
        self.lm, self.examples, self.name = lm, list(examples), f"outputs ({lm.model}, {len(examples)} examples)"
        self._judge = judge

    @property
    def judge(self) -> QualityJudge:
        if self._judge is None:
            from dspy_programs.registry import load

            self._judge = load("quality_judge", self.lm.model)
        return self._judge

    def score(self, sections: Sequence[Section], rubric: Rubric, task: str = "") -> Score:
        prompt = joined(sections)
        values, calls, note = [], 0, ""
        for example in self.examples:
            with answering(self.name):
                answer = self.answer(filled(prompt, example.input))
            calls += 1
            if example.wanted is not None:
                values.append(float(matches(answer, example.wanted)))
                continue
            with answering(self.name), running_on(self.lm):
                found = self.judge(instruction=task or prompt, input=example.input, response=answer, rubric=rubric)
            calls += found.answered_by == "model" or found.failure is not None
            values.append(found.overall)
            if found.failure:
                note = f"rules scored an answer because the judge's reply could not be read ({found.failure.reason})"
        return Score(sum(values) / len(values), calls, answered_by="model", note=note)

    def answer(self, message: str) -> str:
        with dspy.context(disable_history=True):
            replies = self.lm(message)
        reply = replies[0] if replies else ""
        return str(reply.get("text", "") if isinstance(reply, dict) else reply)


def filled(prompt: str, value: str) -> str:
    """Return the message for one input; its text is inserted unchanged, even if it looks like a placeholder."""
    if _PLACE.search(prompt):
        return _PLACE.sub(lambda _: value, prompt)
    return f"{prompt}{SEPARATOR}{value}" if prompt else value


def matches(answer: str, wanted: str) -> bool:
    """Return whether the answer equals the wanted text or contains it as whole words."""
    said, expected = (" ".join(text.casefold().split()) for text in (answer, wanted))
    if not expected or said == expected:
        return said == expected
    return re.search(rf"(?<!\w){re.escape(expected)}(?!\w)", said) is not None
