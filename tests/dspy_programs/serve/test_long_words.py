"""Texts that are one long word, or one sign again and again: what the rules do with them takes no longer than with prose."""

import time

import pytest

from dspy_programs.serve.budget_calls import negotiate_prompt
from dspy_programs.serve.failure_calls import classify_failure
from dspy_programs.serve.memory_calls import build_context, compress_memory
from dspy_programs.serve.requests import BuildContext, ClassifyFailure, CompressMemory, NegotiatePrompt

UNITS = ("a", "a-", "A", "aA", "1", "a1", "1,", "a.", "a=", "/", "(", "a b ", "_", ":", "a@", "é", "''", "`")
CHARACTERS = 30_000
SECONDS = 1.0  # of processor time; before, the worst took 39


def spent(call, request) -> float:
    started = time.thread_time()
    call(request, lambda done, total: None)
    return time.thread_time() - started


@pytest.fixture(scope="module", autouse=True)
def loaded():
    for call, request in requests("hello ")[::2]:
        spent(call, request)


def requests(unit):
    text = (unit * CHARACTERS)[:CHARACTERS]
    messages = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    turns = [{"role": "user", "content": text}, {"role": "agent", "content": text}]
    sections = [{"name": name, "content": text} for name in ("one", "two")]
    return [
        (compress_memory, CompressMemory(messages=messages, token_budget=100, protected_recent=0)),
        (build_context, BuildContext(messages=messages, max_tokens=100, protected_recent=0)),
        (classify_failure, ClassifyFailure(trace={"original_goal": "Say hi.", "turns": turns})),
        (negotiate_prompt, NegotiatePrompt(sections=sections)),
    ]


@pytest.mark.parametrize("unit", UNITS)
def test_a_long_word_takes_no_longer_than_prose(unit):
    took = {call.__name__: spent(call, request) for call, request in requests(unit)}
    assert max(took.values()) < SECONDS, took
