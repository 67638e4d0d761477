"""Docstrings on the page of the Python API: aligned entries become a list, a class lists its fields, the rest stays."""

import textwrap

import pytest

griffe = pytest.importorskip("griffe")
docstrings = pytest.importorskip("tests.docs.docstrings")

CODE = '''
class Report:
    """What was found.

    mode      what failed; "none"
              where nothing did
    """

    mode: str
    turn: int | None
    """Of the first failure."""
    shown: int = 3

    def __init__(self) -> None:
        self.path: str = ""


def load(lm: str) -> None:
    """Load it.

    Args:
        lm: its name
    """
'''


@pytest.fixture
def module(tmp_path):
    (tmp_path / "made.py").write_text(CODE, encoding="utf-8")
    extensions = griffe.load_extensions(docstrings.ReadableDocstrings())
    return griffe.load("made", search_paths=[tmp_path], extensions=extensions)


def test_aligned_entries_become_a_list_and_fields_are_added(module):
    assert module["Report"].docstring.value == textwrap.dedent(
        """\
        What was found.


        - **mode** what failed; "none"
          where nothing did

        - **shown** `int`"""
    )


def test_docstring_in_googles_style_stays_as_it_is(module):
    assert module["load"].docstring.value == "Load it.\n\nArgs:\n    lm: its name"
