"""Whoever hears a block hears each try of its requests, through everything that stands before the model."""

import time

import pytest

from dspy_programs.lm import heard_by
from dspy_programs.lm.cached import AnswerCache, cached
from dspy_programs.lm.embedded.embedded import EmbeddedEngine
from dspy_programs.lm.server.lm_wrapper import wrap
from dspy_programs.lm.weights.catalog import CATALOG
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.spending import Spending
from dspy_programs.serve.stoppable import stoppable
from tests.dspy_programs.documents.slot_server import MODEL, slot_server


@pytest.fixture
def lm(monkeypatch):
    with slot_server(lambda prompt: {"said": "one two"}) as server:
        monkeypatch.setenv("DSPY_PROGRAMS_LLAMA", server.url)
        yield wrap(EmbeddedEngine(CATALOG[MODEL], url=server.url), f"local/{MODEL}")


def test_answer_is_heard_in_pieces_through_a_cache_and_limits_and_is_the_same(lm, tmp_path):
    spending = Spending(Limits())
    behind = stoppable(
        cached(lm, AnswerCache(tmp_path / "answers")), lambda: None, time.monotonic() + 60, spending.begin("k", 1)
    )
    heard: list[list[str]] = []

    def listener():
        heard.append([])
        return heard[-1].append

    with heard_by(listener):
        first = behind("hello")
        again = behind("hello")  # from the cache, which writes nothing
    assert heard == [['{"reply": {"said": "one', ' two"}}']]
    assert first == again == lm("hello") and spending.of("k").calls == 2 and spending.of("k").tokens == 22


def test_outside_of_the_block_nobody_hears(lm):
    heard: list[str] = []
    with heard_by(lambda: heard.append):
        pass
    lm("hello")
    assert heard == []
