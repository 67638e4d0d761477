"""What a catalogue may say: every fault is one line that names the file, the model and the field."""

import re

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.router import catalogue_of, read_catalogue
from tests.router_support import entry


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prompt_usd_per_1k": -1}, "models.1 (m/1).prompt_usd_per_1k: Input should be greater than or equal to 0"),
        ({"completion_usd_per_1k": float("nan")}, "models.1 (m/1).completion_usd_per_1k: Input should be a finite number"),
        ({"price": 1}, "models.1 (m/1).price: Extra inputs are not permitted"),
        ({"quality": 1.2}, "models.1 (m/1).quality: Input should be less than or equal to 1"),
        ({"latency_ms": 0}, "models.1 (m/1).latency_ms: Input should be greater than 0"),
        ({"context": 0}, "models.1 (m/1).context: Input should be greater than or equal to 1"),
        ({"api_base": "ftp://x"}, "models.1 (m/1).api_base: must begin with http:// or https://"),
        ({"id": "m/ä b"}, "models.1 (m/ä b).id: String should match pattern"),
        ({"id": "m/0"}, "models: m/0 is there twice"),
        ({"id": "plain", "lm": ""}, "models.1 (plain): 'plain' is no model's spec; write lm: provider/name"),
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
        ({"models": []}, "models: Tuple should have at least 1 item"),
    ],
)
def test_wrong_setting_is_named(settings, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        catalogue_of({"models": [entry()], **settings}, "c.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("models: [", "not YAML"),
        ("- 1", "a catalogue is a mapping with `models:`"),
        ("", "a catalogue is a mapping"),
        ("a: \x00", "not YAML"),
    ],
)
def test_file_that_is_no_catalogue_is_refused(tmp_path, text, says):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"c.yaml: {says}"):
        read_catalogue(path)


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
