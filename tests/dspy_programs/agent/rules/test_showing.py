"""What a goal only wants shown is shown without a model, whole; a goal that wants more is not half done."""

import time

import pytest

from dspy_programs.agent import Agent
from dspy_programs.agent.rules.changing import without_calls
from dspy_programs.agent.rules.criteria import criteria_of
from dspy_programs.agent.rules.showing import looks
from dspy_programs.agent.workspace import sandbox
from tests.dspy_programs.agent.scopes import workspace_of

FILES = {
    "notes.txt": "one\nTODO two\nthree",
    "config.json": '{"port": 80, "db": {"host": "here"}}',
    "src/app.py": "print(6 * 7)\n",
    "src/test_app.py": "",
    "a;b.txt": "",
    "fails.py": "print('before')\nraise SystemExit(3)\n",
}
needs_sandbox = pytest.mark.skipif(not sandbox.works(), reason="commands are asked about without a sandbox")


@pytest.fixture
def workspace(tmp_path):
    return workspace_of(tmp_path, FILES)


@pytest.mark.parametrize(
    ("goal", "calls"),
    [
        ("Read notes.txt", ["read_file notes.txt"]),
        ("Can you show me the contents of config.json, please?", ["read_file config.json"]),
        ("What's in app.py?", ["read_file src/app.py"]),
        ("Read notes.txt and config.json", ["read_file notes.txt", "read_file config.json"]),
        ("Was steht in notes.txt?", ["read_file notes.txt"]),
        ("Kannst du mir notes.txt zeigen?", ["read_file notes.txt"]),
        ("Show me the first 2 lines of notes.txt", ["read_file notes.txt 1 2"]),
        ("Zeig mir die letzten 2 Zeilen von notes.txt", ["read_file notes.txt 2"]),
        ("Show me lines 1 to 2 of notes.txt", ["read_file notes.txt 1 2"]),
        ("What is the last line of notes.txt?", ["read_file notes.txt 3"]),
        ("Does notes.txt contain the word two?", ["grep two notes.txt True"]),
        ("list everything in src", ["list_files src"]),
        ("Show the names of all json files", ["find_files *.json ."]),
        ("List the files in src", ["list_files src"]),
        ("Welche Dateien gibt es?", ["list_files ."]),
        ("list all files", ["find_files * ."]),
        ("Show me all Python files", ["find_files *.py ."]),
        ("Does notes.txt exist?", ["find_files notes.txt"]),
        ("Is there a file called setup.py?", ["find_files setup.py"]),
        ("Does the project have a LICENSE file?", ["find_files LICENSE"]),
        ("Gibt es eine Datei setup.py?", ["find_files setup.py"]),
        ("What is in the config?", ["read_file config.json"]),
        ("Run rm -rf src", ["shell rm -rf src"]),
        ("Search for TODO", ["grep TODO ."]),
        ('Suche "a.b" in src', [r"grep a\.b src True"]),
        ("Where is total defined?", ["grep total . True"]),
        ("How many lines does notes.txt have?", ["shell awk 'END {print NR}' ./notes.txt"]),
        ("Wie viele Wörter hat notes.txt?", ["shell awk '{n += NF} END {print n + 0}' ./notes.txt"]),
        ("How many files are in src?", ["shell find ./src -type f -not -path '*/.git/*' | wc -l"]),
        ("Run `pytest -q`", ["shell pytest -q"]),
        ("Führe pytest -q src/test_app.py aus", ["shell pytest -q src/test_app.py"]),
        ("ls src/..", ["list_files src/.."]),
        ("How many lines has `a;b.txt`?", ["shell awk 'END {print NR}' './a;b.txt'"]),
        ("run the tests", ["shell python3 -m pytest -q"]),
        ("Run src/app.py", ["shell python3 ./src/app.py"]),
        ("git status", ["git_status"]),
        ("What changed since the last commit?", ["git_diff"]),
        ("show the last 3 commits", ["git_log 3"]),
        ("What is db.host in config.json?", ["json_get config.json db.host"]),
    ],
)
def test_what_is_to_be_shown_is_its_calls(workspace, goal, calls):
    assert [" ".join([call.tool, *map(str, call.arguments.values())]) for call in looks(goal, workspace)] == calls


@pytest.mark.parametrize(
    "goal",
    [
        "Read notes.txt and tell me what is important",
        "Show me notes.txt and delete config.json",
        "Search for TODO and fix them",
        "Find bugs in src/app.py",
        "Run pytest and fix what fails",
        "read all files in src",
        "Do not read notes.txt",
        "Show me the weather",
        "Open a new file x.txt",
        "Read missing.txt",
        "Read /etc/passwd",
        "Read ../../etc/passwd",
        "Read notes.txt if it is short",
        "",
    ],
)
def test_other_wishes_are_left_alone(workspace, goal):
    assert looks(goal, workspace) == []


@pytest.mark.parametrize(
    "text", ["the ", "show me a ", "read a, ", ". ", "please ", "find all ", "git diff of ", "'", "`x` and "]
)
def test_reading_a_goal_takes_no_time_whatever_it_says(workspace, text):
    started = time.perf_counter()
    looks((text * 300)[:300], workspace)
    assert time.perf_counter() - started < 0.5


def test_the_answer_is_the_output_as_it_is(workspace):
    result = Agent(workspace=workspace).run("Read notes.txt")
    assert (result.completed, result.answer) == (True, FILES["notes.txt"])


def test_two_files_stand_under_their_names(workspace):
    result = Agent(workspace=workspace).run("Read notes.txt and config.json")
    assert result.answer == f"notes.txt:\n{FILES['notes.txt']}\n\nconfig.json:\n{FILES['config.json']}"


def test_a_long_file_says_where_it_is_cut(workspace):
    workspace.write("long.txt", "word\n" * 10_000)
    answer = Agent(workspace=workspace).run("Show me long.txt").answer
    assert len(answer) < 15_000 and "[cut here: these were lines 1 to 300" in answer


@needs_sandbox
def test_a_command_that_fails_is_not_done_and_shows_what_it_printed(workspace):
    result = Agent(workspace=workspace).run("Run fails.py")
    assert (result.completed, result.answer) == (False, "before\n[exit code 3]")
    assert "exit code 3" in result.why


def test_a_command_that_is_denied_says_so_and_nothing_else_is_tried(workspace):
    result = Agent(workspace=workspace).run("Run `rm -rf src`")
    assert not result.completed and "not permitted" in result.why and result.cost.tool_calls == 1
    assert workspace.kind("src/app.py") == "file"


@pytest.mark.parametrize(
    "goal", ["Read missing.txt", "How many lines has missing.txt?", "What is in missing.txt?", "Was steht in missing.txt?"]
)
def test_a_file_that_is_not_there_is_what_is_missing(workspace, goal):
    assert Agent(workspace=workspace).run(goal).why == "missing: missing.txt is not in the workspace"


def test_a_goal_beyond_the_rules_says_what_to_do_in_a_line(workspace):
    result = Agent(workspace=workspace).run("Summarize notes.txt")
    assert not result.completed and "name one with --lm" in result.why and "\n" not in result.why


@pytest.mark.parametrize(
    "call",
    [
        'write_file(path="x.txt", content="hello")',
        'Call write_file(path="notes.txt", content="").',
        'write_file(path="x.txt", content="delete config.json :)")',
        'edit_file(path="notes.txt", old="one", new="do not touch src/app.py")',
        'move_file(path="notes.txt", to="n.txt")',
        'json_get(path="config.json", key="port")',
    ],
)
def test_a_written_call_is_checked_by_its_tool_and_not_by_the_words_in_it(workspace, call):
    result = Agent(workspace=workspace).run(call)
    assert (result.completed, result.criteria) == (True, [])


def test_words_beside_a_written_call_are_still_checked():
    said = without_calls('write_file(path="x.txt", content="a (b"), then delete notes.txt', ["write_file"])
    assert [str(each) for each in criteria_of(said, ["notes.txt"])] == ["file_missing notes.txt"]


def test_what_a_file_says_is_no_exit_code(workspace):
    workspace.write("log.txt", "it ended\n[exit code 3]")
    assert Agent(workspace=workspace).run("Read log.txt").completed
