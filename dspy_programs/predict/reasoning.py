"""Chain of thought as a change to a program: every predictor writes its reasoning before its answer.

Large models often gain from it, small ones often lose, and every reply gets longer. So a search tries it as a starting program;
it is not the default.

Source     chain of thought: Wei et al. 2022, "Chain-of-Thought Prompting Elicits Reasoning in Large Language Models".
"""

from typing import Annotated

import dspy
from pydantic import Field, RootModel

FIELD = "reasoning"


class Reasoning(RootModel[Annotated[str, Field(max_length=400)]]):  # the bound of a bare string would not reach the schema
    pass


def add_reasoning(program: dspy.Module) -> dspy.Module:
    """Put the field before the other outputs of every predictor, in place.

    Args:
        program: A program of this library, or any `dspy.Module`.

    Returns:
        The same program.
    """
    for predictor in program.predictors():
        field = dspy.OutputField(desc="step by step, in a few words")
        predictor.signature = predictor.signature.prepend(FIELD, field, type_=Reasoning)
    return program
