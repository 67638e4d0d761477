"""A repository runs nothing, hides nothing from the limits, shows no secrets and steers no terminal."""

import gzip
import os
import subprocess
import time

import pytest

from dspy_programs.code import Index, extract_lines, extract_symbol, find_structure, grep_files, search, tree_of
from dspy_programs.code.files.source_files import LeftOut
from dspy_programs.code.index.reading import signature_of
from dspy_programs.code.parsing.chunks import parse
from dspy_programs.errors import UsageError
from dspy_programs.git import git
from dspy_programs.logs import Event, log_context, severity_of, signature_of as kind_of, time_in

ZEBRA = "def zebra():\n    return 1\n"
SECRETS = (
    *(".env", ".env.local", "prod.env", "id_rsa", "server.pem", "tls.key", ".netrc", ".npmrc", ".pypirc", "credentials.json"),
    *("secrets.yaml", "terraform.tfvars", ".git-credentials"),
)


def _git(folder, *words):
    subprocess.run(["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True)


@pytest.mark.parametrize("name", ["evil", "evil = x", "a.b", "caf\udce9"])
def test_git_runs_no_filter_of_the_repository(tmp_path, name):
    folder, mark = tmp_path / "w", tmp_path / "mark"
    folder.mkdir()
    _git(folder, "init", "-q")
    (folder / "a.py").write_text(ZEBRA)
    _git(folder, "add", ".")
    _git(folder, "commit", "-qm", "x")
    for key in ("clean", "smudge", "process"):
        _git(folder, "config", f"filter.{name}.{key}", f"touch {mark}; cat")
    _git(folder, "config", f"filter.{name}.required", "true")
    (folder / ".git" / "info" / "attributes").write_bytes(b"*.py filter=" + os.fsencode(name) + b"\n")
    (folder / "a.py").write_text(ZEBRA + "# more\n")
    assert b"+# more" in (git(folder, ["diff", "HEAD"]) or b"")
    assert git(folder, ["status", "--short"]) is not None and not mark.exists()


def test_settings_in_the_users_environment_still_count(tmp_path, monkeypatch):
    for name, value in {"COUNT": "1", "KEY_0": "user.name", "VALUE_0": "Ada"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "config", "filter.evil.clean", "false")
    assert git(tmp_path, ["config", "user.name"]) == b"Ada\n" and git(tmp_path, ["config", "filter.evil.clean"]) == b"\n"


def test_git_fetches_nothing_that_a_partial_clone_lacks(tmp_path):
    folder, mark = tmp_path / "w", tmp_path / "mark"
    folder.mkdir()
    _git(folder, "init", "-q")
    (folder / "a.py").write_text(ZEBRA)
    _git(folder, "add", ".")
    _git(folder, "commit", "-qm", "x")
    settings = {"core.repositoryformatversion": "1", "extensions.partialClone": "origin", "remote.origin.promisor": "true"}
    settings |= {"remote.origin.url": f"ext::sh -c touch% {mark}", "protocol.ext.allow": "always"}
    for key, value in settings.items():
        _git(folder, "config", key, value)
    blob = (git(folder, ["rev-parse", "HEAD:a.py"]) or b"").decode().strip()
    (folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (folder / "a.py").write_text("other = 1\n")
    assert git(folder, ["diff", "HEAD"]) is None and not mark.exists()


def test_secrets_are_neither_indexed_nor_found(tmp_path):
    for name in SECRETS:
        (tmp_path / name).write_text("zebra = 1\n")
    (tmp_path / "deploy").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nzebra\n")
    for name in (".env.example", "keys.py", "environment.py"):
        (tmp_path / name).write_text("zebra = 1\n")
    index, told = Index(tmp_path, tmp_path / "own.sqlite"), LeftOut()
    assert index.refresh().left_out["made for secrets"] == len(SECRETS) + 1
    shown = {".env.example", "keys.py", "environment.py"}
    assert {hit.path for hit in search(index, "zebra")} == shown
    assert {line.path for line in grep_files("zebra", tmp_path, left_out=told, exclude=["own*"])} == shown
    assert told["made for secrets"] == len(SECRETS) + 1
    assert len(list(grep_files("zebra", tmp_path / ".env"))) == 1  # asked for by its name


@pytest.mark.parametrize(
    "name", ["new\nline.py", "esc\x1b[31m.py", "c1\x9b31m.py", "bidi\u202e.py", os.fsdecode(b"caf\xe9.py")]
)
def test_names_that_steer_a_terminal_are_left_out_and_said(tmp_path, name):
    (tmp_path / name).write_text(ZEBRA)
    told = LeftOut()
    assert list(grep_files("zebra", tmp_path, left_out=told)) == [] and told == {"name that is no text": 1}


def test_names_that_are_no_text_are_refused_in_one_line(tmp_path):
    (tmp_path / "a.py").write_text(ZEBRA)
    with pytest.raises(UsageError, match="write it in UTF-8"):
        extract_symbol(tmp_path, "zebra\udcff", db=tmp_path / "own.sqlite")


def test_a_damaged_index_says_what_to_do(tmp_path):
    (tmp_path / "a.py").write_text(ZEBRA)
    file = tmp_path / "own.sqlite"
    index = Index(tmp_path, file)
    index.refresh()
    index.close()
    os.truncate(file, 3_000)
    with pytest.raises(UsageError, match="may be deleted"):
        Index(tmp_path, file).refresh()


def test_a_tree_of_any_depth_is_counted(tmp_path):
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1_200):  # deeper than Python's own limit
            os.mkdir("d")
            os.chdir("d")
        with open("a.py", "w") as file:
            file.write(ZEBRA)
        lines = list(tree_of(tmp_path, 10_000))
    finally:
        os.chdir(here)
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)  # pytest could not: too deep for Python
    assert lines[0].endswith("(1 file)") and len(lines) == 101


def test_an_expression_without_end_ends_in_a_folder_of_any_size(tmp_path):
    for number in range(14):
        (tmp_path / f"{number:02}.txt").write_text("a" * 5_000 + "!\n")
    told = LeftOut()
    assert list(grep_files(r"(a|aa)+$", tmp_path, left_out=told, patience=0.02)) == []
    assert told == {"the expression takes too long": 10, "not searched, since the expression takes too long": 4}


def test_extract_says_that_an_expression_did_not_end(tmp_path):
    (tmp_path / "a.txt").write_text("a" * 5_000 + "!\n")
    with pytest.raises(UsageError, match="takes too long"):
        extract_lines(tmp_path / "a.txt", r"(a|aa)+$")


def test_a_damaged_log_is_refused_and_an_impossible_time_is_none(tmp_path):
    packed = bytearray(gzip.compress(b"ERROR x\n" * 1_000))
    packed[12:20] = b"\xff" * 8
    (tmp_path / "a.log.gz").write_bytes(packed)
    with pytest.raises(UsageError, match="cannot be read"):
        log_context([tmp_path / "a.log.gz"])
    for time_of in ("0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", "2026-13-45T99:99:99"):
        assert time_in(f"{time_of} ERROR x") == ""


LONG = 300_000
SLOW = {
    "blank.h": "\n" * LONG,
    "spaces.py": "def f(" + " " * LONG + "a): pass\n",
    "receiver.go": "package a\nfunc (a" + " " * LONG + "b) f() {}\n",
    "line.js": "function f(){}" * (LONG // 14),
    "deep.cpp": "namespace A {\n" * (LONG // 100) + "}\n" * (LONG // 100),
    "names.py": "".join(f"{' ' * level}class {'A' * (LONG // 90)}{level}:\n" for level in range(90)) + " " * 90 + "x = 1\n",
}


@pytest.mark.parametrize("name", SLOW)
def test_no_text_takes_more_than_its_length(name):
    began = time.process_time()
    parsed, lines = parse(SLOW[name], name), SLOW[name].split("\n")
    for symbol in parsed.symbols:
        signature_of(lines, symbol)
    assert time.process_time() - began < 1.0
    assert sum(len(symbol.name) for symbol in parsed.symbols) <= len(SLOW[name]) + 70_000


def test_structure_leaves_out_lines_that_are_too_long(tmp_path):
    (tmp_path / "a.js").write_text(SLOW["line.js"])
    told = LeftOut()
    assert list(find_structure("f", "js", tmp_path, told)) == [] and told == {"lines too long for a syntax tree": 1}


@pytest.mark.parametrize(
    "line", ["A" * 20_000, "[" + "a" * 19_000 + "] failed", "error " + "1" * 20_000, "error " + "a." * 10_000]
)
def test_no_line_of_a_log_takes_more_than_its_length(line):
    began = time.process_time()
    for _ in range(5):
        severity_of(line), kind_of(Event("a", 1, 3, [line]))
    assert time.process_time() - began < 1.0
