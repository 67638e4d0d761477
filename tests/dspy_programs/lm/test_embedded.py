"""The embedded engine with a real model, the smallest one; 98 MB are fetched at the first run."""

import json

import dspy
import pytest
from dspy import lm15

from dspy_programs.errors import LanguageModelError
from dspy_programs.lm import connect, use
from dspy_programs.lm.embedded.embedded import EmbeddedEngine, engine_for
from dspy_programs.lm.embedded.machine import check_memory, free_memory, slots_for_this_machine
from dspy_programs.lm.weights.catalog import CATALOG
from optimizers.train import main
from tests.fakes import toy_row, write_toy_data

SPEC = "local/smollm2-135m"
pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def engine():
    return engine_for(CATALOG["smollm2-135m"])


def request(text="Say hello.", system="You are terse.", **config):
    return lm15.Request(model=SPEC, messages=lm15.Message.user(text), system=system, config=lm15.Config(**config))


def test_engine_counts_the_tokens_it_reads_and_writes(engine):
    response = engine.complete(request(max_tokens=5))
    assert response.finish_reason == "length"
    assert response.usage.output_tokens == 5 and response.usage.input_tokens > 5


def test_engine_counts_the_tokens_of_any_text_with_its_own_tokenizer(engine):
    assert engine.count_tokens("") == 0
    assert engine.count_tokens("hello world") == 2
    assert engine.count_tokens("hello world " * 20_000) > 30_000


def test_engine_reads_a_shared_prefix_once(engine):
    system = "You know these facts. " + " ".join(f"Fact {n} is {n * n}." for n in range(60))
    engine.complete(request("First question?", system, max_tokens=2))
    usage = engine.complete(request("Another one?", system, max_tokens=2)).usage
    assert usage.cache_read_tokens > 0.9 * usage.input_tokens


def test_engine_gives_the_same_answer_twice(engine):
    replies = [engine.complete(request("Name three colours.", max_tokens=20)).message.text for _ in range(2)]
    assert replies[0] == replies[1]


def test_schema_bounds_and_closed_sets_hold_in_the_reply(engine):
    choice = {"type": "string", "enum": ["zebra", "okapi"]}
    schema = {
        "type": "object",
        "properties": {
            "animals": {"type": "array", "items": choice, "minItems": 2, "maxItems": 2},
            "number": {"type": "integer", "minimum": 3, "maximum": 5},
            "name": {"type": "string", "maxLength": 8},
        },
        "required": ["animals", "number", "name"],
        "additionalProperties": False,
    }
    reply = engine.complete(
        request("Make a record.", response_format={"type": "json_schema", "schema": schema}, max_tokens=100)
    )
    record = json.loads(reply.message.text)
    assert set(record["animals"]) <= {"zebra", "okapi"} and len(record["animals"]) == 2
    assert 3 <= record["number"] <= 5 and len(record["name"]) <= 8
    assert "\n" not in reply.message.text, "no token goes into indentation"


def test_logprobs_are_of_each_token_before_the_grammar(engine):
    schema = {"type": "object", "properties": {"n": {"enum": ["zebra"]}}, "required": ["n"], "additionalProperties": False}
    asked = request(response_format={"type": "json_schema", "schema": schema}, max_tokens=20, logprobs=5)
    response = engine.complete(asked)
    assert "".join(token.token for token in response.logprobs) == response.message.text
    assert all(len(token.top) == 5 and token.top[0].logprob <= 0 for token in response.logprobs)
    assert any(token.logprob < token.top[0].logprob for token in response.logprobs), "nothing but the grammar says zebra"
    assert engine.complete(asked).logprobs == response.logprobs
    assert engine.complete(request(max_tokens=5)).logprobs is None


def test_logprobs_of_the_models_own_server_are_the_engines(engine):
    server = connect("openai/smollm2-135m", api_base=f"{engine.address}/v1", api_key=engine.api_key, max_tokens=5, seed=0)
    [said] = server("Say hello.", logprobs=True, top_logprobs=3)
    asked = lm15.Request(model=SPEC, messages=lm15.Message.user("Say hello."), config=lm15.Config(max_tokens=5, logprobs=3))
    found = [(token.token, token.logprob) for token in engine.complete(asked).logprobs]
    told = said["logprobs"].content
    assert [token.token for token in told] == [token for token, _ in found]
    assert [token.logprob for token in told] == pytest.approx([logprob for _, logprob in found])


def test_prompt_that_does_not_fit_is_the_requests_fault(engine):
    with pytest.raises(lm15.ContextLengthError):
        engine.complete(request("word " * 20_000))


def test_planner_plans_with_a_closed_set_of_tools_through_dspy():
    from dspy_programs import Planner

    row = toy_row(3)
    with use(SPEC, max_tokens=600):
        plan = Planner()(goal=row["goal"], tools=row["tools"])
    assert plan.answered_by == "model", plan.failure
    assert {task.tool for task in plan.tasks} <= {tool["name"] for tool in row["tools"]}


SHORT = "--module section_scorer --train-rows 9 --val-rows 1 --test-rows 1 --max-metric-calls 2".split()  # of few words a reply


def test_short_compile_on_the_real_model_ends_and_saves(tmp_path, capsys):
    out = tmp_path / "scorer.json"
    assert main([*SHORT, "--lm", SPEC, "--run-dir", str(tmp_path / "run"), "--out", str(out)]) == 0
    saved = json.loads(out.read_text())["metadata"]["app"]
    assert saved["lm"] == SPEC and saved["training"]["used"]["roles"]["task"]["output_tokens"] > 0
    assert "test        uncompiled" in capsys.readouterr().out


def test_training_against_the_models_own_server_on_loopback(engine, tmp_path, monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_API_KEY", engine.api_key)
    out = tmp_path / "scorer.json"
    where = ["--lm", "openai/smollm2-135m", "--api-base", f"{engine.address}/v1", "--threads", "1", "--proposer", "rules"]
    rest = [
        "--transfer-rows",
        "0",
        "--no-reasoning",
        "--max-reply-tokens",
        "300",
        "--run-dir",
        str(tmp_path / "run"),
        "--out",
        str(out),
    ]
    assert main([*SHORT, *where, *rest]) == 0
    saved = json.loads(out.read_text())["metadata"]["app"]
    assert saved["lm"] == "openai/smollm2-135m"
    assert saved["training"]["used"]["roles"]["task"]["output_tokens"] > 0


def test_server_of_the_engine_wants_its_key(engine, tmp_path, capsys, monkeypatch):
    data = write_toy_data(tmp_path / "data", train=6, val=2, test=2)
    monkeypatch.setenv("DSPY_PROGRAMS_API_KEY", "wrong")
    argv = ["--module", "planner", "--data", str(data), "--lm", "openai/x", "--api-base", f"{engine.address}/v1"]
    assert main([*argv, "--run-dir", str(tmp_path / "run")]) == 2
    assert "does not answer" in capsys.readouterr().err


def test_slots_are_one_on_a_small_machine_and_follow_the_environment(monkeypatch):
    assert slots_for_this_machine() >= 1
    monkeypatch.setenv("DSPY_PROGRAMS_SLOTS", "3")
    assert slots_for_this_machine() == 3


def test_model_that_does_not_fit_in_memory_is_refused_before_loading():
    with pytest.raises(LanguageModelError, match="huge needs about"):
        check_memory("huge", 10**15)


def test_memory_that_holds_files_for_now_is_free(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal:  24731648 kB\nMemFree:  204800 kB\nMemAvailable:  24103000 kB\n")
    assert free_memory(tmp_path / "meminfo") == 24_103_000 * 1024


@pytest.mark.parametrize("meminfo", ["", "MemFree:  204800 kB\n", "MemAvailable:\n", "MemAvailable:  many kB\n"])
def test_memory_is_what_the_system_calls_free_where_it_says_no_more(tmp_path, meminfo):
    (tmp_path / "meminfo").write_text(meminfo)
    assert free_memory(tmp_path / "meminfo") != 0


def test_engine_is_shared_and_never_copied(engine):
    assert dspy.Predict("a -> b").deepcopy() is not None
    assert engine_for(CATALOG["smollm2-135m"]) is engine
    assert isinstance(engine, EmbeddedEngine)


def test_answer_is_told_as_it_is_written(engine):
    asked = request("Name three colours.", max_tokens=20)
    *events, end = engine.stream(asked)
    texts, whole = [event.delta.text for event in events if event.type == "delta"], engine.complete(asked)
    assert len(texts) > 5 and "".join(texts) == whole.message.text
    assert end.usage.output_tokens == whole.usage.output_tokens and end.finish_reason == whole.finish_reason
