"""Whose tokens are counted, and that counting never asks the network."""

from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from dspy_programs.errors import UnknownModel
from dspy_programs.tokens import caches, counter_for, counter_named, openai_counter
from optimizers.calls import Journal, Meter, recorded
from tests.fakes import scripted_lm
from tests.ggufs import gguf


def test_no_model_and_unknown_models_are_estimated_and_say_so():
    for lm in (None, SimpleNamespace(model="openai/qwen3-coder"), scripted_lm(str)):
        counter = counter_for(lm)
        assert not counter.exact and counter.name != getattr(lm, "model", None) and 3 <= counter.count("a b c") <= 5
        assert counter.name == counter_named(getattr(lm, "model", None)).name


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


def test_a_model_that_is_only_named_is_counted_without_its_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("DSPY_PROGRAMS_CACHE", str(tmp_path))
    assert counter_named("openai/gpt-4o") == counter_for(SimpleNamespace(model="openai/gpt-4o"))
    for name in (None, "", "local/qwen2.5-coder-1.5b", "anthropic/claude"):
        counter = counter_named(name)
        assert not counter.exact and counter.count("hello world") > 0
    assert "its file is not on this machine" in counter_named("local/qwen2.5-coder-1.5b").name
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnknownModel, match=r"qwen2\.5-coder-1\.5b"):
        counter_named("local/qwen2.5-coder-1.6b")


@pytest.mark.parametrize(
    ("spec", "vocabulary", "name"),
    [
        ("openrouter/openai/gpt-4o", "o200k_base", "gpt-4o"),
        ("openrouter/openai/gpt-4o:free", "o200k_base", "gpt-4o"),
        ("azure/gpt-35-turbo", "cl100k_base", "gpt-35-turbo"),
        ("azure_ai/gpt-4.1", "o200k_base", "gpt-4.1"),
        ("litellm_proxy/openai/o3-mini", "o200k_base", "o3-mini"),
        ("gpt-4.1-mini-2025-04-14", "o200k_base", "gpt-4.1-mini-2025-04-14"),
        ("openai/ft:gpt-4o-mini-2024-07-18:acme::x1", "o200k_base", "gpt-4o-mini-2024-07-18:acme::x1"),
        ("openai/ft:gpt-3.5-turbo-0125:acme::x1", "cl100k_base", "gpt-3.5-turbo-0125:acme::x1"),
        ("openai/responses/gpt-5-mini", "o200k_base", "gpt-5-mini"),
        ("groq/openai/gpt-oss-20b", "o200k_base", "gpt-oss-20b"),
    ],
)
def test_openais_models_are_known_under_every_provider(spec, vocabulary, name):
    counter = counter_named(spec)
    assert (counter.name, counter.exact, counter.model) == (f"tiktoken {vocabulary}", True, name)


@pytest.mark.parametrize("spec", ["openai/gpt-9", "azure/o7-mini"])
def test_a_newer_model_of_openais_has_its_newest_vocabulary_and_is_not_exact(spec):
    counter = counter_named(spec)
    assert counter.name == "tiktoken o200k_base" and not counter.exact


@pytest.mark.parametrize(
    ("spec", "model"),
    [
        ("anthropic/claude-3-5-sonnet-20241022", "claude-3-5-sonnet-20241022"),
        ("bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-20250514-v1"),
        ("gemini/gemini-2.5-pro", "gemini-2.5-pro"),
        ("together_ai/meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b-instruct"),
        ("azure/my-deployment", "my-deployment"),
    ],
)
def test_models_without_a_vocabulary_here_are_estimated_high_and_say_so(spec, model):
    counter, known = counter_named(spec), openai_counter("gpt-4")
    assert counter.model == model and not counter.exact and "cl100k_base *" in counter.name
    for text in ("Your flight HAT136 leaves at 06:40.", '{"id": 12345678, "total": 42500}', "好的，请继续下一步。"):
        assert counter.count(text) >= 1.1 * known.count(text)
    assert counter.count("12345678901234567890") >= 20
    assert counter.count("") == 0


def test_vocabulary_of_an_embedded_model_counts_without_loading_it(tmp_path):
    letters = [chr(c) for c in range(97, 123)]
    words = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": [*letters, "Ġ", "<|im_end|>", "he", "ll", "hell", "hello", *"0123456789"],
        "tokenizer.ggml.merges": ["h e", "l l", "he ll", "hell o"],
        "tokenizer.ggml.token_type": [*[1] * 27, 3, *[1] * 14],
    }
    path = tmp_path / "words.gguf"
    path.write_bytes(gguf(words, without=("tokenizer.ggml.scores",)))
    counter = counter_named(f"local/{path}")
    assert counter.exact
    assert [counter.count(text) for text in ("hello", "hello hello", "hell", "2024", "hello<|im_end|>", "", "\ud800")] == [
        *(1, 3, 1, 4, 2, 0, 0)
    ]
    path.write_bytes(gguf({"tokenizer.ggml.model": "llama"}))
    assert not counter_named(f"local/{path}").exact


def test_tokenizer_in_the_hubs_cache_is_used_and_a_damaged_one_is_not(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for name in ("tiny", "damaged"):
        (tmp_path / f"models--acme--{name}" / "refs").mkdir(parents=True)
        (tmp_path / f"models--acme--{name}" / "refs" / "main").write_text("1")
        (tmp_path / f"models--acme--{name}" / "snapshots" / "1").mkdir(parents=True)
    tokenizer = Tokenizer(models.WordLevel({"hello": 0, "world": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "models--acme--tiny" / "snapshots" / "1" / "tokenizer.json"))
    (tmp_path / "models--acme--damaged" / "snapshots" / "1" / "tokenizer.json").write_text("{")
    counter = counter_named("hosted_vllm/acme/tiny")
    assert (counter.name, counter.exact, counter.count("hello there world")) == ("tokenizer of acme/tiny", True, 3)
    assert not counter_named("hosted_vllm/acme/damaged").exact and not counter_named("hosted_vllm/acme/other").exact
