"""Route a shop's tickets to its queues: a classifier as people write it for DSPy, with all that a training needs."""

from pathlib import Path
from typing import Literal

import dspy

from optimizers import Recipe


class Route(dspy.Signature):
    """Route the ticket to the queue that handles it."""

    ticket: str = dspy.InputField()
    queue: Literal["account", "billing", "delivery", "returns"] = dspy.OutputField()


class TicketRouter(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.route = dspy.ChainOfThought(Route)

    def forward(self, ticket: str) -> dspy.Prediction:
        return self.route(ticket=ticket)


def same_queue(row: dspy.Example, prediction: dspy.Prediction, trace: object = None) -> bool:
    return bool(row.queue == prediction.queue)


recipe = Recipe(TicketRouter, same_queue, data=Path(__file__).with_name("tickets.jsonl"))
