"""Steps and commands from what the task says and the context has; danger is marked, whoever wrote it."""

import json
import shlex
import time

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs import CommandPlanner, use
from dspy_programs.programs.command_planner import planned_by_rules
from dspy_programs.programs.command_planner.git_names import names_in
from dspy_programs.shell import danger_of
from optimizers.data import SPLITS, data_directory, read_split
from optimizers.recipes import RECIPES
from tests.fakes import scripted_lm

RECIPE = RECIPES["command_planner"]
UV = "files: pyproject.toml uv.lock tests/test_core.py src/feeds/__main__.py\ntools: pytest ruff mypy\nos: linux"
NODE = "files: package.json pnpm-lock.yaml tsconfig.json\nnpm: dev test:unit\ntools: vitest\nos: windows"


def by_rules(task, context=UV):
    with use(None):
        return CommandPlanner()(task, context)


def by_model(plan, commands):
    reply = json.dumps({"reply": {"plan": plan, "commands": commands}})
    with use(scripted_lm(lambda prompt: reply)):
        return CommandPlanner()("clean up", UV)


@pytest.mark.parametrize(
    ("task", "context", "commands"),
    [
        ("run the tests", UV, ["uv run pytest"]),
        ("only tests/test_core.py", UV, ["uv run pytest tests/test_core.py"]),
        ("lint, chekc the types and run the tests", UV, ["uv run ruff check .", "uv run mypy .", "uv run pytest"]),
        ("abort the rebase", UV, ["git rebase --abort"]),
        ("start it", UV, ["uv run python -m feeds"]),
        ("run the unit tests", NODE, ["pnpm run test:unit"]),
        ("add the dependency zod", NODE, ["pnpm add zod"]),
        ("what uses port 3000?", NODE, ["netstat -ano | findstr :3000"]),
        ("run the tests", "files: Makefile Cargo.toml\nmake: test", ["make test"]),
        ("run the test keeps_order", "files: Makefile Cargo.toml\nmake: test", ["cargo test keeps_order"]),
        ("commit a.py as 'Say \"no\"'", "", ["git status --short", "git add a.py", "git commit"]),
        ('commit a.py as "Fix it"', "", ["git status --short", "git add a.py", 'git commit -m "Fix it"']),
        (
            "move my last two commits to a new branch called wip/x",
            "",
            ["git branch wip/x", "git reset --keep HEAD~2", "git switch wip/x"],
        ),
        (
            "find the commit that broke it, v1.0 was good",
            UV,
            ["git bisect start && git bisect bad", "git bisect good v1.0", "git bisect run uv run pytest", "git bisect reset"],
        ),
    ],
)
def test_rules_write_what_the_project_has(task, context, commands):
    result = by_rules(task, context)
    assert (result.commands, result.dangerous, result.answered_by) == (commands, [], "rules")


@pytest.mark.parametrize(
    ("task", "command"),
    [
        ("which python files are longer than 500 lines?", "git ls-files -z -- '*.py' | xargs -0 wc -l | awk '$1 > 500"),
        ("how many yaml files are in the docs folder", "git ls-files -- 'docs/*.yaml' 'docs/*.yml' | wc -l"),
        ("search for TimeOut in python files, ignoring case", "git grep -n -i -F -e TimeOut -- '*.py'"),
        ("run the tests in tests/unit on 4 cores and stop at the first failure", "uv run pytest -x -n 4 tests/unit"),
        ("which files did I change but not commit yet?", "git status --short"),
        ("what depends on pydantic", "uv tree --invert --package pydantic"),
        ("show the last 50 lines of logs/a.log and keep following", "tail -n 50 -f logs/a.log"),
        ("where is the function parse_feed defined?", "git grep -nE '(def|class) +parse_feed\\b'"),
    ],
)
def test_what_is_read_to_its_last_word_is_planned(task, command):
    result = by_rules(task)
    assert result.commands[0].startswith(command) and not result.missing and not result.dangerous


@pytest.mark.parametrize(
    "task",
    [
        "which yaml files are not in the docs folder",
        "find files bigger than 3 MB except images",
        "show the last 50 lines of logs/a.log in red",
        "which tests need the network",
        "count the classes without a docstring",
        "search for timeout, but not in tests",
    ],
)
def test_a_task_with_a_word_that_is_not_understood_is_not_planned(task):
    result = by_rules(task)
    assert not result.commands and result.missing


def test_a_question_changes_nothing():
    for task in (
        "which build tools do other people install?",
        "is there a commit about the build",
        "what does make clean remove",
    ):
        assert not {"git commit", "uv build", "uv sync"} & {*by_rules(task).commands}


def test_what_deletes_is_listed_first_and_deleted_by_a_person():
    result = by_rules("delete all __pycache__ directories")
    assert len(result.commands) == 1 and "rm" not in result.commands[0] and "rm -r" in result.plan[1]


def test_words_of_a_task_are_quoted_for_the_shell():
    for name in ("a; touch b", "$(touch b)", "a'b", "-rf", "`touch b`"):
        for task in (
            f'search for "{name}"',
            f'replace "{name}" with "c"',
            f'which files contain "{name}"',
            f'replace "a" with "{name}"',
        ):
            for command in by_rules(task).commands:
                words = shlex.split(command)
                assert not danger_of(command) and "touch" not in words, command
                assert "-rf" not in words or words[words.index("-rf") - 1] == "-e", command


def test_a_tag_is_deleted_for_all_by_a_person_only():
    result = by_rules("delete the tag v1.0", UV)
    assert result.commands == ["git tag -d v1.0"] and result.plan[1].endswith("git push origin --delete v1.0")


@pytest.mark.parametrize(
    ("task", "context", "missing"),
    [
        ("make a new branch", "", "BRANCH: the name of the branch"),
        ("who wrote this?", "", "FILE: the file"),
        ("run the linter", "files: pom.xml", "a tool to lint: no file of the project names one"),
        ("sing", UV, "what to do: the task asks for nothing that the rules know"),
        ("", UV, "what to do: the task asks for nothing that the rules know"),
        ("never push", UV, "how to never push"),
        ("run the tests except the slow ones", UV, "how to run the tests except the slow ones"),
        ("run the tests, then deploy it to staging", UV, "how to deploy it to staging"),
    ],
)
def test_what_nobody_says_is_missing_and_never_made_up(task, context, missing):
    assert missing in by_rules(task, context).missing


@pytest.mark.parametrize(
    "task",
    [
        "throw away all my changes",
        "delete everything that git does not know",
        "force push",
        "rm -rf the build folder with sudo",
        "reset --hard to main",
        "install it with curl | sh",
        "make everything writable, chmod -R 777 /",
    ],
)
def test_rules_write_no_dangerous_command_even_if_asked(task):
    assert not [command for command in by_rules(task).commands if danger_of(command)]


def test_names_in_a_task_cannot_smuggle_a_command():
    for name in ("x; rm -rf y", "$(rm -rf y)", "`rm -rf y`", "x && sudo y", "-rf", "a\nrm -rf b"):
        for task in (
            f'commit with "{name}"',
            f"new branch called {name}",
            f"run the test {name}",
            f"who wrote {name}",
            f"add the package {name}",
        ):
            commands = by_rules(task).commands
            assert not [command for command in commands if danger_of(command)], commands
    for name in ("x;touch<y", "$(touch${IFS}y)", "a|sh"):  # of one word, so that it could be a name
        for task in (f"create a new branch '{name}'", f'switch to branch "{name}"', f"add {name} to the requirements"):
            assert not [command for command in by_rules(task).commands if name in command], task


def test_the_prompt_is_plain_text():
    prompts = []
    with use(scripted_lm(lambda prompt: prompts.append(prompt) or "no JSON")):
        CommandPlanner()("clean up", UV)
    assert "Prefer what can be undone: no sudo" in prompts[0] and "a name that the task does not say." in prompts[0]


def test_dangerous_commands_of_a_model_are_marked_with_the_reason():
    result = by_model(["clean", "say it"], ["rm\t-r -f build", 'echo "sudo"', "sh -c 'git reset --hard'", "curl x | sh"])
    assert result.commands[1] == 'echo "sudo"' and len(result.commands) == 4
    assert result.dangerous == ["rm\t-r -f build", "sh -c 'git reset --hard'", "curl x | sh"]
    assert "folders" in result.dangers[0] and "not committed" in result.dangers[1] and "network" in result.dangers[2]


@pytest.mark.parametrize("reply", ["no JSON", json.dumps({"reply": {"plan": [" "], "commands": []}})])
def test_a_reply_without_a_plan_is_a_failure_and_the_rules_answer(reply):
    with use(scripted_lm(lambda prompt: reply)):
        result = CommandPlanner()("run the tests", UV)
    assert result.failure is not None and result.commands == ["uv run pytest"]


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_task_gets_safe_commands_or_none(task, context):
    result = by_rules(task, context)
    assert not result.dangerous and len(result.plan) >= len(result.commands)


@pytest.mark.parametrize("split", SPLITS)
def test_demonstrations_are_short_and_what_the_metric_accepts(split):
    rows = read_split(data_directory("command_planner") / f"{split}.jsonl", RECIPE.program, RECIPE.labels)
    for row in rows[:40]:
        reply = RECIPE.demonstrator(row)["plan"]["reply"]
        with use(scripted_lm(lambda prompt, reply=reply: json.dumps({"reply": reply}))):
            assert not row.commands_keywords or RECIPE.metric(row, CommandPlanner()(**row.inputs())).value >= 0.9


@pytest.mark.parametrize("task", ["./a/" * 5_000, "x" * 50_000, "a_b-" * 5_000, "run tests " * 5_000])
def test_no_task_keeps_it_busy(task):
    began = time.process_time()
    planned_by_rules(task, "files: a.py")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("name", ["fix/login", "add_x", "a-b", "v1.2/a_b", "/a/b"])
def test_a_branch_is_known_by_the_sign_in_its_name(name):
    assert names_in(f"delete the {name} branch").branch == name
