"""dspy-programs run and sessions, by rules."""

import json

from dspy_programs.__main__ import main


def run(capsys, *argv):
    code = main([*argv])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_run_reports_json_and_exits_by_the_outcome(tmp_path, capsys):
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.txt").write_text("x\n")
    code, out, err = run(capsys, "run", "/goal Rename a.txt to b.txt", "-w", str(work), "--no-llm")
    report = json.loads(out)
    assert code == 0 and report["completed"] and {"goal", "completed", "tasks", "history", "rationale"} <= report.keys()
    assert (work / "b.txt").exists() and "[x] 1" in err
    assert json.loads((tmp_path / "traces").glob("*.json").__next__().read_text())["is_successful"] is True

    code, out, _ = run(capsys, "run", "Write a poem to poem.txt", "-w", str(work), "--no-llm", "--quiet", "--judge")
    report = json.loads(out)
    assert code == 1 and not report["completed"]
    assert report["judgement"]["mode"] != "none" and report["judgement"]["cause"]

    code, out, _ = run(capsys, "sessions", "list")
    assert code == 0 and out.count("\n") == 2 and "Rename a.txt to b.txt" in out
    code, out, _ = run(capsys, "sessions", "show")
    assert code == 0 and "Write a poem" in out and "not done: " in out
    code, out, _ = run(capsys, "run", "--resume", "last", "-w", str(work), "--no-llm", "-q")
    assert json.loads(out)["goal"] == "Write a poem to poem.txt"
    code, out, _ = run(capsys, "sessions", "fork")
    assert code == 0 and run(capsys, "sessions", "delete", out.strip())[0] == 0
    assert json.loads(run(capsys, "sessions", "export")[1])["goal"] == "Write a poem to poem.txt"


def test_wrong_use_is_one_line_and_2(tmp_path, capsys):
    work = tmp_path / "work"
    work.mkdir()
    for argv in (
        ["run", "-w", str(work), "--no-llm"],
        ["run", "x", "-w", str(tmp_path / "none"), "--no-llm"],
        ["run", "x", "-w", str(work), "--no-llm", "--resume", "nobody"],
        ["run", "x", "-w", str(work), "--no-llm", "--config", str(tmp_path / "none.toml")],
        ["run", "x", "-w", str(work), "--no-llm", "--policy", str(tmp_path / "none.toml")],
        ["run", "x", "-w", str(work), "--no-llm", "--bundle", str(tmp_path / "none.json")],
        ["run", "x", "-w", str(work), "--no-llm", "--demonstrations", str(tmp_path / "none.jsonl")],
        ["run", "x", "-w", str(work), "--lm", "nobody"],
        ["sessions", "show", "nobody"],
    ):
        code, out, err = run(capsys, *argv)
        assert (code, out, err.count("\n")) == (2, "", 1), (argv, out, err)
    assert run(capsys, "sessions", "list")[1] == ""  # nothing was begun
    for command in ("list", "show", "undo"):
        assert "there are no sessions yet" in run(capsys, "sessions", command)[2]


def test_a_listed_goal_is_one_line_that_steers_no_terminal(tmp_path, capsys):
    work = tmp_path / "work"
    work.mkdir()
    assert run(capsys, "run", "List the files\nand \x1b[2Jsay so", "-w", str(work), "--no-llm", "-q")[0] == 1
    out = run(capsys, "sessions", "list")[1]
    assert out.count("\n") == 1 and "\x1b" not in out and "List the files and [2Jsay so" in out


def test_a_written_call_needs_no_plan_and_one_of_no_tool_is_told(tmp_path, capsys):
    work = tmp_path / "work"
    work.mkdir()
    code, out, _ = run(capsys, "run", 'Call update_progress(note="half done").', "-w", str(work), "--no-llm", "-q")
    assert code == 0 and json.loads(out)["answer"] == "noted"
    code, out, _ = run(capsys, "run", "Call list_dir().", "-w", str(work), "--no-llm", "-q")
    assert code == 1 and "there is no tool list_dir; there are read_file, " in json.loads(out)["why"]


def test_show_config_prints_what_would_hold(tmp_path, capsys):
    code, out, _ = run(capsys, "run", "--show-config", "--actors", "3", "--no-llm", "--tokens", "900")
    assert code == 0 and "actors = 3" in out and 'lm = "none"' in out and "tokens = 900" in out


def test_sessions_in_the_workspace_are_refused(tmp_path, capsys):
    code, _, err = run(
        capsys, "run", "Read a.txt", "-w", str(tmp_path), "--no-llm", "--sessions", str(tmp_path / "in" / "s.sqlite")
    )
    assert code == 2 and "in the workspace, where the agent could change what you allowed" in err and err.count("\n") == 1


def test_the_files_that_say_what_is_allowed_are_closed_to_the_agent(tmp_path, capsys, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (work / "policy.toml").write_text('[[rules]]\nverdict = "allow"\ntool = "read_file"\n')
    (work / "agent.toml").write_text('lm = "none"\npolicy = "policy.toml"\n')
    for goal in ("Replace 'allow' with 'deny' in policy.toml", "Set policy in agent.toml to 'mine.toml'", "Read policy.toml"):
        code, out, _ = run(capsys, "run", goal, "-q")
        assert code == 1 and "it says what the agent may do" in json.loads(out)["why"], out
    code, out, _ = run(capsys, "run", "Run `cat policy.toml`", "-q")
    assert code == 1 and "allow" not in json.loads(out)["answer"]
