"""Skills: folders with a SKILL.md that says in its front matter what it is for, and below how it is done.

Input      a folder that holds the skills.
Output     two tools: list_skills and use_skill. A skill without a name is known by its folder's.
Guarantees only files of that folder are read, by the same rules as the workspace; a skill is a text to follow or not, it
           changes no permission.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from dspy_programs import strict_yaml
from dspy_programs.agent.tools.tool import AgentTool, ToolError, tool
from dspy_programs.agent.workspace.workspace import Workspace

_FILE = "SKILL.md"
_LONGEST = 12_000  # characters of a skill
_MOST = 200  # skills


class Skill(NamedTuple):
    name: str
    description: str
    text: str
    folder: str


def skill_tools(folder: str | Path) -> list[AgentTool]:
    """Return the tools for the skills of a folder. Raises UsageError if there is no such folder."""
    shelf = Workspace(folder)

    @tool(effect="reads")
    def list_skills() -> str:
        """List the skills: written instructions for special kinds of work."""
        return "\n".join(f"{skill.name}: {skill.description}" for skill in _skills(shelf)) or "[there are no skills]"

    @tool(effect="reads")
    def use_skill(name: str, file: str = "") -> str:
        """Read a skill from list_skills by its name; file names another file of the skill."""
        skill = next((skill for skill in _skills(shelf) if skill.name == name), None)
        if skill is None:
            raise ToolError(f"there is no skill {name}; list_skills names those that there are")
        if file:
            path = shelf.normal(f"{skill.folder}/{file}")
            if not path.startswith(f"{skill.folder}/"):
                raise ToolError(f"{file}: not a file of the skill {name}")
            return shelf.text(path)[:_LONGEST]
        others = [found.path.removeprefix(f"{skill.folder}/") for found in shelf.walk(skill.folder) if found.kind == "file"]
        more = [other for other in others if other != _FILE][:50]
        return skill.text[:_LONGEST] + (f"\n[other files of this skill: {', '.join(more)}]" if more else "")

    return [list_skills, use_skill]


def _skills(shelf: Workspace) -> Iterator[Skill]:
    folders = [found.path for found in shelf.walk(depth=1) if found.kind == "folder"][:_MOST]
    for folder in folders:
        if shelf.kind(f"{folder}/{_FILE}") == "file":
            yield _skill(shelf.read(f"{folder}/{_FILE}", 100_000).decode("utf-8", "replace"), folder)


def _skill(text: str, folder: str) -> Skill:
    """Read the front matter; a wrong one counts as none."""
    head, body = {}, text
    if text.startswith("---\n") and "\n---" in text[3:]:
        front, _, body = text[4:].partition("\n---")
        try:
            held = strict_yaml.load(front)
            head = held if isinstance(held, dict) else {}
        except (yaml.YAMLError, ValueError, RecursionError):
            pass
    name, description = (head.get(key) for key in ("name", "description"))
    return Skill(
        name.strip() if isinstance(name, str) and name.strip() else folder,
        " ".join(description.split())[:300] if isinstance(description, str) else "[no description]",
        body.lstrip("-\n"),
        folder,
    )
