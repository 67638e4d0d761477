"""What tells one run's code from another's: what it does, and not where it lies or what is said of it."""

import importlib.util
import inspect

import pytest

from dspy_programs.programs.planner import planner
from optimizers.training import code_in
from optimizers.training.code_digest import code_of, is_comparable


@pytest.fixture
def module(tmp_path):
    """Make a module of a source, as if it stood in a file of this name."""

    def made(source, name):
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
        return found

    return made


BEFORE = '"""One."""\n\nimport json\n\n\ndef loud(text: str) -> str:\n    """Shout."""\n    return json.loads(text).upper()\n'
ELSEWHERE = '''"""Another text."""

from os import path
import json  # for it


def loud(
    text: str) -> str:
    return json.loads(text).upper()
'''


def test_a_file_that_moves_and_is_explained_better_is_the_same_code(module):
    assert code_in(module(BEFORE, "here")) == code_in(module(ELSEWHERE, "there"))


def test_a_file_that_does_something_else_is_other_code(module):
    assert code_in(module(BEFORE, "here")) != code_in(module(BEFORE.replace("upper", "lower"), "there"))


def test_a_program_of_ours_is_told_by_what_its_files_do_and_not_by_their_names():
    texts = code_of(planner.Planner)
    assert code_in(planner) in texts and len(texts) > 3
    assert not any("dspy_programs." in text for text in texts)


def test_a_program_of_the_users_is_told_by_its_class_alone():
    class Mine:
        pass

    assert code_of(Mine) == [inspect.getsource(Mine)]


@pytest.mark.parametrize(
    ("before", "now", "is_so"),
    [
        ("0123456789abcdef", "code:0123456789abcdef", False),
        ("something else", "code:0123456789abcdef", True),
        ("code:f123456789abcdef", "code:0123456789abcdef", True),
        (None, "code:0123456789abcdef", True),
        ("0123456789abcdef", "f123456789abcdef", True),
    ],
)
def test_an_earlier_digest_of_code_says_nothing_of_todays(before, now, is_so):
    assert is_comparable(before, now) == is_so
