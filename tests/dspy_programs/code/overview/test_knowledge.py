"""What is told of a folder's code."""

import json

import pytest

from dspy_programs.__main__ import main
from dspy_programs.code import Index, knowledge_of
from dspy_programs.code.parsing.imports import imports_in

PYTHON = """\
\"\"\"import nothing\"\"\"
import os, a.b as c
from . import beside
from ..up import x
try:
    from fast import y
except ImportError:
    from slow import y
class A:
    def m(self):
        import late
        def inner(): ...
@overload
def f(x: int): ...
@overload
def f(x: str): ...
def f(x): ...
"""


def test_a_file_has_its_lines_imports_classes_and_functions(tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "a.py").write_text(PYTHON)
    (folder / "notes.txt").write_text("import nothing\n")
    (folder / ".env").write_text("KEY=1\n")
    index = Index(folder, tmp_path / "i.sqlite")
    index.refresh()
    told = knowledge_of(index)
    assert told["root"] == str(folder.resolve())
    assert told["files"] == [
        {
            "path": "a.py",
            "lines": 17,
            "imports": ["os", "a.b", ".beside", "..up", "fast", "slow", "late"],
            "classes": ["A"],
            "functions": ["A.m", "f"],
        }
    ]


IMPORTS = {
    "javascript": (
        "import a from 'b'\nimport 'c';\nconst d = require('d/e')\nexport {x} from \"f\"\nimport {\n  g,\n} from 'h'\n",
        "b c d/e f h",
    ),
    "java": ("import java.util.List;\nimport static a.B.c;\nimport x.*;\nimportant();\n", "java.util.List a.B.c x.*"),
    "c": ('#include <a.h>\n# include "b/c.h"\n#define include\n', "a.h b/c.h"),
    "csharp": ("using System;\nusing X = C.D;\nusing (var a = b()) {}\n", "System C.D"),
    "go": ('package a\nimport "fmt"\nimport (\n\t"os"\n\tx "a/b"\n)\nvar y = []string{\n\t"no",\n}\n', "fmt os a/b"),
    "rust": ("use std::io;\npub use a::{b, c};\n// reuse it\n", "std::io a"),
    "ruby": ("require 'a'\nrequire_relative \"b\"\n", "a b"),
    "php": ("<?php\nuse A\\B;\nrequire_once 'c.php';\n", "A\\B c.php"),
    "swift": ("import UIKit\n@testable import struct A.B\n", "UIKit A.B"),
    "bash": (". ./a.sh\nsource b.sh\n", "./a.sh b.sh"),
    "lua": ("local a = require('b.c')\n", "b.c"),
}


@pytest.mark.parametrize("language", IMPORTS)
def test_imports_of_other_languages(language):
    text, names = IMPORTS[language]
    assert imports_in(text, language) == names.split()


def test_learn_writes_the_same_as_it_prints(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "a.py").write_text(PYTHON)
    monkeypatch.chdir(folder)
    assert main(["code", "learn"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert main(["code", "learn", "--out", "../knowledge.json"]) == 0
    assert json.loads((tmp_path / "knowledge.json").read_text()) == printed and capsys.readouterr().out == ""


def test_learn_says_that_there_is_no_code(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.txt").write_text("x\n")
    monkeypatch.chdir(tmp_path)
    assert main(["code", "learn"]) == 1 and "no code is in" in capsys.readouterr().err
