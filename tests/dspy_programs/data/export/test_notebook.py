"""The notebook and the files that it reads: every field that it names is there. Nothing is trained here."""

import ast
import json
import shutil

import nbformat
import pytest

from dspy_programs.data import DataPair
from dspy_programs.data.export.notebook import columns_of
from tests.dspy_programs.data.small_set import NAME, data, data_set, lines_of, write

TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def constants(notebook):
    """Return the names that the notebook gives values to, and the keywords of its calls."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.source.startswith("%"):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    found[node.targets[0].id] = ast.unparse(node.value)
                elif isinstance(node, ast.keyword) and node.arg:
                    found[node.arg] = ast.unparse(node.value)
                elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                    found.setdefault("read", set()).add((ast.unparse(node.value), node.slice.value))
    return found


def read(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook, constants(notebook)


def fits(place):
    """Hold the notebook to its files: the place and the columns of each; return the columns and all that it says."""
    _, said = read(place)
    files, columns = json.loads(said["FILES"].replace("'", '"')), json.loads(said["COLUMNS"].replace("'", '"'))
    for part, name in files.items():
        rows = lines_of(place.parent / name)
        assert rows and all(set(columns) <= row.keys() for row in rows), part
    for holder, key in said["read"]:
        if holder == "row":
            assert key in columns
        elif holder == "data":
            assert key in files
    text_field = said.get("dataset_text_field")
    assert text_field is None or ast.literal_eval(text_field) in columns
    assert ("eval_dataset" in said) == ("eval" in files) == ("eval_strategy" in said)
    return columns, said


def test_sft_of_a_data_set(tmp_path, capsys):
    pairs = data_set(tmp_path, 30)
    write(tmp_path, [*pairs, DataPair(instruction="Hi", output="Hello", messages=TURNS)])
    place = tmp_path / "train" / "sft.ipynb"
    assert data(tmp_path, "notebook", "-d", NAME, "--to", place) == 0
    columns, said = fits(place)
    assert (
        columns == ["messages"]
        and "dataset_text_field" not in said
        and said["MODEL"] == "'HuggingFaceTB/SmolLM2-135M-Instruct'"
    )
    assert [len(lines_of(tmp_path / "train" / f"sft.{part}.jsonl")) for part in ("train", "eval")] == [27, 4]
    shutil.move(tmp_path / "train", tmp_path / "moved")
    fits(tmp_path / "moved" / "sft.ipynb")


@pytest.mark.parametrize("messages", [None, TURNS])
def test_dpo_of_a_data_set(tmp_path, messages):
    pairs = data_set(tmp_path, 20, rejected="wrong")
    write(tmp_path, [*pairs, DataPair(instruction="Hi", output="Hello", messages=messages, rejected="No.")])
    place = tmp_path / "dpo.ipynb"
    assert (
        data(tmp_path, "notebook", "-d", NAME, "--to", place, "--method", "dpo", "--model", "HuggingFaceTB/SmolLM2-360M") == 0
    )
    columns, said = fits(place)
    assert columns == ["prompt", "chosen", "rejected"] and said["MODEL"] == "'HuggingFaceTB/SmolLM2-360M'" and "beta" in said


@pytest.mark.parametrize(("template", "prompt"), [("{{ x }}", [{"role": "user", "content": "Hi"}]), (None, "Hi")])
def test_plain_texts_become_turns_where_the_model_has_a_chat_template(tmp_path, template, prompt):
    (tmp_path / "t.jsonl").write_text('{"prompt": "Hi", "chosen": "Hello", "rejected": "No"}\n')
    assert data(tmp_path, "notebook", "--train", tmp_path / "t.jsonl", "--to", tmp_path / "a.ipynb", "--method", "dpo") == 0
    notebook, _ = read(tmp_path / "a.ipynb")
    (source,) = [cell.source for cell in notebook.cells if "as_turns" in cell.source]

    class Rows(dict):
        def map(self, change):
            return Rows({part: [change(row) for row in rows] for part, rows in self.items()})

    class Tokenizer:
        chat_template = template
        from_pretrained = classmethod(lambda cls, model: cls)

    names = {"data": Rows(train=lines_of(tmp_path / "t.jsonl")), "AutoTokenizer": Tokenizer}
    exec(source.replace("from transformers import AutoTokenizer", ""), names)
    row = names["data"]["train"][0]
    assert row["prompt"] == prompt
    assert (row["chosen"] == [{"role": "assistant", "content": "Hello"}]) is bool(template)


@pytest.mark.parametrize("ending", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize(("format", "method"), [("chatml", "sft"), ("openai", "sft"), ("dpo", "dpo")])
def test_an_exported_file_is_taken_as_it_is(tmp_path, ending, format, method):
    data_set(tmp_path, 9, rejected="wrong")
    file = tmp_path / "out" / f"rows.{ending}"
    assert data(tmp_path, "export", "-d", NAME, "--to", file, "--format", format) == 0
    place = tmp_path / "n" / "a.ipynb"
    assert data(tmp_path, "notebook", "--train", file, "--to", place, "--method", method) == 0
    _, said = read(place)
    assert set(json.loads(said["COLUMNS"].replace("'", '"'))) <= columns_of(file)
    assert f"'../out/rows.{ending}'" in said["FILES"] and "eval_dataset" not in said


def test_a_file_of_texts_names_its_field(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n')
    assert data(tmp_path, "notebook", "--train", tmp_path / "t.jsonl", "--to", tmp_path / "a.ipynb") == 0
    columns, said = fits(tmp_path / "a.ipynb")
    assert columns == ["text"] and said["dataset_text_field"] == "'text'"


def test_names_with_quotes_stay_text(tmp_path):
    data_set(tmp_path, 20)
    file = tmp_path / 'a\'b"); import os; ("c.jsonl'
    assert data(tmp_path, "export", "-d", NAME, "--to", file, "--format", "chatml") == 0
    model = "x'); import os; ('"
    assert data(tmp_path, "notebook", "--train", file, "--to", tmp_path / "a.ipynb", "--model", model) == 0
    notebook, said = read(tmp_path / "a.ipynb")
    assert ast.literal_eval(said["MODEL"]) == model and ast.literal_eval(said["FILES"]) == {"train": file.name}
    assert not any(isinstance(node, ast.Import) for cell in notebook.cells[2:] for node in ast.walk(ast.parse(cell.source)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--train", "pairs.jsonl"], "sft needs messages or text or prompt, completion"),
        (["--train", "pairs.jsonl", "--method", "dpo"], "--format dpo"),
        (["--train", "gone.jsonl"], "cannot be read"),
        (["--train", "bad.jsonl"], "the first row is"),
        (["--train", "empty.jsonl"], "the first row is"),
        (["--train", "a.txt"], "ends with"),
        (["--train", "a.jsonl", "--eval", "d.jsonl"], "the other file"),
        (["--train", "a.jsonl", "-d", NAME], "give --dataset NAME, or --train FILE"),
        ([], "give --dataset NAME, or --train FILE"),
        (["-d", NAME, "--method", "ppo"], "choose sft or dpo"),
        (["-d", NAME, "--method", "dpo"], "it has no worse answer"),
        (["--train", "a.jsonl", "--filter", "True"], "choose pairs of a --dataset"),
        (["--train", "a.jsonl", "--to", "x.py"], "ends with .ipynb"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    data_set(tmp_path, 20)
    monkeypatch.chdir(tmp_path)
    files = {"pairs": '{"instruction": "a"}\n', "bad": "{\n", "empty": "", "a": '{"messages": []}\n', "d": '{"text": "a"}\n'}
    for name, content in files.items():
        (tmp_path / f"{name}.jsonl").write_text(content)
    (tmp_path / "a.txt").write_text("x")
    assert data(tmp_path, "notebook", "--to", "n.ipynb", *arguments) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
    assert not list(tmp_path.glob("*.ipynb"))
