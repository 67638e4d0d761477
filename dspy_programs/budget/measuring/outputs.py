"""Score a prompt by its outputs on examples: the target model answers each one, and the answers are compared.

Examples   JSONL of {input: str, output or expected: str, number or a list of these, match: contains (default) or exact}. Right
           is an answer that equals one of the expected texts or, for `contains`, has it in whole words and numbers; case and
           whitespace do not count. Without an expected text the full prompt's own answer is the reference: 1 for the same,
           else F1 of the words. With a judge (a rubric was given), the judge scores such an answer by the rubric instead.
Sent       one message: the prompt with {input} (or {question}, {query}, {text}, if that is the placeholder) filled in;
           without a placeholder the input follows after an empty line.
Output     Score: the mean over the examples.
Calls      one per example; another where the judge, or the full prompt's answer, is needed.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import dspy
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from dspy_programs.budget.measuring.scorers import Score, answering
from dspy_programs.budget.prompts.prompt import SEPARATOR, joined
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.lm import running_on
from dspy_programs.programs.quality_judge import QualityJudge
from dspy_programs.text import f1, quantity, words
from dspy_programs.text_stream import text_in
from dspy_programs.types import Rubric, Section

_PLACE = re.compile(r"\{\{?\s*(?:input|question|query|text|user_input)\s*\}?\}", re.IGNORECASE)
_BEFORE_NUMBER = r"(?<!\d\.)(?<!\d,(?=\d{3}(?!\d)))(?<!(?<!\w)[-\u2212])"  # -5, 1.5, 5.1 and 5,001 are not 5
_AFTER_NUMBER = r"(?!\.\d|,\d{3}(?!\d))"
_MISNAMED = frozenset(
    {"answer", "answers", "label", "target", "expected_output", "reference", "completion", "response", "gold"}
)
_MOST_EXAMPLES = 1000
_LARGEST_FILE = 50_000_000  # bytes


class Example(BaseModel):
    """One input, and the texts of which its answer must equal or contain one; none: see the file's docstring."""

    model_config = ConfigDict(extra="ignore")

    input: str = Field(min_length=1)
    output: str | list[str] | None = None
    expected: str | list[str] | None = None
    match: Literal["contains", "exact"] = "contains"

    @model_validator(mode="before")
    @classmethod
    def _expected_is_named(cls, row: Any) -> Any:
        """Refuse an expected text of another name: without it, the full prompt's own answer would be the reference."""
        if not isinstance(row, dict):
            return row
        if row.keys().isdisjoint(("output", "expected")) and (found := sorted(row.keys() & _MISNAMED)):
            raise PydanticCustomError("misnamed", "the field '{name}' is not read; name it 'expected'", {"name": found[0]})
        return row | {name: _as_text(row[name]) for name in ("output", "expected") if name in row}

    @property
    def wanted(self) -> list[str]:
        found = self.expected if self.expected is not None else self.output
        return [found] if isinstance(found, str) else found or []


def _as_text(value: Any) -> Any:
    """Return a number or a truth value as JSON writes it, and so those in a list."""
    if isinstance(value, list):
        return [_as_text(one) for one in value]
    return json.dumps(value) if isinstance(value, int | float) else value


def read_examples(path: Path | str) -> list[Example]:
    """Read examples.

    Args:
        path: A JSON lines file of {input, output}; without an output, the full prompt's answer is the reference.

    Returns:
        The examples, in order.

    Raises:
        UsageError: A line is invalid, as "file:line: field: why".
    """
    path = Path(path)
    lines = text_in(path, _LARGEST_FILE, "a file of examples").split("\n")  # other line breaks may stand in a text
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

    noisy, measures = False, "outputs"

    def __init__(self, lm: dspy.LM, examples: Sequence[Example], judge: QualityJudge | None = None) -> None:
        """judge: scores the answers to examples without an expected text."""
        self.lm, self.examples, self.judge = lm, list(examples), judge
        self.name = f"outputs ({lm.model}, {quantity(len(examples), 'example')})"
        self._answers: dict[str, str] = {}

    @classmethod
    def on(cls, lm: dspy.LM | None, examples: Sequence[Example], judged: bool) -> "OutputsScorer":
        """Return the scorer of a model on examples; judged: the judge compiled for it scores answers without an expected text.

        Raises UsageError if there is no model or no example.
        """
        from dspy_programs.registry import load

        if not examples or lm is None:
            raise UsageError(
                "scoring outputs needs examples (--examples FILE) and a model (--lm, or --scorer ollama; a server: serve --lm)"
            )
        needs_judge = judged and not all(example.wanted for example in examples)
        return cls(lm, examples, load("quality_judge", lm.model) if needs_judge else None)

    def score(self, sections: Sequence[Section], rubric: Rubric, task: str = "") -> Score:
        """Score a prompt on all examples; its own answers are the reference where nothing is expected."""
        found = [self.score_one(sections, number, rubric, task, sections) for number in range(len(self.examples))]
        note = next((score.note for score in found if score.note), "")
        value = sum(score.value or 0.0 for score in found) / len(found)
        return Score(value, sum(score.calls for score in found), answered_by="model", note=note)

    def score_one(self, sections: Sequence[Section], number: int, rubric: Rubric, task: str, whole: Sequence[Section]) -> Score:
        """Score a prompt on one example; whole: the prompt whose answer is the reference where nothing is expected."""
        example, asked = self.examples[number], len(self._answers)
        answer = self.answer(filled(joined(sections), example.input))
        if example.wanted:
            value = float(any(matches(answer, wanted, example.match) for wanted in example.wanted))
        elif self.judge is None:
            value = agreement(answer, self.answer(filled(joined(whole), example.input)))
        else:
            return self._judged(self.judge, example, answer, rubric, task or joined(whole), len(self._answers) - asked)
        return Score(value, len(self._answers) - asked, answered_by="model")

    def _judged(self, judge: QualityJudge, example: Example, answer: str, rubric: Rubric, task: str, calls: int) -> Score:
        with answering(self.name), running_on(self.lm):
            found = judge(instruction=task, input=example.input, response=answer, rubric=rubric)
        calls += found.answered_by == "model" or found.failure is not None
        note = ""
        if found.failure:
            note = f"rules scored an answer because the judge's reply could not be read ({found.failure.reason})"
        return Score(found.overall, calls, answered_by="model", note=note)

    def answer(self, message: str) -> str:
        """Return the model's answer to a message, asked once. Raises LanguageModelError."""
        if message not in self._answers:
            with answering(self.name), dspy.context(disable_history=True):
                replies = self.lm(message)
            reply = replies[0] if replies else ""
            self._answers[message] = str(reply.get("text", "") if isinstance(reply, dict) else reply)
        return self._answers[message]


def filled(prompt: str, value: str) -> str:
    """Return the message for one input; its text is inserted unchanged, even if it looks like a placeholder."""
    if _PLACE.search(prompt):
        return _PLACE.sub(lambda _: value, prompt)
    return f"{prompt}{SEPARATOR}{value}" if prompt else value


def matches(answer: str, wanted: str, match: str = "contains") -> bool:
    """Return whether the answer equals the wanted text or, for `contains`, has it in whole words."""
    said, expected = (" ".join(text.casefold().split()) for text in (answer, wanted))
    if not expected or said == expected or match == "exact":
        return said == expected
    before = _BEFORE_NUMBER if expected[0].isdigit() else ""
    after = _AFTER_NUMBER if expected[-1].isdigit() else ""
    return re.search(rf"(?<!\w){before}{re.escape(expected)}(?!\w){after}", said) is not None


def agreement(answer: str, reference: str) -> float:
    """Return how far two answers agree: 1 for the same words in the same order, else F1 of the words."""
    said, wanted = words(answer), words(reference)
    return 1.0 if said == wanted else f1(Counter(wanted), Counter(said))
