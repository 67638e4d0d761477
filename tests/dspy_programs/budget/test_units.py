"""Units go alone, frames with their last unit, and what stays is as it was."""

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.budget.prompts.plain_text import from_text
from dspy_programs.budget.prompts.units import removals, units_of, without
from dspy_programs.types import Section


def left(text, *gone, type_="instruction"):
    """Return a section's text without the units that have these texts."""
    sections = [Section(name="a", content=text, type=type_)]
    units = units_of(sections)
    numbers = {unit.number for unit in units if unit.text in gone}
    assert len(numbers) == len(gone)
    return "".join(section.content for section in without(sections, units, numbers))


@pytest.mark.parametrize(
    ("text", "gone", "rest"),
    [
        ("One. Two. Three.", ["Two."], "One. Three."),
        ("One. Two.\n\nThree.", ["Two."], "One.\n\nThree."),
        ("One.\n\nTwo.", ["One."], "Two."),
        ("- Be kind. Never shout.\n- Smile.", ["Be kind."], "- Never shout.\n- Smile."),
        ("- a a\n- b b\n\nNext.", ["b b"], "- a a\n\nNext."),
        ("Never:\n- shout\n- lie\n\nSmile.", ["shout", "lie"], "Smile."),
        ("# A\nOne.\n# B\nTwo.", ["One."], "# B\nTwo."),
        ("# A\n## B\nOne.\n# C\nTwo.", ["One."], "# C\nTwo."),
        ("<rules>\nBe kind.\n</rules>\n\nGo.", ["Be kind."], "Go."),
        ("A line that is wrapped\nover two lines. Next.", ["Next."], "A line that is wrapped\nover two lines."),
        ("````md\n```\n# x\n```\n````\n\nGo.", ["Go."], "````md\n```\n# x\n```\n````"),
    ],
)
def test_without_takes_out_whole_units_and_empty_frames(text, gone, rest):
    assert left(text, *gone) == rest


def test_examples_are_one_unit_each():
    sections = [Section(name="a", content="Q: 1\nA: 2\n\nQ: 3\nA: 4. Yes.\n", type="few_shot")]
    units = units_of(sections)
    assert [unit.text for unit in units] == ["Q: 1 A: 2", "Q: 3 A: 4. Yes."]
    assert without(sections, units, {0})[0].content == "Q: 3\nA: 4. Yes."


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("- a a\n  - b b\n- c c", [["a a", "b b"], ["c c"]]),
        ("- Be kind. Smile.\n- Go on", [["Be kind."], ["Smile."], ["Go on"]]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n\nGo.", [["| a | b |", "|---|---|", "| 1 | 2 |"], ["Go."]]),
        ("Never:\n- shout", [["shout"]]),
        (
            "Returns are free.\nUnless the seal is broken.\n\nSmile.",
            [["Returns are free.", "Unless the seal is broken."], ["Smile."]],
        ),
        ("Pay first.\n\nIn that case, ask. Wait.", [["Pay first.", "In that case, ask."], ["Wait."]]),
        ("Ask for height. Both are needed.", [["Ask for height.", "Both are needed."]]),
        ("A lost key costs 15 EUR. If it turns up, pay back.", [["A lost key costs 15 EUR.", "If it turns up, pay back."]]),
        ("Ask for a photo. Skip this step at night.", [["Ask for a photo.", "Skip this step at night."]]),
        ("Members pay nothing. Everyone else pays 5 EUR.", [["Members pay nothing.", "Everyone else pays 5 EUR."]]),
        ("Pide el DNI. En su defecto, el pasaporte.", [["Pide el DNI.", "En su defecto, el pasaporte."]]),
        ("Be brief. Name the street.", [["Be brief."], ["Name the street."]]),
        ("Ask for height.\n\nBoth are needed.", [["Ask for height."], ["Both are needed."]]),
        ("1. Wenn rot, anrufen.\n2. Sonst warten.\n3. Danken.", [["Wenn rot, anrufen.", "Sonst warten."], ["Danken."]]),
        ("- Rendre l'objet.\n- Sauf s'il est neuf.", [["Rendre l'objet.", "Sauf s'il est neuf."]]),
        ("- Pide el DNI.\n- De lo contrario, cierra.", [["Pide el DNI.", "De lo contrario, cierra."]]),
        ("- Zapytaj.\n- W przeciwnym razie czekaj.", [["Zapytaj.", "W przeciwnym razie czekaj."]]),
        ("返金は可能。ただし、開封後は不可。", [["返金は可能。", "ただし、開封後は不可。"]]),
        ("先问姓名。否则转人工。", [["先问姓名。", "否则转人工。"]]),
        ("If red, call.\nOtherwise:\n- wait\n- smile\n\nGo.", [["If red, call.", "wait", "smile"], ["Go."]]),
        ("# A\nAsk.\n# B\nOtherwise, wait.", [["Ask."], ["Otherwise, wait."]]),
    ],
)
def test_removals_take_nested_items_whole_tables_and_what_hangs_on_them(text, groups):
    sections = [Section(name="a", content=text)]
    assert [[unit.text for unit in group] for group in removals(units_of(sections), sections)] == groups


lines = st.lists(
    st.sampled_from(
        [
            "# A",
            "## B",
            "",
            "Text here. More text.",
            "- item one",
            "  - inner",
            "1. first",
            "```",
            "<t>",
            "</t>",
            "Do:",
            "| a | b |",
        ]
    ),
    max_size=14,
)


@given(lines, st.sets(st.integers(0, 30), max_size=12))
@settings(deadline=None)
def test_any_removal_leaves_only_what_was_there(found, gone):
    sections = from_text("\n".join(found))
    units = units_of(sections)
    kept = without(sections, units, gone)
    assert without(sections, units, set()) == sections
    before = "\n".join(s.content for s in sections).split()
    rest = iter(before)
    assert all(word in rest for word in "\n".join(s.content for s in kept).split())  # a subsequence
    assert {s.name for s in kept} <= {s.name for s in sections}
