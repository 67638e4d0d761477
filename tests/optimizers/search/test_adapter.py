"""The adapter: stock GEPA can drive it, no train row sees its own answer, and each predictor is told what it did itself."""

import json

import dspy
import gepa
import pytest
from gepa.core.adapter import EvaluationBatch

from dspy_programs.errors import ModelFailing, RunInterrupted
from metrics.score import Score
from optimizers.calls import Journal, Meter, recorded
from optimizers.scoring import Runner
from optimizers.search import NEAREST, SPREAD, showing, uncompiled
from optimizers.search.adapter import ProgramAdapter, propose
from optimizers.search.candidate import SHOWN
from tests.fakes import level_of, scripted_lm
from tests.optimizers.toy import Guesser, TwoGuessers, adapter_of, asked, row, rows, toy_job

SEED = uncompiled(Guesser())


def by_level(prompt, shown, id_):
    return min(1.0, 0.25 * level_of(prompt))


def test_stock_gepa_drives_it_unchanged():
    job = toy_job()
    adapter, meter, _ = adapter_of(job, by_level)

    def proposed(candidate, dataset, components):
        assert {"Inputs", "Generated Outputs", "Feedback"} <= set(dataset[components[0]][0])
        return {name: f"Guess. LEVEL-{level_of(candidate[name]) + 1}" for name in components if ":" not in name}

    result = gepa.optimize(
        seed_candidate=SEED,
        trainset=list(job.trainset),
        valset=list(job.valset),
        adapter=adapter,
        custom_candidate_proposer=proposed,
        max_metric_calls=120,
        module_selector=lambda state, trajectories, scores, index, candidate: ["guess"],
        display_progress_bar=False,
        seed=0,
    )
    assert result.val_aggregate_scores[result.best_idx] == 1.0
    assert level_of(result.best_candidate["guess"]) == 4
    assert meter.metric_calls >= result.total_metric_calls - len(job.valset)


def test_batch_has_one_score_for_each_row_in_order_and_traces_where_they_are_wanted():
    job = toy_job()
    adapter, _, _ = adapter_of(job, lambda prompt, shown, id_: int(id_[1:]) / 10, threads=4)
    batch = adapter.evaluate(list(job.valset), SEED, capture_traces=True)
    assert isinstance(batch, EvaluationBatch)
    assert batch.scores == [number / 10 for number in range(8)]
    assert [run.row.id for run in batch.trajectories] == [each.id for each in job.valset]
    assert adapter.evaluate(list(job.valset), SEED).trajectories is None
    assert adapter.evaluate([], SEED).scores == []


def in_use(job):
    return {"in use": job.build(showing(SEED, [each.id for each in job.trainset][:5]))}


@pytest.mark.parametrize("shown", [["t3", "t4"], SPREAD, NEAREST, "in use"])
@pytest.mark.parametrize("threads", [1, 4])
def test_a_train_row_is_never_shown_its_own_answer(shown, threads):
    job = toy_job(train=30)
    job = toy_job(train=30, before=in_use(job))
    adapter, _, lm = adapter_of(job, lambda prompt, shown, id_: 0.5, threads)
    adapter.evaluate(list(job.trainset), showing(SEED, shown))
    seen = [asked(prompt) for prompt in lm.engine.prompts]
    assert len(seen) == 30 and all(row not in others for others, row in seen)
    assert sum(bool(others) for others, _ in seen) == 30, "others are shown all the same"


def test_a_validation_row_that_is_a_train_row_under_another_id_is_not_shown_its_own_answer():
    job = toy_job()
    twins = [each.copy(id=f"twin of {each.id}") for each in job.trainset]
    adapter, _, lm = adapter_of(job, lambda prompt, shown, id_: 0.5)
    adapter.evaluate(twins, showing(SEED, ["t3", "t4", "t5"]))
    assert all(row not in others for others, row in (asked(prompt) for prompt in lm.engine.prompts))


def test_a_validation_row_is_shown_all_that_the_candidate_shows():
    job = toy_job()
    adapter, _, lm = adapter_of(job, lambda prompt, shown, id_: 0.5)
    adapter.evaluate(list(job.valset), showing(SEED, ["t3", "t4"]))
    assert all(asked(prompt)[0] == ["t3", "t4"] for prompt in lm.engine.prompts)


def test_rows_that_are_train_and_validation_at_once_are_not_shown_their_answers_either():
    """As where one file of a user's own rows is all there is."""
    job = toy_job()
    adapter, _, lm = adapter_of(job, lambda prompt, shown, id_: 0.5)
    list(adapter.run([row("t3"), row("t5")], showing(SEED, ["t3", "t4"])))
    assert [asked(prompt)[0] for prompt in lm.engine.prompts] == [["t4"], ["t3", "t4"]]


def test_two_predictors_that_share_a_signature_get_their_own_records():
    job = toy_job(program=TwoGuessers)
    texts = uncompiled(TwoGuessers())
    adapter, _, _ = adapter_of(job, lambda prompt, shown, id_: 0.2 if "again" in prompt else 0.7)
    dataset = adapter.make_reflective_dataset(texts, adapter.evaluate(rows("v", 2), texts, True), ["first", "second"])
    assert [each["Inputs"]["question"] for each in dataset["first"]] == ["row v0", "row v1"]
    assert [each["Inputs"]["question"] for each in dataset["second"]] == ["again row v0", "again row v1"]
    assert {each["Generated Outputs"]["answer"] for each in dataset["first"]} == {"0.7"}
    assert {each["Generated Outputs"]["answer"] for each in dataset["second"]} == {"0.2"}
    assert all("worth more" in each["Feedback"] for each in dataset["first"])


@pytest.mark.parametrize("reply", ["I would rather not.", '{"answer": "0.', "", "\ud800{"])
def test_a_reply_that_cannot_be_read_is_data_and_stands_in_the_records(reply):
    job, meter = toy_job(), Meter()
    lm = recorded(scripted_lm(lambda prompt: reply), "task", Journal(), meter)
    adapter = ProgramAdapter(job, Runner(lm, meter))
    batch = adapter.evaluate(rows("v", 1), SEED, capture_traces=True)
    assert batch.scores == [0.0] and not meter.stopped
    [record] = adapter.records(batch.trajectories, "guess")
    assert record["Inputs"] == {"question": "row v0"}
    assert record["Generated Outputs"] == {"unreadable_reply": reply}
    assert "could not be read" in record["Feedback"]


def test_of_several_calls_of_a_predictor_the_one_that_failed_is_told():
    replies = iter([json.dumps({"answer": "0.7"}), "no"])
    job, meter = toy_job(program=TwoGuessers), Meter()
    lm = recorded(scripted_lm(lambda prompt: next(replies)), "task", Journal(), meter)
    adapter = ProgramAdapter(job, Runner(lm, meter))
    [run] = adapter.run(rows("v", 1), uncompiled(TwoGuessers()))
    assert run.score.value == 0.0 and run.prediction.failure.raw_reply == "no"
    assert adapter.records([run], "second") == [
        {
            "Inputs": {"question": "again row v0"},
            "Generated Outputs": {"unreadable_reply": "no"},
            "Feedback": run.score.feedback,
        }
    ]


@pytest.mark.parametrize("threads", [1, 4])
def test_a_bug_in_the_metric_stops_the_run_and_names_the_row(threads):
    def metric(gold, pred):
        return Score(1 / (gold.id != "v3"), "", {})

    adapter, meter, lm = adapter_of(toy_job(metric=metric), lambda prompt, shown, id_: 0.5, threads)
    ran = []
    with pytest.raises(ZeroDivisionError) as caught:
        ran += [run.row.id for run in adapter.run(rows("v", 60), SEED)]
    assert meter.reason is caught.value and "in row 'v3'" in caught.value.__notes__[0]
    assert len(lm.engine.prompts) < 60, "nothing more is spent"


@pytest.mark.parametrize("value", ["nan", "inf", "-0.5", "1.5"])
def test_a_score_that_is_no_share_of_one_stops_the_run_and_names_the_row(value):
    adapter, meter, _ = adapter_of(toy_job(), lambda prompt, shown, id_: value)
    with pytest.raises(ValueError, match=r"a score is a share in \[0, 1\]") as caught:
        adapter.evaluate(rows("v", 2), SEED)
    assert "in row 'v0'" in caught.value.__notes__[0] and meter.stopped


def test_nothing_is_run_once_the_meter_is_stopped():
    adapter, meter, lm = adapter_of(toy_job(), by_level)
    meter.stop(RunInterrupted("stopped"))
    with pytest.raises(RunInterrupted):
        adapter.evaluate(rows("v", 3), SEED)
    assert not lm.engine.prompts


def test_texts_of_demonstrations_are_not_shown_to_the_proposer():
    seen = []

    def proposer(candidate, dataset, components):
        seen.append(candidate)
        return {"guess": "Guess well."}

    texts = showing(SEED, ["t1"])
    assert propose(proposer, scripted_lm(str), texts, {"guess": []}, "guess") == texts | {"guess": "Guess well."}
    assert seen == [{"guess": SEED["guess"]}] and "guess" + SHOWN in texts


class Catching(Guesser):
    def forward(self, question):
        try:
            return dspy.Prediction(answer=self.guess(question=question).answer, failure=None)
        except Exception:
            return dspy.Prediction(answer="1.0", failure=None)


def test_a_row_whose_call_was_lost_is_not_scored_though_the_program_catches_it():
    def dies(prompt):
        if "row v1" in prompt:
            raise RuntimeError("gone")
        return json.dumps({"answer": "0.5"})

    meter, ran = Meter(), []
    adapter = ProgramAdapter(toy_job(program=Catching), Runner(recorded(scripted_lm(dies), "task", Journal(), meter), meter))
    with pytest.raises(ModelFailing):
        ran += (run.row.id for run in adapter.run(rows("v", 3), SEED))
    assert ran == ["v0"] and meter.metric_calls == 1
