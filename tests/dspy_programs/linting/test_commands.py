"""The command: formats, exit codes, settings, and what is left out."""

import io
import json
import subprocess
import sys

import pytest

from dspy_programs.__main__ import main
from dspy_programs.lint_loops.patterns import PATTERNS
from tests.fakes import ChatServer

CODE = """def f(items, names):
    text = ""
    for item in items:
        text += str(item)
    for i in range(len(names)):
        print(names[i])
    return text
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(CODE)
    return tmp_path


def lint(*words):
    return main(["lint-loops", *map(str, words)])


def rows(capsys):
    return json.loads(capsys.readouterr().out)


def test_table_is_sorted_by_slowdown(folder, capsys):
    assert lint("a.py") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["40", "30"] and lines[3] == "2 findings in 1 file (7 lines)"


def test_json_has_the_published_keys(folder, capsys):
    assert lint("a.py", "--json") == 1
    assert rows(capsys)[0] == {
        "file": "a.py",
        "line": 4,
        "pattern": "StringConcatInLoop",
        "estimated_slowdown_pct": 40,
        "suggestion": 'Collect the parts in a list, and join them after the loop: text = "".join(parts)',
    }


def test_clean_code_gives_zero(folder, capsys):
    (folder / "a.py").write_text("x = 1\n")
    assert lint("a.py", "--json") == 0 and rows(capsys) == []


def test_a_broken_file_gives_two_and_the_findings_of_the_others(folder, capsys):
    (folder / "b.py").write_text("def f(:")
    assert lint(".", "--json") == 2
    said = capsys.readouterr()
    assert len(json.loads(said.out)) == 2 and said.err == "b.py: line 1: not Python: invalid syntax\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere"], "nowhere: cannot be read"),
        (["a.py", "--select", "LOOP999"], "'LOOP999' is not a pattern"),
        (["a.py", "--json", "--sarif"], "two formats"),
        (["-", "--fix"], "no file for --fix"),
        (["-", "--diff", "HEAD"], "no file for --diff"),
        (["a.py", "--diff", "HEAD"], "not in a git repository"),
        (["a.py", "--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["a.py", "--min-slowdown", "101"], "less than or equal to 100"),
    ],
)
def test_bad_input_gives_two_and_one_line(folder, capsys, words, line):
    assert lint(*words) == 2
    said = capsys.readouterr()
    assert line in said.err and not said.out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--min-slowdown", 40], ["StringConcatInLoop"]),
        (["--min-slowdown", 41], []),
        (["--select", "LOOP009"], ["RangeLenInLoop"]),
        (["--ignore", "StringConcatInLoop"], ["RangeLenInLoop"]),
        (["--exclude", "a.*"], []),
    ],
)
def test_options_leave_out(folder, capsys, words, found):
    assert lint(".", "--json", *words) == bool(found)
    assert [row["pattern"] for row in rows(capsys)] == found


def test_standard_input_is_read(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CODE.encode())))
    assert lint("-", "--json") == 1 and {row["file"] for row in rows(capsys)} == {"<stdin>"}


SETTINGS = {
    'select = ["LOOP009"]': ["RangeLenInLoop"],
    'ignore = ["RangeLenInLoop"]': ["StringConcatInLoop"],
    "min-slowdown = 35": ["StringConcatInLoop"],
    'exclude = ["a.py"]': [],
}


@pytest.mark.parametrize("line", SETTINGS)
def test_settings_come_from_the_nearest_pyproject_that_has_them(folder, capsys, line):
    (folder / "pyproject.toml").write_text(f"[tool.dspy-programs.lint-loops]\n{line}\n")
    inner = folder / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (inner / "a.py").write_text(CODE)
    lint("inner", "--json")
    assert [row["pattern"] for row in rows(capsys)] == SETTINGS[line]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("min_slowdown = 3", "min_slowdown: unknown key"),
        ("min-slowdown = '3'", "min-slowdown: Input should be a valid integer"),
        ("select = ['LOOP3']", "'LOOP3' is not a pattern"),
        ("x = [", "is not TOML"),
    ],
)
def test_wrong_settings_are_refused_with_their_place(folder, capsys, line, said):
    (folder / "pyproject.toml").write_text(f"[tool.dspy-programs.lint-loops]\n{line}\n")
    assert lint("a.py") == 2
    error = capsys.readouterr().err
    assert said in error and "pyproject.toml" in error


def test_the_command_line_overrides_settings(folder, capsys):
    (folder / "pyproject.toml").write_text("[tool.dspy-programs.lint-loops]\nmin-slowdown = 90\n")
    assert lint("a.py", "--json", "--min-slowdown", 0) == 1 and len(rows(capsys)) == 2


def test_sarif_has_what_the_schema_requires(folder, capsys):
    (folder / "b.py").write_text("def f(:")
    assert lint(".", "--sarif") == 2
    log = json.loads(capsys.readouterr().out)
    (run,) = log["runs"]
    assert log["version"] == "2.1.0" and run["tool"]["driver"]["name"] == "dspy-programs"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [pattern.code for pattern in PATTERNS]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"] and result["level"] in ("none", "note", "warning", "error")
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        assert (
            physical["artifactLocation"]["uri"] == "a.py"
            and physical["region"]["endLine"] >= physical["region"]["startLine"] >= 1
        )
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False and len(invocation["toolExecutionNotifications"]) == 1


def test_sarif_fingerprints_survive_lines_above(folder, capsys):
    lint("a.py", "--sarif")
    before = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    (folder / "a.py").write_text("# more\n\n" + CODE)
    lint("a.py", "--sarif")
    after = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert [one["partialFingerprints"] for one in before] == [one["partialFingerprints"] for one in after]


def test_github_annotations_are_escaped(folder, capsys):
    (folder / "50%,a.py").write_text(CODE)
    (folder / "a.py").unlink()
    lint(".", "--github")
    assert (
        capsys.readouterr()
        .out.splitlines()[0]
        .startswith("::warning file=50%25%2Ca.py,line=4,endLine=4,title=LOOP002 StringConcatInLoop::Collect the parts")
    )


def test_output_goes_to_a_file(folder, capsys):
    assert lint("a.py", "--sarif", "-o", "out.sarif") == 1
    assert capsys.readouterr().out == "" and json.loads((folder / "out.sarif").read_text())["version"] == "2.1.0"


def test_explain_names_the_code_of_each_finding_and_mends_it(folder, capsys):
    assert lint("a.py", "--json", "--explain") == 1
    text, positions = rows(capsys)
    assert "`text += str(item)`" in text["explanation"] and "O(n^2)" in text["explanation"]
    assert (text["explained_by"], text["rewritten_by"], text["rewrite_lines"]) == ("rules", "rules", [2, 4])
    assert text["rewrite"] == 'parts = [str(item) for item in items]\ntext = "".join(parts)'
    assert "`names[i]`" in positions["explanation"] and "rewrite" not in positions
    assert lint("a.py", "--explain") == 1
    out = capsys.readouterr().out
    assert "a.py:4 LOOP002 StringConcatInLoop (by the rules)" in out and '    text = "".join(parts)\n' in out


def test_explanations_are_in_sarif_and_in_annotations(folder, capsys):
    lint("a.py", "--sarif", "--explain")
    message = json.loads(capsys.readouterr().out)["runs"][0]["results"][0]["message"]
    assert message["text"].startswith("Collect the parts") and "```python\nparts = [" in message["markdown"]
    assert "may copy all that `text` holds so far" in message["markdown"]
    lint("a.py", "--github", "--explain")
    assert "may copy all that `text` holds" in capsys.readouterr().out.splitlines()[0]


def test_standard_input_is_explained(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CODE.encode())))
    lint("-", "--json", "--explain")
    assert "`text += str(item)`" in rows(capsys)[0]["explanation"]


MENDED = 'text = "".join([str(item) for item in items])'


def on_a_model(reply, *words):
    with ChatServer(lambda prompt: json.dumps({"reply": reply}) if isinstance(reply, dict) else reply) as server:
        model = ["--lm", "openai/scripted", "--api-base", server.url, "--api-key", "k", "--no-cache"]
        return lint("a.py", "--explain", "--select", "LOOP002", *model, *words)


def test_a_model_explains_and_its_rewrite_is_shown(folder, capsys):
    assert on_a_model({"explanation": "`text` grows: O(n^2).", "rewrite": MENDED}, "--json") == 1
    [row] = rows(capsys)
    assert (row["explanation"], row["rewrite"]) == ("`text` grows: O(n^2).", MENDED)
    assert (row["explained_by"], row["rewritten_by"]) == ("model", "model") and "note" not in row


@pytest.mark.parametrize(
    ("rewrite", "why"),
    [
        ("text = ", "it is not Python"),
        ('text = ""\nfor one in items:\n    text += str(one)', "it still has StringConcatInLoop"),
        ("i = [str(item) for item in items]\ntext = ''.join(i)", "it uses the name i, which the function already has"),
        ("items = [str(item) for item in items]\ntext = ''.join(items)", "it gives items another value"),
    ],
)
def test_a_bad_rewrite_of_a_model_is_not_shown_but_the_linters_is(folder, capsys, rewrite, why):
    assert on_a_model({"explanation": "`text` grows: O(n^2).", "rewrite": rewrite}) == 1
    out = capsys.readouterr().out
    assert f"Note: the model's rewrite is not shown: {why}" in out and f"    {rewrite}\n" not in out
    assert "(by a model, rewritten by the rules)" in out and "parts = [str(item) for item in items]" in out


def test_an_unreadable_model_leaves_the_rules_and_is_said(folder, capsys):
    assert on_a_model("nothing of the kind", "--json") == 1
    [row] = rows(capsys)
    assert row["explained_by"] == "rules" and row["note"].startswith("the model's reply could not be read")


def test_no_llm_asks_no_model(folder, capsys):
    assert on_a_model("nothing of the kind", "--json", "--no-llm") == 1 and "note" not in rows(capsys)[0]


def git(*words):
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words], check=True, capture_output=True)


def test_diff_reports_only_lines_that_changed(folder, capsys):
    git("init", "-q")
    git("add", "a.py")
    git("commit", "-qm", "x")
    assert lint(".", "--json", "--diff", "HEAD") == 0 and rows(capsys) == []
    (folder / "a.py").write_text(
        "# more\n" + CODE.replace("names[i]", "names[i], 1").replace("range(len(names))", "range(0, len(names))")
    )
    (folder / "new one.py").write_text(CODE)
    assert lint(".", "--json", "--diff", "HEAD") == 1
    assert [(row["file"], row["line"]) for row in rows(capsys)] == [("new one.py", 4), ("a.py", 6), ("new one.py", 5)]
    assert lint(".", "--diff", "no-such-commit") == 2 and "not a commit" in capsys.readouterr().err


def test_diff_runs_nothing_that_the_repository_configures(folder):
    git("init", "-q")
    git("add", "a.py")
    git("commit", "-qm", "x")
    mark = folder / "mark"
    for name in ("core.fsmonitor", "diff.external", "core.pager", "filter.evil.clean", "filter.evil.process"):
        git("config", name, f"touch {mark}; true")
    (folder / ".gitattributes").write_text("*.py filter=evil\n")
    (folder / "a.py").write_text("# more\n" + CODE)
    lint(".", "--diff", "HEAD")
    assert not mark.exists()
