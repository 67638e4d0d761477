import pytest
from pydantic import ValidationError

from dspy_programs.agent.checking.checks import Check, unmet


class Folder:
    """Files by path; bytes are a file that is no text; a command "exit N" exits so."""

    def __init__(self, **files):
        self.files = {path.replace("_", "."): content for path, content in files.items()}

    def read(self, path):
        content = self.files.get(path)
        return content.decode() if isinstance(content, bytes) else content

    def run(self, command):
        code, _, printed = command.removeprefix("exit ").partition(" ")
        return int(code), printed or "a\nlast words"


def reason(place, check, before=None, **given):
    return unmet(Check(check=check, **given), place, before)


@pytest.mark.parametrize(
    ("content", "text", "met"),
    [
        ("Total: 42.", "42", True),
        ("Total: 42\n", "42", True),
        ("Total: 42.00", "42", True),
        ("Total: 2,368.00 euros", "2,368", True),
        ("Total: 42.5", "42", False),
        ("Total: 42.000", "42", False),
        ("Total: 42.05", "42", False),
        ("Total: 1,420", "42", False),
        ("Total: 1.42", "42", False),
        ("a.b", "a.b", True),
        ("aXb", "a.b", False),
        ("in words: forty", ["42", "forty"], True),
        ("", "x", False),
    ],
)
def test_contains_finds_a_text_and_no_part_of_a_number(content, text, met):
    assert (reason(Folder(a_txt=content), "file_contains", path="a.txt", text=text) == "") is met
    assert (reason(Folder(a_txt=content), "file_lacks", path="a.txt", text=text) == "") is not met


@pytest.mark.parametrize(
    ("key", "given", "met"),
    [
        ("server.port", {"value": 8080}, True),
        ("server.port", {"value": "8080"}, False),
        ("server.debug", {"value": True}, True),
        ("server.debug", {"value": 1}, False),
        ("items.1.name", {"value": "b"}, True),
        ("items.2.name", {}, False),
        ("items.-1", {}, False),
        ("nothing", {}, True),
        ("nothing", {"value": None}, True),
        ("server", {"value": {"debug": True, "port": 8080.0}}, True),
        ("server", {"value": {"debug": 1, "port": 8080}}, False),
    ],
)
def test_json_has_compares_types(key, given, met):
    place = Folder(c_json='{"server": {"port": 8080, "debug": true}, "items": [{}, {"name": "b"}], "nothing": null}')
    assert (reason(place, "json_has", path="c.json", key=key, **given) == "") is met


def test_equals_ignores_blanks_at_line_ends_only():
    place = Folder(a_txt="one \r\ntwo\n\n")
    assert reason(place, "file_equals", path="a.txt", text="one\ntwo") == ""
    assert reason(place, "file_equals", path="a.txt", text="one\n two")
    assert reason(Folder(a_txt="\n"), "file_equals", path="a.txt") == ""


def test_unchanged_sees_a_blank_and_a_file_that_is_gone():
    before = {"a.txt": "x\n"}
    assert reason(Folder(a_txt="x\n"), "unchanged", before, path="a.txt") == ""
    assert reason(Folder(a_txt="x"), "unchanged", before, path="a.txt")
    assert reason(Folder(), "unchanged", before, path="a.txt")
    assert reason(Folder(), "unchanged", before, path="not.there") == ""


def test_a_command_says_its_code_and_its_last_words():
    assert reason(Folder(), "command_exits_0", command="exit 0") == ""
    assert reason(Folder(), "command_exits_0", command="exit 3") == "`exit 3` exits 3: a last words"
    told = reason(
        Folder(), "command_exits_0", command="exit 1 File x\n  assert f(1) == 2\n  ^^^^\nAssertionError\nFAILED (failures=1)"
    )
    assert told.endswith(" exits 1: assert f(1) == 2: AssertionError")


@pytest.mark.parametrize("check", ["file_exists", "file_contains", "file_lacks", "file_equals", "json_has"])
def test_a_file_that_is_not_there_or_no_text_is_a_reason(check):
    given = {"path": "a.txt", "text": "x"}
    assert "is not there" in reason(Folder(), check, **given)
    assert "cannot be read" in reason(Folder(a_txt=b"\xff"), check, **given)


def test_missing_is_the_opposite_of_exists():
    assert reason(Folder(), "file_missing", path="a.txt") == ""
    assert reason(Folder(a_txt=""), "file_missing", path="a.txt") == "a.txt is there"
    assert reason(Folder(a_txt=""), "file_exists", path="a.txt") == ""


@pytest.mark.parametrize(
    "given", [{}, {"check": "file_exists"}, {"check": "file_contains", "path": "a"}, {"check": "command_exits_0"}]
)
def test_a_check_without_what_it_needs_is_refused(given):
    with pytest.raises(ValidationError):
        Check.model_validate(given)


def test_short_is_an_answer_and_not_a_whole_text():
    assert reason(Folder(a_txt=" 42 euros\n" + "\n" * 400), "file_short", path="a.txt") == ""
    assert "only the answer" in reason(Folder(a_txt="x" * 301), "file_short", path="a.txt")
    assert reason(Folder(), "file_short", path="a.txt")


def test_written_is_neither_blank_nor_as_before():
    before = {"a.txt": "x\n"}
    assert reason(Folder(a_txt="y\n"), "file_written", before, path="a.txt") == ""
    assert reason(Folder(b_txt="y\n"), "file_written", before, path="b.txt") == ""
    assert reason(Folder(a_txt="x\n"), "file_written", before, path="a.txt")
    assert reason(Folder(b_txt=" \n"), "file_written", before, path="b.txt")
    assert reason(Folder(), "file_written", before, path="b.txt")


def test_of_the_lines_with_a_name_one_has_the_text():
    check = {"check": "file_contains", "path": "a.txt", "text": "Hamburg", "key": "CITY"}
    assert reason(Folder(a_txt="HOME = Hamburg\nCITY = Berlin\n"), **check)
    assert reason(Folder(a_txt="HOME = Berlin\nCITY = Hamburg\n"), **check) == ""
    assert reason(Folder(a_txt="the town is Hamburg\n"), **check) == ""
