"""Whose tokens are counted, and that counting never asks the network."""

from types import SimpleNamespace

import pytest

from dspy_programs.text import approximate_tokens
from dspy_programs.tokens import APPROXIMATE, caches, counter_for, counter_named, openai_counter
from optimizers.calls import Journal, Meter, recorded
from tests.fakes import scripted_lm


def test_no_model_and_unknown_models_are_estimated_and_say_so():
    for lm in (None, SimpleNamespace(model="openai/qwen3-coder"), scripted_lm(str)):
        counter = counter_for(lm)
        assert counter == APPROXIMATE and not counter.exact
        assert counter.count("a b c") == approximate_tokens("a b c") == 3


def test_engine_with_a_tokenizer_counts_exactly_also_behind_the_journal():
    lm = scripted_lm(str)
    lm.engine.count_tokens = len
    for model in (lm, recorded(lm, "task", Journal(None), Meter())):
        counter = counter_for(model)
        assert counter.exact and counter.count("hello") == 5 and counter.name == lm.model


@pytest.mark.parametrize(
    ("model", "name"), [("openai/gpt-4.1-mini", "tiktoken o200k_base"), ("openai/gpt-4", "tiktoken cl100k_base")]
)
def test_openai_models_are_counted_by_their_vocabulary_where_it_is_at_hand(model, name):
    counter = counter_for(SimpleNamespace(model=model))
    if counter.exact:
        assert counter.name == name and counter.count("hello world") == 2
    else:
        assert not any(folder.is_dir() for folder in caches())


def test_missing_vocabulary_is_not_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert openai_counter("text-davinci-001") is None  # r50k_base: shipped nowhere
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_only_named_is_counted_without_its_weights():
    assert counter_named("openai/gpt-4o") == counter_for(SimpleNamespace(model="openai/gpt-4o"))
    for name in (None, "", "local/qwen2.5-coder-1.5b", "anthropic/claude"):
        counter = counter_named(name)
        assert not counter.exact and counter.count("hello world") > 0
