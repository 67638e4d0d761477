"""python -m dspy_programs route ...: thin commands over this package.

models               the catalogue, with each priority's choice
ask MESSAGE          route one message; --dry-run only decides
benchmark            ask every model a few times, and say how long it took
learn FILE           add measured quality to the catalogue's quality_file
fit ROWS             learn which requests a cheap model answers as well, and show what that saves
cache stats|clear    what is kept in a file or in Redis
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.cli import GATE_CLOSED, new_app

if TYPE_CHECKING:
    from dspy_programs.router.catalogue import Catalogue
    from dspy_programs.router.needs import Needs

app = new_app("Choose which of your models answers: by measured quality, price and latency.")
cache = new_app("Answers that are kept in a file or in Redis.")
app.add_typer(cache, name="cache")

_CatalogueOption = Annotated[
    Path | None,
    typer.Option("--catalogue", "-c", help="YAML file of models. Default: DSPY_PROGRAMS_ROUTER, else the shipped one."),
]
_PriorityOption = Annotated[str | None, typer.Option(help="speed, cost, quality or balanced. Default: the catalogue's.")]
_LatencyOption = Annotated[float | None, typer.Option("--max-latency", min=0, help="Milliseconds that a model may take.")]
_CostOption = Annotated[float | None, typer.Option("--max-cost", min=0, help="USD per 1,000 tokens that a model may cost.")]
_ModelsOption = Annotated[list[str] | None, typer.Option("--model", help="Only this model of the catalogue; repeatable.")]
_RedisOption = Annotated[str | None, typer.Option("--redis", metavar="URL", help="Use this Redis as the cache.")]
_JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def route() -> None:
    """Choose which of your models answers: by measured quality, price and latency."""


@cache.callback()
def _cache() -> None:
    """Answers that are kept in a file or in Redis."""


@app.command()
def models(
    catalogue: _CatalogueOption = None,
    program: Annotated[str | None, typer.Option(help="Show the quality measured at this program.")] = None,
    as_json: _JsonOption = False,
) -> None:
    """List the models, their figures, and which one each priority would choose."""
    from dspy_programs.router.shown import models_as_json, models_as_table

    router = _router(_catalogue(catalogue, None))
    print(json.dumps(models_as_json(router, program), indent=1) if as_json else models_as_table(router, program))


@app.command()
def ask(
    message: Annotated[str, typer.Argument(help="What to ask; - reads standard input.")],
    catalogue: _CatalogueOption = None,
    priority: _PriorityOption = None,
    max_latency: _LatencyOption = None,
    max_cost: _CostOption = None,
    model: _ModelsOption = None,
    program: Annotated[str | None, typer.Option(help="The program whose measured quality counts.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of the answer.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only decide; no model is asked.")] = False,
    redis: _RedisOption = None,
    as_json: _JsonOption = False,
) -> None:
    """Route one message, print the answer, and say on standard error which model gave it."""
    from dspy_programs.errors import UsageError
    from dspy_programs.router.needs import needs_of
    from dspy_programs.router.shown import decision_as_json, decision_as_text
    from dspy_programs.text import printable

    text = sys.stdin.read() if message == "-" else message
    if not text.strip():
        raise UsageError("the message is empty; write what to ask")
    body: dict[str, Any] = {"messages": [{"role": "user", "content": text}]} | (
        {"max_tokens": max_tokens} if max_tokens else {}
    )
    needs: Needs = needs_of(
        body,
        priority=_priority(priority),
        max_latency_ms=max_latency,
        max_cost_per_1k=max_cost,
        preferred=tuple(model or ()),
        program=program,
    )
    router = _router(_catalogue(catalogue, redis), cached=not dry_run)
    if dry_run:
        decision = router.decide(needs)
        told = decision_as_json(router, decision)
        print(json.dumps(told, indent=1) if as_json else decision_as_text(told))
        return
    answer = router.chat(body, needs)
    if as_json:
        told = decision_as_json(router, answer.decision) | {
            "model": answer.model,
            "cached": answer.cached,
            "ms": round(answer.ms, 1),
        }
        print(json.dumps(told | {"completion": answer.completion}, indent=1))
        return
    print(printable(str(answer.completion["choices"][0]["message"].get("content") or "")))
    print(f"{answer.model}, {answer.ms:,.0f} ms{', from the cache' if answer.cached else ''}", file=sys.stderr)


@app.command()
def benchmark(
    catalogue: _CatalogueOption = None,
    iterations: Annotated[int, typer.Option(min=1, max=1000, help="Questions to each model.")] = 5,
    priority: _PriorityOption = None,
    model: _ModelsOption = None,
    message: Annotated[str, typer.Option(help="What to ask.")] = "Say hello in one word.",
    as_json: _JsonOption = False,
) -> None:
    """Ask each model a few times, without the cache; print latencies, failures and cost, and what would be chosen then."""
    from dspy_programs.router.benchmark import measured
    from dspy_programs.router.shown import benchmark_as_table

    chosen = _priority(priority)
    router = _router(_catalogue(catalogue, None), cached=False)
    told = measured(router, message, iterations, tuple(model or ()), chosen)
    print(json.dumps(told, indent=1) if as_json else benchmark_as_table(told))


@app.command()
def learn(
    file: Annotated[Path, typer.Argument(help="What `evaluate --json` wrote, judged traces or rows with scores (JSONL).")],
    catalogue: _CatalogueOption = None,
    model: Annotated[str | None, typer.Option(help="The model, where the file does not say.")] = None,
    program: Annotated[str | None, typer.Option(help="The program, where a line does not say.")] = None,
) -> None:
    """Add how good models were at a program to the catalogue's quality_file. A file given twice counts twice."""
    from dspy_programs.errors import UsageError
    from dspy_programs.router.learning.quality import read_quality, write_quality
    from dspy_programs.router.learning.reading import scores_in
    from dspy_programs.router.shown import learned_lines

    known = _catalogue(catalogue, None)
    if (path := known.learning.quality_file) is None:
        raise UsageError("the catalogue has no learning.quality_file; name the file there that is to keep what is learnt")
    quality = read_quality(path)
    scored = scores_in(file, known, model, program)
    for one in scored:
        quality.add(one.program, one.model, one.score)
    write_quality(quality, path)
    for line in learned_lines(scored, quality, known):
        print(line)


@app.command()
def fit(
    file: Annotated[Path, typer.Argument(help='Rows {"text": ..., "scores": {MODEL: SHARE}} (JSONL).')],
    program: Annotated[str, typer.Option(help="The program that these requests belong to.")],
    cheap: Annotated[str, typer.Option(help="The model for the easy requests.")],
    strong: Annotated[str, typer.Option(help="The model that would otherwise get every request.")],
    catalogue: _CatalogueOption = None,
    max_loss: Annotated[float, typer.Option(min=0, max=1, help="How far the mean score may fall.")] = 0.02,
) -> None:
    """Learn which requests a cheap model answers as well as a strong one, and show what that saves on unseen rows.

    It is written to the catalogue's difficulty_file, and so turned on, only if the score surely falls by no more than
    --max-loss, and by less than by chance; else the exit code is 1.
    """
    from dspy_programs.router.fitting import fit_difficulty

    lines, is_on = fit_difficulty(_catalogue(catalogue, None), file, program, (cheap, strong), max_loss)
    print("\n".join(lines))
    if not is_on:
        raise typer.Exit(GATE_CLOSED)


@cache.command()
def stats(catalogue: _CatalogueOption = None, redis: _RedisOption = None) -> None:
    """Show where answers are kept, how many, and how large they are."""
    print(json.dumps(_kept(catalogue, redis).stats(), indent=1))


@cache.command()
def clear(catalogue: _CatalogueOption = None, redis: _RedisOption = None) -> None:
    """Delete all cached answers; other keys of a Redis stay."""
    from dspy_programs.errors import UsageError
    from dspy_programs.text import quantity

    kept = _kept(catalogue, redis)
    count = kept.clear()

    if not kept.stats()["connected"]:
        raise UsageError("the cache does not answer, so nothing was forgotten; is its server running?")
    print(f"{quantity(count, 'answer')} forgotten")


def _catalogue(path: Path | None, redis: str | None) -> "Catalogue":
    from dspy_programs.router.catalogue import Cache
    from dspy_programs.router.catalogue_file import read_catalogue

    known = read_catalogue(path)
    if redis is None:
        return known
    return known.model_copy(update={"cache": Cache(**{**known.cache.model_dump(), "backend": "redis", "redis_url": redis})})


def _router(catalogue: "Catalogue", cached: bool = False) -> Any:
    from dspy_programs.router.catalogue import Cache
    from dspy_programs.router.router import Router

    return Router(catalogue if cached else catalogue.model_copy(update={"cache": Cache(backend="none")}))


def _priority(name: str | None) -> Any:
    from dspy_programs.errors import UsageError
    from dspy_programs.router.catalogue import WEIGHTS

    if name is not None and name not in WEIGHTS:
        raise UsageError(f"--priority {name}: choose {', '.join(WEIGHTS)}")
    return name


def _kept(path: Path | None, redis: str | None) -> Any:
    from dspy_programs.errors import UsageError
    from dspy_programs.router.answers.store import answers_for

    known = _catalogue(path, redis)
    if known.cache.backend not in ("sqlite", "redis"):
        raise UsageError(
            f"cache.backend is {known.cache.backend}: only the server knows it (GET /cache/stats); or set sqlite or redis"
        )
    return answers_for(known.cache)
