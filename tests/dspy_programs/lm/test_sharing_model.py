"""Processes that share a real model, the smallest one, and what happens when one of them is killed."""

import os
import shutil
import sys

import pytest

from dspy_programs.lm import connect
from dspy_programs.lm.embedded.embedded import EmbeddedEngine
from dspy_programs.lm.weights.catalog import CATALOG
from dspy_programs.lm.weights.local_models import located
from dspy_programs.lm.weights.weights import fetch
from tests.dspy_programs.lm.processes import Process, busy, wait_until

pytestmark = [pytest.mark.model, pytest.mark.skipif(sys.platform == "win32", reason="needs Unix sockets")]
SPEC = "local/smollm2-135m"
LONG = {"text": "Tell a long story about a dog.", "max_tokens": 7000}


def facts_of(number: int) -> str:
    return f"Process {number} knows: " + " ".join(f"{i} times {number} is {i * number}." for i in range(30))


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Three processes and two kills, in one run: each starts and loads for seconds."""
    runtime = tmp_path_factory.mktemp("r")
    processes = [Process(runtime, SPEC), Process(runtime, SPEC)]
    first, second = processes
    try:
        for process in processes:  # both at once: neither has loaded yet
            process.send("Say hello.")
        told = {"hello": [process.read() for process in processes]}
        facts = {process: facts_of(number) for number, process in enumerate(processes, 7)}
        told["first prompts"] = [process.ask("Say hello.", system=facts[process]) for process in processes]
        told["again"] = [process.ask("Say goodbye.", system=facts[process]) for process in processes]
        holder, asker = (first, second) if told["hello"][0]["kind"] == "Server" else (second, first)
        asker.send("Name three colours.", max_tokens=120)
        assert wait_until(lambda: busy(told["hello"][0]))
        holder.kill()
        told["after the kill"] = asker.read()
        told["again after the kill"] = asker.ask("Name three colours.", max_tokens=120)
        processes.append(third := Process(runtime, SPEC))
        told["third"] = third.ask("Say hello.")
        third.send(**LONG)
        told["at work for the third"] = wait_until(lambda: busy(told["third"]))
        third.kill()
        told["free again"] = wait_until(lambda: not busy(told["third"]), seconds=15)
        yield told
    finally:
        for process in processes:
            process.kill()


def test_one_process_loads_and_the_other_asks_it(story):
    assert sorted(said["kind"] for said in story["hello"]) == ["LlamaServer", "Server"]
    assert len({said["address"] for said in story["hello"]}) == 1


def test_both_get_the_same_answer(story):
    assert len({said["text"] for said in story["hello"]}) == 1 and story["hello"][0]["text"]


def test_each_keeps_its_prompt_while_they_take_turns(story):
    assert all(said["cached"] < 0.2 * said["read"] for said in story["first prompts"])
    assert all(said["cached"] > 0.9 * said["read"] for said in story["again"])


def test_request_is_answered_although_the_process_with_the_model_was_killed(story):
    assert story["after the kill"]["kind"] == "Server", "who is left loads it"
    assert story["after the kill"]["text"] == story["again after the kill"]["text"]


def test_next_process_finds_who_has_the_model_now(story):
    assert story["third"]["kind"] == "LlamaServer"
    assert story["third"]["address"] == story["after the kill"]["address"]
    assert story["third"]["text"] == story["hello"][0]["text"]


def test_request_of_a_process_that_was_killed_does_not_go_on(story):
    assert story["at work for the third"] and story["free again"]


@pytest.mark.parametrize("place", [shutil.copy, os.symlink])
def test_file_of_ones_own_is_loaded_and_answers_as_the_catalogues_does(tmp_path, place):
    path = tmp_path / "mine-Q4.gguf"
    place(fetch(CATALOG["smollm2-135m"]), path)
    mine, known = connect(f"local/{path}"), connect(SPEC)
    try:
        assert mine.model == "local/mine-Q4.gguf@b179c952"
        assert mine("Say hello.", max_tokens=12) == known("Say hello.", max_tokens=12)
        assert mine.engine.count_tokens("hello world") == 2
    finally:
        mine.engine.close()


def test_server_of_ones_own_answers_as_the_embedded_model_does(monkeypatch):
    known = connect(SPEC)
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}, "required": ["n"]}
    asked = {"response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}, "max_tokens": 40}
    embedded = known("Make a record.", **asked)
    monkeypatch.setenv("DSPY_PROGRAMS_LLAMA", known.engine.address)
    monkeypatch.setenv("LLAMA_API_KEY", known.engine.api_key)
    there = connect(SPEC)
    assert there.engine is not known.engine and there("Make a record.", **asked) == embedded
    assert there.engine.count_tokens("hello world") == 2


def test_model_is_loaded_where_no_socket_can_be_made(tmp_path):
    engine = EmbeddedEngine(CATALOG["smollm2-135m"])
    server = engine._load(located(engine.weights), tmp_path / "missing" / "x.sock")
    assert "choices" in server.handle_chat_completions({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2})
