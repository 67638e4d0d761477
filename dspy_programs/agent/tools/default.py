"""The tools that are shipped, in the order in which a menu shows them."""

from pathlib import Path

from dspy_programs.agent.tools.edit import apply_patch, edit_file
from dspy_programs.agent.tools.files import append, delete_file, find_files, list_files, move_file, read_file, write_file
from dspy_programs.agent.tools.git import git_commit, git_diff, git_log, git_status
from dspy_programs.agent.tools.grep import grep
from dspy_programs.agent.tools.json_files import json_get, json_set
from dspy_programs.agent.tools.notes import recall, remember, update_progress
from dspy_programs.agent.tools.people import ask_user, delegate
from dspy_programs.agent.tools.shell import python, shell
from dspy_programs.agent.tools.skills import skill_tools
from dspy_programs.agent.tools.text_index import FolderIndex, SearchBackend, search_tool
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.agent.tools.web import http_get
from dspy_programs.agent.workspace.workspace import Workspace

_FILES = [read_file, write_file, append, edit_file, apply_patch, list_files, find_files, grep, json_get, json_set]
_NAMES = [move_file, delete_file]
_REPOSITORY = [git_status, git_diff, git_log, git_commit]
_REST = [shell, python, http_get, update_progress, remember, recall, ask_user, delegate]


def default_tools(
    workspace: Workspace, *, search: SearchBackend | None = None, skills: str | Path | None = None
) -> list[AgentTool]:
    """Return the shipped tools that make sense in a workspace: those of git only where there is a repository.

    search: what web_search asks; the texts of the workspace by default. skills: a folder of skills.
    """
    return [
        *_FILES,
        *_NAMES,
        *(_REPOSITORY if workspace.kind(".git") else []),
        search_tool(search or FolderIndex(workspace)),
        *(skill_tools(skills) if skills else []),
        *_REST,
    ]
