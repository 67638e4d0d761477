"""What a user's rows, metric, program and settings can be by accident: it works, or is said before anything is asked."""

import json
import math
import subprocess
import sys
import threading

import dspy
import pytest

from dspy_programs import load
from dspy_programs.errors import DatasetError, RunError, UsageError
from metrics.score import Score
from optimizers import Recipe
from optimizers.export import main as export
from optimizers.scoring import as_metric
from optimizers.training import read_rows
from tests.fakes import scripted_lm
from tests.optimizers.training.test_own_program import Router, alone, compiled, routed, same_queue, tickets

__all__ = ["alone"]
SIGNATURE = dspy.Signature("ticket -> queue", "Route the ticket.")


def rows_with(**more):
    return {"train": [{**row, **more} for row in tickets(12)]}


def read(given):
    return read_rows(Recipe(Router, same_queue), given, {})


# Rows -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["base", "self", "class", "items", "labels", "inputs", "keys", "_store", "dspy_uuid", ""])
@pytest.mark.parametrize("value", ["a word", {"ticket": "of another row", "queue": "evil"}])
def test_a_field_may_have_any_name_and_keeps_its_value(name, value):
    for row in read(rows_with(**{name: value}))["train"]:
        assert row[name] == value and row["ticket"].startswith("Case ") and row["queue"] != "evil"


class ReadsIds(Router):
    def forward(self, id, ticket):
        return self.classify(ticket=f"{id} {ticket}")


def test_an_input_called_id_is_text_or_one_line():
    own = [{"id": f"order-{n}", **row} for n, row in enumerate(tickets(12))]
    rows = read_rows(Recipe(ReadsIds, same_queue), {"train": own}, {})
    assert all(row.inputs().toDict()["id"].startswith("order-") for row in rows["train"])
    with pytest.raises(DatasetError, match="train: row 1: id: the program reads it and it names the row"):
        read_rows(Recipe(ReadsIds, same_queue), {"train": [{**row, "id": n} for n, row in enumerate(tickets(12), 1)]}, {})


def cycle():
    found = {}
    found["itself"] = found
    return found


def deep():
    found = []
    for _ in range(100_000):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (rows_with(note="\ud83d"), "train: row 1: note: half a surrogate pair"),
        (rows_with(**{"\ud83d": "x"}), "half a surrogate pair"),
        ({"train": [{**row, 1: "x"} for row in tickets(12)]}, "train: row 1: 1: the name of a field must be text"),
        (rows_with(note={1: "x", "b": 2}), "train: row 1: note: cannot be copied and compared"),
        (rows_with(note={(1, 2): "x"}), "cannot be copied and compared"),
        (rows_with(note=cycle()), "cannot be copied and compared"),
        (rows_with(note=deep()), "cannot be copied and compared"),
        (rows_with(note=threading.Lock()), "cannot be copied and compared"),
    ],
)
def test_a_value_that_cannot_be_sent_or_compared_is_one_line(given, reason):
    with pytest.raises(DatasetError, match=reason):
        read(given)


THINGS = """
import dspy
from optimizers.json_text import as_json
from optimizers.scoring.own_metric import score_feedback
class Thing:
    def __init__(self, held): self.held = held
print(as_json([set("abcdefgh"), Thing("one"), Thing("one"), Thing("two"), {"open": Thing(lambda: 0)}]))
print(score_feedback(dspy.Example(letters=set("abcdefgh")).with_inputs(), 0.5))
"""


def test_sets_and_objects_are_the_same_text_in_every_process():
    """Else a run that is resumed would say that its rows had changed."""
    texts = [
        subprocess.run(
            [sys.executable, "-c", THINGS], env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed}, capture_output=True
        ).stdout
        for seed in ("1", "2")
    ]
    letters, one, same, two, opened = json.loads(texts[0].splitlines()[0])
    assert texts[0] == texts[1] and letters == sorted("abcdefgh") and one == same != two and " at 0x" not in opened["open"]


def test_a_metric_that_takes_its_row_apart_changes_nothing():
    def taken_apart(row, prediction):
        row.ticket = row.queue = "changed"
        row.notes.clear()
        return True

    row = read(rows_with(notes=["a"]))["train"][0]
    before = row.toDict()
    assert as_metric(taken_apart)(row, dspy.Prediction(queue="x")).value == 1.0 and row.toDict() == before


# Metrics ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", [lambda: 1.0, lambda row: 1.0, lambda row, prediction, *, judge: 1.0, max])
def test_a_metric_that_cannot_be_called_is_said_before_anything_is_asked(metric):
    lm = scripted_lm(routed, "scripted/router")
    with pytest.raises(UsageError, match="metric: "):
        compiled(lm, metric=metric)
    assert not lm.engine.prompts


@pytest.mark.parametrize(
    "found",
    [
        10**400,
        Score(None, "so", {}),
        Score(0.5, "so", {"part": "x"}),
        dspy.Prediction(score=0.5, objective_scores={"part": None}),
        dspy.Prediction(score=0.5, objective_scores=[1]),
    ],
)
def test_what_is_no_number_is_said_with_the_metrics_name(found):
    def grade(row, prediction):
        return found

    with pytest.raises(TypeError, match="the metric grade returned"):
        as_metric(grade)(dspy.Example(queue="x"), dspy.Prediction())


def test_a_part_of_a_score_that_is_no_number_stops_the_run_at_its_row():
    with pytest.raises(ValueError, match="nan for 'part'"):
        compiled(metric=lambda row, prediction: Score(0.5, "so", {"part": math.nan}))


def test_half_an_emoji_in_the_feedback_of_a_metric_reaches_a_proposer_as_a_question_mark():
    lm = scripted_lm(routed, "scripted/router")
    compiled(lm, metric=lambda row, prediction: {"score": 0.5, "feedback": "look at \ud83d again"}, max_metric_calls=40)
    assert any("look at ? again" in prompt for prompt in lm.engine.prompts)


# Settings ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting",
    [
        {"max_metric_calls": "9"},
        {"max_metric_calls": 1.5},
        {"max_metric_calls": 0},
        {"threads": -1},
        {"threads": 2.5},
        {"demonstrations": -1},
        {"budget_tokens": -5},
        {"max_minutes": math.inf},
        {"max_minutes": "1"},
        {"max_usd": math.nan},
        {"name": "two\nlines"},
        {"name": 5},
        {"lm": 5},
    ],
)
def test_a_setting_that_is_none_is_one_line_that_names_it(setting):
    with pytest.raises(UsageError, match=f"^{next(iter(setting))}: "):
        compiled(**setting)


# A run's folder ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"5", b"\xff\xfe\x00"])
def test_a_damaged_identity_of_a_run_is_one_line_and_a_fresh_run_keeps_the_old(damage, tmp_path):
    compiled(run_dir=tmp_path / "run", max_metric_calls=20)
    (tmp_path / "run" / "run.json").write_bytes(damage)
    with pytest.raises(RunError, match=r"run\.json: not what a run writes; start over"):
        compiled(run_dir=tmp_path / "run", max_metric_calls=20)
    compiled(run_dir=tmp_path / "run", max_metric_calls=20, resume=False)
    assert (tmp_path / "run" / "old-1" / "run.json").read_bytes() == damage


# Programs ---------------------------------------------------------------------------------------------------------------


class WithRetriever(dspy.Module):
    """A retriever has a state and is no predictor."""

    def __init__(self):
        super().__init__()
        self.find = dspy.Retrieve(k=3)
        self.route = dspy.Predict(SIGNATURE)

    def forward(self, ticket):
        return self.route(ticket=ticket)


@pytest.mark.parametrize("made", [lambda: dspy.Predict(SIGNATURE), WithRetriever])
def test_a_plain_predictor_and_what_has_more_than_predictors_are_saved_loaded_and_exported(made, tmp_path):
    _, report = compiled(program=made(), name="plain")
    instructions = [predictor.signature.instructions for predictor in load("plain", "scripted/router").predictors()]
    assert report.promoted and "RULE: crash" in instructions[0]
    assert export(["--module", "plain", "--lm", "scripted/router", "--to", str(tmp_path / "stock.json")]) == 0
    stock = made()
    stock.load(tmp_path / "stock.json")
    assert [predictor.signature.instructions for predictor in stock.predictors()] == instructions


class CallsTools(dspy.Signature):
    """Look it up."""

    ticket: str = dspy.InputField()
    tools: list[dspy.Tool] = dspy.InputField()
    outputs: dspy.ToolCalls = dspy.OutputField()


def look_up(word: str) -> str:
    """Look a word up."""
    return word


class WithTools(dspy.Module):
    def __init__(self):
        super().__init__()
        self.act = dspy.Predict(CallsTools)

    def forward(self, ticket):
        return self.act(ticket=ticket, tools=[dspy.Tool(look_up)])


def test_tools_as_an_input_and_calls_as_an_output():
    def reply(prompt):
        if "new_instruction" in prompt or "[[ ## often ## ]]" in prompt:
            return routed(prompt)
        word = "right" if "RULE" in prompt else "wrong"
        return json.dumps({"outputs": {"tool_calls": [{"name": "look_up", "args": {"word": word}}]}})

    def is_right(row, prediction):
        return prediction.outputs.tool_calls[0].args["word"] == "right"

    _, report = compiled(scripted_lm(reply, "scripted/router"), program=WithTools(), metric=is_right)
    assert report.promoted and load(WithTools, "scripted/router").loaded_from == report.promoted


class OwnModel(dspy.BaseLM):
    """A model of a class of the user's own: a BaseLM without DSPy's engine."""

    def forward(self, prompt=None, messages=None, **settings):
        text = routed("\n".join(str(message["content"]) for message in messages))
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return {"id": "x", "object": "chat.completion", "model": self.model, "choices": [choice], "usage": usage}


def test_a_model_of_the_users_own_class_is_journalled_like_any_other():
    _, report = compiled(OwnModel("own/model"))
    assert report.promoted


class Named(dspy.Module):
    def __init__(self):
        super().__init__()
        self.metadata = dspy.Predict(SIGNATURE)

    def forward(self, ticket):
        return self.metadata(ticket=ticket)


class Later(dspy.Module):
    def __init__(self):
        super().__init__()
        self.route = dspy.Predict(SIGNATURE)

    async def forward(self, ticket):
        return await self.route.acall(ticket=ticket)


@pytest.mark.parametrize(("program", "reason"), [(Named, "rename the predictor 'metadata'"), (Later, "forward is async")])
def test_a_program_that_could_not_be_saved_or_run_is_said_before_anything_is_asked(program, reason):
    lm = scripted_lm(routed, "scripted/router")
    with pytest.raises(UsageError, match=reason):
        compiled(lm, program=program)
    assert not lm.engine.prompts


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"classify": {"ticket": "x", "queue": "sales"}}, "no predictor 'classify'; choose from classify.predict"),
        ({"classify.predict": {"ticket": "x", "answer": "sales"}}, "has no field 'answer'"),
        ({"classify.predict": {"ticket": "x", "queue": 5}}, "wrong type for 'queue'"),
    ],
)
def test_demonstrations_that_no_predictor_can_be_shown_are_said_before_anything_is_asked(told, reason):
    lm = scripted_lm(routed, "scripted/router")
    with pytest.raises(UsageError, match=reason):
        compiled(lm, demonstrate=lambda row: told)
    assert not lm.engine.prompts


@pytest.mark.parametrize("made", [lambda: dspy.Predict(SIGNATURE), WithRetriever])
def test_a_plain_predictor_that_is_better_with_reasoning_is_loaded_with_it(made):
    def reply(prompt):
        if "new_instruction" in prompt or "[[ ## often ## ]]" in prompt:
            return routed(prompt)
        asked = prompt.rsplit("[[ ## ticket ## ]]", 1)[1]
        right = next(row["queue"] for row in tickets() if row["ticket"] in asked)
        return json.dumps({"reasoning": "so", "queue": right if "reasoning" in prompt else "sales"})

    _, report = compiled(scripted_lm(reply, "scripted/router"), program=made(), name="plain", reasoning=True)
    assert report.promoted
    with dspy.context(lm=scripted_lm(reply, "scripted/router"), adapter=dspy.JSONAdapter()):
        assert load("plain", "scripted/router")(ticket=tickets()[0]["ticket"]).queue == tickets()[0]["queue"]
