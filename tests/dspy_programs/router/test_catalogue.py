"""What a catalogue may say: every fault is one line that names the file, the model and the field."""

import re

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.router import Needs, Router, catalogue_of, read_catalogue
from tests.router_support import entry


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prompt_usd_per_1k": -1}, "models.1 (m/1).prompt_usd_per_1k: Input should be greater than or equal to 0"),
        ({"completion_usd_per_1k": float("nan")}, "models.1 (m/1).completion_usd_per_1k: Input should be a finite number"),
        ({"price": 1}, "models.1 (m/1).price: unknown key"),
        ({"quality": 1.2}, "models.1 (m/1).quality: Input should be less than or equal to 1"),
        ({"latency_ms": 0}, "models.1 (m/1).latency_ms: Input should be greater than or equal to 0.001"),
        ({"context": 0}, "models.1 (m/1).context: Input should be greater than or equal to 1"),
        ({"api_base": "ftp://x"}, "models.1 (m/1).api_base: must begin with http:// or https://"),
        ({"api_base": "http://"}, "models.1 (m/1).api_base: not like http://HOST:PORT/v1"),
        ({"api_base": "http://[::1"}, "models.1 (m/1).api_base: not like"),
        ({"api_base": "http://h:99999/v1"}, "models.1 (m/1).api_base: not like"),
        ({"api_base": "http://h h/v1"}, "models.1 (m/1).api_base: not like"),
        ({"prompt_usd_per_1k": 1e308}, "models.1 (m/1).prompt_usd_per_1k: Input should be less than or equal to 1000000"),
        ({"context": 10**30}, "models.1 (m/1).context: Input should be less than or equal to 1000000000"),
        ({"requests_per_minute": 10**30}, "models.1 (m/1).requests_per_minute: Input should be less than"),
        ({"id": "m/", "lm": ""}, "models.1 (m/): 'm/' is not a model spec"),
        ({"id": "m/ä b"}, "models.1 (m/ä b).id: String should match pattern"),
        ({"id": "m/0"}, "models: m/0 appears twice"),
        ({"id": "plain", "lm": ""}, "models.1 (plain): 'plain' is not a model spec; write lm: provider/name"),
    ],
)
def test_wrong_model_is_named(change, says):
    with pytest.raises(UsageError, match=rf"^c\.yaml: {re.escape(says)}"):
        catalogue_of({"models": [entry(0), {**entry(1), **change}]}, "c.yaml")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"weights": {"speed": {"latency": 0.5, "cost": 0.2, "quality": 0.1}}}, "latency, cost and quality must add up to 1"),
        ({"weights": {"fast": {"latency": 1, "cost": 0, "quality": 0}}}, "weights.fast"),
        ({"priority": "best"}, "priority: Input should be 'speed', 'cost', 'quality' or 'balanced'"),
        ({"server": {"port": 70_000}}, "server.port: Input should be less than or equal to 65535"),
        ({"cache": {"backend": "disk"}}, "cache.backend: Input should be"),
        ({"budget": {"usd_per_day": -1}}, "budget.usd_per_day: Input should be greater than or equal to 0"),
        ({"fallback": {"timeout_seconds": 1e300}}, "fallback.timeout_seconds: Input should be less than or equal to 86400"),
        ({"cache": {"ttl_seconds": 1e308}}, "cache.ttl_seconds: Input should be less than"),
        ({"cache": {"max_bytes": 10**30}}, "cache.max_bytes: Input should be less than"),
        ({"models": []}, "models: List should have at least 1 item"),
    ],
)
def test_wrong_setting_is_named(settings, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        catalogue_of({"models": [entry()], **settings}, "c.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("models: [", "not YAML"),
        ("models: {small: {quality: 0.5}}", "models: Input should be a valid list"),
        ("- 1", "a catalogue is a mapping with `models:`"),
        ("", "a catalogue is a mapping"),
        ("a: \x00", "not YAML"),
        ("models: !!python/object/apply:os.system ['true']", "not YAML: could not determine a constructor"),
        ("models: [{id: a/b, quality: 0.1, quality: 0.9}]", "not YAML: the key 'quality' appears twice"),
        ("models: &a [*a]", "not YAML: more than 10,000 values through aliases, or an anchor that contains itself"),
        ("models: [{context: " + "9" * 5000 + "}]", "not YAML"),
    ],
)
def test_file_that_is_no_catalogue_is_refused(tmp_path, text, says):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"c.yaml: {says}"):
        read_catalogue(path)


def test_merge_keys_cannot_fill_the_memory(tmp_path):
    bomb = "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
    path = tmp_path / "c.yaml"
    path.write_text(bomb)
    with pytest.raises(UsageError, match="not YAML: << is not read; write the keys out"):
        read_catalogue(path)


@pytest.mark.parametrize("address", ["http://ann:pa55word@h/v1", "http://h/v1?key=pa55word", "http://:pa55word"])
def test_secret_in_an_address_is_refused_and_not_told(address):
    with pytest.raises(UsageError, match="api_base: not like") as raised:
        catalogue_of({"models": [entry(0, api_base=address)]}, "c")
    assert "pa55word" not in str(raised.value)


def test_prices_next_to_nothing_are_no_trouble():
    models = [
        entry(0, prompt_usd_per_1k=1e-320, completion_usd_per_1k=0),
        entry(1, prompt_usd_per_1k=0, completion_usd_per_1k=0),
    ]
    decision = Router(catalogue_of({"models": models}, "c")).decide(Needs(priority="speed"))
    assert decision.best == 0 and decision.score(1) < decision.score(0) < 1


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.yaml: cannot read a catalogue from it \(No such file"):
        read_catalogue(tmp_path / "none.yaml")


def test_environment_names_the_catalogue(tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    path.write_text(f"models: [{entry(3)}]".replace("True", "true"))
    monkeypatch.setenv("DSPY_PROGRAMS_ROUTER", str(path))
    assert [model.id for model in read_catalogue().models] == ["m/3"]


def test_providers_key_goes_to_no_other_address(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai-0123456789")
    own, hosted = catalogue_of({"models": [entry(0), {**entry(1), "api_base": None}]}, "c").models
    assert (own.key, hosted.key) == (None, "of-openai-0123456789")
    named = catalogue_of({"models": [entry(0, key_env="OPENAI_API_KEY")]}, "c").models[0]
    assert named.key == "of-openai-0123456789", "the catalogue names it for this address"


def test_fingerprint_changes_with_what_changes_answers():
    one = catalogue_of({"models": [entry(0)]}, "c")
    assert one.fingerprint == catalogue_of({"models": [entry(0)], "server": {"port": 1}}, "c").fingerprint
    assert one.fingerprint != catalogue_of({"models": [entry(0, quality=0.9)]}, "c").fingerprint
