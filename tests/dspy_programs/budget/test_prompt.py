"""A prompt file is read whole or refused with its place; a text that is cut into sections loses no line."""

import pytest
from hypothesis import given, strategies as st

from dspy_programs.budget.prompts.prompt import (
    PromptSection,
    SectionType,
    as_yaml,
    from_text,
    from_yaml,
    joined,
    read_prompt,
)
from dspy_programs.errors import UsageError
from dspy_programs.types import Section

ONE = "- name: a\n  type: system\n  content: Be kind.\n  priority: 3\n"
SECTION = Section(name="a", type="system", content="Be kind.", priority=3)


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        "sections:\n" + "".join(f"  {line}\n" for line in ONE.splitlines()),
        "sections:\n  a: {type: system, content: Be kind., priority: 3}\n",
        "a: {type: system, content: Be kind., priority: 3}\n",
        '[{"name": "a", "type": "system", "content": "Be kind.", "priority": 3}]',
        "name: my prompt\ntask: x\nsections:\n- {name: a, type: system, content: Be kind., priority: 3}\n",
    ],
)
def test_from_yaml_reads_lists_and_mappings(text):
    assert from_yaml(text) == [SECTION]


def test_from_yaml_takes_a_bare_text_as_an_instruction():
    assert from_yaml("task: Say hello.") == [Section(name="task", content="Say hello.")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "give a list of sections"),
        ("7", "give a list of sections"),
        ("just words", "give a list of sections"),
        ("a: [", "p.yaml:1: not YAML: "),
        ("a: x\nb: {content: [}\n", "p.yaml:2: not YAML: "),
        ("[" * 30_000, "not YAML"),
        (ONE + "- 7\n", "p.yaml:5: a section must be a mapping"),
        (ONE + "- name: b\n", "p.yaml:5: section 'b': content: missing"),
        (ONE + "- name: b\n  content: 7\n", "p.yaml:5: section 'b': content: Input should be a valid string"),
        (ONE + "- name: b\n  content: x\n  type: footer\n", "p.yaml:5: section 'b': type: Input should be 'system'"),
        (ONE + "- name: b\n  content: x\n  priority: high\n", "p.yaml:5: section 'b': priority: Input should be a valid int"),
        (ONE + "- name: b\n  contents: x\n  content: y\n", "p.yaml:5: section 'b': contents: unknown key"),
        (ONE + "- content: x\n", "p.yaml:5: section '': name: Field required"),
        ('[{"role": "system", "content": "x"}]', "p.yaml:1: a chat message, not a section; put the text of the prompt into"),
        ('[{"type": "system", "data": {"content": "x"}}]', "p.yaml:1: a chat message, not a section"),
        (ONE + ONE, "p.yaml:5: section 'a': name: appears twice"),
        ("a: x\nb: y\na: z\n", "p.yaml:3: not YAML: the key 'a' appears twice"),
        ("a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("? [1, 2]\n: x\n", "p.yaml"),
        ("1: {content: x, 2: y}", "p.yaml:1"),
    ],
)
def test_from_yaml_names_file_line_section_and_field(text, fault):
    with pytest.raises(UsageError) as error:
        from_yaml(text, "p.yaml")
    assert fault in str(error.value) and str(error.value).startswith("p.yaml") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"a: \xff", "byte 4 is not UTF-8"), (b"a: ''", "no section has any text"), (b"x" * 2_000_001, "larger than")],
)
def test_read_prompt_refuses_what_is_no_prompt(tmp_path, content, fault):
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=fault):
        read_prompt(path)


def test_read_prompt_says_what_is_missing(tmp_path):
    with pytest.raises(UsageError, match=r"none\.yaml: cannot be read: No such file"):
        read_prompt(tmp_path / "none.yaml")


MARKDOWN = """You are a helper.

# Style
Be brief.
```
# not a heading
```
## Tone
Warm.

# Examples
Q: x

# Style
Again.
"""


def test_from_text_cuts_at_the_highest_headings_that_stand_twice():
    sections = from_text(MARKDOWN)
    assert [(s.name, s.type) for s in sections] == [
        ("part_1", "system"),
        ("style", "system"),
        ("examples", "few_shot"),
        ("style_2", "system"),
    ]
    assert "# not a heading" in sections[1].content and "## Tone" in sections[1].content


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("\ufeff# Role\r\nYou answer.\r\n\r\n# Style\r\nBe light.\r\n", ["role", "style"]),
        ("# Role\n````md\n```bash\n# no heading\n```\n# none\n````\n# Style\nBe light.", ["role", "style"]),
        ("# A\n~~~\n# no\n```\n# no\n~~~\n# B\nx", ["a", "b"]),
        ("Hi.\n<rules>\n# A\nx\n# B\ny\n</rules>\n<examples>\n<example>\nq\n</example>\n</examples>\nGo.", ["part_1", "rules", "examples", "part_4"]),  # noqa: E501
        ("<rules>\nno end\n\nx", ["rules", "part_2"]),
    ],
)  # fmt: skip
def test_from_text_sees_marks_fences_and_tags(tmp_path, text, names):
    path = tmp_path / "p.md"
    path.write_text(text, encoding="utf-8", newline="")
    assert [section.name for section in read_prompt(path)] == names


def test_from_text_cuts_at_empty_lines_without_headings():
    assert [s.content for s in from_text("One.\n\nTwo,\nstill.\n\n\nThree.")] == ["One.", "Two,\nstill.", "Three."]


lines = st.lists(st.sampled_from(["# A", "## B", "# A", "", " ", "text", "- item", "```", "{x}", "é ü", "# " + "long " * 40]))


@given(lines)
def test_from_text_loses_no_line(found):
    text = "\n".join(found)
    sections = from_text(text)
    kept = [line.strip() for s in sections for line in s.content.splitlines() if line.strip()]
    assert kept == [line.strip() for line in found if line.strip()]
    assert len({s.name for s in sections}) == len(sections)


@given(st.text(max_size=300))
def test_from_text_reads_any_text_and_loses_none_of_it(text):
    assert "".join("".join(s.content for s in from_text(text)).split()) == "".join(text.split())


@given(st.text(max_size=300))
def test_from_yaml_reads_any_text_or_refuses_it(text):
    try:
        from_yaml(text)
    except UsageError as error:
        assert "\n" not in str(error)


printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=60)


@given(st.lists(printable, min_size=1, max_size=5))
def test_as_yaml_is_read_back_the_same(contents):
    sections = [Section(name=f"s{i}", content=content, priority=i) for i, content in enumerate(contents)]
    assert from_yaml(as_yaml(sections)) == sections


def test_joined_keeps_the_order_with_one_empty_line_between():
    sections = [Section(name="b", content=" two \n"), Section(name="e", content=" "), Section(name="a", content="one")]
    assert joined(sections) == "two\n\none"


def test_prompt_section_takes_the_types_by_name():
    made = PromptSection(name="a", content="Be kind.", section_type=SectionType.SYSTEM, priority=3)
    assert made == SECTION and PromptSection("t", "x").type == "instruction"
    with pytest.raises(UsageError, match="type"):
        PromptSection("t", "x", section_type="footer")
