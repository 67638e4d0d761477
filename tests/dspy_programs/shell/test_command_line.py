import shutil
import subprocess

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.shell import read_command_line

READ = {
    "ls -la": [("ls", "-la")],
    "rm\t-r x": [("rm", "-r", "x")],
    "r''m -rf 'a b'": [("rm", "-rf", "a b")],
    '\\rm "a\\"b" "a\\b"': [("rm", 'a"b', "a\\b")],
    "a && b || c; d | e & f": [("a",), ("b",), ("c",), ("d",), ("e",), ("f",)],
    "ls # rm -rf\nrm y": [("ls",), ("rm", "y")],
    "ls #\\\nrm y": [("ls",), ("rm", "y")],
    "rm -r\\\nf x": [("rm", "-rf", "x")],
    "awk '{print $1}' f": [("awk", "{print $1}", "f")],
    "find . -exec rm {} \\;": [("find", ".", "-exec", "rm", "{}", ";")],
    "'if' x; a#b": [("if", "x"), ("a#b",)],
    "": [],
    " \n\n ": [],
}
UNREAD = [
    *('echo "$HOME"', "echo $(id)", "echo `id`", 'echo "`id`"', "a{b,c}", "cat <<EOF\nx\nEOF", "cat <<< x", "diff <(a) b"),
    *("for i in 1; do rm x; done", "if a; then b; fi", "while a; do b; done", "case x in x) a;; esac", "f() { rm x; }"),
    *("{ rm x; }", "! rm x", "time rm x", "[[ -f x ]]", "echo 'a", 'echo "a', "a\\", "| sh", "a && && b", "a\0b", "a\rb"),
    *("coproc rm x", "exec 3<>/dev/tcp/x/1", "function f { rm; }", "a > | b", "(rm x)", "a >(b)", "a >", "echo $'a'"),
]


@pytest.mark.parametrize("text", READ)
def test_simple_commands_are_read(text):
    line = read_command_line(text)
    assert not line.unread
    assert [command.words for command in line.commands] == READ[text]


@pytest.mark.parametrize("text", UNREAD)
def test_what_the_shell_would_compute_is_not_read(text):
    assert read_command_line(text).unread


@pytest.mark.parametrize(
    ("text", "writes", "reads"),
    [
        ("a > x 2>&1", ["x"], []),
        ("a >>x <y 2>/dev/null", ["x", "/dev/null"], ["y"]),
        ("a2>x; b 2>y", ["x", "y"], []),
        ("&>x a; a >& y; a >| z", ["x", "y", "z"], []),
        ("<x cat >'a b'", ["a b"], ["x"]),
        ("echo a\\>b 'c > d'", [], []),
        ("a>b>c", ["b", "c"], []),
        ("a >&2; a 2>&-", [], []),
    ],
)
def test_redirections_are_read(text, writes, reads):
    line = read_command_line(text)
    assert (line.writes, line.reads, line.unread) == (writes, reads, "")


def test_variables_for_one_command_and_what_feeds_it_are_told():
    first, second = read_command_line("A=1 B=2 ls x=3 | cat").commands
    assert (first.words, first.assigned, first.fed) == (("ls", "x=3"), ("A=1", "B=2"), False)
    assert second.fed and read_command_line("cat < x").commands[0].fed


@pytest.mark.parametrize("text", ["A='b c' rm x", 'A="b" rm x', "A=b\\ c rm x", "A=b'c' rm x"])
def test_quotes_in_the_value_of_a_variable_do_not_hide_the_program(text):
    (command,) = read_command_line(text).commands
    assert command.words == ("rm", "x") and command.assigned[0].startswith("A=b")


@pytest.mark.parametrize("text", ["'A=b' rm x", "\\A=b rm x", "'A'=b rm x"])
def test_what_quotes_begin_is_a_program(text):
    assert read_command_line(text).commands[0].words == ("A=b", "rm", "x")


BASH = shutil.which("bash")


@pytest.mark.skipif(not BASH, reason="no bash to compare with")
@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="abn '\"\\|;&#>\t\n=1", max_size=14))
def test_whatever_is_read_is_what_bash_runs(text):
    """No program is there, so bash calls one function, which prints the words: those read, and no others."""
    line = read_command_line(text)
    if line.unread or line.writes or line.reads or any(not command.words or command.assigned for command in line.commands):
        return
    told = 's=$(printf "\\001%s" "$@"; printf "\\002"); printf "%s" "$s"'  # at once: several may run beside each other
    script = f"command_not_found_handle() {{ {told}; }}\n{text}"
    command = [BASH, "--norc", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/nonexistent"}, timeout=20, check=False)
    ran = {tuple(one[1:].split("\001")) for one in done.stdout.split("\002") if one}
    assert ran <= {command.words for command in line.commands}
