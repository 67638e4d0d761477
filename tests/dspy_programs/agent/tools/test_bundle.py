import json
import sys
from pathlib import Path

import dspy
import pytest

from dspy_programs.agent.tools.bundle import as_tool, load_bundle
from dspy_programs.agent.tools.default import default_tools
from dspy_programs.errors import UsageError
from tests.dspy_programs.agent.scopes import said, scope_in

MODULE = """
from dspy_programs.agent.tools.tool import tool

class Greeter:
    \"\"\"Greet somebody.\"\"\"
    def __init__(self, greeting="Hello", key=""):
        self.greeting, self.key = greeting, key
    def __call__(self, name: str) -> str:
        return f"{self.greeting} {name}{' with key' if self.key == 'k-from-environment' else ''}"

def double(number: int) -> int:
    \"\"\"Double a number.\"\"\"
    return number * 2

def several(prefix):
    @tool(name=f"{prefix}_one")
    def one() -> str:
        \"\"\"One.\"\"\"
        return "1"
    return [one]

class Broken:
    def __init__(self):
        raise RuntimeError("no licence")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mytools_for_bundles.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("GREETER_KEY", "k-from-environment")
    sys.modules.pop("mytools_for_bundles", None)
    return tmp_path


def write(folder: Path, held: object) -> Path:
    path = folder / "bundle.json"
    path.write_text(held if isinstance(held, str) else json.dumps(held))
    return path


def test_a_bundle_gives_its_tools(folder):
    (folder / "shelf" / "x").mkdir(parents=True)
    (folder / "shelf" / "x" / "SKILL.md").write_text("x")
    (folder / "api.json").write_text(json.dumps({"servers": [{"url": "http://a.example"}], "paths": {"/x": {"get": {}}}}))
    entries = [
        {"name": "greet", "description": "Say hello.", "implementation": "mytools_for_bundles:Greeter",
         "config": {"greeting": "Hi", "key": "$GREETER_KEY"}},
        {"implementation": "mytools_for_bundles:double"},
        {"implementation": "mytools_for_bundles:several", "config": {"prefix": "p"}},
    ]  # fmt: skip
    held = {"bundle": entries, "skills": "shelf", "openapi": {"api": {"description": "api.json"}}}
    with load_bundle(write(folder, held)) as bundle:
        tools = {tool.name: tool for tool in bundle.tools}
        scope = scope_in(folder / "w")
        assert list(tools) == ["greet", "double", "p_one", "api__get_x", "list_skills", "use_skill"]
        assert tools["greet"].description == "Say hello."
        assert said(tools["greet"], scope, name="Ann") == "Hi Ann with key"
        assert said(tools["double"], scope, number="4") == "8"


@pytest.mark.parametrize("started_in", [".", ".."])
def test_modules_beside_the_bundle_and_here_are_found(tmp_path, monkeypatch, started_in):
    (tmp_path / "beside_a_bundle.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each not in ("", str(tmp_path))])
    held = {"bundle": [{"implementation": "beside_a_bundle:double"}]}
    (tmp_path / "config").mkdir()
    here = tmp_path if started_in == "." else tmp_path / "config"
    monkeypatch.chdir(here)
    before = [*sys.path]
    with load_bundle(write(tmp_path / "config" if started_in == "." else tmp_path, held)) as bundle:
        assert [tool.name for tool in bundle.tools] == ["double"]
    assert sys.path == before
    sys.modules.pop("beside_a_bundle")


@pytest.mark.parametrize(
    ("held", "fault"),
    [
        ("{", "cannot be read as a bundle"),
        ({"tools_": []}, "tools_"),
        ({"bundle": [{"implementation": "nomodule_at_all:X"}]}, "nomodule_at_all:X: cannot be imported"),
        ({"bundle": [{"implementation": "mytools_for_bundles:Nothing"}]}, "cannot be imported"),
        ({"bundle": [{"implementation": "mytools_for_bundles"}]}, "cannot be imported"),
        ({"bundle": [{"implementation": "mytools_for_bundles:Broken"}]}, "RuntimeError: no licence"),
        ({"bundle": [{"implementation": "mytools_for_bundles:Greeter", "config": {"zebra": 1}}]}, "TypeError"),
        ({"bundle": [{"implementation": "mytools_for_bundles:Greeter", "config": {"key": "$NOT_SET"}}]}, "has no NOT_SET"),
        ({"bundle": [{"implementation": "mytools_for_bundles:double"}] * 2}, "two tools are called double"),
        ({"skills": "nothing"}, "cannot be the workspace"),
        ({"mcp": {"m": {"command": ["/nonexistent"]}}}, "MCP server m"),
    ],
)
def test_a_wrong_bundle_is_one_line_that_says_where(folder, held, fault):
    with pytest.raises(UsageError, match=fault) as caught:
        load_bundle(write(folder, held))
    assert "\n" not in str(caught.value)


def test_a_tool_of_dspy_and_a_function_become_the_agents(tmp_path):
    def area(width: int, height: int = 2) -> int:
        """Multiply."""
        return width * height

    for given in (dspy.Tool(area), area, as_tool(area)):
        made = as_tool(given)
        assert (made.name, made.description, made.parameters["required"]) == ("area", "Multiply.", ["width"])
        assert said(made, scope_in(tmp_path / "w"), width=3) == "6"
    assert said(as_tool(dspy.Tool(area)), scope_in(tmp_path / "w"), width="x").startswith("ToolError: area: ")


def bare(x: int) -> int:
    return x


@pytest.mark.parametrize("given", [3, lambda x: x, bare, "read_file", int])
def test_what_the_model_could_not_use_is_no_tool(given):
    with pytest.raises(UsageError, match="cannot be a tool"):
        as_tool(given)


def test_the_shipped_tools_are_few_short_and_different(tmp_path):
    scope = scope_in(tmp_path / "w")
    (tmp_path / "w" / ".git").mkdir()
    tools = default_tools(scope.workspace, skills=tmp_path)
    names = [tool.name for tool in tools]
    assert len(names) == len(set(names)) == 27
    for tool in tools:
        assert 10 < len(tool.description) < 160 and "\n" not in tool.description, tool.name
        assert tool.parameters["type"] == "object" and len(tool.parameters["properties"]) <= 5, tool.name
        assert (tool.effect == "runs") == (tool.name in ("shell", "python", "http_get", "delegate")), tool.name
    (tmp_path / "w" / ".git").rmdir()
    assert not {name for name in (tool.name for tool in default_tools(scope.workspace)) if name.startswith("git_")}
