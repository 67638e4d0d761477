"""The examples of README and docs print what the pages say, and the runner of examples notices where one does not."""

import time
from pathlib import Path

import pytest

from tests.docs.examples import ROOT, PageError, corrected, differences, fences_in, main, pages
from tests.forked_commands import VARIABLE, listen
from tests.processes import Started, forks

AS_TYPED = ROOT / "README.md"
"""Its commands are run as a person would, each by an interpreter of its own."""


def runs(path):
    return any(
        fence.language in ("python", "bash") and not fence.mark.startswith("not run") for fence in fences_in(path.read_text())
    )


@pytest.fixture(scope="module")
def forked(tmp_path_factory):
    """The environment in which commands are forked."""
    address = str(tmp_path_factory.mktemp("forks") / "socket")
    process = forks().Process(target=listen, args=(address,), daemon=True)
    process.start()
    while not Path(address).exists():
        assert process.is_alive()
        time.sleep(0.01)
    yield {VARIABLE: address}
    process.kill()


@pytest.mark.parametrize("path", [path for path in pages() if runs(path)], ids=lambda path: str(path.relative_to(ROOT)))
def test_page_prints_what_it_says(path, tmp_path, forked):
    process = Started(main, [str(path)], tmp_path, **({} if path == AS_TYPED else forked))
    printed = "".join(process.communicate(timeout=240))
    assert process.returncode == 0, printed


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_fence_of_a_page_is_read(path):
    page = path.read_text(encoding="utf-8")
    assert page.count("```") == 2 * len(fences_in(page)), "a fence that is indented, or has no language"


@pytest.fixture
def page(tmp_path):
    def written(text):
        path = tmp_path / "page.md"
        path.write_text(text.replace("~~~", "```"), encoding="utf-8")
        return path

    return written


def test_files_names_and_shell_are_those_of_one_page(page):
    text = '~~~json title="a/b.json"\n1\n~~~\n\n~~~python\nnumber = 2\n~~~\n\n~~~bash\ncat a/b.json\n~~~\n\n~~~text\n1\n~~~\n'
    assert differences(page(text + "\n~~~python\nprint(number)\n~~~\n\n~~~text\n2\n~~~\n")) == []


def test_other_output_is_found_and_written(page):
    path = page("~~~python\nprint('one\\ntwo')\n~~~\n\n~~~text\none\nthree\n~~~\n\nprose\n")
    [wrong] = differences(path)
    assert wrong.printed == "one\ntwo\n"
    assert corrected(path.read_text(), [wrong]).endswith("```text\none\ntwo\n```\n\nprose\n")
    assert main([str(path), "--write"]) == 0 and differences(path) == []


@pytest.mark.parametrize(
    ("expected", "holds"), [("one ... four", True), ("...four", True), ("one ... five", False), ("one", False)]
)
def test_three_dots_stand_for_anything(page, expected, holds):
    path = page(f"~~~python\nprint('one two three four')\n~~~\n\n~~~text\n{expected}\n~~~\n")
    assert (differences(path) == []) is holds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("~~~python\n1 / 0\n~~~\n", r"page\.md:2: ZeroDivisionError"),
        ("~~~bash\nfalse\n~~~\n", r"page\.md:2: exit code 1, not 0"),
        ("<!-- exit 3 -->\n~~~bash\ntrue\n~~~\n", r"page\.md:3: exit code 0, not 3"),
        ("<!-- not run: no time -->\n~~~bash\nfalse\n~~~\n", r"page\.md:3: not run: no time; say which it needs: a model"),
        ("<!-- not ran -->\n~~~bash\ntrue\n~~~\n", r"page\.md:3: nobody knows the mark 'not ran'"),
    ],
)
def test_example_that_does_not_run_names_its_line(page, text, says):
    with pytest.raises(PageError, match=says):
        differences(page(text))


def test_example_that_needs_a_model_is_not_run(page):
    assert differences(page("<!-- not run: a model -->\n~~~bash\nfalse\n~~~\n\n~~~text\nnothing\n~~~\n")) == []
