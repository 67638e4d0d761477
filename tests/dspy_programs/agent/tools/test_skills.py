import pytest

from dspy_programs.agent.tools.skills import skill_tools
from dspy_programs.errors import UsageError
from tests.dspy_programs.agent.scopes import said, scope_in


def test_skills_are_listed_and_read(tmp_path):
    shelf = tmp_path / "skills"
    (shelf / "report" / "parts").mkdir(parents=True)
    (shelf / "report" / "SKILL.md").write_text(
        "---\nname: monthly-report\ndescription: >\n  Write the\n  report.\n---\n\nDo this.\n"
    )
    (shelf / "report" / "parts" / "form.md").write_text("form")
    (shelf / "plain").mkdir()
    (shelf / "plain" / "SKILL.md").write_text("No front matter.")
    (shelf / "broken").mkdir()
    (shelf / "broken" / "SKILL.md").write_text("---\nname: [x\n---\nBody")
    (shelf / "no skill").mkdir()
    (tmp_path / "secret.txt").write_text("SECRET")
    (shelf / "report" / "link.md").symlink_to("../../secret.txt")
    scope, (list_skills, use_skill) = scope_in(tmp_path / "w"), skill_tools(shelf)
    assert said(list_skills, scope).splitlines() == [
        "broken: [no description]",
        "plain: [no description]",
        "monthly-report: Write the report.",
    ]
    assert said(use_skill, scope, name="monthly-report") == "Do this.\n\n[other files of this skill: parts/form.md]"
    assert said(use_skill, scope, name="monthly-report", file="parts/form.md") == "form"
    assert said(use_skill, scope, name="plain") == "No front matter."
    assert "there is no skill zebra" in said(use_skill, scope, name="zebra")
    for file in ("../plain/SKILL.md", "../../secret.txt", "link.md", "/etc/passwd"):
        answer = said(use_skill, scope, name="monthly-report", file=file)
        assert answer.startswith("ToolError") and "SECRET" not in answer


def test_a_folder_that_is_not_there_is_said_at_the_start(tmp_path):
    with pytest.raises(UsageError, match="cannot be the workspace"):
        skill_tools(tmp_path / "nothing")
