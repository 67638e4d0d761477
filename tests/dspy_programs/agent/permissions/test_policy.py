import json
import os

import pytest

from dspy_programs.agent.permissions.hooks import Guard
from dspy_programs.agent.permissions.policy import Policy, Rule
from dspy_programs.agent.tools.default import default_tools
from dspy_programs.agent.tools.text_index import SearxNG, search_tool
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import UsageError
from tests.dspy_programs.agent.scopes import scope_in


@pytest.fixture
def workspace(tmp_path):
    for folder in ("ws/secrets", "ws/docs", "ws/.git"):
        (tmp_path / folder).mkdir(parents=True)
    for path in ("a.txt", "secrets/key", ".env", "docs/x.md"):
        (tmp_path / "ws" / path).write_text("x")
    (tmp_path / "outside").write_text("x")
    (tmp_path / "ws" / "link").symlink_to("secrets")
    os.link(tmp_path / "outside", tmp_path / "ws" / "hard")
    return Workspace(tmp_path / "ws")


def verdict(policy: Policy, workspace: Workspace, name: str, **arguments: object) -> str:
    tools = {tool.name: tool for tool in default_tools(workspace)}
    return policy.decide(tools[name], arguments, workspace).verdict


WITH, WITHOUT = Policy(sandboxed=lambda: True), Policy(sandboxed=lambda: False)


@pytest.mark.parametrize(
    ("name", "arguments", "with_sandbox", "without"),
    [
        ("read_file", {"path": "a.txt"}, "allow", "allow"),
        ("write_file", {"path": "new/b.txt", "content": ""}, "allow", "allow"),
        ("read_file", {"path": "../outside"}, "deny", "deny"),
        ("read_file", {"path": "hard"}, "ask", "ask"),
        ("move_file", {"path": "a.txt", "to": "../b"}, "deny", "deny"),
        ("delete_file", {"path": "a.txt"}, "ask", "ask"),
        ("apply_patch", {"patch": "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-x\n+y\n"}, "allow", "ask"),
        ("apply_patch", {"patch": "--- a/a.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"}, "ask", "ask"),
        ("python", {"code": "x"}, "allow", "ask"),
        ("git_status", {}, "allow", "ask"),
        ("git_commit", {"message": "x"}, "ask", "ask"),
        ("http_get", {"url": "https://example.com"}, "ask", "ask"),
        ("web_search", {"query": "x"}, "allow", "allow"),
        ("remember", {"fact": "x"}, "allow", "allow"),
        ("shell", {"command": "ls -la | sort > out.txt"}, "allow", "ask"),
        ("shell", {"command": "rm a.txt"}, "ask", "ask"),
        ("shell", {"command": "ls; rm a.txt"}, "ask", "ask"),
        ("shell", {"command": "echo $HOME"}, "ask", "ask"),
        ("shell", {"command": "cat hard"}, "ask", "ask"),
        ("shell", {"command": "cat h*"}, "ask", "ask"),
        ("shell", {"command": "cat ../outside"}, "ask", "ask"),
        ("shell", {"command": "echo x > ../outside"}, "deny", "deny"),
        ("shell", {"command": "rm -rf ../outside; ls"}, "deny", "deny"),
        ("shell", {"command": "ls 2>/dev/null > /tmp/x"}, "allow", "ask"),
        ("shell", {"command": ""}, "allow", "ask"),
        ("shell", {}, "allow", "ask"),
    ],
)
def test_the_default_rules(workspace, name, arguments, with_sandbox, without):
    assert verdict(WITH, workspace, name, **arguments) == with_sandbox
    assert verdict(WITHOUT, workspace, name, **arguments) == without


def test_a_search_on_the_network_and_a_tool_of_another_server_are_asked_about(workspace):
    assert WITH.decide(search_tool(SearxNG("http://x.example")), {"query": "x"}, workspace).verdict == "ask"
    foreign = AgentTool("notes__add", "", {}, lambda scope, arguments: None, effect="reads")
    assert WITH.decide(foreign, {}, workspace).verdict == "ask"


def test_what_the_run_wrote_itself_it_may_delete(workspace):
    workspace.write("mine.txt", "x")
    assert verdict(WITH, workspace, "delete_file", path="mine.txt") == "allow"


RULES = """
[[rules]]
verdict = "deny"
path = ["secrets/**", ".env", "*.pem"]
reason = "a secret"

[[rules]]
verdict = "allow"
command = ["rm *.tmp", "npm run *", "git push"]

[[rules]]
verdict = "deny"
command = "docker *"

[[rules]]
verdict = "allow"
tool = "http_get"
arguments = { url = "https://docs.example.com/*" }

[[rules]]
verdict = "ask"
tool = ["write_file", "edit_*"]
path = "docs/**"

[[rules]]
verdict = "allow"
does = "deletes"
"""


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("read_file", {"path": "secrets/key"}, "deny"),
        ("read_file", {"path": "link/key"}, "deny"),
        ("read_file", {"path": "docs/../secrets/new/key"}, "deny"),
        ("read_file", {"path": "SECRETS/key"}, "deny"),
        ("list_files", {"path": "secrets"}, "deny"),
        ("read_file", {"path": "docs/deep/my.PEM"}, "deny"),
        ("shell", {"command": "cat secrets/key"}, "deny"),
        ("shell", {"command": "cat ./secrets/../secrets/k*"}, "deny"),
        ("shell", {"command": "cat sec*/k*"}, "deny"),
        ("shell", {"command": "cat < .env"}, "deny"),
        ("shell", {"command": "cat .en?"}, "deny"),
        ("shell", {"command": "cp a.txt .env"}, "deny"),
        ("shell", {"command": "rm a.tmp"}, "allow"),
        ("shell", {"command": "rm ../a.tmp"}, "deny"),
        ("shell", {"command": "npm run test --watch"}, "allow"),
        ("shell", {"command": "npm run"}, "allow"),
        ("shell", {"command": "npm run x && npm install y"}, "ask"),
        ("shell", {"command": "git push"}, "allow"),
        ("shell", {"command": "git push --force"}, "ask"),
        ("shell", {"command": "git push $(x)"}, "ask"),
        ("shell", {"command": "/usr/bin/Docker ps"}, "deny"),
        ("shell", {"command": "env docker ps"}, "deny"),
        ("shell", {"command": "rm a.txt"}, "allow"),
        ("http_get", {"url": "https://docs.example.com/x"}, "allow"),
        ("http_get", {"url": "https://docs.example.com.evil.net/x"}, "ask"),
        ("http_get", {}, "ask"),
        ("write_file", {"path": "docs/x.md", "content": ""}, "ask"),
        ("append", {"path": "docs/x.md", "content": ""}, "allow"),
    ],
)
def test_rules_of_a_file_come_first_and_the_strictest_part_of_a_call_counts(workspace, tmp_path, name, arguments, expected):
    (tmp_path / "policy.toml").write_text(RULES)
    policy = Policy.from_file(tmp_path / "policy.toml")
    assert verdict(Policy(policy.rules, sandboxed=lambda: True), workspace, name, **arguments) == expected


def test_a_rule_may_say_where_deleting_is_allowed(workspace):
    policy = Policy((Rule(verdict="allow", tool="delete_file", path="logs/**"),), sandboxed=lambda: True)
    assert verdict(policy, workspace, "delete_file", path="logs/a.tmp") == "allow"
    assert verdict(policy, workspace, "delete_file", path="logs/../a.txt") == "ask"


def test_no_rule_lifts_the_walls_of_the_workspace(workspace):
    policy = Policy((Rule(verdict="allow"),), sandboxed=lambda: False)
    assert verdict(policy, workspace, "read_file", path="../outside") == "deny"
    assert verdict(policy, workspace, "shell", command="rm a.txt") == "allow", "but the rest is the user's to say"


def test_a_decision_says_what_why_and_by_which_rule(workspace):
    shell = {tool.name: tool for tool in default_tools(workspace)}["shell"]
    decision = WITH.decide(shell, {"command": "ls; rm a.txt"}, workspace)
    assert decision == ("ask", "rm a.txt: it deletes", "ask does deletes")


def test_json_is_read_too(workspace, tmp_path):
    (tmp_path / "p.json").write_text(json.dumps({"rules": [{"verdict": "deny", "tool": "*"}]}))
    assert verdict(Policy.from_file(tmp_path / "p.json"), workspace, "read_file", path="a.txt") == "deny"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[rules]]", "rules.0.verdict: Field required"),
        ('[[rules]]\nverdict = "maybe"', "rules.0.verdict"),
        ('[[rules]]\nverdict = "deny"\npaths = "x"', "rules.0.paths"),
        ('[[rules]]\nverdict = "deny"\ndoes = "explodes"', "rules.0.does"),
        ('[[rule]]\nverdict = "deny"', "rule: unknown key"),
        ("[[", "cannot be read as rules"),
    ],
)
def test_a_wrong_file_of_rules_is_one_line(tmp_path, text, fault):
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(UsageError, match=r"p\.toml") as caught:
        Policy.from_file(tmp_path / "p.toml")
    assert fault in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="cannot be read"):
        Policy.from_file(tmp_path / "nothing.toml")


@pytest.mark.skipif(not sandbox.works(), reason=sandbox.reason() or "there is a sandbox")
def test_a_path_that_is_denied_to_every_tool_is_unreadable_for_what_runs(workspace, tmp_path):
    (tmp_path / "policy.toml").write_text(RULES)
    guard, scope = Guard(Policy.from_file(tmp_path / "policy.toml")), scope_in(tmp_path / "ws")
    tools = {tool.name: tool for tool in default_tools(scope.workspace)}
    code = "import glob\nfor path in ['.env', 'secrets/key', 'link/key', 'a.txt', *glob.glob('secrets/*')]:\n"
    code += "  try: print(path, open(path).read())\n  except OSError as error: print(path, type(error).__name__)"
    answer = str(guard.call(tools["python"], {"code": code}, scope))
    assert answer.splitlines() == [".env PermissionError", "secrets/key PermissionError", "link/key PermissionError", "a.txt x"]
    guard.call(tools["shell"], {"command": "cp -r . copy; grep -r x . > found.txt; ls"}, scope)
    found = (tmp_path / "ws" / "found.txt").read_text()
    assert not (tmp_path / "ws" / "copy" / "secrets" / "key").exists() and "key" not in found and ".env:x" not in found
    assert (tmp_path / "ws" / ".env").read_text() == "x" and (tmp_path / "ws" / "secrets" / "key").read_text() == "x"
    assert Policy().closed() is None
    for name, arguments in (
        ("grep", {"pattern": "x"}),
        ("grep", {"pattern": "x", "path": "."}),
        ("web_search", {"query": "x"}),
    ):
        answer = str(guard.call(tools[name], arguments, scope))
        assert "a.txt" in answer and ".env" not in answer and "secrets/" not in answer
