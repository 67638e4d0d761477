"""Compiled programs: what is saved is loaded, what does not fit is refused, and nothing hostile gets in."""

import json
import subprocess
import sys
from pathlib import Path

import dspy
import pytest
from pydantic import create_model

from dspy_programs.errors import CompiledMismatch, CompiledMissing, CompiledProgramError, UsageError
from dspy_programs.programs.planner import Planner
from dspy_programs.registry import (
    Provenance,
    apply_state,
    compiled_paths,
    digest,
    file_name,
    load,
    read_compiled,
    seed_instructions,
    shape_of,
)
from dspy_programs.registry.compiled_store import (
    LARGEST_FILE,
    LONGEST_DEMONSTRATION,
    MOST_DEMONSTRATIONS,
    available_models,
    save_compiled,
    shipped_directory,
    user_directory,
)

ROOT = Path(__file__).parents[3]
LM = "openai/some-model"
BETTER = "Plan it well.\n\nUse «few» tools."
Item = create_model("Item", size=(int, ...))


class Toy(dspy.Module):
    """One predictor for each keyword: its fields as a signature string."""

    def __init__(self, seed: str = "Do it.", item: type = Item, **predictors: str) -> None:
        super().__init__()
        for name, fields in predictors.items():
            setattr(self, name, dspy.Predict(dspy.Signature(fields, seed, custom_types={"Item": item})))


def toy(**changes) -> Toy:
    return Toy(**({"plan": "goal: str, item: Item -> steps: list[str]"} | changes))


def with_instruction(program: dspy.Module, text: str) -> dspy.Module:
    for predictor in program.predictors():
        predictor.signature = predictor.signature.with_instructions(text)
    return program


def provenance_of(program: dspy.Module, name: str, lm: str = LM) -> Provenance:
    seeds = {key: digest(text) for key, text in seed_instructions(program).items()}
    empty = {"training": {}, "scores": {}, "lineage": [], "versions": {}}
    fields = shape_of(program)
    return Provenance(
        schema_version=1, program=name, lm=lm, fields=fields, seed_instructions_sha256=seeds, kept="compiled", **empty
    )


def compiled_planner(lm: str = LM, instruction: str = BETTER) -> Path:
    """Save a planner with another instruction where `load` finds it."""
    path = compiled_paths("planner", lm)[0]
    save_compiled(with_instruction(Planner(), instruction), provenance_of(Planner(), "planner", lm), path)
    return path


@pytest.fixture
def saved_toy(tmp_path: Path) -> Path:
    path = tmp_path / "toy.json"
    save_compiled(with_instruction(toy(), BETTER), provenance_of(toy(), "toy"), path)
    return path


def test_compiled_program_comes_back_with_its_instructions(saved_toy):
    program = toy()
    apply_state(program, read_compiled(saved_toy, "toy", LM), saved_toy)
    assert program.plan.signature.instructions == BETTER
    assert list(program.plan.signature.fields) == ["goal", "item", "steps"]


def test_compiled_program_is_read_by_stock_dspy(saved_toy):
    program = toy()
    program.load(saved_toy)
    assert program.plan.signature.instructions == BETTER


def test_compiled_program_keeps_demonstrations(saved_toy):
    program = toy()
    program.plan.demos = [dspy.Example(goal="g", item=Item(size=1), steps=["s"])]
    save_compiled(program, provenance_of(program, "toy"), saved_toy)
    again = toy()
    apply_state(again, read_compiled(saved_toy, "toy"), saved_toy)
    assert again.plan.demos == [{"goal": "g", "item": {"size": 1}, "steps": ["s"]}]


def test_compiled_file_says_where_it_came_from(saved_toy):
    state = json.loads(saved_toy.read_bytes())
    assert state["metadata"]["app"] == provenance_of(toy(), "toy").model_dump(mode="json")
    assert "dspy" in state["metadata"]["dependency_versions"]
    assert "«few»" in saved_toy.read_text(encoding="utf-8")


DRIFTED = {
    "field renamed": (toy(plan="aim: str, item: Item -> steps: list[str]"), "goal, item, steps -> aim, item, steps"),
    "fields swapped": (toy(plan="item: Item, goal: str -> steps: list[str]"), "goal, item, steps -> item, goal, steps"),
    "field added": (toy(plan="goal: str, item: Item, n: int -> steps: list[str]"), "steps -> goal, item, n, steps"),
    "field removed": (toy(plan="goal: str -> steps: list[str]"), "goal, item, steps -> goal, steps"),
    "type changed": (toy(plan="goal: str, item: Item -> steps: str"), "output steps: list[str] -> output steps: str"),
    "role changed": (toy(plan="goal: str -> item: Item, steps: list[str]"), "input item: Item -> output item: Item"),
    "schema changed": (toy(item=create_model("Item", size=(float, ...))), "input item: Item (its schema)"),
    "nested field added": (toy(item=create_model("Item", size=(int, ...), n=(int, 0))), "item: Item (its schema)"),
    "predictor renamed": (
        Toy(draft="goal: str, item: Item -> steps: list[str]"),
        "compiled for the predictors plan; the code has draft",
    ),
    "predictor added": (toy(check="steps: str -> ok: bool"), "predictors plan; the code has plan, check"),
    "seed changed": (toy(seed="Do it now."), "the code's instruction has changed since it was compiled"),
}


@pytest.mark.parametrize("drift", DRIFTED)
def test_apply_state_refuses_program_that_has_drifted(saved_toy, drift):
    program, difference = DRIFTED[drift]
    before = program.dump_state()
    with pytest.raises(CompiledMismatch) as caught:
        apply_state(program, read_compiled(saved_toy, "toy"), saved_toy)
    message = str(caught.value)
    assert str(saved_toy) in message and difference in message
    assert message.endswith(f"Compile it again: python -m optimizers.train --module toy --lm {LM} --fresh")
    assert program.dump_state() == before


@pytest.mark.parametrize(("program", "lm"), [("actor", LM), ("toy", "openai/other"), ("actor", None)])
def test_read_compiled_refuses_other_program_or_model(saved_toy, program, lm):
    with pytest.raises(CompiledMismatch, match=f"compiled toy for {LM}, not {program} for {lm or LM}"):
        read_compiled(saved_toy, program, lm)


def edited(change):
    """Turn a change of the saved state into a function from the saved bytes to hostile ones."""

    def apply(data: bytes) -> bytes:
        state = json.loads(data)
        change(state)
        return json.dumps(state).encode()

    return apply


def nested(levels: int) -> dict:
    value: dict = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def app(state: dict) -> dict:
    return state["metadata"]["app"]


HOSTILE = {
    "predictor has forward": edited(lambda s: s["plan"].update(forward="x")),
    "predictor has callbacks": edited(lambda s: s["plan"].update(callbacks=[])),
    "predictor has __class__": edited(lambda s: s["plan"].update(__class__="x")),
    "predictor has fields": edited(lambda s: s["plan"].update(fields={})),
    "lm set": edited(lambda s: s["plan"].update(lm={"model": "x", "api_base": "http://evil"})),
    "traces": edited(lambda s: s["plan"].update(traces=[1])),
    "train": edited(lambda s: s["plan"].update(train=[{}])),
    "demos not objects": edited(lambda s: s["plan"].update(demos=["x"])),
    "demos not a list": edited(lambda s: s["plan"].update(demos={})),
    "demos nested deep": edited(lambda s: s["plan"].update(demos=[nested(500)])),
    "signature has more": edited(lambda s: s["plan"]["signature"].update(__bases__=[])),
    "signature missing": edited(lambda s: s["plan"].pop("signature")),
    "field has more": edited(lambda s: s["plan"]["signature"]["fields"][0].update(annotation="os.system")),
    "field lost": edited(lambda s: s["plan"]["signature"]["fields"].pop()),
    "instruction empty": edited(lambda s: s["plan"]["signature"].update(instructions="")),
    "instruction huge": edited(lambda s: s["plan"]["signature"].update(instructions="x" * 100_001)),
    "instruction a number": edited(lambda s: s["plan"]["signature"].update(instructions=5)),
    "instruction half a surrogate pair": edited(lambda s: s["plan"]["signature"].update(instructions="\ud800")),
    "predictor missing": edited(lambda s: s.pop("plan")),
    "predictor more": edited(lambda s: s.update(forward=s["plan"])),
    "predictor null": edited(lambda s: s.update(plan=None)),
    "metadata missing": edited(lambda s: s.pop("metadata")),
    "metadata a list": edited(lambda s: s.update(metadata=[])),
    "app missing": edited(lambda s: s["metadata"].pop("app")),
    "app null": edited(lambda s: s["metadata"].update(app=None)),
    "app has more": edited(lambda s: app(s).update(run="rm")),
    "schema_version 0": edited(lambda s: app(s).update(schema_version=0)),
    "schema_version 2": edited(lambda s: app(s).update(schema_version=2)),
    "schema_version missing": edited(lambda s: app(s).pop("schema_version")),
    "fields null": edited(lambda s: app(s).update(fields=None)),
    "not JSON": lambda data: b"program = 1",
    "pickle": lambda data: b"\x80\x04\x95",
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "NUL bytes": lambda data: data[:50] + b"\0\0" + data[50:],
    "all NUL": lambda data: bytes(1000),
    "not UTF-8": lambda data: b"\xff" * 10_000,
    "a list": lambda data: b"[1]",
    "null": lambda data: b"null",
    "a string": lambda data: b'"metadata"',
    "deep list": lambda data: b"[" * 100_000,
    "deep object": lambda data: b'{"a":' * 900 + b"1" + b"}" * 900,
    "huge number": lambda data: b'{"metadata": ' + b"9" * 5000 + b"}",
    "20 MB": lambda data: data + b" " * 20_000_000,
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_file_is_refused_and_program_stays_untouched(saved_toy, attack):
    saved_toy.write_bytes(HOSTILE[attack](saved_toy.read_bytes()))
    program = toy()
    before, attributes = program.dump_state(), sorted(vars(program.plan))
    with pytest.raises(CompiledProgramError) as caught:
        apply_state(program, read_compiled(saved_toy, "toy"), saved_toy)
    assert str(caught.value).startswith(f"{saved_toy}: ") and len(str(caught.value)) < 600
    assert (program.dump_state(), sorted(vars(program.plan))) == (before, attributes)


@pytest.mark.parametrize(
    "demo",
    [{"goal": [1, 2]}, {"goal": "\ud800"}, {"steps": 5}, {"steps": "go"}, {"item": []}, {"colour": "red"}],
    ids=["list for text", "half a surrogate", "number for list", "text for list", "list for object", "unknown field"],
)
def test_demonstration_that_would_raise_at_every_call_is_refused(saved_toy, demo):
    whole = {"goal": "g", "item": {"size": 1}, "steps": ["s"]}
    saved_toy.write_bytes(edited(lambda s: s["plan"].update(demos=[whole, whole | demo]))(saved_toy.read_bytes()))
    program = toy()
    with pytest.raises(CompiledMismatch, match=f"demonstration 1 of 'plan': {next(iter(demo))}"):
        apply_state(program, read_compiled(saved_toy, "toy"), saved_toy)
    assert not program.plan.demos


@pytest.mark.parametrize(
    ("demos", "why"),
    [
        ([{"goal": "g"}] * (MOST_DEMONSTRATIONS + 1), "plan.demos: .*10,001 demonstrations; at most 10,000"),
        ([{"goal": "g"}, {"goal": "g" * LONGEST_DEMONSTRATION}], "demonstration 1 has 100,0.. characters; at most 100,000"),
    ],
    ids=["many", "long"],
)
def test_demonstrations_have_a_number_and_a_length(saved_toy, demos, why):
    saved_toy.write_bytes(edited(lambda s: s["plan"].update(demos=demos))(saved_toy.read_bytes()))
    with pytest.raises(CompiledProgramError, match=why):
        read_compiled(saved_toy, "toy")
    allowed = [{"goal": "g"}] * MOST_DEMONSTRATIONS
    saved_toy.write_bytes(edited(lambda s: s["plan"].update(demos=allowed))(saved_toy.read_bytes()))
    assert len(read_compiled(saved_toy, "toy").predictors["plan"].demos) == MOST_DEMONSTRATIONS


def test_demonstration_may_leave_out_what_its_row_does_not_label(saved_toy):
    demos = [{"goal": "g", "item": {}, "augmented": True}]
    saved_toy.write_bytes(edited(lambda s: s["plan"].update(demos=demos))(saved_toy.read_bytes()))
    program = toy()
    apply_state(program, read_compiled(saved_toy, "toy"), saved_toy)
    assert len(program.plan.demos) == 1


def test_file_of_a_newer_version_says_that_this_one_is_too_old(saved_toy):
    saved_toy.write_bytes(edited(lambda s: app(s).update(schema_version=2))(saved_toy.read_bytes()))
    with pytest.raises(CompiledMismatch, match="newer dspy-programs"):
        read_compiled(saved_toy, "toy")


@pytest.mark.parametrize("name", ["nothing.json", "folder", "nul\0.json"])
def test_read_compiled_refuses_path_without_a_file(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(CompiledProgramError):
        read_compiled(tmp_path / name, "toy")


def test_read_compiled_takes_the_largest_file(saved_toy):
    data = saved_toy.read_bytes()
    saved_toy.write_bytes(data + b" " * (LARGEST_FILE - len(data)))
    assert read_compiled(saved_toy, "toy").provenance.program == "toy"


@pytest.mark.parametrize("lm", ["openai/one", "openai/two"])
def test_load_takes_the_file_of_the_model(lm):
    for model in ("openai/one", "openai/two"):
        compiled_planner(model, f"Made for {model}.")
    assert load("planner", lm).plan.signature.instructions == f"Made for {lm}."
    assert {"openai/one", "openai/two"} <= set(available_models("planner"))


def test_load_takes_model_in_use():
    compiled_planner("openai/one", "Made for one.")
    lm = dspy.LM("openai/one")
    with dspy.context(lm=lm):
        assert load("planner").plan.signature.instructions == "Made for one."


def test_load_takes_given_path_whatever_model_it_is_for(tmp_path):
    path = compiled_planner().rename(tmp_path / "mine.json")
    assert load("planner", "openai/other", path=str(path)).plan.signature.instructions == BETTER


def test_candidates_are_of_the_user_before_shipped_ones():
    assert compiled_paths("planner", "openai/a b") == [
        user_directory() / "planner" / "openai--a--b.json",
        shipped_directory() / "planner" / "openai--a--b.json",
    ]


def test_load_warns_and_returns_seed_when_there_is_none():
    compiled_planner()
    with pytest.warns(UserWarning, match="planner is not compiled for openai/none, so it runs uncompiled") as seen:
        program = load("planner", "openai/none")
    assert program.plan.signature.instructions == Planner().plan.signature.instructions
    message = str(seen[0].message)
    assert "python -m optimizers.train --module planner --lm openai/none" in message and LM in message
    assert seen[0].filename == __file__


def test_load_raises_when_there_is_none_and_strict():
    with pytest.raises(CompiledMissing, match=r"python -m optimizers\.train --module planner --lm openai/none"):
        load("planner", "openai/none", strict=True)


def test_load_does_not_pass_over_broken_file():
    compiled_planner().write_text("{")
    with pytest.raises(CompiledProgramError, match="not a compiled program"):
        load("planner", LM)


def test_load_refuses_missing_path(tmp_path):
    with pytest.raises(CompiledProgramError, match="cannot be read: No such file"):
        load("planner", path=tmp_path / "none.json")


def test_load_lists_programs_when_name_is_unknown():
    with pytest.raises(UsageError, match=r"unknown program 'plannr'; choose from .*planner"):
        load("plannr")


def test_available_models_passes_over_broken_file():
    compiled_planner("openai/broken").write_text("{")
    compiled_planner("openai/good")
    models = available_models("planner")
    assert "openai/good" in models and "openai/broken" not in models


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("local/qwen2.5-coder-1.5b", "qwen2.5-coder-1.5b"),
        ("openai/gpt-4.1-mini", "openai--gpt-4.1-mini"),
        ("../../etc/passwd", "etc--passwd"),
        ("a\\b:c\0d", "a--b--c--d"),
        ("..", "model"),
        ("", "model"),
        ("local/Qwen3 1.7B.gguf@1a2b3c4d", "Qwen3--1.7B.gguf--1a2b3c4d"),
    ],
)
def test_file_name_has_no_separators(spec, name):
    assert file_name(spec) == name


def test_file_names_of_different_paths_never_collide():
    specs = ["hf:o/r/x.gguf", "hf:o/r--x.gguf", "hf:o/r/a/x.gguf", "hf:o/r/a--x.gguf", "/a/x.gguf", "/b/x.gguf", "a/x.gguf"]
    names = {file_name(f"local/{spec}") for spec in specs}
    assert len(names) == len(specs) and not any("/" in name for name in names)


def test_load_in_new_process_gives_compiled_instruction():
    compiled_planner()
    code = f"from dspy_programs import load; print(load('planner', {LM!r}).plan.signature.instructions)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == BETTER


SHIPPED = sorted(shipped_directory().glob("*/*.json"))


@pytest.mark.skipif(not SHIPPED, reason="no compiled program is shipped")
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_shipped_program_loads_and_keeps_its_instructions(path):
    program = load(path.parent.name, path=path)
    state = json.loads(path.read_bytes())
    kept = {name: state[name]["signature"]["instructions"] for name, _ in program.named_predictors()}
    assert seed_instructions(program) == kept
    assert path.stem == file_name(state["metadata"]["app"]["lm"])
