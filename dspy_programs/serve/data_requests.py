"""Requests of the data operations: pairs come in the body, in any form that `data ingest` reads; no file is opened."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from dspy_programs.data.checks import CHECKS
from dspy_programs.data.scorer import MEASURES
from dspy_programs.rubric import DEFAULT, shipped_rubrics
from dspy_programs.serve import limits
from dspy_programs.serve.requests import (
    JsonObject,
    Request,
    RubricCriterion,
    Tokenizer,
    UseLlm,
    Whole,
    readable,
    whole,
    with_example,
)

SERVED_CHECKS = tuple(name for name in CHECKS if name != "contamination")  # which needs files
_LONGEST_SEED = 4000  # characters, which is what the data generator reads

_ROWS = [
    {"instruction": "Name the capital of France.", "output": "The capital of France is Paris."},
    {"instruction": "Translate into German.", "input": "cat", "output": "Katze"},
    {"instruction": "Translate into German.", "input": "cat", "output": "katze"},
    {"messages": [{"role": "user", "content": "What is 3 + 4?"}, {"role": "assistant", "content": "3 + 4 is 7."}]},
]


def _one_of(known: Iterable[str]) -> AfterValidator:
    def checked(name: str) -> str:
        if name not in known:
            raise ValueError(f"choose from {', '.join(known)}")
        return name

    return AfterValidator(checked)


_RUBRICS = [*shipped_rubrics()]  # the tags of unions below are no identifiers, so that no error names them
_Check = Annotated[str, _one_of(SERVED_CHECKS), Field(json_schema_extra={"enum": [*SERVED_CHECKS]})]
_ScoreCheck = Annotated[str, _one_of(MEASURES), Field(json_schema_extra={"enum": [*MEASURES]})]
_RubricName = Annotated[str, _one_of(_RUBRICS), Field(json_schema_extra={"enum": [*_RUBRICS]})]
_Pairs = Annotated[
    list[JsonObject],
    Field(
        min_length=1,
        max_length=limits.MAX_PAIRS,
        description="pairs (instruction, input, output, ...), or Alpaca, ChatML, ShareGPT, prompt-completion or DPO rows",
    ),
]


class ValidatePairs(Request):
    """Pairs to check."""

    model_config = with_example({"pairs": _ROWS, "checks": ["schema", "length", "dedup", "near_dup", "refusals"]})

    pairs: _Pairs
    checks: list[_Check] = Field(
        default=["schema", "length", "dedup", "pii"], min_length=1, max_length=len(CHECKS), description="which checks to run"
    )
    pii: Literal["strict", "warn", "off"] = Field(default="warn", description="strict: personal data is an error")
    language: str = Field(default="en", pattern=r"^[a-z]{2}$", description="ISO 639-1; of the checks lang and profanity")
    min_instruction_len: Whole = Field(default=3, ge=0, le=limits.MAX_TEXT, description="characters")
    max_output_len: Whole = Field(default=8000, ge=0, le=limits.MAX_TEXT, description="characters")
    near_threshold: float = Field(default=0.7, ge=0.5, le=1, allow_inf_nan=False, description="similarity of near duplicates")


class JudgingRubric(Request):
    """What a good pair is, and when one passes."""

    name: str = Field(default="rubric", min_length=1, max_length=60)
    description: str = Field(default="", max_length=1000)
    version: str = Field(default="1", max_length=60)
    criteria: list[RubricCriterion] = Field(min_length=1, max_length=limits.MAX_CRITERIA)
    pass_condition: str = Field(
        default="overall >= 0.6", max_length=300, description="over the criteria's names and `overall`, each from 0 to 1"
    )


_Rubric = Annotated[
    Annotated[_RubricName, Tag("a-name")] | Annotated[JudgingRubric, Tag("an-object")],
    Discriminator(
        lambda value: {str: "a-name", dict: "an-object", JudgingRubric: "an-object"}.get(type(value)),
        custom_error_type="rubric",
        custom_error_message="send a shipped rubric's name or an object",
    ),
]


class JudgePairs(Request):
    """Pairs to judge by a rubric."""

    model_config = with_example({"pairs": _ROWS[:2], "rubric": "quality"})

    pairs: Annotated[_Pairs, Field(max_length=limits.MAX_JUDGED)]
    rubric: _Rubric = Field(default=DEFAULT, description="a shipped rubric's name, or a rubric")
    use_llm: UseLlm = True


class ScoreDataset(Request):
    """A data set to score, of any fields."""

    model_config = with_example({"rows": _ROWS, "name": "greetings"})

    rows: Annotated[list[JsonObject], Field(min_length=1, max_length=limits.MAX_PAIRS, description="rows of any fields")]
    name: str = Field(default="data", min_length=1, max_length=100)
    weights: dict[_ScoreCheck, Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]] = Field(
        default={}, description="other weights of checks"
    )
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] = Field(
        default=[], max_length=20, description="the languages that are meant, as ISO 639-1; default: the most common one"
    )
    label: str | None = Field(default=None, max_length=200, description="the column that is a class label")
    max_tokens: Whole = Field(default=8192, ge=1, le=limits.MAX_TOKENS, description="tokens of a row that fit into training")
    model: Annotated[Tokenizer, Field(description="model whose tokens count: provider/name; default: an OpenAI vocabulary")] = (
        None
    )
    examples: Annotated[int, Field(ge=0, le=100), BeforeValidator(whole)] = Field(
        default=5, description="rows to show for each finding"
    )


class SeedPair(Request):
    """What new pairs start from. failures: mistakes that they should teach to avoid."""

    instruction: str = Field(min_length=1, max_length=_LONGEST_SEED)
    input: str = Field(default="", max_length=_LONGEST_SEED)
    output: str = Field(default="", max_length=_LONGEST_SEED)
    failures: list[Annotated[str, Field(max_length=1000)]] = Field(default=[], max_length=5)


_Seed = Annotated[
    Annotated[str, Field(min_length=1, max_length=_LONGEST_SEED), Tag("a-text")] | Annotated[SeedPair, Tag("an-object")],
    Discriminator(
        lambda value: {str: "a-text", dict: "an-object", SeedPair: "an-object"}.get(type(value)),
        custom_error_type="seed",
        custom_error_message="send an instruction as text, or an object",
    ),
]


class GeneratePairs(Request):
    """Seeds to make pairs of."""

    model_config = with_example(
        {"seeds": ["Explain in one sentence why bread rises."], "template": "INSTRUCTION", "per_seed": 2}
    )

    seeds: Annotated[
        list[_Seed],
        BeforeValidator(readable),
        Field(min_length=1, max_length=limits.MAX_SEEDS, description="instructions, or pairs"),
    ]
    template: Literal["QA", "INSTRUCTION", "REASONING", "CREATIVE", "TOOL_USE", "CODE"] = "INSTRUCTION"
    per_seed: Annotated[int, Field(ge=1, le=8), BeforeValidator(whole)] = Field(default=2, description="pairs of each seed")
    use_llm: UseLlm = True
