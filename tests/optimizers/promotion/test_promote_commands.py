"""The commands promote, rollback, history and export: what they say, refuse and leave behind."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dspy_programs import Planner, load
from dspy_programs.registry import PROGRAMS
from dspy_programs.registry.compiled_store import shipped_directory, user_directory
from optimizers import export, history, promote, rollback

ROOT = Path(__file__).resolve().parents[3]
LM = "local/qwen2.5-coder-1.5b"
SHIPPED = shipped_directory() / "planner" / "qwen2.5-coder-1.5b.json"
SCORES = json.loads(SHIPPED.read_bytes())["metadata"]["app"]["scores"]
SEED, COMPILED = (f"{SCORES['validation'][name]:.3f}" for name in ("seed", "compiled"))
TEST_OF_SEED, TEST = (f"{SCORES['test'][name]['mean']:.3f}" for name in ("seed", "compiled"))
MODULE = ["--module", "planner"]


def run_with(folder: Path, score: float = 0.9, in_use: float | None = 0.8, **training) -> Path:
    """Make the folder of a run whose result is like the shipped planner, but has another score."""
    state = json.loads(SHIPPED.read_bytes())
    state["plan"]["signature"]["instructions"] = f"Plan it in {folder.name}."
    del state["plan"]["demos"][3:]
    app = state["metadata"]["app"]
    app["scores"]["validation"] |= {"compiled": score} | ({} if in_use is None else {"in_use": in_use})
    app["training"] |= {"status": "tested"} | training
    app["parent"] = None
    if app["training"]["status"] != "tested":
        app["scores"]["test"] = {}
    folder.mkdir()
    (folder / "compiled.json").write_text(json.dumps(state))
    return folder


@pytest.fixture
def better(tmp_path):
    return run_with(tmp_path / "better")


@pytest.fixture
def worse(tmp_path):
    return run_with(tmp_path / "worse", 0.6)


def used() -> str:
    found = re.search(r"Plan it in (\w+)", load("planner", LM).plan.signature.instructions)
    return found[1] if found else "shipped"


def fails(capsys, command, *arguments) -> str:
    """Run a command that ends with exit code 2 and one line; return the line."""
    assert command.main(list(map(str, arguments))) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1
    return line


def test_promote_says_both_scores_and_how_to_undo_it(better, capsys):
    assert promote.main([str(better)]) == 0
    out = capsys.readouterr().out
    assert used() == "better"
    assert re.search(
        rf"in use  \w{{8}}  validation {SEED} -> {COMPILED}, .* test {TEST_OF_SEED} .* -> {TEST} .*\(shipped\)", out
    )
    assert re.search(rf"new     \w{{8}}  validation {SEED} -> 0\.900 \(in use then 0\.800\), .* test {TEST_OF_SEED}", out)
    assert "despite" not in out
    undo = re.search(r"to undo: python -m optimizers\.rollback (.*)", out)[1]
    assert rollback.main(undo.split()) == 0 and used() == "shipped"


def test_what_rollback_says_undoes_it_too(better, capsys):
    promote.main([str(better)])
    rollback.main(MODULE)
    undo = re.findall(r"to undo: python -m optimizers\.rollback (.*)", capsys.readouterr().out)[-1]
    assert rollback.main(undo.split()) == 0 and used() == "better"


def test_promote_takes_the_compiled_file_too(better):
    assert promote.main([str(better / "compiled.json")]) == 0 and used() == "better"


def test_promote_the_same_again_says_so(better, capsys):
    promote.main([str(better)])
    assert promote.main([str(better)]) == 0
    assert "already in use, nothing changed" in capsys.readouterr().out


REFUSED = {
    "worse": ({"score": 0.6}, f"does not beat the program in use: 0.600 against {COMPILED}"),
    "no better than then": ({"score": 0.85, "in_use": 0.85}, "does not beat the program then in use: 0.850 against 0.850"),
    "interrupted": ({"status": "interrupted"}, "it has no test score (interrupted)"),
    "other rows": ({"in_use": None, "data": {"val": {"rows": 3, "digest": "x"}}}, "unknown whether it beats"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_promote_refuses_what_is_not_better_until_forced(case, tmp_path, capsys):
    changes, reason = REFUSED[case]
    source = run_with(tmp_path / "doubtful", **changes)
    line = fails(capsys, promote, source)
    assert reason in line and line.endswith("add --force\n")
    assert used() == "shipped" and not user_directory().exists()
    assert promote.main([str(source), "--force"]) == 0
    assert reason in capsys.readouterr().out
    assert used() == "doubtful"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("nothing", "no such file; give a run folder or a compiled JSON"),
        ("empty", "this folder has no compiled.json"),
        ("broken.json", "not a compiled program of this library"),
    ],
)
def test_promote_refuses_what_is_no_result(source, reason, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.json").write_text("{")
    assert reason in fails(capsys, promote, tmp_path / source)


def test_promote_force_does_not_take_what_load_would_refuse(better, capsys):
    state = json.loads((better / "compiled.json").read_bytes())
    state["metadata"]["app"]["fields"]["plan"][0]["name"] = "means"
    (better / "compiled.json").write_text(json.dumps(state))
    assert "Compile it again" in fails(capsys, promote, better, "--force")
    assert used() == "shipped"


def test_rollback_without_history(capsys):
    assert "the shipped program is in use; there is nothing before it" in fails(capsys, rollback, *MODULE)
    assert "the uncompiled program is in use" in fails(capsys, rollback, *MODULE, "--lm", "openai/none")


def test_rollback_to_an_unknown_digest(better, capsys):
    promote.main([str(better)])
    capsys.readouterr()
    assert "has the digest 'abc'; choose from " in fails(capsys, rollback, *MODULE, "--to", "abc")
    assert used() == "better"


def test_rollback_to_what_is_in_use_says_so(better, capsys):
    promote.main([str(better)])
    assert rollback.main([*MODULE, "--to", "shipped"]) == 0 == rollback.main([*MODULE, "--to", "shipped"])
    assert "already in use, nothing changed" in capsys.readouterr().out


@pytest.mark.parametrize("command", [rollback, history, export])
def test_unknown_module_names_those_there_are(command, tmp_path, capsys):
    more = ["--to", tmp_path / "x.json"] if command is export else []
    assert "unknown program 'plannr'; choose from actor" in fails(capsys, command, "--module", "plannr", *more)


def test_history_is_a_table_with_the_one_in_use_marked(better, worse, capsys):
    promote.main([str(better)])
    promote.main([str(worse), "--force"])
    rollback.main(MODULE)
    capsys.readouterr()
    assert history.main(MODULE) == 0
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert title == f"planner for {LM}" and head.split()[:5] == ["in", "use", "put", "into", "use"]
    assert [row.startswith("*") for row in rows] == [False, True, False]
    assert "rolled back" in rows[0] and f"{SEED} -> 0.900" in rows[1] and "shipped" in rows[2]


def test_history_as_json_has_all_of_it(better, capsys):
    promote.main([str(better)])
    capsys.readouterr()
    assert history.main([*MODULE, "--json"]) == 0
    mine, shipped = json.loads(capsys.readouterr().out)
    assert mine["in_use"] and mine["date"].endswith("+00:00") and mine["test"]["compiled"]["rows"] == 16
    assert shipped["path"] == str(SHIPPED) and shipped["date"] is None and len(shipped["digest"]) == 64


def test_history_says_why_load_refuses_a_file(capsys):
    path = user_directory() / "planner" / SHIPPED.name
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert history.main(MODULE) == 0
    assert "load refuses it: " in capsys.readouterr().out


def test_history_of_nothing_and_of_all(capsys):
    assert history.main([*MODULE, "--lm", "openai/none"]) == 0
    assert "nothing is compiled, so the uncompiled program is in use" in capsys.readouterr().out
    assert history.main(["--module", "all"]) == 0
    assert capsys.readouterr().out.count(f" for {LM}\n") == sum((shipped_directory() / name).is_dir() for name in PROGRAMS)


def test_export_writes_what_stock_dspy_reads(tmp_path, capsys):
    to = tmp_path / "stock.json"
    assert export.main([*MODULE, "--to", str(to)]) == 0
    program = Planner()
    program.load(to)
    assert program.dump_state() == load("planner", LM).dump_state()
    assert f"program.load({str(to)!r})" in capsys.readouterr().out


def test_export_takes_what_is_in_use_or_the_given_file(better, tmp_path):
    promote.main([str(better)])
    export.main([*MODULE, "--to", str(tmp_path / "mine.json")])
    export.main([*MODULE, "--path", str(SHIPPED), "--to", str(tmp_path / "shipped.json")])
    assert b"Plan it in better" in (tmp_path / "mine.json").read_bytes()
    assert b"Plan it in better" not in (tmp_path / "shipped.json").read_bytes()


def test_export_replaces_nothing_unless_forced(tmp_path, capsys):
    to = tmp_path / "there.json"
    to.write_text("mine")
    assert "already exists; --force overwrites it" in fails(capsys, export, *MODULE, "--to", to)
    assert to.read_text() == "mine"
    assert export.main([*MODULE, "--to", str(to), "--force"]) == 0 and b"signature" in to.read_bytes()


def test_export_where_nothing_is_compiled(tmp_path, capsys):
    to = tmp_path / "x.json"
    line = fails(capsys, export, *MODULE, "--lm", "openai/none", "--to", to)
    assert "python -m optimizers.train --module planner --lm openai/none" in line and not to.exists()


def test_export_of_another_programs_file(tmp_path, capsys):
    other = shutil.copy(shipped_directory() / "actor" / SHIPPED.name, tmp_path / "actor.json")
    assert "compiled actor for" in fails(capsys, export, *MODULE, "--path", other, "--to", tmp_path / "x.json")


def test_export_tells_how_a_program_with_chain_of_thought_is_read():
    usage = list(export.usage("planner", True, "x.json"))
    assert usage[1:3] == ["  from dspy_programs import add_reasoning", "  program = add_reasoning(Planner())"]


@pytest.mark.parametrize("name", ["promote", "rollback", "history", "export"])
def test_help_does_not_load_dspy(name):
    code = f"import sys; from optimizers.{name} import main; main(['--help']); print('dspy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "False" and "Usage:" in done.stdout
