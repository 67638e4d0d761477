import hashlib
import json
from collections import Counter

import pytest

from dspy_programs.agent.rules.goal_words import UNLESS_THERE
from dspy_programs.agent.scripts.script import EXAMPLES
from dspy_programs.agent.workspace import sandbox
from dspy_programs.errors import DatasetError
from tests.agent_tasks.examples import examples, scripts
from tests.agent_tasks.runs import run_task
from tests.agent_tasks.tasks import HERE, lay_out, tasks
from tests.agent_tasks.ways import starting
from tests.fakes import scripted_lm

ALL = [task for split in ("train", "test") for task in tasks(split)]


def end_state(task, root):
    """Lay out the workspace as its solution leaves it."""
    lay_out(task.files | task.solution, root)


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
def test_a_task_is_solved_by_its_solution_and_not_by_doing_nothing(task, tmp_path):
    (done := tmp_path / "done").mkdir()
    (idle := tmp_path / "idle").mkdir()
    end_state(task, done)
    task.lay_out(idle)
    refuses = task.expects == "refusal"
    said = ", ".join(check.texts[0] for check in task.says if check.check == "file_contains")
    assert task.faults(done, claimed=not refuses, questions=["which?"], said=said) == []
    assert task.faults(idle, claimed=True, questions=[]) != []


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
def test_every_file_that_is_given_is_watched(task):
    """A run that spoils a file beside its task has not solved it."""
    watched = {check.path for check in task.checks} | task.solution.keys()
    assert task.files.keys() <= watched


def test_a_spoiled_neighbour_a_silent_guess_and_a_false_success_are_faults(tmp_path):
    by_expects = {task.expects: task for task in tasks("train") if task.size == "large" or task.expects == "refusal"}
    for expects, task in by_expects.items():
        (root := tmp_path / expects).mkdir()
        end_state(task, root)
        others = [path for path in task.files if path not in task.solution]
        (root / others[0]).write_text("spoiled")
        assert task.faults(root, claimed=expects != "refusal", questions=["which?"]) == [f"{others[0]} is not as it was before"]
    (root := tmp_path / "silent").mkdir()
    end_state(by_expects["question"], root)
    assert by_expects["question"].faults(root, claimed=True, questions=[]) == ["it did not ask"]


def test_no_kind_and_no_goal_is_in_both_splits():
    train, test = tasks("train"), tasks("test")
    assert len(train) >= 40 and len(test) >= 20
    assert not {task.kind for task in train} & {task.kind for task in test}
    assert len({task.id for task in ALL}) == len({task.goal for task in ALL}) == len(ALL)


def test_the_card_counts_the_kinds_and_names_the_files_as_they_are():
    card = (HERE / "CARD.md").read_text(encoding="utf-8")
    train, test = (Counter(task.kind for task in tasks(split)) for split in ("train", "test"))
    rows = {line.split(" | ")[0][2:]: line for line in card.splitlines() if line.startswith("| ")}
    for kind in train | test:
        assert rows[kind].endswith(f"| {train[kind]} | {test[kind]} |")
    assert f"for {len(scripts())} tasks of train" in card
    for split in ("train", "test"):
        assert f"{hashlib.sha256((HERE / f'{split}.jsonl').read_bytes()).hexdigest()}  {split}.jsonl" in card


def run_of(task_id, script):
    """Let the agent do a task with a model that always writes this script."""
    task = next(task for task in tasks("train") if task.id == task_id)
    reply = script if script.startswith("MISSING:") else f"```python\n{script}```"
    lm = scripted_lm(lambda prompt: reply, "local/scripted")
    return task, run_task(task, "compiled", starting("compiled", lm, 60), 90)[0]


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
@pytest.mark.parametrize(("task_id", "script"), scripts().items())
def test_the_agent_takes_a_right_script_for_done(task_id, script):
    if task_id.startswith("fix_bug"):
        pytest.skip("code that a command tests is corrected function by function: test_code_mender.py")
    task, run = run_of(task_id, script)
    assert run.solved and (run.used.outcome == "failed") == (task.expects == "refusal"), (run.faults, run.used.why)


@pytest.mark.skipif(not sandbox.works(), reason="scripts run in a sandbox only")
@pytest.mark.parametrize("task_id", scripts())
def test_the_agent_does_not_take_a_script_that_does_nothing_for_done(task_id):
    task, run = run_of(task_id, "print('done')\n")
    may_be_so = UNLESS_THERE.search(task.goal)
    assert run.used.outcome == "failed" or run.solved or task.says or task.expects == "question" or may_be_so, run.used.why


def test_the_examples_are_those_of_the_scripts():
    assert EXAMPLES.read_text(encoding="utf-8") == examples(), "write them anew: python -m tests.agent_tasks.examples"


def test_a_bad_row_is_named_by_its_line(tmp_path):
    row = json.loads(ALL[0].model_dump_json())
    (tmp_path / "own.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | {"checks": [{"check": "file_exists"}]}))
    with pytest.raises(DatasetError, match=r"own\.jsonl:2: checks\.0: .*file_exists needs path"):
        tasks("own", tmp_path)
