"""How commands show models, decisions and what was measured: plain columns, and JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from dspy_programs.router.catalogue import WEIGHTS, Catalogue
from dspy_programs.router.deciding import Decision
from dspy_programs.router.learning.quality import Quality
from dspy_programs.router.learning.reading import Scored
from dspy_programs.router.needs import Needs
from dspy_programs.router.router import Router
from dspy_programs.text import printable, quantity


def models_as_json(router: Router, program: str | None) -> dict[str, Any]:
    quality = router.decider.quality(program)
    models = [
        one.model_dump(mode="json", exclude={"api_base", "key_env"}) | {"expected_quality": round(float(quality[at]), 4)}
        for at, one in enumerate(router.catalogue.models)
    ]
    return {"models": models, "choices": _choices(router, program)}


def models_as_table(router: Router, program: str | None) -> str:
    quality, choices = router.decider.quality(program), _choices(router, program)
    rows = [
        [
            one.id,
            f"{one.latency_ms:,.0f}",
            f"{one.prompt_usd_per_1k * 1000:.2f}",
            f"{one.completion_usd_per_1k * 1000:.2f}",
            f"{quality[at]:.3f}",
            f"{one.context:,}",
            ", ".join(priority for priority, chosen in choices.items() if chosen == one.id),
        ]
        for at, one in enumerate(router.catalogue.models)
    ]
    return _table(["model", "ms", "$/M in", "$/M out", "quality", "context", "chosen for"], rows)


def decision_as_json(router: Router, decision: Decision) -> dict[str, Any]:
    models = router.catalogue.models
    return {
        "selected_model": models[decision.best].id,
        "priority": decision.priority,
        "weights": decision.weights.model_dump(),
        "candidates": [{"model": models[at].id, "score": round(decision.score(at), 3)} for at in decision.order()],
    }


def decision_as_text(told: dict[str, Any]) -> str:
    rows = [[one["model"], f"{one['score']:.3f}"] for one in told["candidates"]]
    return f"{told['selected_model']} ({told['priority']})\n" + _table(["model", "score"], rows)


def benchmark_as_table(told: dict[str, Any]) -> str:
    rows = [
        [
            one["model"],
            str(one["answers"]),
            *(f"{one[name]:,.1f}" if one[name] is not None else "" for name in ("avg_ms", "p50_ms", "p95_ms")),
            printable(one["problem"])[:80],
        ]
        for one in told["models"]
    ]
    table = _table(["model", "answers", "avg ms", "p50 ms", "p95 ms", "problem"], rows)
    return f"{table}\n{told['priority']} would choose {told['chosen']} now; this cost {told['spent_usd']:.6f} USD"


def learned_lines(scored: Sequence[Scored], quality: Quality, catalogue: Catalogue) -> Iterator[str]:
    """Yield what is known now of each pair that got rows."""
    priors = {model.id: model.quality for model in catalogue.models}
    for program, model in dict.fromkeys((one.program, one.model) for one in scored):
        scores = [one.score for one in scored if (one.program, one.model) == (program, model)]
        mean, expected = sum(scores) / len(scores), quality.mean(program, model, priors[model])
        yield f"{program}, {model}: {quantity(len(scores), 'row')}, mean {mean:.3f}; expected now {expected:.3f}"


def _choices(router: Router, program: str | None) -> dict[str, str]:
    models = router.catalogue.models
    return {name: models[router.decide(Needs(priority=name, program=program)).best].id for name in WEIGHTS}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    )
