"""`router/balanced` as a language model: for DSPy's modules, programs, agents and stored answers."""

import json

import dspy
import pytest
import yaml

from dspy_programs import load, use
from dspy_programs.errors import LanguageModelError
from dspy_programs.lm import connect, connect_kept, is_named
from dspy_programs.router.learning.quality import Quality, write_quality
from tests.openai_server import completion, openai_servers
from tests.router_support import entry


@pytest.fixture
def named(tmp_path, monkeypatch):
    """Write a catalogue over servers, and name it in the environment."""

    def write(*servers, **settings):
        models = [entry(number, api_base=server.base, context=100_000) for number, server in enumerate(servers)]
        path = tmp_path / "router.yaml"
        path.write_text(yaml.safe_dump({"models": models, "fallback": {"backoff_seconds": 0.0}, **settings}))
        monkeypatch.setenv("DSPY_PROGRAMS_ROUTER", str(path))

    return write


def reply(body):
    return json.dumps({"answer": body["model"]})


def asked(question="?"):
    return dspy.Predict("question -> answer")(question=question).answer


def test_spec_works_with_use(named):
    with openai_servers(reply, reply) as servers:
        named(*servers)
        with use("router/balanced"):
            assert asked() == "up-0"
        with use("router/quality"):
            assert asked() == "up-1"
    assert servers[0].bodies[0]["temperature"] == 0 and servers[0].bodies[0]["response_format"]["type"] == "json_schema"


def test_next_best_answers_a_program(named):
    with openai_servers(500, reply) as servers:
        named(*servers)
        with use("router/speed"):
            assert asked() == "up-1"
    assert len(servers[0].bodies) == 2


def test_failure_of_all_is_an_error_of_dspys(named):
    with openai_servers(500) as servers:
        named(*servers)
        with use("router/speed"), pytest.raises(dspy.utils.exceptions.LMServerError):
            asked()


def test_too_long_a_prompt_is_refused_before_it_is_sent(named):
    with openai_servers(reply) as servers:
        named(*servers)
        with use("router/speed"), pytest.raises(Exception, match="tokens: no model can"):
            asked("word " * 100_000)
    assert servers[0].bodies == []


@pytest.mark.filterwarnings("ignore:planner is not compiled")
def test_quality_of_the_program_that_asks_counts(named, tmp_path):
    quality = Quality()
    quality.add("planner", "m/0", 0.95, rows=50)
    quality.add("planner", "m/1", 0.10, rows=50)
    write_quality(quality, tmp_path / "quality.json")
    tasks = {
        "plan": {"rationale": "", "tasks": [{"id": 1, "tool": "t", "title": "x", "depends_on": [], "success_criterion": ""}]}
    }
    with openai_servers(json.dumps(tasks), json.dumps(tasks)) as servers:
        named(*servers, learning={"quality_file": str(tmp_path / "quality.json")})
        with use("router/quality"):
            load("planner", portable=True)(goal="Do it.", tools=[{"name": "t", "description": "does it"}])
            assert (len(servers[0].bodies), len(servers[1].bodies)) == (1, 0)
            servers[1].reply = reply
            asked()
            assert len(servers[1].bodies) == 1


def test_model_that_answered_is_in_the_response(named):
    with openai_servers(reply) as servers:
        named(*servers)
        lm = connect("router/cost")
        with dspy.context(lm=lm):
            asked()
    assert lm.history[-1]["response"].model == "m/0"


def test_stored_answers_are_of_one_catalogue(named):
    with openai_servers(reply) as servers:
        named(*servers)
        for _ in range(2):
            with use(connect_kept("router/balanced")):
                asked()
        assert len(servers[0].bodies) == 1
        named(*servers, priority="quality")
        with use(connect_kept("router/balanced")):
            asked()
        assert len(servers[0].bodies) == 2


def test_async_call_is_routed(named):
    import asyncio

    with openai_servers(reply) as servers:
        named(*servers)
        with dspy.context(lm=connect("router/balanced")):
            assert asyncio.run(dspy.Predict("question -> answer").acall(question="?")).answer == "up-0"


def test_settings_reach_the_model(named):
    with openai_servers(reply) as servers:
        named(*servers)
        with use("router/balanced", temperature=0.3, max_tokens=77):
            asked()
    assert (servers[0].bodies[0]["temperature"], servers[0].bodies[0]["max_completion_tokens"]) == (0.3, 77)


def test_spec_is_named_again_in_a_summary(named):
    with openai_servers(reply) as servers:
        named(*servers)
        assert is_named(connect("router/balanced"))


def test_unknown_priority_is_refused():
    with pytest.raises(LanguageModelError, match="router/best: no such priority; choose router/speed, router/cost"):
        connect("router/best")


def test_address_belongs_into_the_catalogue():
    with pytest.raises(LanguageModelError, match="its catalogue names addresses and keys"):
        connect("router/balanced", api_base="http://127.0.0.1:1/v1")


def test_empty_answer_to_a_program_goes_to_the_next_model(named):
    with openai_servers({"choices": []}, reply) as servers:
        named(*servers)
        with use("router/balanced"):
            assert asked() == "up-1"


def test_counts_that_nobody_can_believe_leave_what_was_booked(named):
    with openai_servers(completion('{"answer": "hi"}', usage={"prompt_tokens": 10**400, "completion_tokens": -7})) as servers:
        named(*servers)
        lm = connect("router/balanced")
        with dspy.context(lm=lm):
            assert asked() == "hi"


def test_redirect_of_a_programs_request_carries_no_key_away(named, monkeypatch):
    monkeypatch.setenv("MY_KEY", "k3y-0123456789abcdef")
    with openai_servers(reply) as [other], openai_servers((307, {"Location": f"{other.base}/chat/completions"})) as [server]:
        named(server, models=[entry(0, api_base=server.base, context=100_000, key_env="MY_KEY")])
        with use("router/balanced"), pytest.raises(Exception) as raised:
            asked()
    assert server.keys and other.keys == [] and "k3y" not in str(raised.value)


def test_program_is_saved_without_a_key_or_not_at_all(named, monkeypatch, tmp_path):
    monkeypatch.setenv("MY_KEY", "k3y-0123456789abcdef")
    with openai_servers(reply) as [server]:
        named(server, models=[entry(0, api_base=server.base, context=100_000, key_env="MY_KEY")])
        with use("router/balanced"):
            program = dspy.Predict("question -> answer")
            assert program(question="?").answer == "up-0"
            program.save(tmp_path / "p.json")
    assert "k3y" not in (tmp_path / "p.json").read_text()
