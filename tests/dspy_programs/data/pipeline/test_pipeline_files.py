"""Pipelines that are wrong: one line that names the place, exit code 2, and nothing done."""

import pytest

from dspy_programs.data.pipeline import read_pipeline
from dspy_programs.errors import UsageError
from tests.dspy_programs.data.small_set import NAME, data, data_set


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: a pipeline has `dataset:` and `steps:`"),
        ("- a", ":1: a pipeline has"),
        ("steps: [validate]", ":1: dataset: give the name"),
        ("dataset: ../x\nsteps: [validate]", ":1: dataset: '../x' cannot be the name"),
        ("dataset: sums\nstep: []", ":2: step: unknown key"),
        ("dataset: sums\nsteps: []", ":2: steps: give a list"),
        ("dataset: sums\nsteps:\n- validate\n- exprot: {}", ":4: steps[1].exprot: no such step; did you mean export?"),
        (
            "dataset: sums\nsteps:\n- judge:\n    no_llm: true\n    tga: a",
            ":5: steps[0].judge.tga: unknown key; did you",
        ),
        ("dataset: sums\nsteps:\n- validate: {fail-on: error}", "unknown key; did you mean fail_on?"),
        (
            "dataset: sums\nsteps:\n- judge:\n    tag: a\n    no_llm: perhaps",
            ":5: steps[0].judge.no_llm: input should be",
        ),
        ("dataset: sums\nsteps:\n- judge: {tag: a, tag: b}", ":3: not YAML: the key 'tag' appears twice"),
        ("dataset: sums\nsteps:\n\t- judge", ":3: not YAML: found character"),
        ("dataset: sums\nsteps:\n- judge: {}\n  label: {}", "(judge, label)"),
        ("dataset: sums\nsteps:\n- validate: [a]", "steps[0].validate: give its options"),
        ("dataset: sums\nsteps: &s [*s]", "an anchor that contains itself"),
        ("dataset: 2020-99-99\nsteps: [validate]", ":1: not YAML: month"),
        ("dataset: sums\nsteps:\n- !!python/object/apply:os.getcwd []", ":3: not YAML: could not determine"),
        ("dataset: sums\nsteps: " + "[" * 3000 + "]" * 3000, "not YAML: maximum recursion"),
        (
            "a: &a [1,1,1,1,1,1]\nb: &b [" + "*a," * 50 + "]\nc: [" + "*b," * 50 + "]",
            "10,000 values",
        ),
    ],
)
def test_what_is_no_pipeline_is_named_by_its_line(tmp_path, text, said):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_pipeline(path)
    assert said in str(error.value) and str(error.value).startswith(str(path)) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("- label: {judgments: auto}", "auto: no judge step stands before this one"),
        ("- label: {judgments: none}", "no such file, and no step before writes it"),
        ("- ingest: {input: none.jsonl}", "none.jsonl: no such file, and no step before writes it"),
        ("- ingest: {input: '-'}", "a pipeline cannot read standard input"),
        ("- validate: {dataset: smus}", "no data set 'smus'"),
        ("- validate: {checks: [schem]}", "did you mean schema?"),
        ("- judge: {rubric: qualitty, no_llm: true}", "unknown rubric 'qualitty'"),
        ("- judge: {no_llm: true, tag: a/b}", "cannot be the name of a tag"),
        ("- export: {to: o.jsonl, split: {a: 0.5, b: 0.4}}", "the shares sum to 0.9"),
        ("- export: {to: o.jsonl, where_label: good}", "where_label 'good'"),
        (
            "- judge: {no_llm: true}\n- export: {to: o.jsonl, judgments: auto, filter: \"scores['clarty'] > 3\"}",
            "did you mean 'clarity'?",
        ),
        ("- export: {to: o.jsonl, filter: passed}", "passed needs judgments"),
        ("- judge: {no_llm: true, tag: a}\n- judge: {no_llm: true, tag: a, rubric: qa}", "steps[1] writes it, too"),
        ("- validate: {output: DATA/user/sums.jsonl}", "is read, so it cannot be an output"),
        ("- label: {mode: bulk, where: 'True'}", "mode bulk needs where and set_status"),
        ("- run: {name: new}", "nothing to grow from: give seeds"),
        ("- run: {from: sums}", "from: sums is what grows"),
        ("- run: {seeds: a, name: new, strategy: [evolv]}", "unknown strategy 'evolv'"),
        ("- run: {seeds_file: none.txt, name: new}", "none.txt: no such file, and no step before writes it"),
    ],
)
def test_what_could_never_work_is_said_before_the_first_step(tmp_path, monkeypatch, capsys, steps, said):
    monkeypatch.chdir(tmp_path)
    data_set(tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))
    path = tmp_path / "p.yaml"
    path.write_text(
        f"dataset: {NAME}\nsteps:\n- validate: {{output: v.json}}\n{steps}\n".replace("DATA", str(tmp_path / "data"))
    )
    assert data(tmp_path / "data", "pipeline", "run", path) == 2
    error = capsys.readouterr().err
    assert said in error and "p.yaml:" in error and "steps[" in error and len(error.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == [*before, path]
