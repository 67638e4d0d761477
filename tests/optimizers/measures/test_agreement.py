"""A judge is compared with people: kappa is Cohen's, its interval honest, and only a judge beyond chance passes the gate."""

import csv
import gzip
import io
import json
import random

import dspy
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from dspy_programs.errors import JudgeNotTrusted, ModelFailing
from dspy_programs.predict import Failure
from dspy_programs.programs.quality_judge import QualityJudge
from optimizers.agreement import main
from optimizers.calls import Meter
from optimizers.measures import agreement_with_people, gate, save_agreement
from optimizers.measures.agreement import (
    Agreement,
    calibration_path,
    confusion,
    kappa_interval,
    kappa_of,
    require_trusted,
    verdict_of,
)
from optimizers.scoring import Runner
from tests.fakes import ChatServer

VERDICTS = ("first", "second", "tie")
LONG, SHORT = "Apples, pears and plums grow in the west of Norway, by the fjords.", "Apples."


def row(number: int, verdict: str, response: str = LONG, other: str = SHORT) -> dict:
    return {
        "id": f"r{number}",
        "instruction": f"Name fruits that grow in Norway, please, number {number}.",
        "input": "",
        "response": response,
        "other": other,
        "rubric": "quality",
        "verdict": verdict,
        "unanimous": True,
    }


def rows(count: int = 40, wrong: int = 0) -> list[dict]:
    """Rows of which the longer response is better, but for the first so many."""
    turned = {"first": "second", "second": "first"}
    made = [row(n, "first") if n % 2 else row(n, "second", SHORT, LONG) for n in range(count)]
    return [r | {"verdict": turned[r["verdict"]]} if n < wrong else r for n, r in enumerate(made)]


def examples(made: list[dict]) -> list[dspy.Example]:
    return [dspy.Example(**r).with_inputs("instruction", "input", "response", "other", "rubric") for r in made]


class Always(dspy.Module):
    """A judge with a fixed opinion, or one that prefers what stands in a place."""

    def __init__(self, opinion) -> None:
        super().__init__()
        self.opinion = opinion

    def forward(self, response: str, other: str, **inputs) -> dspy.Prediction:
        verdict = self.opinion(response, other)
        return verdict if isinstance(verdict, dspy.Prediction) else dspy.Prediction(verdict=verdict, failure=None)


def measured(judge, made) -> Agreement:
    return agreement_with_people(judge, examples(made), Runner(None, Meter()), "quality_judge")


def by_length(response: str, other: str) -> str:
    return "first" if len(response) > len(other) else "second"


def test_kappa_is_cohens():
    table = np.array([[20.0, 5.0], [10.0, 15.0]])  # the textbook case: 0.7 agreed, 0.5 by chance
    assert kappa_of(table) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("gold", "found", "kappa"),
    [
        ("abc" * 5, "abc" * 5, 1.0),
        ("ab" * 6, "ba" * 6, -1.0),
        ("ab" * 6, "a" * 12, 0.0),
        ("a" * 12, "a" * 12, 0.0),
    ],
)
def test_kappa_of_extremes(gold, found, kappa):
    names = dict(zip("abc", VERDICTS, strict=True))
    tables = confusion([names[c] for c in gold], [names[c] for c in found], list(map(str, range(len(gold)))))
    assert kappa_of(tables.sum(axis=0)) == pytest.approx(kappa)


def test_kappa_interval_holds_kappa_and_narrows_with_rows():
    draw = random.Random(3)
    gold = [draw.choice(VERDICTS) for _ in range(400)]
    found = [label if draw.random() < 0.5 else draw.choice(VERDICTS) for label in gold]
    few, many = (confusion(gold[:n], found[:n], list(map(str, range(n)))) for n in (40, 400))
    (low, high), (lower, higher) = kappa_interval(many), kappa_interval(few)
    assert low < kappa_of(many.sum(axis=0)) < high
    assert high - low < higher - lower


def test_kappa_interval_draws_instructions_not_rows():
    gold, found = ["first", "second"] * 40, ["first", "second"] * 30 + ["second", "first"] * 10
    alone = kappa_interval(confusion(gold, found, list(map(str, range(80)))))
    together = kappa_interval(confusion(gold, found, [str(n // 10) for n in range(80)]))
    assert together[1] - together[0] > alone[1] - alone[0]


def test_calibrate_trusts_a_judge_that_agrees_with_people():
    result = measured(QualityJudge(), rows(wrong=4))
    assert (result.agreement, result.consistency, result.unread, result.lm) == (0.9, 1.0, 0, "rules")
    assert result.kappa == pytest.approx(0.8) and result.usable_as_gate
    assert require_trusted(result) is result


@pytest.mark.parametrize(
    ("opinion", "consistency"), [(lambda a, b: "first", 0.0), (lambda a, b: "tie", 1.0), (lambda a, b: "second", 0.0)]
)
def test_calibrate_refuses_a_constant_judge_as_gate(opinion, consistency):
    result = measured(Always(opinion), rows())
    assert (result.kappa, result.consistency) == (0.0, consistency)
    with pytest.raises(JudgeNotTrusted, match=r"no better than chance \(kappa 0\.000 \[0\.000, 0\.000\], 40 rows\)"):
        require_trusted(result)


def test_calibrate_refuses_a_judge_that_is_right_on_too_few_rows_to_tell():
    assert not measured(Always(by_length), rows(4, wrong=1)).usable_as_gate


def test_calibrate_counts_what_could_not_be_judged_against_the_judge():
    def sometimes(response, other):
        failed = dspy.Prediction(verdict=by_length(response, other), failure=Failure(reason="not JSON", raw_reply=""))
        return by_length(response, other) if response == LONG else failed

    result = measured(Always(sometimes), rows())
    assert (result.unread, result.agreement, result.consistency) == (20, 0.5, 0.0)


@pytest.mark.parametrize("pred", [dspy.Prediction(), dspy.Prediction(verdict="pass"), dspy.Prediction(verdict=["first"])])
def test_verdict_of_what_is_none_is_unread(pred):
    assert verdict_of(pred) == "unread"


def test_calibrate_raises_what_stopped_the_meter():
    meter = Meter()
    meter.stop(ModelFailing("no answer"))
    with pytest.raises(ModelFailing):
        agreement_with_people(Always(by_length), examples(rows(4)), Runner(None, meter), "quality_judge")


def test_gate_lets_a_calibrated_judge_pass():
    kept = measured(QualityJudge(), rows())
    assert save_agreement(kept) == calibration_path("quality_judge", "rules")
    assert gate(QualityJudge(), "quality_judge", "rules") == kept


def test_gate_refuses_a_judge_that_was_never_calibrated():
    with pytest.raises(JudgeNotTrusted, match=r"never been compared with people; measure it: python -m optimizers\.agreement"):
        gate(QualityJudge(), "quality_judge", "scripted/judge")


def test_gate_refuses_a_judge_no_better_than_chance():
    save_agreement(measured(QualityJudge(), rows(wrong=20)))
    with pytest.raises(JudgeNotTrusted, match="no better than chance"):
        gate(QualityJudge(), "quality_judge", "rules")


def test_gate_refuses_the_calibration_of_another_instruction():
    save_agreement(measured(QualityJudge(), rows()))
    other = QualityJudge()
    other.score.signature = other.score.signature.with_instructions("Be kind.")
    with pytest.raises(JudgeNotTrusted, match="another judge, model, instruction"):
        gate(other, "quality_judge", "rules")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kappa": 1}', "\x00"])
def test_gate_refuses_a_calibration_that_cannot_be_read(text):
    path = save_agreement(measured(QualityJudge(), rows()))
    path.write_text(text, encoding="utf-8")
    with pytest.raises(JudgeNotTrusted, match="not a calibration that can be read"):
        gate(QualityJudge(), "quality_judge", "rules")


@pytest.fixture
def folder(tmp_path):
    def write(made: list[dict]):
        (tmp_path / "test.jsonl").write_text("".join(json.dumps(r) + "\n" for r in made), encoding="utf-8")
        return tmp_path

    return write


def command(folder, *more: str) -> int:
    return main(["--module", "quality_judge", "--rules", "--data", str(folder), *more])


def test_command_prints_and_keeps_the_calibration(folder, capsys, tmp_path):
    assert command(folder(rows(wrong=4)), "--gate", "--json", str(tmp_path / "out.json")) == 0
    printed = capsys.readouterr().out
    for text in ("agreement    0.900", "kappa        0.800 [", "consistency  1.000", "better than chance", "kept"):
        assert text in printed
    result = Agreement.model_validate_json((tmp_path / "out.json").read_bytes())
    assert result == gate(QualityJudge(), "quality_judge", "rules")


def as_csv(made: list[dict]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(made[0]))
    writer.writeheader()
    writer.writerows({name: json.dumps(value) if isinstance(value, bool) else value for name, value in r.items()} for r in made)
    return text.getvalue().encode()


def as_parquet(made: list[dict]) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(made), sink)
    return sink.getvalue()


FORMS = {
    "test.csv": as_csv(rows(wrong=4)),
    "test.json": json.dumps(rows(wrong=4)).encode(),
    "test.jsonl.gz": gzip.compress("".join(json.dumps(r) + "\n" for r in rows(wrong=4)).encode()),
    "test.parquet": as_parquet(rows(wrong=4)),
}


@pytest.mark.parametrize("whole", [True, False], ids=["file", "folder"])
@pytest.mark.parametrize("name", FORMS)
def test_command_reads_rows_in_every_form_that_train_reads(tmp_path, capsys, name, whole):
    (tmp_path / name).write_bytes(FORMS[name])
    assert command(tmp_path / name if whole else tmp_path) == 0
    assert "agreement    0.900" in capsys.readouterr().out


def test_same_rows_are_known_as_the_same_whatever_their_form(tmp_path):
    names = set()
    for name, content in FORMS.items():
        (tmp_path / name).write_bytes(content)
        command(tmp_path / name)
        names.add(gate(QualityJudge(), "quality_judge", "rules").data_sha256)
    assert len(names) == 1
    assert measured(QualityJudge(), rows()).data_sha256 not in names


def test_command_asks_a_model_once_for_each_order(folder, capsys):
    def answer(prompt: str) -> str:
        first = prompt.rsplit("[[ ## response_a ## ]]", 1)[1].partition("[[ ## response_b ## ]]")[0]
        return json.dumps({"better": "A" if "fjords" in first else "B"})

    with ChatServer(answer) as server, pytest.warns(UserWarning, match="not compiled for openai/judge"):
        options = ["--lm", "openai/judge", "--api-base", server.url, "--data", str(folder(rows(12)))]
        assert main(["--module", "quality_judge", *options]) == 0
    assert len(server.requests) == 24  # the swapped rows ask nothing new
    assert "kappa        1.000" in capsys.readouterr().out
    assert gate(QualityJudge(), "quality_judge", "openai/judge").agreement == 1.0


def test_command_says_when_a_judge_is_no_better_than_chance_and_refuses_it_as_gate(folder, capsys):
    data = folder(rows(wrong=20))
    assert command(data) == 0
    assert "no better than chance: refused as a gate" in capsys.readouterr().out
    assert command(data, "--gate") == 1
    with pytest.raises(JudgeNotTrusted):
        gate(QualityJudge(), "quality_judge", "rules")


def test_command_keeps_only_what_was_measured_on_unseen_rows(folder, capsys, tmp_path):
    folder(rows()).joinpath("test.jsonl").rename(tmp_path / "val.jsonl")
    assert command(tmp_path, "--split", "val") == 0
    assert "nowhere: only the test rows are unseen" in capsys.readouterr().out
    assert not calibration_path("quality_judge", "rules").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--module", "planner", "--rules"], "its rows have no human verdict"),
        (["--module", "nobody", "--rules"], "unknown module 'nobody'"),
        (["--module", "quality_judge", "--rules", "--split", "dev"], "--split dev: choose from train, val, test"),
        (["--module", "quality_judge", "--rules", "--data", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_command_refuses_in_one_line(arguments, reason, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1
