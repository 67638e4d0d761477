"""Answer questions that take two looks into a corpus: retrieval in two hops as people write it for DSPy."""

from pathlib import Path

import dspy
from dspy.evaluate import answer_exact_match

from optimizers import Recipe

PASSAGES = Path(__file__).with_name("bridges.txt").read_text(encoding="utf-8").splitlines()


class Ask(dspy.Signature):
    """Write a query for the one thing that the question needs and the context does not say yet."""

    question: str = dspy.InputField()
    context: list[str] = dspy.InputField()
    query: str = dspy.OutputField()


class Answer(dspy.Signature):
    """Answer the question from the context, with a name alone."""

    question: str = dspy.InputField()
    context: list[str] = dspy.InputField()
    answer: str = dspy.OutputField()


def words(text: str) -> set[str]:
    return {word.strip(".,?'").removesuffix("'s").lower() for word in text.split()} - {"the", "of", "is", "was", "in", "does"}


def search(query: str, count: int = 3) -> list[str]:
    """Return the passages that share most words with the query."""
    return sorted(PASSAGES, key=lambda passage: -len(words(passage) & words(query)))[:count]


class TwoHop(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ask = dspy.Predict(Ask)
        self.answer = dspy.ChainOfThought(Answer)

    def forward(self, question: str) -> dspy.Prediction:
        context = search(question)
        query = self.ask(question=question, context=context).query
        context += [passage for passage in search(query) if passage not in context]
        return self.answer(question=question, context=context)


recipe = Recipe(TwoHop, answer_exact_match, data=Path(__file__).with_name("bridge_questions.jsonl"))
