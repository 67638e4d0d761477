"""The router over HTTP.

POST   /route                 messages and limits in; the answer, and why that model gave it
GET    /models                the catalogue, and what was learnt of each model
GET    /metrics               figures as JSON; in Prometheus's format for who accepts text/plain, or ?format=prometheus
GET    /health                whether the cache's server and OpenRouter answer; needs no key
GET    /cache/stats           where answers are kept, and how many
DELETE /cache                 forget them
POST   /v1/chat/completions   OpenAI's protocol, also in chunks; model: router/PRIORITY, or an id of the catalogue
GET    /v1/models             what may stand there
"""

import json
import time
import uuid
from typing import Any, Literal, NoReturn

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route as StarletteRoute

import dspy_programs
from dspy_programs.router import Answer, Decision, Router, prometheus
from dspy_programs.serve.problems import Fault, Malformed, ServeError
from dspy_programs.serve.router_calls import RouterCalls
from dspy_programs.serve.router_requests import Route, needs, read_openai
from dspy_programs.serve.security import response_to
from dspy_programs.text import quantity

_BAD_GATEWAY: dict[int | str, dict[str, Any]] = {502: {"model": Fault, "description": "every model that was asked has failed"}}
_ANY: dict[int | str, dict[str, Any]] = {**_BAD_GATEWAY, 404: {"model": Fault, "description": "no such model"}}
_COMPLETIONS = "/v1/chat/completions"
_OPENAI_BODY = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}}


class RoutingDecision(BaseModel):
    """Which model, and why. tried: the models that failed before it."""

    selected_model: str
    weights_used: dict[str, float]
    reason: str
    candidates: list[str]
    tried: list[str] = []


class Routed(BaseModel):
    """An answer. choices and usage are as the model gave them, [] and None of a dry run."""

    id: str
    model: str
    choices: list[Any]
    usage: dict[str, Any] | None
    routing_decision: RoutingDecision
    latency_ms: float
    cached: bool
    timestamp: float


class RouterHealth(BaseModel):
    """redis_connected: None where the cache is elsewhere; openrouter_accessible: None where it is not known yet."""

    status: Literal["ok"]
    redis_connected: bool | None
    openrouter_accessible: bool | None
    timestamp: float
    version: str


class Cleared(BaseModel):
    message: str


def add_router_routes(app: APIRouter, calls: RouterCalls) -> list[BaseRoute]:
    """Add the routes above to an app's router.

    Returns:
        Routes to put before all others: what is asked most is not to be compared with each of them, nor to go through FastAPI,
        which has nothing to check here.
    """
    router = calls.router

    async def route(body: Route) -> Routed:
        sent = body.body()
        needed = needs(body, sent)
        if body.dry_run:
            decision = await calls.shown(lambda: router.decide(needed))
            return _routed(Answer({}, router.catalogue.models[decision.best].id, decision, 0.0), router)
        return _routed(await calls.chat(needed, lambda: router.chat(sent, needed, body.cache)), router)

    async def completions(request: Request) -> Response:
        try:
            sent, needed = read_openai(_json_of(await request.body()), router.catalogue)
            fresh = "no-store" in request.headers.get("cache-control", "")
            if sent.get("stream"):
                stream, events = await calls.stream(needed, lambda: router.stream(sent, needed, not fresh))
                headers = {"X-Router-Model": stream.model, "X-Router-Cached": str(stream.cached).lower()}
                return StreamingResponse(events, media_type="text/event-stream", headers=headers)
            answer = await calls.chat(needed, lambda: router.chat(sent, needed, not fresh))
        except ServeError as error:
            return response_to(error, _COMPLETIONS)
        headers = {"X-Router-Model": answer.model, "X-Router-Cached": str(answer.cached).lower()}
        return Response(_dumped({**answer.completion, "model": answer.model}), media_type="application/json", headers=headers)

    async def metrics(request: Request, format: Literal["json", "prometheus"] | None = Query(default=None)) -> Response:
        accepted = request.headers.get("accept", "")
        is_text = format == "prometheus" or (format is None and ("text/plain" in accepted or "openmetrics" in accepted))
        told = router.shown()
        return PlainTextResponse(prometheus(told), media_type="text/plain; version=0.0.4") if is_text else JSONResponse(told)

    async def stats() -> dict[str, Any]:
        told = await calls.shown(lambda: router.answers.stats() if router.answers else {"backend": "none", "connected": False})
        return {**told, "hit_rate": router.figures.shown()["hit_rate"]}

    async def clear() -> Cleared:
        count = await calls.shown(lambda: router.answers.clear() if router.answers else 0)
        return Cleared(message=f"{quantity(count, 'answer')} forgotten")

    async def health() -> RouterHealth:
        answers = router.answers
        redis = await calls.shown(answers.is_connected) if answers is not None and answers.backend == "redis" else None
        openrouter = _openrouter(router)
        version = dspy_programs.__version__
        return RouterHealth(
            status="ok", redis_connected=redis, openrouter_accessible=openrouter, timestamp=time.time(), version=version
        )

    def models() -> dict[str, Any]:
        return {"models": list(shown_models(router))}

    def openai_models() -> dict[str, Any]:
        names = [f"router/{priority}" for priority in router.catalogue.weights] + [one.id for one in router.catalogue.models]
        data = [{"id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0]} for name in names]
        return {"object": "list", "data": data}

    add = app.add_api_route
    add("/route", route, methods=["POST"], operation_id="route", responses=_BAD_GATEWAY)
    add("/models", models, methods=["GET"], operation_id="router_models")
    add("/metrics", metrics, methods=["GET"], operation_id="router_metrics", response_class=Response)
    add("/health", health, methods=["GET"], operation_id="router_health")
    add("/cache/stats", stats, methods=["GET"], operation_id="router_cache")
    add("/cache", clear, methods=["DELETE"], operation_id="clear_router_cache")
    add(
        _COMPLETIONS,
        completions,
        methods=["POST"],
        operation_id="chat_completions",
        response_class=Response,
        responses=_ANY,
        openapi_extra=_OPENAI_BODY,
    )
    add("/v1/models", openai_models, methods=["GET"], operation_id="openai_models")
    return [StarletteRoute(_COMPLETIONS, completions, methods=["POST"])]


def shown_models(router: Router) -> Any:
    """Yield each model's entry, without what is not told, and what was learnt of it."""
    for place, model in enumerate(router.catalogue.models):
        yield model.model_dump(mode="json", exclude={"api_base", "key_env"}) | {"learned": router.observed.shown(place)}


def _routed(answer: Answer, router: Router) -> Routed:
    decision, models = answer.decision, router.catalogue.models
    return Routed(
        id=str(answer.completion.get("id") or uuid.uuid4().hex),
        model=answer.model,
        choices=answer.completion.get("choices") or [],
        usage=answer.completion.get("usage"),
        routing_decision=RoutingDecision(
            selected_model=answer.model,
            weights_used=decision.weights.model_dump(),
            reason=_reason(answer, router),
            candidates=[models[place].id for place in decision.order()],
            tried=list(dict.fromkeys(one.model for one in answer.attempts if one.problem)),
        ),
        latency_ms=round(answer.ms, 3),
        cached=answer.cached,
        timestamp=time.time(),
    )


def _reason(answer: Answer, router: Router) -> str:
    decision: Decision = answer.decision
    best = router.catalogue.models[decision.best]
    if answer.model != best.id:
        return f"{best.id} was best and did not answer; this is the next best that did"
    what = "best quality" if decision.priority == "quality" else f"best score {decision.score(decision.best):.3f}"
    return f"{what} of {len(decision.places)} models under priority {decision.priority}"


def _openrouter(router: Router) -> bool | None:
    states = [
        router.observed.shown(place)
        for place, model in enumerate(router.catalogue.models)
        if model.spec.startswith("openrouter/") and not model.api_base
    ]
    if any(state["answers"] for state in states):
        return any(state["circuit"] == "closed" for state in states)
    return False if states and all(state["circuit"] == "open" for state in states) else None


def _json_of(body: bytes) -> Any:
    try:
        return _DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None


def _not_json(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_not_json)  # NaN is none


def _dumped(completion: dict[str, Any]) -> bytes:
    return json.dumps(completion, ensure_ascii=False).encode("utf-8", "replace")
