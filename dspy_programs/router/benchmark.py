"""Asks each model of a catalogue a few times, and tells what that took."""

from typing import Any

from dspy_programs.router.catalogue import Priority
from dspy_programs.router.errors import NoneAnswered
from dspy_programs.router.figures import quantile
from dspy_programs.router.needs import Needs, needs_of
from dspy_programs.router.router import Router

_ANSWER = 64  # tokens


def measured(router: Router, message: str, iterations: int, only: tuple[str, ...], priority: Priority | None) -> dict[str, Any]:
    """Return the figures of each model, and the model that the priority chooses with them, among those that answered.

    Raises what asking raises, but a model that does not answer, which is counted.
    """
    body = {"messages": [{"role": "user", "content": message}], "max_tokens": _ANSWER}
    for name in only:
        router.decider.known_place(name)
    rows = [_of_one(router, body, model.id, iterations) for model in router.catalogue.models if not only or model.id in only]
    there = tuple(row["model"] for row in rows if row["answers"])
    decision = router.decide(needs_of(body, priority=priority, preferred=there or only))
    chosen = router.catalogue.models[decision.best].id
    return {"models": rows, "priority": decision.priority, "chosen": chosen, "spent_usd": round(router.money.spent, 6)}


def _of_one(router: Router, body: dict[str, Any], model: str, iterations: int) -> dict[str, Any]:
    times: list[float] = []
    problem = ""
    for _ in range(iterations):
        try:
            times.append(router.chat(body, _only(body, model), cache=False).attempts[-1].ms)
        except NoneAnswered as error:
            problem = error.attempts[-1].problem
            if not times:
                break  # it has been tried again already
    times.sort()
    mean = sum(times) / len(times) if times else None
    told = {"avg_ms": mean, "p50_ms": quantile(times, 0.5), "p95_ms": quantile(times, 0.95)}
    return {
        "model": model,
        "answers": len(times),
        **{name: None if ms is None else round(ms, 1) for name, ms in told.items()},
        "problem": problem,
    }


def _only(body: dict[str, Any], model: str) -> Needs:
    return needs_of(body, preferred=(model,))
