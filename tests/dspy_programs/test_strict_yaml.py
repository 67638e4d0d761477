"""YAML is data: what would be lost, or would grow, is an error in one line, whoever reads it."""

import re

import pytest
import yaml

from dspy_programs import strict_yaml
from dspy_programs.agent.tools.openapi import openapi_tools
from dspy_programs.agent.tools.skills import skill_tools
from dspy_programs.budget.prompts.prompt import read_prompt
from dspy_programs.budget.report import read_result_file
from dspy_programs.data.judging.rubric_files import read_any_rubric
from dspy_programs.data.pipeline.document import Document
from dspy_programs.data.scorer.config import read_config
from dspy_programs.errors import UsageError
from dspy_programs.router.catalogue_file import read_catalogue
from dspy_programs.rubric import read_rubric
from tests.dspy_programs.agent.scopes import said, scope_in

ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
HOSTILE = {
    "aliases of aliases": ALIASES,
    "merge keys of merge keys": "a0: &a0 {k: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
    "one key twice": "name: a\nname: b\n",
    "an anchor in itself": "a: &a [*a]\n",
    "a list as a key": "? [a, b]\n: c\n",
    "no date": "a: 2020-99-99\n",
    "brackets": "a: " + "[" * 3000,
    "an object": "a: !!python/object/apply:os.getcwd []\n",
}
READERS = {
    "api": lambda path: openapi_tools("api", path),
    "prompt": read_prompt,
    "result": read_result_file,
    "rubric": read_rubric,
    "any rubric": read_any_rubric,
    "pipeline": lambda path: Document(path, "a pipeline"),
    "scorer": read_config,
    "catalogue": read_catalogue,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_every_reader_refuses_what_is_lost_or_grows(tmp_path, text, reader):
    path = tmp_path / "given.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(str(path))) as raised:
        READERS[reader](path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_skill_with_such_a_front_matter_goes_by_its_folder(tmp_path, text):
    folder = tmp_path / "mending"
    folder.mkdir()
    (folder / "SKILL.md").write_text(f"---\n{text}---\nMend it.\n")
    list_skills, _ = skill_tools(tmp_path)
    assert said(list_skills, scope_in(tmp_path / "w")) == "mending: [no description]"


def test_an_alias_that_repeats_a_little_is_read():
    assert strict_yaml.load("a: &a [1, 2]\nb: *a\nc: {d: *a}") == {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2]}}


def test_a_long_list_without_an_alias_is_read():
    assert len(strict_yaml.load("- a\n" * 12_000)) == 12_000


def test_an_empty_text_is_nothing():
    assert strict_yaml.parse("") == (None, None)


def test_the_error_knows_the_line():
    with pytest.raises(yaml.MarkedYAMLError) as raised:
        strict_yaml.load("a: 1\nb: 2\na: 3")
    assert raised.value.problem_mark.line == 2
