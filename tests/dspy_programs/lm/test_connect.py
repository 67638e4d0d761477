"""From a spec to a model: which address, key and settings it gets, what is refused, and that keys stay secret."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dspy
import pytest

from dspy_programs.errors import LanguageModelError, MissingExtra, UnknownModel
from dspy_programs.lm import DEFAULT_SPEC, connect, decoding, spec_in_use, use
from dspy_programs.lm.embedded.embedded import EmbeddedEngine
from dspy_programs.lm.embedded.machine import import_xllamacpp
from dspy_programs.lm.models import CompleteJSONAdapter
from dspy_programs.lm.server.server import ServerEngine
from dspy_programs.lm.weights.catalog import CATALOG
from tests.fakes import ChatServer

KEY = "sk-very-secret"
ROOT = Path(__file__).parents[3]
URL = "http://127.0.0.1:9/v1"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "reply", "schema": {"type": "object"}}}


@pytest.fixture
def environment(monkeypatch):
    """The environment names a model, its address and its key."""
    monkeypatch.setenv("DSPY_PROGRAMS_LM", "openai/mine")
    monkeypatch.setenv("DSPY_PROGRAMS_API_BASE", URL)
    monkeypatch.setenv("DSPY_PROGRAMS_API_KEY", KEY)


def connection_of(lm: dspy.LM) -> dict:
    """What goes to the server: the settings of the inner model where there is one."""
    inner = lm.engine.lm if isinstance(getattr(lm, "engine", None), ServerEngine) else lm
    return {name: inner.kwargs.get(name) for name in ("api_base", "api_key")}


def test_connect_lists_known_models_when_local_name_is_unknown():
    with pytest.raises(UnknownModel) as caught:
        connect("local/qwen2.5-coder-2b")
    assert all(name in str(caught.value) for name in CATALOG)
    assert "Did you mean qwen2.5-coder" in str(caught.value)


@pytest.mark.parametrize("spec", ["gpt-4.1-mini", "openai/", "local/"])
def test_connect_refuses_spec_that_is_not_provider_and_name(spec):
    with pytest.raises(LanguageModelError, match=f"'{spec}' is not a model: write provider/name, e.g. {DEFAULT_SPEC}"):
        connect(spec)


def test_connect_gives_embedded_default_without_loading_it():
    lm = connect()
    assert lm.model == DEFAULT_SPEC
    assert lm.kwargs["temperature"] == 0.0
    assert connect(DEFAULT_SPEC).model == lm.model


@pytest.mark.parametrize(
    ("spec", "asked", "sent"),
    [
        ("openai/gpt-4.1-mini", None, 0.0),
        ("openai/gpt-4.1-mini", 0.7, 0.7),
        ("openai/gpt-5", None, None),
        ("openai/o3-mini", None, None),
        ("openai/gpt-5", 1.0, 1.0),
        ("local/smollm2-135m", 0.3, 0.3),
    ],
)
def test_connect_asks_for_temperature_that_the_model_takes(spec, asked, sent):
    assert connect(spec, temperature=asked).kwargs["temperature"] == sent


@pytest.mark.parametrize("wrong", [{"temperature": 0.5}, {"max_tokens": 500}])
def test_connect_refuses_settings_that_a_reasoning_model_refuses(wrong):
    with pytest.raises(LanguageModelError, match="reasoning models require"):
        connect("openai/gpt-5", **wrong)


def test_connect_passes_settings_on():
    lm = connect("openai/gpt-4.1-mini", max_tokens=77, timeout=3.5, top_p=0.9)
    assert {name: lm.kwargs[name] for name in ("max_tokens", "top_p")} == {"max_tokens": 77, "top_p": 0.9}
    assert lm.engine.lm.kwargs["timeout"] == 3.5


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("spec", [None, "openai/mine"])
def test_connect_takes_address_and_key_of_the_environment_for_its_model(spec):
    lm = connect(spec)
    assert lm.model == "openai/mine"
    assert connection_of(lm) == {"api_base": URL, "api_key": KEY}


@pytest.mark.usefixtures("environment")
def test_connect_takes_argument_before_environment():
    lm = connect("openai/mine", api_base="http://127.0.0.1:8/v1", api_key="other")
    assert connection_of(lm) == {"api_base": "http://127.0.0.1:8/v1", "api_key": "other"}


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("spec", ["anthropic/claude-sonnet-4-5", "openai/other", "openai/mine-2"])
def test_connect_keeps_address_and_key_of_the_environment_from_other_models(spec):
    assert connection_of(connect(spec)) == {"api_base": None, "api_key": None}


def test_connect_ignores_address_and_key_of_an_environment_without_model(monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_API_BASE", URL)
    monkeypatch.setenv("DSPY_PROGRAMS_API_KEY", KEY)
    assert connection_of(connect("openai/mine")) == {"api_base": None, "api_key": None}


def test_connect_sends_some_key_to_server_of_ones_own():
    assert connection_of(connect("openai/mine", api_base=URL)) == {"api_base": URL, "api_key": "none"}


def test_spec_in_use_takes_argument_then_current_model_then_environment_then_default(monkeypatch):
    assert spec_in_use() == DEFAULT_SPEC
    monkeypatch.setenv("DSPY_PROGRAMS_LM", "openai/from-environment")
    assert spec_in_use() == "openai/from-environment"
    with dspy.context(lm=dspy.LM("openai/current")):
        assert spec_in_use() == "openai/current"
        assert spec_in_use("openai/argument") == "openai/argument"


def test_use_sets_model_and_adapter_for_its_block_only():
    before = (dspy.settings.lm, dspy.settings.adapter)
    with use("local/smollm2-135m"):
        assert dspy.settings.lm.model == "local/smollm2-135m"
        assert isinstance(dspy.settings.adapter, CompleteJSONAdapter)
    assert (dspy.settings.lm, dspy.settings.adapter) == before


@pytest.mark.parametrize("api_base", [None, URL])
def test_connect_keeps_key_out_of_all_that_is_written_down(api_base):
    lm = connect("openai/mine", api_base=api_base, api_key=KEY, max_tokens=5)
    assert decoding(lm) == {"temperature": 0.0, "max_tokens": 5}
    assert KEY not in f"{lm!r} {lm} {decoding(lm)}"


@pytest.mark.parametrize(("status", "key"), [(200, "another key"), (400, None), (404, None)])
def test_error_of_a_server_never_shows_the_key(status, key):
    with ChatServer(status=status, key=key) as server:
        lm = connect("openai/mine", api_base=server.url, api_key=KEY)
        with pytest.raises(Exception) as caught:
            lm("hello")
    shown, error = "", caught.value
    while error is not None:
        shown, error = shown + f"{error!r} {error}", error.__cause__ or error.__context__
    assert shown and KEY not in shown


def test_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtra, match=r'pip install "dspy-programs\[local\]"'):
        import_xllamacpp()


def test_embedded_engine_says_what_to_install_before_it_loads(monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtra, match="need an extra"):
        EmbeddedEngine(CATALOG["smollm2-135m"]).server()


LIBRARY = """
import os
print(os.environ.get("GOMP_SPINCOUNT"), os.environ.get("OMP_WAIT_POLICY"), flush=True)
json_schema_to_grammar, __version__ = str, "0"
"""
WAYS = {
    "import": "machine.import_xllamacpp()",
    "grammar": "chat_request.grammar_of({'type': 'json_schema', 'schema': {}})",
    "engine": "embedded.engine_for(catalog.find('smollm2-135m')).server()",
}


@pytest.mark.parametrize("way", WAYS)
def test_how_long_threads_wait_is_set_before_the_library_is_loaded(way, tmp_path):
    assert loading(WAYS[way], tmp_path) == "2000 None"


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        ({"GOMP_SPINCOUNT": "7"}, "7 None"),
        ({"OMP_WAIT_POLICY": "passive"}, "None passive"),
        ({"OMP_WAIT_POLICY": "active"}, "None active"),
    ],
)
def test_how_long_threads_wait_is_left_to_the_user_who_chose(chosen, seen, tmp_path):
    assert loading(WAYS["import"], tmp_path, **chosen) == seen


def loading(code: str, folder, **chosen: str) -> str:
    """What a library in the place of llama.cpp finds in the environment when it is loaded, in a process of its own."""
    (folder / "xllamacpp.py").write_text(LIBRARY)
    known = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    places = {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "DSPY_PROGRAMS_WEIGHTS": str(folder / "none")}
    rooms = "from dspy_programs.lm.weights import catalog; from dspy_programs.lm.embedded import"
    code = f"{rooms} chat_request, embedded, machine; {code}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=known | places | chosen)
    return run.stdout.strip()


@pytest.mark.parametrize(("chosen", "threads"), [("3", 3), ("3,2", 3), ("0", None), ("many", None), ("", None)])
def test_threads_are_those_the_user_chose_else_one_a_core_of_this_process(monkeypatch, chosen, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", chosen)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert EmbeddedEngine(CATALOG["smollm2-135m"]).threads == (threads or cores)


def test_server_engine_claims_logprobs_of_a_provider_only_where_its_api_has_them():
    assert "logprobs" in connect("openai/gpt-4.1-mini").supported_params
    assert "logprobs" not in connect("anthropic/claude-sonnet-4-5").supported_params


def test_server_is_asked_with_the_key_and_held_to_the_schema():
    with ChatServer(answer=lambda prompt: "ok", key=KEY) as server:
        lm = connect("openai/mine", api_base=server.url, api_key=KEY)
        assert lm("hi", response_format=SCHEMA) == ["ok"]
    (body,) = server.requests
    assert '"json_schema"' in body and KEY not in body


def test_server_is_asked_for_logprobs_in_openais_words():
    with ChatServer(answer=lambda prompt: "ok") as server:
        connect("openai/mine", api_base=server.url)("hi", logprobs=True, top_logprobs=20)
    body = json.loads(server.requests[0])
    assert (body["logprobs"], body["top_logprobs"]) == (True, 20)
