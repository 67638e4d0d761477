"""No file stops the linter: broken, odd, huge, unreadable or in a circle, it becomes a note at most."""

import os
import subprocess
import sys

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.lint_loops import check_text, lint

LOOP = "def f(items):\n    for i in range(len(items)):\n        print(items[i])\n"


def findings(path):
    report = lint([path])
    return [each.pattern.name for each in report.findings], [why for _, why in report.problems]


@pytest.mark.parametrize(
    "data",
    [
        LOOP.encode(),
        b"\xef\xbb\xbf" + LOOP.encode(),
        ("# -*- coding: latin-1 -*-\n# é\n" + LOOP).encode("latin-1"),
        ("# é\n" + LOOP).encode("latin-1"),
        ("# coding: no-such-encoding\n" + LOOP).encode(),
        LOOP.encode("utf-16"),
        LOOP.encode("utf-32"),
        LOOP.replace("\n", "\r\n").encode(),
        LOOP.replace("\n", "\r").encode(),
        ("x = '\\d'\n" + LOOP).encode(),
    ],
)
def test_any_encoding_is_read(tmp_path, data, recwarn):
    path = tmp_path / "a.py"
    path.write_bytes(data)
    assert findings(path) == (["RangeLenInLoop"], []) and not recwarn.list


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def f(:\n", "line 1: not Python: invalid syntax"),
        ("print 'a'", "line 1: not Python: "),
        ("a = 1\0", "not Python: "),
        ("(" * 300 + ")" * 300, "line 1: not Python: too many nested parentheses"),
        ("-" * 100_000 + "1", "nested too deeply"),
        ("+".join("1" * 20_000), ""),
        ("a" + ".b" * 20_000, ""),
        ("".join(f"{' ' * at}if x:\n" for at in range(99)) + " " * 99 + "pass", ""),
        ("", ""),
    ],
)
def test_code_that_cannot_be_checked_is_noted(text, problem):
    checked = check_text(text)
    assert (problem in checked.problem or "nested too deeply" in checked.problem) and checked.findings == []


def test_a_syntax_error_does_not_stop_the_others(tmp_path):
    (tmp_path / "a.py").write_text("def f(:")
    (tmp_path / "b.py").write_text(LOOP)
    assert findings(tmp_path) == (["RangeLenInLoop"], ["line 1: not Python: invalid syntax"])


def test_nothing_is_run(tmp_path):
    mark = tmp_path / "mark"
    (tmp_path / "a.py").write_text(f"open({str(mark)!r}, 'w').write('x')\n" + LOOP)
    assert findings(tmp_path)[0] == ["RangeLenInLoop"] and not mark.exists()


def test_links_in_a_circle_end(tmp_path):
    (tmp_path / "a.py").write_text(LOOP)
    (tmp_path / "self").symlink_to(tmp_path)
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "again.py").symlink_to(tmp_path / "a.py")
    assert findings(tmp_path) == (["RangeLenInLoop"], [])


def test_a_large_file_is_noted(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n" * 1_000_000)
    assert findings(tmp_path) == ([], ["larger than 4 MB: not checked"])


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.py")
    assert findings(tmp_path) == ([], [])
    with pytest.raises(UsageError, match="not a regular file"):
        lint([tmp_path / "a.py"])


@pytest.mark.parametrize("name", ["nowhere", "a\0b", "x" * 5000])
def test_a_path_that_is_not_there_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be read"):
        lint([tmp_path / name])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_rights_is_noted(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    assert findings(tmp_path)[1] == ["cannot be read: Permission denied"]


def test_git_ignored_files_are_left_out_but_when_named(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("made/\n*_made.py\n!kept_made.py\n")
    (tmp_path / "made").mkdir()
    for name in ("a.py", "b_made.py", "kept_made.py", "made/c.py"):
        (tmp_path / name).write_text(LOOP)
    assert [each.file for each in lint([tmp_path]).findings] == [str(tmp_path / "a.py"), str(tmp_path / "kept_made.py")]
    assert len(lint([tmp_path / "made"]).findings) == len(lint([tmp_path / "b_made.py"]).findings) == 1


def test_excluded_files_are_left_out(tmp_path):
    for name in ("a.py", "tests/b.py", "old/deep/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(LOOP)
    assert [each.file for each in lint([tmp_path], ["tests", "old/*"]).findings] == [str(tmp_path / "a.py")]


def test_the_number_of_processes_changes_nothing(tmp_path):
    for at in range(60):
        (tmp_path / f"{at}.py").write_text(LOOP * (at % 3))
    one, two = lint([tmp_path], processes=1), lint([tmp_path], processes=2)
    assert one.findings == two.findings and len(one.findings) == 60 and (one.files, one.lines) == (two.files, two.lines)


def test_hostile_names_steer_no_terminal(tmp_path):
    (tmp_path / "\x1b[31mred\n.py").write_text(LOOP)
    done = subprocess.run([sys.executable, "-m", "dspy_programs", "lint-loops", tmp_path], capture_output=True, check=False)
    assert done.returncode == 1 and b"\x1b" not in done.stdout + done.stderr
