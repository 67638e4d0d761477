"""A model behind the journal: one answer for one request, nothing paid twice, and failures that never become scores."""

import asyncio
import json
import threading
import time

import pytest
from dspy import lm15

from dspy_programs.errors import ModelFailing
from dspy_programs.lm import connect, sample
from dspy_programs.lm.cached import AnswerCache, cached
from optimizers.calls import Budget, Journal, Meter, recorded
from optimizers.calls.meter import UNREADABLE_AT_FIRST, UNREADABLE_LATER
from tests.fakes import ChatServer, ScriptedEngine, scripted_lm

REQUEST = lm15.Request(model="scripted/planner", messages=lm15.Message.user("hello"))


def setting(answer, path=None):
    inner, meter = scripted_lm(answer), Meter()
    return inner.engine, recorded(inner, "task", Journal(path), meter), meter


def test_the_same_request_from_many_threads_is_one_call():
    engine, lm, meter = setting(lambda prompt: time.sleep(0.05) or "yes")
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(lm(request=REQUEST).message.text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == ["yes"] * 8
    assert len(engine.prompts) == 1 and meter.roles["task"].calls == 1


def test_another_process_replays_the_answer_and_counts_it_as_replayed(tmp_path):
    _, lm, first = setting(lambda prompt: "yes", tmp_path / "calls.jsonl")
    lm(request=REQUEST)
    engine, lm, second = setting(lambda prompt: "no", tmp_path / "calls.jsonl")
    assert lm(request=REQUEST).message.text == "yes"
    assert not engine.prompts and second.replayed_calls == 1
    assert second.tokens == first.tokens > 0


@pytest.mark.parametrize(
    "error",
    [
        lm15.TimeoutError("too slow"),
        lm15.RateLimitError("slow down"),
        lm15.ServerError("oops"),
        lm15.AuthError("no"),
        RuntimeError("bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_failure_of_the_model_stops_the_run_and_no_further_call_is_made(error):
    def fail(prompt):
        raise error

    engine, lm, meter = setting(fail)
    for _ in range(3):
        with pytest.raises(Exception, match="does not answer"):
            lm(request=REQUEST)
    assert isinstance(meter.reason, ModelFailing)
    assert len(engine.prompts) == 1, "after a stop no call leaves the process"


def test_prompt_too_long_is_asked_once_and_again_by_the_next_process(tmp_path):
    """A server that refused it may have been mended since: an error is no answer, and is not replayed."""

    def too_long(prompt):
        if "long" in prompt:
            raise lm15.ContextLengthError("does not fit")
        return "yes"

    long = lm15.Request(model="scripted/planner", messages=lm15.Message.user("long"))
    for _ in range(2):
        engine, lm, meter = setting(too_long, tmp_path / "calls.jsonl")
        for _ in range(2):
            with pytest.raises(Exception, match="does not fit"):
                lm(request=long)
        assert len(engine.prompts) == 1 and not meter.stopped
    assert lm(request=REQUEST).message.text == "yes"
    _, mended, _ = setting(lambda prompt: "it fits now", tmp_path / "calls.jsonl")
    assert mended(request=long).message.text == "it fits now"


def test_errors_in_journals_of_earlier_versions_are_no_answers(tmp_path):
    _, lm, _ = setting(lambda prompt: "yes", tmp_path / "calls.jsonl")
    lm(request=REQUEST)
    record = json.loads((tmp_path / "calls.jsonl").read_text())
    record |= {"error": "ContextWindowExceededError", "message": "does not fit", "response": {}}
    (tmp_path / "calls.jsonl").write_text(json.dumps(record) + "\n")
    _, lm, _ = setting(lambda prompt: "now", tmp_path / "calls.jsonl")
    assert lm(request=REQUEST).message.text == "now"


def test_roles_do_not_share_answers():
    journal, meter = Journal(), Meter()
    task = recorded(scripted_lm(lambda prompt: "task"), "task", journal, meter)
    reflection = recorded(scripted_lm(lambda prompt: "reflection"), "reflection", journal, meter)
    assert [lm(request=REQUEST).message.text for lm in (task, reflection)] == ["task", "reflection"]


def test_clock_of_a_replay_stands_where_it_stood(tmp_path):
    now = [0.0]
    meter = Meter(clock=lambda: now[0])

    def answer(prompt):
        now[0] += 90
        return "yes"

    recorded(scripted_lm(answer), "task", Journal(tmp_path / "calls.jsonl"), meter)(request=REQUEST)
    assert meter.exceeds(Budget(minutes=1)) == "1 minutes"
    later = Meter(clock=lambda: 5000.0)
    assert later.exceeds(Budget(minutes=1)) is None
    recorded(scripted_lm(answer), "task", Journal(tmp_path / "calls.jsonl"), later)(request=REQUEST)
    assert later.elapsed == 90 and later.exceeds(Budget(minutes=1)) == "1 minutes"


def test_recorded_engine_is_never_copied():
    _, lm, _ = setting(lambda prompt: "yes")
    assert isinstance(lm.engine.lm.engine, ScriptedEngine)
    assert lm.copy().engine is lm.engine


def test_model_that_never_answered_well_stops_the_run_early_and_one_that_did_late():
    for answered, most in ((False, UNREADABLE_AT_FIRST), (True, UNREADABLE_LATER)):
        meter = Meter()
        if answered:
            meter.count_metric_call()
        for _ in range(most - 1):
            meter.count_metric_call("no JSON. It began: 'x'")
        assert not meter.stopped
        meter.count_metric_call("no JSON. It began: 'x'")
        assert isinstance(meter.reason, ModelFailing) and "the last: no JSON" in str(meter.reason)


def test_prompts_that_the_server_does_not_take_say_nothing_of_the_model():
    meter = Meter()
    for _ in range(2 * UNREADABLE_LATER):
        meter.count_metric_call("longer than the model can take", refused=True)
    assert not meter.stopped and meter.metric_calls == 2 * UNREADABLE_LATER


def counting(path=None):
    """A model that gives another answer each time it is asked."""
    engine, lm, meter = setting(lambda prompt: str(len(engine.prompts)), path)
    return engine, lm, meter


def test_samples_of_one_request_are_apart_and_each_is_asked_once(tmp_path):
    def asked(lm):
        rollouts = [lm("hello", rollout_id=n, temperature=1.0) for n in (None, 0, 1, 1, 2)]
        copies = [lm.copy(rollout_id=n, temperature=1.0)("hello") for n in (1, 3)]
        several = lm("hello", n=3, temperature=0.7)
        with sample(1):
            return [*rollouts, *copies, several, lm("hello", temperature=1.0)]

    engine, lm, _ = counting(tmp_path / "calls.jsonl")
    first = asked(lm)
    assert first == [["1"], ["2"], ["3"], ["3"], ["4"], ["3"], ["5"], ["6", "7", "8"], ["9"]]
    engine, lm, meter = counting(tmp_path / "calls.jsonl")
    assert asked(lm) == first and not engine.prompts and meter.replayed_calls == 9


def test_samples_that_are_awaited_are_apart_too():
    async def asked(lm):
        return [await lm.acall("hello", rollout_id=n, temperature=1.0) for n in (1, 2, 1)], await lm.acall("hello", n=2)

    _, lm, _ = counting()
    assert asyncio.run(asked(lm)) == ([["1"], ["2"], ["1"]], ["3", "4"])


def test_a_cache_behind_the_journal_tells_samples_apart(tmp_path):
    inner = scripted_lm(lambda prompt: str(len(inner.engine.prompts)))
    kept = cached(inner, AnswerCache(tmp_path / "answers.sqlite"))
    for _ in range(2):
        lm = recorded(kept, "task", Journal(), Meter())
        assert [lm("hello", rollout_id=n, temperature=1.0) for n in (1, 2)] == [["1"], ["2"]]
        assert lm("hello", n=2) == ["3", "4"]


def test_a_model_beside_has_the_same_journal_and_account_and_its_own_place():
    _, lm, meter = setting(lambda prompt: "mine")
    with ChatServer(lambda prompt: "left") as left, ChatServer(lambda prompt: "right") as right:
        others = [connect("openai/other", api_base=server.url) for server in (left, right)]
        said = [lm.engine.beside(other)("hello") for other in others * 2]
        assert said == [["left"], ["right"]] * 2 and len(left.requests) == len(right.requests) == 1
    assert lm.engine.beside(lm) is lm and meter.roles["task"].calls == 2


def listing(**told):
    return {"/v1/models": {"object": "list", "data": [{"id": "mine", "object": "model", **told}]}}


def asked_at(server, path) -> str:
    """Return the answer of a process that begins anew with the journal."""
    lm = recorded(connect("openai/mine", api_base=server.url, api_key="sk-mine-12345"), "task", Journal(path), Meter())
    return lm(request=lm15.Request(model="openai/mine", messages=lm15.Message.user("hello"))).message.text


def test_a_server_that_has_got_another_model_under_the_name_is_asked_anew(tmp_path):
    path, said = tmp_path / "calls.jsonl", []
    with ChatServer(lambda prompt: f"answer {said.append(1) or len(said)}", key="sk-mine-12345") as server:
        server.pages = listing(root="/models/a", created=1, permission=[{"created": 1}])
        assert asked_at(server, path) == "answer 1"
        server.pages = listing(root="/models/a", created=2, permission=[{"created": 2}])  # as vLLM: made anew at each request
        assert asked_at(server, path) == "answer 1"
        server.pages = listing(root="/models/b", created=2)
        assert asked_at(server, path) == "answer 2"
        server.pages = listing(root="/models/a")
        assert asked_at(server, path) == "answer 1", "what was paid for stays"


@pytest.mark.parametrize(
    "pages", [{}, listing(), {"/v1/models": "what?"}, {"/v1/models": {"data": [5, {"id": "a"}, {"id": "b"}]}}]
)
def test_a_server_that_does_not_tell_its_model_is_known_by_its_name(tmp_path, pages):
    path = tmp_path / "calls.jsonl"
    with ChatServer(lambda prompt: "yes", key="sk-mine-12345") as server:
        server.pages = pages
        asked_at(server, path)
        server.pages = {}
        asked_at(server, path)
        assert len(server.requests) == 1


def test_a_server_of_one_model_may_list_it_by_its_file(tmp_path):
    path = tmp_path / "calls.jsonl"
    with ChatServer(lambda prompt: "yes", key="sk-mine-12345") as server:
        for file in ("a.gguf", "b.gguf", "a.gguf"):
            server.pages = {"/v1/models": {"data": [{"id": file, "meta": {"n_params": 135_000_000}}]}}
            asked_at(server, path)
        assert len(server.requests) == 2
