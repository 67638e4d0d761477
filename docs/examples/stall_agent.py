"""Keep a fruit stall's books with two tools: a ReAct agent as people write it for DSPy."""

from pathlib import Path

import dspy
from dspy.evaluate import answer_exact_match

from optimizers import Recipe

STALL = {
    "apples": (12, 3),
    "pears": (7, 4),
    "plums": (30, 2),
    "melons": (5, 9),
    "figs": (16, 5),
    "quinces": (8, 6),
    "limes": (25, 3),
    "dates": (40, 2),
}


def look_up(fruit: str) -> str:
    """Say how many of a fruit there are, and what one costs."""
    if fruit.lower() not in STALL:
        return f"there is no {fruit}; there are {', '.join(STALL)}"
    count, price = STALL[fruit.lower()]
    return f"{count} {fruit}, {price} coins each"


def calculate(first: int, operation: str, second: int) -> int:
    """Add, subtract or multiply two whole numbers; operation: "+", "-" or "*"."""
    return {"+": first + second, "-": first - second, "*": first * second}[operation]


asked = dspy.Signature("question -> answer", "Answer with a number alone.")
agent = dspy.ReAct(asked, tools=[look_up, calculate], max_iters=4)
recipe = Recipe(agent, answer_exact_match, data=Path(__file__).with_name("stall_questions.jsonl"))
