"""Definitions in every language, and chunks that lose no line."""

import pytest

from dspy_programs.code.parsing.chunks import parse, symbols_in
from dspy_programs.code.parsing.languages import LANGUAGES, language_named, language_of

NAMED = {
    "python": ("class A:\n    @property\n    def m(self):\n        def inner(): ...\n", ["A", "A.m", "A.m.inner"]),
    "javascript": (
        "class A { m() {} }\nfunction f() {}\nconst g = (x) => x\nexports.h = function () {}\nf(() => 1)\n",
        ["A", "A.m", "f", "g", "h"],
    ),
    "typescript": ("interface I { m(): void }\nnamespace N { export function f() {} }\n", ["I", "I.m", "N", "N.f"]),
    "tsx": ("export const Button = () => <b/>\n", ["Button"]),
    "java": ("class A { A() {} void m() {} static class B { void n() {} } }\n", ["A", "A.A", "A.m", "A.B", "A.B.n"]),
    "c": ("struct S { int a; };\nstatic char *f(struct S *s) { return 0; }\n", ["S", "f"]),
    "cpp": ("namespace N { class C { int m() { return 1; } }; }\nvoid N::C::far() {}\n", ["N", "N.C", "N.C.m", "N.C.far"]),
    "csharp": ("namespace A.B { class C { int P { get; set; } void M() {} } }\n", ["A.B", "A.B.C", "A.B.C.P", "A.B.C.M"]),
    "go": ("package a\ntype T struct{}\nfunc (t *T) M() {}\nfunc F() {}\n", ["T", "T.M", "F"]),
    "rust": ("struct S;\nimpl S { fn a(&self) {} }\nmod m { fn f() {} }\n", ["S", "S", "S.a", "m", "m.f"]),
    "ruby": ("module M\n  class A\n    def m\n    end\n  end\nend\n", ["M", "M.A", "M.A.m"]),
    "php": ("<?php\nclass C { function m() {} }\nfunction f() {}\n", ["C", "C.m", "f"]),
    "kotlin": ("class C {\n  fun m() {}\n}\nfun top() {}\n", ["C", "C.m", "top"]),
    "swift": ("struct S {\n  func a() {}\n}\nextension S {\n  func e() {}\n}\n", ["S", "S.a", "S", "S.e"]),
    "scala": ("object O {\n  def m(x: Int) = 1\n}\n", ["O", "O.m"]),
    "bash": ("f() { echo; }\nfunction g { echo; }\n", ["f", "g"]),
    "lua": ("function a.b(x) end\nlocal e = function() end\n", ["a.b", "e"]),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_definitions_have_dotted_names(language):
    text, names = NAMED[language]
    assert [symbol.name for symbol in symbols_in(text, language) or []] == names


def test_a_template_over_several_lines_is_no_part_of_a_name():
    text = "template <class A>\nstruct D<A, void,\n         f(A)> { static void m() {} };\n"
    assert [symbol.name for symbol in symbols_in(text, "cpp") or []] == ["D", "D.m"]


def test_lines_of_a_definition_are_right_after_letters_of_many_bytes():
    text = "// \u00e4\u00f6\u00fc \U0001f600\n// says what f does\nfunction f() {\n  return 1\n}\n"
    (symbol,) = symbols_in(text, "javascript") or []
    assert (symbol.line, symbol.head, symbol.end_line) == (1, 3, 5)


def test_a_decorator_and_a_comment_belong_to_the_definition():
    (symbol,) = symbols_in("import a\n\n@a.b\ndef f():\n    pass\n", "python") or []
    assert (symbol.line, symbol.head) == (3, 4)


@pytest.mark.parametrize("text", ["def f(:\n", "\0", "(" * 300, "print 'old'\ndef f(): pass\n"])
def test_python_that_python_refuses_is_read_by_the_grammar(text):
    found = symbols_in(text, "python")
    assert found is not None and all(symbol.name == "f" for symbol in found)


@pytest.mark.parametrize("name", ["a.py", "a.go", "a.txt", "a.rs"])
def test_every_line_is_in_one_chunk(name):
    text = "\n".join(
        [f"line{n} := {n}" for n in range(150)] + ["class A:", "    x = 1", "    def f(self):", "        pass", "last"]
    )
    chunks = parse(text, name).chunks
    held = [line for chunk in chunks for line in chunk.text.split("\n")]
    assert sorted(held) == sorted(text.split("\n"))


def test_a_class_holds_its_fields_and_not_its_methods():
    chunks = {
        chunk.symbol: chunk.text for chunk in parse("class A:\n    x = 1\n    def f(self):\n        y = 2\n", "a.py").chunks
    }
    assert "x = 1" in chunks["A"] and "y = 2" not in chunks["A"]


def test_languages_are_known_by_what_people_call_them():
    assert language_named("JS") == "javascript" and language_named("c++") == "cpp" and language_named("klingon") is None
    assert language_of("a.h", "class A {") == "cpp" and language_of("a.h", "int a;") == "c"
    assert language_of("src/A.TSX") == "tsx" and language_of("Makefile") == ""
