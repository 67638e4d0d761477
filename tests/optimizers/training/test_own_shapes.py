"""Shapes that users write: several samples, errors that are caught, models of their own, threads, types, judges."""

import concurrent.futures
import contextvars
import json
import re
import time
from collections import Counter

import dspy
import pytest
from dspy.evaluate import SemanticF1
from dspy.utils.exceptions import AdapterParseError
from pydantic import BaseModel

from dspy_programs import load
from dspy_programs.errors import BudgetSpent, ModelFailing, UsageError
from optimizers import compile_program
from tests.fakes import scripted_lm
from tests.optimizers.training.test_own_program import (
    WORDS,
    Router,
    alone,
    compiled,
    routed,
    same_queue,
    tickets,
)

__all__ = ["alone"]
ROUTE = dspy.Signature("ticket -> queue", "Route the ticket.")
QUEUES = list(WORDS)


def asked(prompt):
    """Return the ticket that is asked about."""
    return prompt.rsplit("[[ ## ticket ## ]]", 1)[-1].strip().partition("\n")[0]


def right(ticket):
    return next(queue for queue, words in WORDS.items() if any(f"my {word} " in ticket for word in words))


def proposes(prompt):
    """Return what a reflector says, where it is asked."""
    if "new_instruction" in prompt or "[[ ## often ## ]]" in prompt:
        return json.dumps({"new_instruction": "Route the ticket well.", "proposal": {"rule": "Nothing that would help at all"}})
    return None


# Several samples of one answer ------------------------------------------------------------------------------------------


def guesser():
    """Answer the same prompt with one queue after the other, as a model may that is asked at a temperature."""
    times = Counter()

    def reply(prompt):
        if said := proposes(prompt):
            return said
        times[prompt] += 1
        return json.dumps({"reasoning": "so", "queue": QUEUES[(times[prompt] - 1) % 3]})

    return reply


def reward(inputs, prediction):
    return float(prediction.queue == right(inputs["ticket"]))


class Best(dspy.Module):
    def __init__(self):
        super().__init__()
        self.best = dspy.BestOfN(dspy.ChainOfThought(ROUTE), N=3, reward_fn=reward, threshold=1.0)

    def forward(self, ticket):
        return self.best(ticket=ticket)


class Votes(Router):
    def forward(self, ticket):
        said = [self.classify(ticket=ticket, config={"rollout_id": n, "temperature": 1.0}) for n in range(3)]
        return next((each for each in said if each.queue == right(ticket)), said[0])


class Many(Router):
    def forward(self, ticket):
        said = self.classify(ticket=ticket, config={"n": 3, "temperature": 1.0})
        return dspy.Prediction(queue=right(ticket) if right(ticket) in said.completions.queue else "none")


@pytest.mark.parametrize("program", [Best, Votes, Many])
def test_samples_differ_and_a_resumed_run_asks_for_none_again(program):
    lm = scripted_lm(guesser(), "scripted/router")
    _, first = compiled(lm, program=program(), max_metric_calls=40)
    assert first.candidates[0].score == 1.0, "one of three samples is right"
    prompts = len(lm.engine.prompts)
    _, again = compiled(lm, program=program(), max_metric_calls=40)
    assert len(lm.engine.prompts) == prompts and again.candidates == first.candidates


def test_what_a_predictor_in_best_of_n_did_well_is_shown_and_its_instruction_is_rewritten():
    """It runs as a copy of itself there."""
    lm = scripted_lm(routed, "scripted/router")
    program, report = compiled(lm, program=Best(), trainset=tickets(30))
    assert report.promoted and "RULE: crash" in program.best.module.predict.signature.instructions


class Refined(dspy.Module):
    def __init__(self):
        super().__init__()
        self.refine = dspy.Refine(dspy.ChainOfThought(ROUTE), N=2, reward_fn=reward, threshold=1.0)

    def forward(self, ticket):
        return self.refine(ticket=ticket)


def advised(prompt):
    """Be right once there is advice."""
    if said := proposes(prompt):
        return said
    if "[[ ## program_code ## ]]" in prompt:
        return json.dumps({"discussion": "wrong", "advice": {"predict": "think again"}})
    return json.dumps({"reasoning": "so", "queue": right(asked(prompt)) if "think again" in prompt else "sales"})


def test_refine_with_a_reward_function():
    lm = scripted_lm(advised, "scripted/router")
    _, first = compiled(lm, program=Refined(), max_metric_calls=40)
    assert first.candidates[0].score == 1.0
    prompts = len(lm.engine.prompts)
    _, again = compiled(lm, program=Refined(), max_metric_calls=40)
    assert len(lm.engine.prompts) == prompts and again.candidates == first.candidates


# Errors that a program catches ------------------------------------------------------------------------------------------


def unreadable(*cases):
    """Answer some of the tickets with something that cannot be read."""
    return lambda prompt: "I cannot." if re.search(rf"Case ({'|'.join(cases)}):", asked(prompt)) else routed(prompt)


def catching(answer):
    class Catches(Router):
        def forward(self, ticket):
            try:
                return self.classify(ticket=ticket)
            except Exception:
                return answer(ticket)

    return Catches()


@pytest.mark.parametrize(
    "answer",
    [lambda ticket: None, lambda ticket: dspy.Prediction(), lambda ticket: dspy.Prediction(queue=None), lambda ticket: {}["x"]],
)
def test_what_follows_from_a_reply_that_cannot_be_read_is_a_score_of_0(answer):
    def metric(row, prediction):
        return row.queue == prediction.queue.lower()

    lm = scripted_lm(unreadable(*(f"{n}4" for n in ("", 1, 2))), "scripted/router")
    _, report = compiled(lm, program=catching(answer), name="catches", metric=metric, max_metric_calls=60)
    reflected = [prompt for prompt in lm.engine.prompts if "new_instruction" in prompt or "[[ ## often ## ]]" in prompt]
    assert report.test and any("could not be read" in prompt and "I cannot." in prompt for prompt in reflected)


def test_a_program_that_answers_for_itself_is_scored_by_that():
    lm = scripted_lm(unreadable(*map(str, range(30))), "scripted/router")
    program = catching(lambda ticket: dspy.Prediction(queue=right(ticket)))
    _, report = compiled(lm, program=program, name="catches", max_metric_calls=40)
    assert report.candidates[0].score == 1.0


@pytest.mark.parametrize("module", [dspy.BestOfN, dspy.Refine])
def test_samples_that_cannot_be_read_at_all_are_a_score_of_0(module):
    class Tries(dspy.Module):
        def __init__(self):
            super().__init__()
            self.tries = module(dspy.ChainOfThought(ROUTE), N=2, reward_fn=reward, threshold=1.0, fail_count=1000)

        def forward(self, ticket):
            return self.tries(ticket=ticket)

    def reply(prompt):
        advice = json.dumps({"discussion": "so", "advice": {}})
        return advice if "[[ ## program_code ## ]]" in prompt else unreadable("12", "22")(prompt)

    lm = scripted_lm(reply, "scripted/router")
    _, report = compiled(lm, program=Tries(), name="tries", max_metric_calls=60)
    assert report.test


def test_a_bug_where_every_reply_was_read_stops_the_run_with_row_traceback_and_what_to_do():
    class Broken(Router):
        def forward(self, ticket):
            self.classify(ticket=ticket)
            return {}["missing"] if "Case 12:" in ticket else self.classify(ticket=ticket)

    with pytest.raises(KeyError, match="missing") as caught:
        compiled(program=Broken(), name="broken", trainset=tickets(30), max_metric_calls=200)
    [note] = caught.value.__notes__
    assert "row" in note and "catch this in `forward`" in note
    assert any(entry.name == "forward" for entry in caught.traceback)


def test_a_bug_in_the_very_first_row_names_it_too():
    def mistaken(row, prediction):
        return row.queu == prediction.queue

    with pytest.raises(AttributeError, match="queu") as caught:
        compiled(metric=mistaken)
    assert "in row" in caught.value.__notes__[0]


def test_a_program_that_catches_everything_does_not_catch_the_end_of_the_run():
    """A budget that is spent, or a model that is gone, must not be scored as an answer."""
    lm = scripted_lm(routed, "scripted/router")
    program = catching(lambda ticket: dspy.Prediction(queue=right(ticket)))
    with pytest.raises(BudgetSpent):
        compiled(lm, program=program, name="catches", budget_tokens=300)

    def dies(prompt):
        if len(gone.engine.prompts) > 3:
            raise RuntimeError("gone")
        return routed(prompt)

    gone = scripted_lm(dies, "scripted/other")
    with pytest.raises(ModelFailing, match="does not answer"):
        compiled(gone, program=program, name="catches")


def test_a_model_that_never_answers_well_ends_the_run_though_the_program_catches_it():
    lm = scripted_lm(lambda prompt: proposes(prompt) or "I cannot.", "scripted/router")
    with pytest.raises(ModelFailing, match="in a row could not be read"):
        compiled(lm, program=catching(lambda ticket: dspy.Prediction(queue="none")), name="catches")


# Models that a program brings with it -----------------------------------------------------------------------------------


class Two(dspy.Module):
    """Look for a word, which a model of its own does, and route."""

    def __init__(self, other, frozen=False):
        super().__init__()
        self.look = dspy.ChainOfThought("ticket -> word") if frozen else dspy.Predict("ticket -> word")
        self.look.set_lm(other)
        self.look._compiled = frozen
        self.classify = dspy.ChainOfThought(ROUTE)

    def forward(self, ticket):
        self.look(ticket=ticket)
        return self.classify(ticket=ticket)


class Switches(Router):
    """Ask another model in a block."""

    def __init__(self, other):
        super().__init__()
        self.other = other

    def forward(self, ticket):
        with dspy.context(lm=self.other):
            return self.classify(ticket=ticket)


def word_of(prompt):
    return json.dumps({"reasoning": "so", "word": re.search(r"my (\w+) ", asked(prompt)).group(1)})


@pytest.mark.parametrize("frozen", [True, False])
def test_a_model_of_a_predictors_own_is_asked_once_counted_and_kept(frozen):
    lm, other = scripted_lm(routed, "scripted/router"), scripted_lm(word_of, "scripted/words")
    _, first = compiled(lm, program=Two(other, frozen), max_metric_calls=60)
    prompts = len(other.engine.prompts)
    assert (
        prompts and first.promoted and not any("-> word" in prompt or "word" in asked(prompt) for prompt in lm.engine.prompts)
    )
    assert first.used["lm_calls"] > len(lm.engine.prompts), "both models' calls are on one account"
    _, again = compiled(lm, program=Two(other, frozen), max_metric_calls=60)
    assert len(other.engine.prompts) == prompts and again.candidates == first.candidates
    with dspy.context(lm=lm):
        load(Two(other, frozen), "scripted/router")(ticket="Case 1: my crash again")
    assert len(other.engine.prompts) > prompts, "what is loaded asks it, too"


def test_a_model_of_a_predictors_own_spends_the_same_budget():
    other = scripted_lm(word_of, "scripted/words")
    with pytest.raises(BudgetSpent):
        compiled(program=Two(other), budget_tokens=150)
    assert len(other.engine.prompts) <= 2


def test_a_model_in_a_block_of_forward_is_journalled():
    other = scripted_lm(routed, "scripted/other")
    lm = scripted_lm(routed, "scripted/router")
    for _ in range(2):
        compiled(lm, program=Switches(other), max_metric_calls=40)
    assert len(other.engine.prompts) == len(set(other.engine.prompts))


def test_a_judge_on_a_model_of_its_own_is_journalled():
    judge, critic = (
        dspy.Predict("ticket, queue -> right: bool"),
        scripted_lm(lambda prompt: '{"right": true}', "scripted/judge"),
    )
    judge.set_lm(critic)

    def judged(row, prediction):
        return judge(ticket=row.ticket, queue=prediction.queue).right

    lm = scripted_lm(routed, "scripted/router")
    for _ in range(2):
        compiled(lm, metric=judged, max_metric_calls=40)
    assert critic.engine.prompts and len(critic.engine.prompts) == len(set(critic.engine.prompts))


def test_one_predictors_model_is_not_taken_for_that_of_all():
    other = scripted_lm(word_of, "scripted/words")
    with dspy.context(lm=scripted_lm(routed, "scripted/router")):
        found, _ = compile_program(Two(other), metric=same_queue, trainset=tickets(), max_metric_calls=40, threads=1)
    assert found.loaded_from is None or "router" in str(found.loaded_from)


# Feedback on single predictors ------------------------------------------------------------------------------------------


def test_a_metric_of_gepa_is_asked_about_the_predictor_that_is_rewritten():
    seen = []

    def metric(gold, pred, trace=None, pred_name=None, pred_trace=None):
        score = float(gold.queue == pred.queue)
        if pred_name is None:
            return dspy.Prediction(score=score, feedback="of the whole program")
        [(predictor, inputs, outputs)] = pred_trace
        assert any(step[0] is predictor for step in trace)
        seen.append(pred_name)
        return dspy.Prediction(score=0.123, feedback=f"of {pred_name}, which wrote {outputs.queue} for {inputs['ticket']}")

    lm = scripted_lm(routed, "scripted/router")
    _, report = compiled(lm, metric=metric)
    reflected = [prompt for prompt in lm.engine.prompts if "new_instruction" in prompt]
    assert set(seen) == {"classify.predict"}
    assert any("of classify.predict, which wrote sales for Case" in prompt for prompt in reflected)
    assert all(score in (0.0, 1.0) for each in report.candidates for score in each.scores)


@pytest.mark.parametrize("names", ["row, pred, trace=None, most=0.5, strict=False", "row, pred, *more"])
def test_a_metric_with_arguments_of_its_own_is_called_without_them(names):
    metric = eval(f"lambda {names}: row.queue == pred.queue if {('most == 0.5', 'not more')['more' in names]} else 1 / 0")
    metric.__name__ = "metric"
    assert compiled(metric=metric, max_metric_calls=60)[1].test


# Threads ----------------------------------------------------------------------------------------------------------------


class Parts(dspy.Module):
    """Ask about a ticket's halves side by side."""

    def __init__(self, run):
        super().__init__()
        self.run = run
        self.part = dspy.ChainOfThought("part -> word")
        self.classify = dspy.ChainOfThought(ROUTE)

    def forward(self, ticket):
        middle = len(ticket) // 2
        words = self.run(self.part, [{"part": ticket[:middle]}, {"part": ticket[middle:]}])
        found = self.classify(ticket=ticket)
        return dspy.Prediction(queue=found.queue, words=[each.word for each in words])


def by_parallel(module, inputs):
    return dspy.Parallel(num_threads=2, disable_progress_bar=True)([(module, each) for each in inputs])


def by_pool(module, inputs):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        work = [pool.submit(contextvars.copy_context().run, lambda each=each: module(**each)) for each in inputs]
        return [each.result() for each in work]


@pytest.mark.parametrize("run", [by_parallel, by_pool])
@pytest.mark.parametrize("threads", [1, 4])
def test_threads_inside_forward_change_nothing(run, threads):
    def reply(prompt):
        if "[[ ## part ## ]]" in prompt.partition("[[ ## ticket ## ]]")[0] and "new_instruction" not in prompt:
            part = prompt.rsplit("[[ ## part ## ]]", 1)[1].strip().partition("\n")[0]
            time.sleep(0.01 * (len(lm.engine.prompts) % 3))
            return json.dumps({"reasoning": "so", "word": part[:5]})
        return routed(prompt)

    lm = scripted_lm(reply, "scripted/router")
    settings = {"program": Parts(run), "name": "parts", "threads": threads, "max_metric_calls": 60}
    _, first = compiled(lm, **settings)
    prompts = len(lm.engine.prompts)
    _, again = compiled(lm, **settings)
    assert len(lm.engine.prompts) == prompts and again.candidates == first.candidates
    lm = scripted_lm(reply, "scripted/router")
    assert compiled(lm, **settings | {"name": "again"})[1].candidates == first.candidates


def test_a_thread_that_does_not_see_the_model_stops_the_run_and_is_told_what_to_do():
    def blind(module, inputs):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda each: module(**each), inputs))

    with pytest.raises(ValueError, match="No LM is loaded") as caught:
        compiled(program=Parts(blind), name="parts")
    assert "copy_context" in " ".join(caught.value.__notes__)


# Types ------------------------------------------------------------------------------------------------------------------


class Line(BaseModel):
    item: str
    price: float


class Read(dspy.Signature):
    """Read the lines of the bill."""

    bill: str = dspy.InputField()
    lines: list[Line] = dspy.OutputField()


class Bills(dspy.Module):
    def __init__(self):
        super().__init__()
        self.read = dspy.ChainOfThought(Read)

    def forward(self, bill):
        return self.read(bill=bill)


def bills(count=30):
    made = [[{"item": f"thing {n}", "price": n + 0.5}, {"item": "tea", "price": 2.0}] for n in range(count)]
    return [{"bill": "; ".join(f"{each['item']} {each['price']}" for each in lines), "lines": lines} for lines in made]


def billed(prompt):
    """Read the second line of a bill only where an example is shown."""
    if "new_instruction" in prompt or "[[ ## often ## ]]" in prompt:
        return json.dumps({"new_instruction": "Read it all.", "proposal": {"rule": "Nothing that would help at all"}})
    *shown, bill = prompt.split("[[ ## bill ## ]]")[1:]
    lines = [each.rsplit(" ", 1) for each in bill.strip().partition("\n")[0].split("; ")]
    found = [{"item": item, "price": float(price)} for item, price in lines]
    return json.dumps({"reasoning": "so", "lines": found if any('"lines": [' in each for each in shown) else found[:1]})


@pytest.mark.parametrize("typed", [False, True])
def test_outputs_that_are_lists_of_models(typed):
    def same(row, prediction):
        expected = [Line.model_validate(each) for each in row.lines]
        return sum(each in expected for each in prediction.lines) / len(expected)

    rows = bills()
    if typed:
        rows = [
            dspy.Example(bill=row["bill"], lines=[Line(**each) for each in row["lines"]]).with_inputs("bill") for row in rows
        ]
    lm = scripted_lm(billed, "scripted/bills")
    _, report = compiled(lm, program=Bills(), metric=same, trainset=rows)
    assert report.promoted and report.test["difference"].mean == 0.5
    again = load(Bills, "scripted/bills")
    with dspy.context(lm=lm):
        assert again(bill="nail 1.0; glue 3.5").lines[0] == Line(item="nail", price=1.0)


class Chat(dspy.Signature):
    """Answer the user, and mind what was said."""

    history: dspy.History = dspy.InputField()
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


class Chats(dspy.Module):
    def __init__(self):
        super().__init__()
        self.reply = dspy.Predict(Chat)

    def forward(self, history, question):
        return self.reply(history=history, question=question)


def same_answer(row, prediction):
    return row.answer == prediction.answer


@pytest.mark.parametrize("typed", [True, False])
def test_a_history_as_an_input(typed):
    def remembered(prompt):
        if said := proposes(prompt):
            return said
        return json.dumps({"answer": (re.findall(r"I am (\w+)", prompt) or ["nobody"])[-1]})

    said = [[{"question": f"I am guest{n}", "answer": "Hello"}] for n in range(24)]
    rows = [
        {
            "history": dspy.History(messages=each) if typed else {"messages": each},
            "question": f"Who am I? {n}",
            "answer": f"guest{n}",
        }
        for n, each in enumerate(said)
    ]
    lm = scripted_lm(remembered, "scripted/chat")
    _, report = compiled(lm, program=Chats(), metric=same_answer, trainset=rows, max_metric_calls=60)
    assert report.candidates[0].score == 1.0


class See(dspy.Signature):
    """Name the colour."""

    picture: dspy.Image = dspy.InputField()
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


class Sees(dspy.Module):
    def __init__(self):
        super().__init__()
        self.look = dspy.Predict(See)

    def forward(self, picture, question):
        return self.look(picture=picture, question=question)


@pytest.mark.parametrize("typed", [True, False])
def test_an_image_as_an_input(typed):
    def colour(prompt):
        return proposes(prompt) or json.dumps({"answer": "red"})

    pixel = (
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
    )
    image = dspy.Image(pixel) if typed else {"url": pixel}
    rows = [
        {"picture": image, "question": f"Which colour is square {n}?", "answer": "red" if n % 2 else "blue"} for n in range(24)
    ]
    lm = scripted_lm(colour, "scripted/eyes")
    _, report = compiled(lm, program=Sees(), metric=same_answer, trainset=rows, max_metric_calls=60)
    assert report.test
    assert all(
        "image" in str(request.messages[-1]) for request in lm.engine.requests if "Which colour" in str(request.messages)
    )


# Judges -----------------------------------------------------------------------------------------------------------------


class Answers(dspy.Module):
    def __init__(self):
        super().__init__()
        self.answer = dspy.ChainOfThought(dspy.Signature("question -> response", "Answer."))

    def forward(self, question):
        return self.answer(question=question)


@pytest.mark.parametrize("decompositional", [False, True])
def test_semantic_f1_asks_the_model_of_the_program(decompositional):
    def reply(prompt):
        if said := proposes(prompt):
            return said
        if "[[ ## ground_truth ## ]]" in prompt:
            truth, response = (
                prompt.rsplit(f"[[ ## {name} ## ]]", 1)[1].strip().partition("\n")[0]
                for name in ("ground_truth", "system_response")
            )
            share = 1.0 if truth == response else 0.5
            ideas = dict.fromkeys(("reasoning", "ground_truth_key_ideas", "system_response_key_ideas", "discussion"), "so")
            return json.dumps({**ideas, "recall": share, "precision": share})
        question = prompt.rsplit("[[ ## question ## ]]", 1)[1].strip().partition("\n")[0]
        number = int(re.findall(r"\d+", question)[0])
        shown = prompt.count("[[ ## question ## ]]") > 2
        return json.dumps({"reasoning": "so", "response": f"fact {number}" if shown else "no idea"})

    rows = [{"question": f"What of {n}?", "response": f"fact {n}"} for n in range(30)]
    lm = scripted_lm(reply, "scripted/answers")
    metric = SemanticF1(decompositional=decompositional)
    _, report = compiled(lm, program=Answers(), metric=metric, trainset=rows)
    assert report.promoted and report.test["difference"].mean == 0.5
    prompts = len(lm.engine.prompts)
    compiled(lm, program=Answers(), metric=metric, trainset=rows)
    assert len(lm.engine.prompts) == prompts


def test_an_error_of_the_adapter_is_what_a_program_sees():
    """What journals the calls changes nothing of what is raised."""
    raised = []

    class Sees(Router):
        def forward(self, ticket):
            try:
                return self.classify(ticket=ticket)
            except AdapterParseError as error:
                raised.append(error)
                raise

    compiled(scripted_lm(unreadable("12", "22"), "scripted/router"), program=Sees(), name="sees", max_metric_calls=60)
    assert raised and all(error.adapter_name == "JSONAdapter" for error in raised)


def test_predictors_that_all_have_different_models_need_a_choice():
    program = Two(scripted_lm(word_of, "scripted/words"))
    program.classify.set_lm(scripted_lm(routed, "scripted/router"))
    with pytest.raises(UsageError, match="different models"):
        compile_program(program, metric=same_queue, trainset=tickets())
