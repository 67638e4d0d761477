"""What `load` takes, what it says about it, and what it may take from another model."""

import copy
import json
import logging
import warnings
from pathlib import Path

import cloudpickle
import pytest

from dspy_programs import Planner, load
from dspy_programs.errors import CompiledMismatch, CompiledMissing, CompiledProgramError, UsageError
from dspy_programs.registry import compiled_paths, read_compiled
from dspy_programs.registry.compiled_store import shipped_directory
from dspy_programs.registry.registry import family_of, gain_of

LM = "local/qwen2.5-coder-1.5b"
OTHER = "openai/some-model"
SHIPPED = shipped_directory() / "planner" / "qwen2.5-coder-1.5b.json"


def compiled_for(lm: str, gain: float | None = 0.1, kept: str = "compiled", change=lambda app: None) -> Path:
    """Put the shipped planner into the user's directory as one that was compiled for `lm` and says so."""
    state = json.loads(SHIPPED.read_bytes())
    state["plan"]["signature"]["instructions"] = f"Made for {lm}."
    del state["plan"]["demos"][3:]
    app = state["metadata"]["app"]
    scores = {} if gain is None else {"validation": {"seed": 0.1, "compiled": 0.1 + gain}}
    app.update(lm=lm, kept=kept, scores=scores)
    change(app)
    path = compiled_paths("planner", lm)[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(state))
    return path


def loaded(lm: str = OTHER, **how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load("planner", lm, **how)


def made_for(lm: str) -> str:
    """Name the model whose artefact `load` takes for `lm` when it may."""
    text = loaded(lm, portable=True).plan.signature.instructions
    return text.removeprefix("Made for ").rstrip(".")


@pytest.mark.parametrize("lm", [LM, "local/qwen2.5-coder-0.5b"])
def test_loaded_from_is_the_shipped_file(lm):
    assert load("planner", lm).loaded_from == compiled_paths("planner", lm)[1]


def test_loaded_from_is_the_users_file_or_the_given_one_or_none(tmp_path):
    mine = compiled_for(LM)
    assert load("planner", LM).loaded_from == mine
    assert load("planner", LM, path=str(SHIPPED)).loaded_from == SHIPPED
    assert loaded("openai/other").loaded_from is None


def test_loaded_from_is_no_part_of_the_state_and_goes_with_copies(tmp_path):
    program = load("planner", LM)
    assert program.dump_state().keys() == {"plan"} == dict(program.named_predictors()).keys()
    for again in (program.deepcopy(), copy.deepcopy(program), cloudpickle.loads(cloudpickle.dumps(program))):
        assert again.loaded_from == SHIPPED and again.dump_state() == program.dump_state()
    program.save(tmp_path / "saved.json")
    fresh = Planner()
    fresh.load(tmp_path / "saved.json")
    assert fresh.dump_state() == program.dump_state() and not hasattr(fresh, "loaded_from")


def test_load_logs_the_file_it_took(caplog, capsys):
    with caplog.at_level(logging.INFO, "dspy_programs"):
        load("planner", LM)
        loaded(OTHER)
    assert [record.getMessage() for record in caplog.records] == [
        f"planner for {LM}: {SHIPPED}",
        f"planner for {OTHER}: uncompiled",
    ]
    assert capsys.readouterr() == ("", "")


def test_load_says_the_file_it_took_on_stderr(capsys):
    load("planner", LM, verbose=True)
    assert capsys.readouterr() == ("", f"planner for {LM}: {SHIPPED}\n")


def test_load_without_an_artefact_names_the_option_and_takes_none():
    with pytest.warns(UserWarning, match=r"runs uncompiled.*load\(\.\.\., portable=True\)") as seen:
        program = load("planner", OTHER)
    assert program.dump_state() == Planner().dump_state()
    assert LM in str(seen[0].message) and seen[0].filename == __file__


def test_portable_takes_another_models_artefact_and_says_whose():
    with pytest.warns(UserWarning, match=f"planner is not compiled for {OTHER}, so the one compiled for {LM} is used") as seen:
        program = load("planner", OTHER, portable=True)
    assert program.loaded_from == SHIPPED and program.dump_state() == load("planner", LM).dump_state()
    assert f"python -m optimizers.train --module planner --lm {OTHER}" in str(seen[0].message)
    assert len(seen) == 1 and seen[0].filename == __file__


def test_portable_changes_nothing_where_there_is_an_artefact(recwarn):
    assert load("planner", LM, portable=True).loaded_from == SHIPPED
    assert not recwarn.list


def test_portable_with_strict_is_content_with_another_models_artefact():
    assert loaded(OTHER, portable=True, strict=True).loaded_from == SHIPPED


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ("openai/gpt-4.1", "openai/gpt-4.1-mini"),
        ("azure/gpt-4o", "openai/gpt-4.1-mini"),
        ("openai/Qwen/Qwen3-8B", "hosted_vllm/Qwen/Qwen2.5-7B"),
        ("anthropic/claude-4", "anthropic/other-1"),
        ("mistral/large", "anthropic/claude-3"),
    ],
)
def test_portable_prefers_family_then_provider_then_gain(wanted, taken):
    for lm, gain in {
        "openai/gpt-4.1-mini": 0.1,
        "hosted_vllm/Qwen/Qwen2.5-7B": 0.4,
        "anthropic/claude-3": 0.6,
        "anthropic/other-1": 0.2,
        "openai/x-1": 0.5,
    }.items():
        compiled_for(lm, gain)
    if wanted == "anthropic/claude-4":
        taken = "anthropic/claude-3"
    assert made_for(wanted) == taken


def test_portable_prefers_the_provider_where_no_family_is_known():
    compiled_for("openai/x-1", 0.2)
    compiled_for("anthropic/y-1", 0.6)
    assert made_for("openai/z-1") == "openai/x-1"


def test_portable_takes_the_same_of_two_equals_every_time():
    for lm in ("openai/x-2", "openai/x-1", "openai/x-3"):
        compiled_for(lm, 0.2)
    assert {made_for("openai/x-9") for _ in range(3)} == {"openai/x-1"}


def test_portable_takes_the_users_file_of_a_model_before_the_shipped_one():
    mine = compiled_for(LM, 0.9)
    assert loaded(OTHER, portable=True).loaded_from == mine


def drift(app) -> None:
    app["fields"]["plan"][0]["name"] = "means"


@pytest.mark.parametrize("unfit", [{"kept": "seed"}, {"change": drift}, {"change": lambda app: app.update(schema_version=9)}])
def test_portable_passes_over_what_does_not_fit_or_has_nothing_to_give(unfit):
    compiled_for("openai/some-larger-model", 0.9, **unfit)
    assert loaded(OTHER, portable=True).loaded_from == SHIPPED


def test_portable_takes_no_other_programs_artefact():
    path = compiled_for("openai/some-larger-model", 0.9, change=lambda app: app.update(program="actor"))
    assert path.is_file() and loaded(OTHER, portable=True).loaded_from == SHIPPED


def test_portable_where_nothing_fits_is_the_program_as_it_was_written(monkeypatch):
    for lm in (LM, "local/qwen2.5-coder-0.5b"):
        compiled_for(lm, kept="seed")
    with pytest.warns(UserWarning, match="runs uncompiled.*none of these is an improvement"):
        assert load("planner", OTHER, portable=True).loaded_from is None
    with pytest.raises(CompiledMissing):
        load("planner", OTHER, portable=True, strict=True)


@pytest.mark.parametrize("how", [{}, {"portable": True}])
def test_own_file_that_does_not_fit_is_an_error_and_not_passed_over(how):
    compiled_for(LM, change=drift)
    with pytest.raises(CompiledMismatch):
        load("planner", LM, **how)
    compiled_paths("planner", LM)[0].write_text("{")
    with pytest.raises(CompiledProgramError):
        load("planner", LM, **how)


def test_unknown_program_is_said_first():
    with pytest.raises(UsageError, match="unknown program 'plannr'"):
        load("plannr", path="nothing.json", portable=True)


@pytest.mark.parametrize(
    ("spec", "family"),
    [
        ("local/qwen2.5-coder-1.5b", "qwen"),
        ("together_ai/Qwen/Qwen3-8B", "qwen"),
        ("openai/gpt-4.1-mini", "gpt"),
        ("openai/o3", "o"),
        ("x/7b", ""),
        ("", ""),
    ],
)
def test_family_is_what_a_models_name_begins_with(spec, family):
    assert family_of(spec) == family


@pytest.mark.parametrize(
    "validation", [None, [], {}, {"seed": 0.1}, {"seed": "x", "compiled": 1}, {"seed": 0, "compiled": float("nan")}]
)
def test_gain_that_a_file_does_not_say_is_none(validation):
    saved = read_compiled(SHIPPED).provenance
    assert gain_of(saved.model_copy(update={"scores": {"validation": validation}})) == 0.0


def test_gain_is_that_of_the_test_where_there_was_one():
    saved = read_compiled(SHIPPED).provenance
    validation = {"validation": {"seed": 0.0, "compiled": 0.9}}
    assert gain_of(saved.model_copy(update={"scores": validation})) == 0.9
    tested = validation | {"test": {"difference": {"mean": 0.2}}}
    assert gain_of(saved.model_copy(update={"scores": tested})) == 0.2
