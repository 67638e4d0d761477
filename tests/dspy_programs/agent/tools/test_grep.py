import threading

from dspy_programs.agent.tools.grep import grep
from tests.dspy_programs.agent.scopes import said, scope_in


def test_lines_are_found_with_their_place(tmp_path):
    scope = scope_in(tmp_path / "w")
    scope.workspace.write("src/a.py", "import os\nprint(os.name)\n")
    scope.workspace.write("b.txt", "OS\n")
    (tmp_path / "w" / "bin").write_bytes(b"\0os")
    assert said(grep, scope, pattern=r"\bos\b").splitlines() == [
        "src/a.py:1: import os",
        "src/a.py:2: print(os.name)",
        "[1 files left out: binary, closed, or with other names outside]",
    ]
    assert said(grep, scope, pattern="os", files="*.txt", ignore_case=True) == "b.txt:1: OS"
    assert said(grep, scope, pattern="print", path="src/a.py") == "src/a.py:2: print(os.name)"
    assert "[no line matches zebra]" in said(grep, scope, pattern="zebra")
    assert said(grep, scope, pattern="print(").splitlines() == [
        "src/a.py:2: print(os.name)",
        "[not a regular expression; searched as plain text]",
        "[1 files left out: binary, closed, or with other names outside]",
    ]


def test_many_hits_and_long_lines_are_cut_with_marks(tmp_path):
    scope = scope_in(tmp_path / "w")
    scope.workspace.write("a.txt", ("x" * 1000 + "\n") * 500)
    lines = said(grep, scope, pattern="x").splitlines()
    assert len(lines) == 101 and lines[0].endswith("[cut]") and "more than 100" in lines[-1]


def test_a_cancelled_search_stops(tmp_path):
    scope = scope_in(tmp_path / "w")
    scope.workspace.write("a.txt", "x\n")
    scope.cancelled = threading.Event()
    scope.cancelled.set()
    assert "stopped" in said(grep, scope, pattern="x")


def test_an_expression_is_about_one_line_wherever_it_looks(tmp_path):
    scope = scope_in(tmp_path / "w")
    scope.workspace.write("a.txt", "one\ntwo\nthree")
    for pattern in (r"^two$", r"\Atwo\Z", r"two(?!\s)", r"(?<!\s)two", r"\btwo\b", r"tw[^x]", "t.o"):
        assert said(grep, scope, pattern=pattern) == "a.txt:2: two", pattern
    assert "no line" in said(grep, scope, pattern=r"one\ntwo")
