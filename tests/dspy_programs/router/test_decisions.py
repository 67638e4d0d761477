"""Which model is chosen: G1 to G4 and G15 of the features, and what makes a choice impossible."""

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.router import AllBusy, Needs, NoModelFits, Router, catalogue_of, needs_of, read_catalogue
from dspy_programs.router.impossible import why_none_fits
from tests.router_support import catalogue, entry

FLASH, MINI = "google/gemini-3.1-flash-lite-preview", "openai/gpt-5.4-mini"
OPUS, GPT = "anthropic/claude-opus-4.7", "openai/gpt-5.4"


@pytest.fixture
def shipped():
    return Router(read_catalogue())


def chosen(router, **needs):
    return router.catalogue.models[router.decide(Needs(**needs)).best].id


@pytest.mark.parametrize(
    ("priority", "model", "score"), [("speed", FLASH, 0.780), ("cost", FLASH, 0.884), ("balanced", FLASH, 0.810)]
)
def test_g1_weighted_scores_are_those_that_were_published(shipped, priority, model, score):
    decision = shipped.decide(Needs(priority=priority))
    assert shipped.catalogue.models[decision.best].id == model
    assert round(decision.score(decision.best), 3) == score


def test_g1_weights_of_the_catalogue_hold():
    models = [entry(0), entry(1)]
    weights = {"speed": {"latency": 0, "cost": 0, "quality": 1}}
    assert chosen(Router(catalogue(entries=models, weights=weights)), priority="speed") == "m/1"
    assert chosen(Router(catalogue(entries=models, priority="quality"))) == "m/1"


def test_g2_quality_picks_the_best_quality(shipped):
    assert chosen(shipped, priority="quality") == OPUS
    assert chosen(shipped, priority="quality", max_latency_ms=1200) == GPT, "of those within the limit"


def test_g2_score_decides_between_equals():
    models = [entry(0, quality=0.9, prompt_usd_per_1k=0.01), entry(1, quality=0.9)]
    assert chosen(Router(catalogue(entries=models)), priority="quality") == "m/1"


@pytest.mark.parametrize(
    ("needs", "says"),
    [
        ({"max_latency_ms": 100}, f"max_latency_ms 100: no model can; the fastest, {FLASH}, takes 400 ms"),
        ({"max_cost_per_1k": 0.0001}, f"max_cost_per_1k 0.0001: no model can; the cheapest, {FLASH}, costs 0.000875 USD"),
        ({"max_latency_ms": 500, "preferred": (GPT,)}, f"preferred_models {GPT} with max_latency_ms 500: each is possible"),
        ({"region": "eu"}, "region eu: no model can"),
        ({"prompt": 2_000_000}, "about 2,001,024 tokens: no model can; the largest context, openai/gpt-5.4's, has 1,050,000"),
    ],
)
def test_g3_impossible_limit_is_named(shipped, needs, says):
    with pytest.raises(NoModelFits) as raised:
        shipped.decide(Needs(**needs))
    assert says in str(raised.value)


def test_g3_limits_are_hard(shipped):
    decision = shipped.decide(Needs(max_latency_ms=900, max_cost_per_1k=0.003))
    assert [shipped.catalogue.models[at].id for at in decision.order()] == [FLASH, MINI]


def test_g4_preferred_models_are_the_only_ones(shipped):
    assert chosen(shipped, priority="speed", preferred=(GPT, OPUS)) == GPT


def test_g4_unknown_preferred_model_is_an_error(shipped):
    with pytest.raises(
        UsageError, match=r"'openai/gpt-5\.4-minni' is not in the catalogue; it has, for example, openai/gpt-5\.4-mini"
    ):
        shipped.decide(Needs(preferred=("openai/gpt-5.4-minni",)))


def test_g15_long_prompt_leaves_out_small_contexts(shipped):
    long = needs_of({"messages": [{"role": "user", "content": "word " * 300_000}]})
    order = [shipped.catalogue.models[at].id for at in shipped.decide(long).order()]
    assert MINI not in order and len(order) == 5


def test_g15_tokens_of_an_answer_count_too(shipped):
    assert MINI not in {shipped.catalogue.models[at].id for at in shipped.decide(Needs(prompt=390_000, answer=20_000)).order()}


def test_tools_and_images_need_a_model_that_can():
    router = Router(catalogue(entries=[entry(0, tools=False), entry(1, images=False), entry(2)]))
    assert chosen(router, priority="speed", tools=True) == "m/1"
    assert chosen(router, priority="speed", images=True) == "m/0"
    assert chosen(router, priority="speed", tools=True, images=True) == "m/2"


def test_region_needs_a_model_there():
    router = Router(catalogue(entries=[entry(0), entry(1, regions=["eu"])]))
    assert chosen(router, priority="speed", region="eu") == "m/1"


@pytest.mark.parametrize(
    ("content", "tokens", "images"),
    [
        ("abc" * 100, 100, False),
        ([{"type": "text", "text": "abc" * 100}], 100, False),
        ([{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 900_000}}], 1500, True),
        (None, 0, False),
        ("ж" * 300, 200, False),
    ],
)
def test_needs_are_read_from_messages(content, tokens, images):
    needs = needs_of({"messages": [{"role": "user", "content": content}]})
    assert (needs.prompt, needs.images) == (tokens, images)


def test_needs_count_calls_and_tools():
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "x" * 3000}}]
    needs = needs_of({"messages": [{"role": "assistant", "content": None, "tool_calls": calls}], "tools": [{"a": 1}]})
    assert needs.prompt > 1000 and needs.tools


def test_all_that_fit_are_busy_says_when_to_try_again():
    router = Router(catalogue(entries=[entry(0), entry(1)], fallback={"failures": 1, "open_seconds": 30}), clock=lambda: 100.0)
    router.observed.failed(0), router.observed.failed(1)
    with pytest.raises(AllBusy, match=r"every model that fits is failing or at its limit \(m/0, m/1\); try again in 30 s"):
        router.decide(Needs())


def test_catalogue_of_one_model_without_a_price_works():
    free = entry(0, prompt_usd_per_1k=0, completion_usd_per_1k=0)
    assert chosen(Router(catalogue_of({"models": [free]}, "x"))) == "m/0"


def test_price_limit_is_the_same_when_it_is_remembered(shipped):
    for limit in (0.02, 0.0026, 0.0027, 0.0026, 0.00263, 0.002625):
        fits = {shipped.catalogue.models[at].id for at in shipped.decide(Needs(max_cost_per_1k=limit)).places}
        wanted = {one.id for one in shipped.catalogue.models if one.prompt_usd_per_1k + one.completion_usd_per_1k <= 2 * limit}
        assert fits == wanted, limit


def test_preferred_models_are_not_kept_in_memory(shipped):
    for _ in range(5):
        shipped.decide(Needs(preferred=(OPUS,) * 1000))
    assert not shipped.decider._known_fits


def test_limit_that_can_be_met_again_meanwhile_is_no_bug(shipped):
    error = why_none_fits(shipped.catalogue.models, [1.0] * 6, Needs(max_latency_ms=100))
    assert isinstance(error, NoModelFits) and "try again" in str(error)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 1.1])
def test_reward_that_is_no_share_is_refused(shipped, score):
    with pytest.raises(UsageError, match="scores are shares"):
        shipped.learn("planner", OPUS, score)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_exploring_after_only_the_worst_or_best_rewards_still_decides(score):
    routes = Router(catalogue(entries=[entry(0), entry(1)], learning={"exploration": True, "floor": 0.0}))
    for _ in range(1000):
        routes.learn("planner", "m/0", score)
    chosen_ones = {routes.decide(Needs(priority="quality", program="planner")).best for _ in range(50)}
    assert (0 in chosen_ones) is bool(score)
