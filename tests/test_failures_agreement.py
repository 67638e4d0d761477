"""The evaluation of the failure judge, on a few runs and with scripted verdicts."""

import json
from dataclasses import replace

import dspy
import pytest

from dspy_programs.lm.replies import CompleteJSONAdapter
from dspy_programs.programs.failure_judge import FailureJudge
from dspy_programs.types import Trace
from optimizers.sources.failure_reviews import reviews
from tests.agreement_cases import Case, sampled
from tests.agreement_figures import Figure, agreement, kinds_table, parts_table, read, share, write
from tests.failures_agreement import ByModel, Verdict, by_rules, figures_of
from tests.fakes import ScriptedEngine

NONE = Verdict("none", None, False, False)
LIE = Verdict("HALLUCINATION", 2, False, True)


def case(name: str, **known) -> Case:
    return Case(Trace(trace_id=name, original_goal=name, turns=[]), known.pop("group", name), known.pop("seen", True), **known)


def found(part: str, judge, *runs: Case) -> dict[tuple[str, str], str]:
    return {(f.what, f.of): str(f).partition(" [")[0] for f in figures_of({part: runs}, judge)}


def judge_of(**verdicts: Verdict):
    return lambda trace: verdicts.get(trace.trace_id, NONE)


def test_share_is_of_runs_and_its_interval_of_groups():
    rows = [(f"g{i % 4}", i % 2 == 0) for i in range(40)]
    half = share("a", "all", rows)
    assert (half.count, half.total, half.value) == (20, 40, 0.5)
    assert half.low == 0.0 and half.high == 1.0  # two of four groups count whole: 40 runs know no more than 4
    alone = share("a", "all", [(f"g{i}", i % 2 == 0) for i in range(40)])
    assert 0.3 < alone.low < 0.5 < alone.high < 0.7


@pytest.mark.parametrize(("counts", "low", "high"), [(False, 0.0, 0.49), (True, 0.51, 1.0)])
def test_nothing_and_everything_have_an_interval(counts, low, high):
    figure = share("a", "all", [(f"g{i % 4}", counts) for i in range(400)])
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=0.01)


def test_no_runs_is_said():
    assert str(share("a", "all", [])) == "no runs"
    assert [str(figure) for figure in agreement("a", "all", [])] == ["no runs"] * 3


def test_agreement_is_precision_recall_and_f1():
    rows = [("a", True, True), ("b", True, False), ("c", False, True), ("d", False, False), ("e", True, True)]
    assert {f.what: round(f.value, 3) for f in agreement("x", "all", rows)} == {
        "x, F1": 0.667,
        "x, precision": 0.667,
        "x, recall": 0.667,
    }


def test_workbench_is_measured_by_outcome_and_model():
    runs = [
        case("a", model="m", went_well=False),
        case("b", model="n", went_well=False, seen=False),
        case("c", model="m", went_well=True),
        case("d", model="m", went_well=True, changes=False),
        case("e", model="m"),
    ]
    told = found("workbench", judge_of(a=LIE, d=LIE, e=LIE), *runs)
    assert told["WorkBench, wrong runs found", "all"] == "1/2 = 0.500"
    assert told["WorkBench, wrong runs found", "unseen"] == "0/1 = 0.000" == told["WorkBench, wrong runs found", "n"]
    assert told["WorkBench, right runs hit", "m"] == "1/2 = 0.500"
    assert told["WorkBench, right runs hit that had something to change", "all"] == "0/1 = 0.000"
    assert told["WorkBench, hit", "wrong by the source only"] == "1/1 = 1.000"
    assert told["WorkBench, verdicts on wrong runs", "HALLUCINATION"] == "1/2 = 0.500"


def test_who_and_when_counts_turns_and_knows_that_the_run_failed():
    seen = []

    def judge(trace):
        seen.append(trace.is_successful)
        return {"a": LIE, "b": LIE, "c": LIE}.get(trace.trace_id, NONE)

    runs = [case(name, turn=turn, told=False) for name, turn in (("a", 2), ("b", 4), ("c", 5), ("d", 2))]
    told = found("who-and-when", judge, *runs)
    assert told["Who&When, turn exact", "all"] == "1/4 = 0.250" and told["Who&When, turn within 2", "all"] == "2/4 = 0.500"
    assert told["Who&When, a turn blamed", "all"] == "3/4 = 0.750" and seen == [False] * 4


def test_the_outcome_is_hidden_elsewhere():
    seen = []
    known = case("a", went_well=False)
    run = replace(known, trace=known.trace.model_copy(update={"is_successful": False}))
    found("tau", lambda trace: seen.append(trace.is_successful) or NONE, run)
    assert seen == [None]


def test_refusals_of_xstest_are_those_noticed_and_those_blamed():
    refusal, over = Verdict("none", None, True, False), Verdict("OVER_REFUSAL", 1, True, True)
    runs = [
        case("a", label="refused", safe=True),
        case("b", label="refused"),
        case("c", label="complied"),
        case("d", label="partial"),
    ]
    told = found("xstest", judge_of(a=over, b=refusal, c=refusal), *runs)
    assert told["XSTest, refusal found, precision", "all"] == "0.667" == told["XSTest, refusal found, recall", "all"]
    assert told["XSTest, refusal found, without partial ones, recall", "all"] == "1.000"
    assert told["XSTest, OVER_REFUSAL where a harmless request was refused, F1", "all"] == "1.000"
    assert told["XSTest, right refusals called OVER_REFUSAL", "all"] == "0/1 = 0.000"


def test_readings_measure_right_verdicts_found_failures_and_false_alarms():
    read_runs = reviews()
    sound = next(review for review in read_runs if review.mode == "none")
    lie = next(review for review in read_runs if review.mode == "HALLUCINATION" and not review.also)
    runs = [Case(r.trace, r.group, True, review=r) for r in (sound, lie)]
    verdicts = {sound.id: LIE, lie.id: Verdict("HALLUCINATION", lie.turn, False, True)}
    told = found("reviewed", lambda trace: verdicts[trace.trace_id], *runs)
    assert told["Reviewed, verdicts that are right", "all"] == "1/2 = 0.500"
    assert told["Reviewed, failures found", "all"] == "1/1 = 1.000" == told["Reviewed, failures told rightly", "HALLUCINATION"]
    assert told["Reviewed, sound runs hit", "all"] == "1/1 = 1.000"


def test_rules_judge_what_the_reader_has_read():
    """Whatever the rules are: they take every run, and blame a turn that it has."""
    for review in reviews():
        verdict = by_rules(review.trace)
        assert verdict.turn is None or verdict.turn in {turn.turn_number for turn in review.trace.turns}


def test_a_model_is_asked_through_the_judge():
    turns = [{"turn_number": 3, "role": "user", "content": "Which is nicer, tea or coffee?"}]
    turns += [{"turn_number": 4, "role": "agent", "content": "Tea."}]
    trace = Trace.model_validate({"original_goal": "Which is nicer, tea or coffee?", "turns": turns})
    engine = ScriptedEngine(lambda prompt: '{"verdict": {"mode": "HALLUCINATION", "turn": 4, "cause": "Tea"}}')
    with dspy.context(lm=dspy.LM("scripted/judge", engine=engine, cache=False), adapter=CompleteJSONAdapter()):
        judge = ByModel(FailureJudge(open_question=True))
        assert judge(trace) == Verdict("HALLUCINATION", 4, False, True) and judge.answered == {"model": 1}
    assert by_rules(trace) == NONE


def test_an_answer_of_the_rules_for_a_model_that_failed_is_counted_as_such():
    trace = Trace.model_validate(
        {"original_goal": "Which is nicer?", "turns": [{"turn_number": 0, "role": "agent", "content": "Tea."}]}
    )
    engine = ScriptedEngine(lambda prompt: "tea")
    with dspy.context(lm=dspy.LM("scripted/judge", engine=engine, cache=False), adapter=CompleteJSONAdapter()):
        judge = ByModel(FailureJudge(open_question=True))
        judge(trace)
    assert judge.answered == {"rules, the model failed": 1}


def test_a_sample_takes_every_kind_and_is_the_same_each_time():
    runs = [case(f"r{i}", went_well=(None, True, False)[i % 3]) for i in range(90)]
    drawn = sampled({"workbench": runs}, 4)["workbench"]
    assert [sum(run.went_well is well for run in drawn) for well in (None, True, False)] == [4, 4, 4]
    assert drawn == sampled({"workbench": runs}, 4)["workbench"]
    assert len(sampled({"workbench": runs[:3]}, 4)["workbench"]) == 3


def test_figures_come_back_from_the_file_and_make_the_tables(tmp_path):
    figures = [
        Figure("found", "all", 0.5, 0.25, 0.75, 1, 2),
        Figure("found", "unseen", 0.0, 0.0, 1.0, 0, 0),
        Figure("found", "gpt-4", 1.0, 0.5, 1.0, 2, 2),
        Figure("F1", "seen", 0.5, 0.4, 0.6, None, 9),
    ]
    write(tmp_path / "a.json", figures, answered_by="rules")
    assert read(tmp_path / "a.json") == figures
    assert json.loads((tmp_path / "a.json").read_text())["answered_by"] == "rules"
    assert list(parts_table(figures))[2:] == [
        "| found | 1/2 = 0.500 [0.250, 0.750] |  | no runs |",
        "| F1 |  | 0.500 [0.400, 0.600] |  |",
    ]
    assert len(list(parts_table(figures, ("F1",)))) == 3
    assert list(kinds_table(figures))[2:] == ["| found | gpt-4 | 2/2 = 1.000 [0.500, 1.000] |"]
