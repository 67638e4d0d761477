"""A program that nobody here wrote: compiled by one call, saved, found again, and never trusted further than that."""

import functools
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import dspy
import pytest
from dspy.evaluate import answer_exact_match

from dspy_programs import load
from dspy_programs.errors import DatasetError, UsageError
from dspy_programs.registry import folder_name, name_of, object_named, read_compiled
from metrics.score import Score
from optimizers import Recipe, compile_program
from optimizers.recipes import recipe
from optimizers.scoring import as_metric
from optimizers.training import read_rows, rows_to_test
from tests.fakes import scripted_lm
from tests.processes import Started

EXAMPLES = Path(__file__).resolve().parent.parent.parent.parent / "docs" / "examples"
WORDS = {
    "billing": ("invoice", "refund", "charge"),
    "technical": ("crash", "error", "bug"),
    "sales": ("price", "quote", "demo"),
}


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", str(tmp_path / "compiled"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES))


class Router(dspy.Module):
    def __init__(self):
        super().__init__()
        self.classify = dspy.ChainOfThought(dspy.Signature("ticket -> queue", "Route the ticket."))

    def forward(self, ticket):
        return self.classify(ticket=ticket)


def tickets(count=30):
    pairs = [(list(WORDS)[i % 3], i) for i in range(count)]
    return [{"ticket": f"Case {i}: my {WORDS[queue][(i // 3) % 2]} again", "queue": queue} for queue, i in pairs]


def routed(prompt):
    """Know two queues; the third needs the rule that the reflector proposes, the first an example."""
    if "new_instruction" in prompt:
        return json.dumps({"new_instruction": "Route the ticket. RULE: crash, error and bug are technical"})
    if "[[ ## often ## ]]" in prompt:
        return json.dumps({"proposal": {"rule": "RULE nothing of this kind"}})
    word = re.search(r"my (\w+) again", prompt.rsplit("[[ ## ticket ## ]]", 1)[1]).group(1)
    queue = next(name for name, words in WORDS.items() if word in words)
    known = {"technical": "RULE: crash" in prompt, "billing": prompt.count("[[ ## ticket ## ]]") > 2, "sales": True}
    return json.dumps({"reasoning": "so", "queue": queue if known[queue] else "sales"})


def same_queue(row, prediction, trace=None):
    return row.queue == prediction.queue


def compiled(lm=None, **settings):
    lm = lm or scripted_lm(routed, "scripted/router")
    given = {"metric": same_queue, "trainset": tickets(), "max_metric_calls": 200, "threads": 1} | settings
    return compile_program(given.pop("program", Router()), lm=lm, **given)


def test_a_classifier_is_compiled_put_to_use_and_found_again():
    program, report = compiled()
    assert report.promoted and report.test["difference"].low > 0
    again = load(Router, "scripted/router")
    assert again.loaded_from == report.promoted == program.loaded_from
    assert "RULE: crash" in again.classify.predict.signature.instructions and len(again.classify.predict.demos) == 4
    assert "| best found | " in report.table() and f"in use now: {report.promoted}" in report._repr_markdown_()


def test_the_same_call_again_asks_nothing_and_gives_the_same():
    lm = scripted_lm(routed, "scripted/router")
    _, first = compiled(lm)
    asked = len(lm.engine.prompts)
    _, second = compiled(lm)
    assert len(lm.engine.prompts) == asked and second.candidates == first.candidates


def test_the_program_given_is_not_changed():
    program = Router()
    program.classify.predict.demos = [{"ticket": "mine", "queue": "mine"}]
    before = program.dump_state()
    compiled(program=program)
    assert program.dump_state() == before


def test_a_stock_module_needs_a_name_and_then_is_found_by_it():
    plain = dspy.ChainOfThought(dspy.Signature("ticket -> queue", "Route the ticket."))
    with pytest.raises(UsageError, match="name='ticket_router'"):
        compiled(program=plain)
    _, report = compiled(program=plain, name="ticket_router")
    assert load("ticket_router", "scripted/router").loaded_from == report.promoted


def test_a_name_of_this_library_is_refused():
    with pytest.raises(UsageError, match="'planner' is a program of this library"):
        compiled(name="planner")


def test_models_of_single_predictors_give_way_and_two_of_them_need_a_choice():
    lm, other = scripted_lm(routed, "scripted/router"), scripted_lm(routed, "scripted/other")
    program = Router()
    program.set_lm(lm)
    found, _ = compile_program(program, metric=same_queue, trainset=tickets(), max_metric_calls=60, threads=1, run_dir="run")
    assert lm.engine.prompts and found.classify.predict.lm is None
    two = dspy.Module()
    two.first, two.second = dspy.Predict("ticket -> a"), dspy.Predict("ticket -> b")
    two.first.lm, two.second.lm = lm, other
    with pytest.raises(UsageError, match="different models"):
        compile_program(two, name="two", metric=same_queue, trainset=tickets())


# Programs of several steps ----------------------------------------------------------------------------------------------


def lines(name):
    return [json.loads(line) for line in (EXAMPLES / name).read_text(encoding="utf-8").splitlines()]


RIGHT = {row["question"]: row["answer"] for name in ("bridge_questions", "stall_questions") for row in lines(f"{name}.jsonl")}


def hopper(prompt):
    """Ask for the second passage; know the answer where the passage is there and an example with a query is shown."""
    if "new_instruction" in prompt or "[[ ## often ## ]]" in prompt:
        return json.dumps({"new_instruction": "Answer.", "proposal": {"rule": "Nothing that would help at all"}})
    asked = prompt.rsplit("[[ ## question ## ]]", 1)[1]
    question = asked.strip().partition("\n")[0]
    if "Reply with one JSON object: query" in asked:
        bridge = re.search(r"the ([A-Z][\w' ]*Bridge)", question).group(1)
        helped = '"query": "' in prompt or sum(map(ord, question)) % 3 == 0
        return json.dumps({"query": next_look(bridge, question) if helped else "nothing"})
    answer = RIGHT[question]
    return json.dumps({"reasoning": "so", "answer": answer if answer.split()[-1] in asked else "unknown"})


def next_look(bridge, question):
    facts = (EXAMPLES / "bridges.txt").read_text(encoding="utf-8")
    if "builder" in question:
        return re.search(rf"{bridge} was built by ([\w ]+)\.", facts).group(1)
    return "river " + re.search(rf"{bridge} crosses the river (\w+)", facts).group(1)


def test_what_two_hops_did_well_is_shown_to_both_and_no_row_sees_itself():
    from two_hop import TwoHop

    lm = scripted_lm(hopper, "scripted/hopper")
    program, report = compile_program(
        TwoHop(), metric=answer_exact_match, trainset=lines("bridge_questions.jsonl"), lm=lm, max_metric_calls=300, threads=1
    )
    winner = report.candidates[report.winner]
    assert winner.start in ("own successes", "crossing") and report.promoted
    assert all("query" in demo and demo["augmented"] for demo in program.ask.demos)
    for prompt in (each for each in lm.engine.prompts if "[[ ## question ## ]]" in each):
        asked = prompt.rsplit("[[ ## question ## ]]", 1)[1].strip().partition("\n")[0]
        if asked in RIGHT:
            assert prompt.count(asked) == 1


def test_one_thread_and_many_find_the_same():
    from two_hop import TwoHop

    found = [
        compile_program(
            TwoHop(),
            metric=answer_exact_match,
            trainset=lines("bridge_questions.jsonl"),
            lm=scripted_lm(hopper, "scripted/hopper"),
            max_metric_calls=120,
            threads=threads,
            name=f"hop_{threads}",  # else the second would begin with what the first has found
        ).report.candidates
        for threads in (1, 8)
    ]
    assert found[0] == found[1] and any(each.start == "own successes" for each in found[0])


def agent_reply(prompt):
    if "new_instruction" in prompt or "[[ ## often ## ]]" in prompt:
        return json.dumps({"new_instruction": "Keep the books.", "proposal": {"rule": "Nothing that would help at all"}})
    asked = prompt.rsplit("[[ ## question ## ]]", 1)[1]
    question = asked.strip().partition("\n")[0]
    if "next_tool_name" in prompt.partition("[[ ## question ## ]]")[0]:
        if "observation_0" in asked:
            return json.dumps({"next_thought": "enough", "next_tool_name": "finish", "next_tool_args": {}})
        fruit = re.search(r"(apples|pears|plums|melons|figs|quinces|limes|dates)", question).group(1)
        return json.dumps({"next_thought": "look", "next_tool_name": "look_up", "next_tool_args": {"fruit": fruit}})
    shown = prompt.count("[[ ## question ## ]]") > 2
    return json.dumps({"reasoning": "so", "answer": RIGHT[question] if shown else "0"})


def test_an_agent_with_tools_is_compiled_by_the_name_of_its_recipe(tmp_path):
    name = "stall_agent:recipe"
    found = recipe(name)
    program, report = compile_program(
        found.program,
        name=name,
        metric=found.metric,
        trainset=lines("stall_questions.jsonl"),
        lm=scripted_lm(agent_reply, "scripted/agent"),
        max_metric_calls=100,
        threads=1,
    )
    assert report.promoted.parent.name == "stall_agent--recipe" and program.extract.predict.demos
    assert load(name, "scripted/agent").extract.predict.demos == program.extract.predict.demos


# Metrics ----------------------------------------------------------------------------------------------------------------


class Judge:
    def __call__(self, row, prediction):
        return 0.25


def of_gepa(gold, pred, trace, pred_name, pred_trace):
    return dspy.Prediction(score=0.25, feedback="look again")


@pytest.mark.parametrize(
    ("metric", "value", "feedback"),
    [
        (lambda row, pred: 0.25, 0.25, "It scored 0.25 of 1. Right: queue: sales"),
        (lambda row, pred, trace=None: True, 1.0, "Perfect."),
        (lambda row, pred, trace=None, frac=1.0: frac == 1.0, 1.0, "Perfect."),
        (of_gepa, 0.25, "look again"),
        (lambda *given: len(given) / 4, 0.5, "It scored 0.50 of 1. Right: queue: sales"),
        (lambda row, pred: {"score": 0, "feedback": ""}, 0.0, "It scored 0.00 of 1. Right: queue: sales"),
        (lambda row, pred: Score(0.5, "ours", {"part": 0.5}), 0.5, "ours"),
        (functools.partial(lambda row, pred, most: most, most=0.5), 0.5, "It scored 0.50 of 1. Right: queue: sales"),
        (Judge(), 0.25, "It scored 0.25 of 1. Right: queue: sales"),
    ],
)
def test_metrics_as_people_write_them(metric, value, feedback):
    row = dspy.Example(ticket="t", queue="sales", id="1").with_inputs("ticket")
    found = as_metric(metric)(row, dspy.Prediction(queue="x"))
    assert (found.value, found.feedback) == (value, feedback)


@pytest.mark.parametrize("given", [None, "good", {"feedback": "no score"}, dspy.Prediction(grade=1)])
def test_a_metric_that_gives_no_score_stops_the_run_and_is_named(given):
    with pytest.raises(TypeError, match="the metric grade returned"):

        def grade(row, prediction):
            return given

        compiled(metric=grade)


@pytest.mark.parametrize("value", [7, -0.1, float("nan")])
def test_a_score_that_is_no_share_stops_the_run(value):
    with pytest.raises(ValueError, match="a share in"):
        compiled(metric=lambda row, prediction: value)


async def later(row, prediction):
    return 1.0


@pytest.mark.parametrize("metric", [later, "accuracy", Judge])
def test_what_is_no_metric_is_said_before_anything_is_asked(metric):
    lm = scripted_lm(routed, "scripted/router")
    with pytest.raises(UsageError, match="metric: "):
        compiled(lm, metric=metric)
    assert not lm.engine.prompts


def test_a_bug_of_the_program_keeps_its_traceback():
    class Broken(Router):
        def forward(self, ticket):
            return {}["missing"]

    with pytest.raises(KeyError, match="missing"):
        compiled(program=Broken(), name="broken")


# Rows -------------------------------------------------------------------------------------------------------------------


def test_rows_without_ids_and_without_splits_are_split():
    rows = read_rows(Recipe(Router, same_queue), {"train": tickets(30)}, {})
    assert {name: len(each) for name, each in rows.items()} == {"train": 20, "val": 20, "test": 10}
    assert not {row.id for row in rows["test"]} & {row.id for row in rows["train"]}
    assert set(rows["test"][0].inputs().keys()) == {"ticket"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"train": []}, "train: no rows"),
        ({"train": tickets(12), "test": []}, "omit it"),
        ({"train": "rows.csv"}, "give a file with --data"),
        ({"train": [["a", "b"]]}, "not list"),
        ({"train": tickets(5)}, "too few"),
        ({"train": [{"text": "x", "queue": "sales"}] * 9}, "train: row 1: ticket: missing; the row has text, queue"),
        ({"train": [{"id": 1, **row} for row in tickets(9)]}, "was already used in train: row 1"),
        ({"train": tickets(9), "test": tickets(2)}, "test must stay unseen"),
    ],
)
def test_rows_that_cannot_be_used_are_said(given, reason):
    with pytest.raises(DatasetError, match=reason):
        read_rows(Recipe(Router, same_queue), given, {})


# Names ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no_such_module:thing", "no module 'no_such_module'"),
        ("ticket_router:no_such_thing", "has no 'no_such_thing'"),
        ("ticket_router:same_queue", "needs row, prediction"),
        ("ticket_router:Path", "not a dspy.Module"),
        ("../ticket_router:recipe", "write package.module:attribute"),
        ("ticket_router:", "write package.module:attribute"),
    ],
)
def test_names_that_stand_for_nothing_are_one_line(text, reason):
    with pytest.raises(UsageError, match=reason):
        load(text)


def test_what_the_users_file_misses_is_not_called_missing_itself(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        object_named("half_installed:thing")


def test_names_of_places():
    assert name_of(Router) == name_of(Router()) == f"{Router.__module__}:Router"

    class Inside(Router):
        pass

    with pytest.raises(UsageError, match="needs a name"):
        name_of(Inside)


def test_what_an_installed_package_registers_is_found_by_its_name(tmp_path):
    (package := tmp_path / "their_package-1.0.dist-info").mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[dspy_programs.programs]\nrouter_of_theirs = ticket_router:recipe\n")
    done = command_of(["train", "--module", "router_of_theirs", "--dry-run"], tmp_path)
    assert done.returncode == 0 and "24 train, at most 24 validation, 12 test" in done.stdout, done


def test_a_module_without_metric_is_told_what_is_missing():
    with pytest.raises(UsageError, match="--metric"):
        recipe("ticket_router:TicketRouter")
    assert recipe("ticket_router:TicketRouter", "ticket_router:same_queue").name == "ticket_router:TicketRouter"
    with pytest.raises(UsageError, match="has its own"):
        recipe("planner", "ticket_router:same_queue")


def test_a_file_never_says_which_code_is_imported(tmp_path):
    """`verify` and `promote` of a file that names a module do not import it unless the user names it too."""
    _, report = compiled()
    stranger = tmp_path / "stranger.json"
    stranger.write_text(report.saved.read_text().replace(read_compiled(report.saved).provenance.program, "evil_module:Router"))
    (tmp_path / "evil_module.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    for command in (["verify", str(stranger)], ["promote", str(stranger), "--force"]):
        done = command_of(command, tmp_path)
        assert "--module evil_module:Router" in done.stdout + done.stderr and not (tmp_path / "ran").exists(), done


def in_its_folder(argv) -> int:
    sys.path.insert(0, os.getcwd())
    return import_module(f"optimizers.{argv[0]}").main(argv[1:])


def command_of(arguments, folder):
    process = Started(in_its_folder, arguments, folder)
    out, err = process.communicate()
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def test_a_recipe_made_by_a_function_and_one_with_rows_in_python():
    made = Recipe(Router, same_queue, data={"train": tickets(12)})
    assert made.scorer(dspy.Example(queue="a"), dspy.Prediction(queue="a")).value == 1
    assert made.demonstrator(dspy.Example(ticket="t", queue="sales", id="1")) == {
        "classify.predict": {"ticket": "t", "queue": "sales"}
    }


# What newcomers did ------------------------------------------------------------------------------------------------------


def sometimes(bad):
    """Answer a few of the tickets with something that cannot be read."""

    def reply(prompt):
        asked = prompt.rsplit("[[ ## ticket ## ]]", 1)[-1]
        return bad if re.search(r"Case \d*3:", asked) else routed(prompt)

    return reply


@pytest.mark.parametrize("bad", ["I am sorry, I cannot.", "", '{"reasoning": "so"}', '{"reasoning": "so", "queue": '])
def test_a_reply_that_cannot_be_read_is_a_score_of_0_and_no_metric_is_asked(bad):
    def metric(row, prediction):
        return prediction.queue == row.queue  # would raise without a queue

    _, report = compiled(scripted_lm(sometimes(bad), "scripted/router"), metric=metric, max_metric_calls=60)
    assert 0 < report.test["seed"].mean < 1 or report.candidates[0].score < 1


def test_a_name_of_ones_own_is_loaded_with_the_program_and_told_so(capsys):
    plain = dspy.ChainOfThought(dspy.Signature("ticket -> queue", "Route the ticket."))
    _, report = compiled(program=plain, name="ticket_router")
    assert "load(program, 'scripted/router', name='ticket_router')" in capsys.readouterr().out
    assert load(plain, "scripted/router", name="ticket_router").loaded_from == report.promoted
    assert load(plain, "scripted/router", path=report.saved).predict.demos


def test_its_history_is_there_in_another_process_too(tmp_path):
    compiled(name="ticket_router")
    done = command_of(["history", "--module", "ticket_router", "--lm", "scripted/router"], tmp_path)
    assert done.returncode == 0 and "*" in done.stdout, done
    assert "1 for programs not found here" in command_of(["verify"], tmp_path).stdout


def test_what_is_mended_goes_on_with_the_answers_that_are_paid_for():
    lm = scripted_lm(routed, "scripted/router")

    def mistaken(row, prediction):
        return row.queu == prediction.queue

    with pytest.raises(AttributeError, match="queu"):
        compiled(lm, metric=mistaken)
    paid = set(lm.engine.prompts)

    def mended(row, prediction):
        return row.queue == prediction.queue

    mended.__name__ = "mistaken"
    _, report = compiled(lm, metric=mended)
    assert report.promoted and all(lm.engine.prompts.count(prompt) == 1 for prompt in paid)


def test_the_report_tells_the_tested_one_when_what_is_in_use_wins():
    compiled()
    _, report = compiled(run_dir="again")
    assert (
        report.standing == report.winner and "| best found | 1.000 |" in report.table() and "not tested" not in report.table()
    )


def test_a_program_of_the_same_name_from_another_folder_is_told(tmp_path, monkeypatch):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "qa.py").write_text(
            "import dspy\nqa = dspy.Predict('ticket -> queue')\nclass QA(dspy.Module):\n"
            "    def __init__(self):\n        super().__init__()\n        self.p = dspy.Predict('ticket -> queue')\n"
            "    def forward(self, ticket):\n        return self.p(ticket=ticket)\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path / "a"))
    compiled(program=object_named("qa:QA"))
    code = "from qa import QA; from dspy_programs import load; load(QA, 'scripted/router')"
    told = {
        folder: subprocess.run(
            [sys.executable, "-W", "always", "-c", code],
            cwd=tmp_path / folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / folder), str(EXAMPLES.parent.parent)])},
            capture_output=True,
            text=True,
        ).stderr
        for folder in ("a", "b")
    }
    assert "in another folder" in told["b"] and "in another folder" not in told["a"], told


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (dspy.Module, "has no `forward`"),
        (type("Bare", (dspy.Module,), {"forward": lambda self, ticket: None}), "has no predictor"),
        ("planner", "is not a dspy.Module"),
        (Recipe(Router, same_queue), "is not a dspy.Module"),
    ],
)
def test_what_cannot_be_compiled_is_one_line(program, reason):
    with pytest.raises(UsageError, match=reason):
        compile_program(program, name="it", metric=same_queue, trainset=tickets())


def test_evaluate_keeps_to_the_rows_that_the_training_kept_for_its_test(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in tickets(30)))
    found = Recipe(Router, same_queue, name="x")
    test = {row.id for row in read_rows(found, rows, {})["test"]}
    assert {row.id for row in rows_to_test(found, rows, "test", learnt=0)} == test
    assert len(rows_to_test(found, rows, "test")) == 30, "of a place that nothing was learnt from, all rows are unseen"


# What an attacker found --------------------------------------------------------------------------------------------------


def copier(prompt):
    """Know nothing but what is shown: the queue of a ticket that stands among the examples."""
    if "new_instruction" in prompt or "[[ ## often ## ]]" in prompt:
        return json.dumps({"new_instruction": "Route the ticket.", "proposal": {"rule": "Nothing that would help at all"}})
    *shown, asked = prompt.split("[[ ## ticket ## ]]")[1:]
    ticket = asked.strip().partition("\n")[0]
    known = [re.search(r'"queue": "(\w+)"', each) for each in shown if each.strip().startswith(ticket)]
    return json.dumps({"reasoning": "so", "queue": known[0].group(1) if known and known[0] else "nobody"})


def test_no_row_sees_itself_in_what_an_earlier_run_compiled_nor_in_the_test():
    first = scripted_lm(routed, "scripted/router")
    compiled(first, seed=0)
    for lm, seed in ((scripted_lm(copier, "scripted/other"), 3), (scripted_lm(copier, "scripted/router"), 5)):
        _, report = compiled(lm, seed=seed, run_dir=f"run-{seed}", max_metric_calls=80)
        assert report.test["seed"].mean == 0 and all(interval.mean == 0 for interval in report.test.values()), report.test
        assert not report.winner


def test_a_row_with_its_keys_in_another_order_is_the_same_row():
    class Boxes(dspy.Module):
        def __init__(self):
            super().__init__()
            self.p = dspy.Predict("box -> queue")

        def forward(self, box):
            return self.p(box=str(box))

    rows = [{"box": {"x": f"box {i}", "y": 1}, "queue": str(i)} for i in range(9)]
    turned = [{"box": dict(reversed(row["box"].items())), "queue": row["queue"]} for row in rows]
    with pytest.raises(DatasetError, match="test must stay unseen"):
        read_rows(Recipe(Boxes, same_queue), {"train": rows, "test": turned}, {})


def test_what_a_program_shows_as_it_was_written_stays():
    program = Router()
    program.classify.predict.demos = [{"ticket": "Case 99: my refund again", "reasoning": "so", "queue": "billing"}]
    found, report = compiled(program=program, max_metric_calls=60)
    assert report.candidates[0].shows == "1 row" and len(found.classify.predict.demos) >= 1
    assert any("Case 99" in prompt for prompt in [str(found.classify.predict.demos)]) or report.winner


def test_a_metric_may_ask_the_model_and_is_heard_where_its_judge_is_not():
    judge = dspy.Predict("ticket, queue -> right: bool")

    def asked(row, prediction, trace=None):
        return judge(ticket=row.ticket, queue=prediction.queue).right

    def reply(prompt):
        if "[[ ## queue ## ]]" in prompt:
            return "no idea" if "Case 7:" in prompt else json.dumps({"right": "billing" not in prompt})
        return routed(prompt)

    _, report = compiled(scripted_lm(reply, "scripted/router"), metric=asked, max_metric_calls=60)
    assert report.test


def test_half_an_emoji_is_one_rows_failure():
    class Two(Router):
        def __init__(self):
            super().__init__()
            self.again = dspy.Predict("queue -> sure")

        def forward(self, ticket):
            found = self.classify(ticket=ticket)
            self.again(queue=found.queue)
            return found

    def reply(prompt):
        if "[[ ## ticket ## ]]" not in prompt and "[[ ## queue ## ]]" in prompt:
            return json.dumps({"sure": "yes"})
        return '{"reasoning": "so", "queue": "\\ud83d"}' if "Case 1:" in prompt else routed(prompt)

    _, report = compiled(scripted_lm(reply, "scripted/router"), program=Two(), name="two", max_metric_calls=60)
    assert report.test


def test_a_mended_run_is_paid_once_whatever_comes_after():
    lm = scripted_lm(routed, "scripted/router")
    compiled(lm, max_metric_calls=40)

    def stricter(row, prediction):
        return row.queue == prediction.queue and bool(prediction.reasoning)

    compiled(lm, metric=stricter, max_metric_calls=40)
    asked = len(lm.engine.prompts)
    compiled(lm, metric=stricter, max_metric_calls=40)
    assert len(lm.engine.prompts) == asked


def test_a_folder_of_a_programs_name_is_no_shared_place(tmp_path):
    (tmp_path / "planner").mkdir()
    (tmp_path / "ticket_router").mkdir()
    assert load("planner", "local/qwen2.5-coder-1.5b").loaded_from
    assert compiled(name="ticket_router")[1].promoted


@pytest.mark.parametrize(("one", "other"), [("分类器", "路由器"), ("a b", "a/b"), ("a:b", "a--b"), ("x" * 300, "x" * 301)])
def test_two_names_never_share_a_folder(one, other):
    assert folder_name(one) != folder_name(other) and len(folder_name(other)) < 120


def test_a_program_that_changes_its_inputs_changes_no_row():
    class Appends(Router):
        def forward(self, ticket):
            ticket.append("more")
            return self.classify(ticket=str(ticket[0]))

    rows = [{"ticket": [row["ticket"]], "queue": row["queue"]} for row in tickets()]
    lm = scripted_lm(routed, "scripted/router")
    compiled(lm, program=Appends(), name="appends", trainset=rows, max_metric_calls=40)
    assert all(len(row["ticket"]) == 1 for row in rows)


def test_an_output_may_be_called_failure():
    class Fails(dspy.Module):
        def __init__(self):
            super().__init__()
            self.p = dspy.Predict("ticket -> failure: bool, queue")

        def forward(self, ticket):
            return self.p(ticket=ticket)

    def reply(prompt):
        return (
            json.dumps({**json.loads(routed(prompt)), "failure": False}) if "[[ ## ticket ## ]]" in prompt else routed(prompt)
        )

    assert compiled(scripted_lm(reply, "scripted/f"), program=Fails(), name="fails", max_metric_calls=40)[1].test


def test_secrets_of_a_plain_lm_reach_no_file(tmp_path):
    lm = scripted_lm(routed, "scripted/router")
    lm.kwargs |= {"api_key": "very-secret-key-1", "aws_secret_access_key": "very-secret-key-2"}
    compiled(lm, max_metric_calls=40)
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert files and not any(b"very-secret" in content for content in files)
