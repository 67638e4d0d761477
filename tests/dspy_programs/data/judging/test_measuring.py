"""Judges measured against people and against each other: which pairs count, and what follows from the figures."""

import json
import random
from pathlib import Path

import pytest

from dspy_programs.__main__ import main
from dspy_programs.data import DataFolder, cohens_kappa, fleiss_kappa, pearson, prf, require_trusted
from dspy_programs.data.judging.calibration import Calibration
from dspy_programs.data.judging.tags import tags_of
from dspy_programs.data.pair import DataPair
from dspy_programs.data.pairs_file import as_line
from dspy_programs.errors import JudgeNotTrusted


class Room:
    """A data folder with what judges and people said, each as {pair: ...}."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"

    def judged(self, tag: str, said: dict[str, tuple[bool, float]], **more) -> None:
        lines = [
            {"pair_id": pair, "passed": passed, "scores": {"overall": overall}, "judge_model": "m", "judge": "ab", **more}
            for pair, (passed, overall) in said.items()
        ]
        self.write(f"judgments/demo.{tag}.jsonl", lines)

    def labelled(self, *lines: dict) -> None:
        self.write("labels/demo.jsonl", lines)

    def write(self, name: str, lines) -> None:
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def run(self, *argv: str) -> int:
        return main(["data", *argv, "-d", "demo", "--data", str(self.data)])

    def report(self, name: str):
        return json.loads((self.root / "reports" / "demo" / name).read_text())


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def label(pair: str, status: str | None, **more) -> dict:
    return {"pair_id": pair, "status": status, "tag": None, "note": None, "labeler": "interactive", "labeled_at": "", **more}


def test_the_articles_calibration(room, capsys):
    """Six passed and approved, two failed and approved: precision 1, recall 0.75, F1 0.857."""
    room.judged("a", {str(i): (i < 6, 8.0 if i < 6 else 5.0) for i in range(8)})
    room.labelled(*(label(str(i), "approved") for i in range(8)))
    assert room.run("calibrate", "--tag", "a", "--approved-is", "approved") == 0
    found = room.report("calibrate.a.json")
    assert (found["precision"], found["recall"], round(found["f1"], 3), found["accuracy"]) == (1.0, 0.75, 0.857, 0.75)
    assert [found[name] for name in ("tp", "fp", "tn", "fn", "n_evaluated", "dataset", "tag", "approved_is")] == [
        *(6, 0, 0, 2, 8),
        *("demo", "a", "approved"),
    ]
    shown = capsys.readouterr().out
    assert "TP/FP/TN/FN        6/0/0/2" in shown and "refused: no better than chance" in shown


@pytest.mark.parametrize("command", ["calibrate", "compare"])
def test_a_data_set_that_is_not_there_is_what_is_wrong(room, capsys, command):
    room.judged("a", {"1": (True, 8.0)})
    argv = ["--tag", "a"] if command == "calibrate" else ["--tags", "a,b"]
    assert main(["data", command, "-d", "none", "--data", str(room.data), *argv]) == 2
    assert capsys.readouterr().err.startswith("error: no data set 'none' in ")


def test_few_right_verdicts_prove_no_perfect_f1(room):
    """Every resample of them is right too, so a bootstrap alone would call F1 certain."""
    room.judged("a", {str(i): (i < 4, 8.0) for i in range(8)})
    room.labelled(*(label(str(i), "approved" if i < 4 else "rejected") for i in range(8)))
    assert room.run("calibrate", "--tag", "a") == 0
    found = room.report("calibrate.a.json")
    low, high = found["intervals"]["f1"]
    assert found["f1"] == high == 1.0 and found["intervals"]["precision"][0] < low < 0.7


def test_needs_edit_and_skipped_are_no_negatives_unless_asked(room):
    room.judged("a", {str(i): (True, 9.0) for i in range(6)})
    statuses = ["approved", "rejected", "needs_edit", "skipped", "approved", None]
    room.labelled(*(label(str(i), status) for i, status in enumerate(statuses)))
    assert room.run("calibrate", "--tag", "a") == 0
    found = room.report("calibrate.a.json")
    assert (found["tp"], found["fp"], found["n_evaluated"], found["left_out"]) == (2, 1, 3, 2)
    assert room.run("calibrate", "--tag", "a", "--negatives", "rejected,needs_edit") == 0
    assert room.report("calibrate.a.json")["fp"] == 2


def test_the_latest_label_and_the_latest_judgment_of_a_pair_count(room):
    room.judged("a", {"1": (True, 9.0), "2": (False, 1.0)})
    with (room.data / "judgments" / "demo.a.jsonl").open("a") as file:
        file.write(
            json.dumps({"pair_id": "2", "passed": True, "scores": {"overall": 9}, "judge_model": "m", "judge": "ab"}) + "\n"
        )
        file.write('{"pair_id": "1", "passed": fal')
    room.labelled(label("1", "rejected"), label("1", "approved"), label("2", "skipped"), label("2", "rejected"))
    assert room.run("calibrate", "--tag", "a") == 0
    found = room.report("calibrate.a.json")
    assert (found["tp"], found["fp"], found["tn"], found["fn"]) == (1, 1, 0, 0)


def test_a_pair_that_was_edited_says_nothing_of_the_judgment_before(room):
    room.judged("a", {"1": (False, 2.0), "2": (True, 9.0), "3": (True, 9.0)})
    room.labelled(
        label("1", "needs_edit", edit={"output": "better"}),
        label("1", "approved"),
        label("2", "approved", edit={"output": "x"}),
        label("2", "approved", edit={}),
        label("3", "approved"),
    )
    assert room.run("calibrate", "--tag", "a") == 0
    found = room.report("calibrate.a.json")
    assert (found["n_evaluated"], found["tp"], found["labels"]) == (2, 2, {"approved": 2, "edited": 1})


def test_a_judge_is_not_its_own_witness(room, capsys):
    """Labels that were derived from judgments agree with them by construction."""
    judged, labels = many(0.5)
    room.judged("a", judged)
    own = [label(pair, "approved" if passed else "rejected", labeler="auto-from-judge") for pair, (passed, _) in judged.items()]
    room.labelled(*labels, *own)
    assert room.run("calibrate", "--tag", "a", "--gate") == 1
    assert room.report("calibrate.a.json")["by_judge"] == 400
    room.labelled(*own)
    assert room.run("calibrate", "--tag", "a") == 2
    assert "400 labels are a judge's own" in capsys.readouterr().err
    assert room.run("calibrate", "--tag", "a", "--any-labeler") == 0
    assert room.report("calibrate.a.json")["kappa"] == 1.0


def many(right: float, count: int = 400, seed: int = 0):
    """Return judgments and labels of pairs: the judge is right with this chance, and its scores lie apart at 6.5."""
    chance, judged, labels = random.Random(seed), {}, []
    for i in range(count):
        is_good = chance.random() < 0.6
        seen_good = is_good if chance.random() < right else not is_good
        judged[f"p{i}"] = (seen_good, chance.uniform(6.5, 10) if seen_good else chance.uniform(2, 6.5))
        labels.append(label(f"p{i}", "approved" if is_good else "rejected"))
    return judged, labels


@pytest.mark.parametrize(("right", "code"), [(0.9, 0), (0.5, 1), (0.1, 1)])
def test_a_judge_no_better_than_chance_is_refused_as_a_gate(room, capsys, right, code):
    judged, labels = many(right)
    room.judged("a", judged)
    room.labelled(*labels)
    assert room.run("calibrate", "--tag", "a", "--gate") == code
    found = Calibration.model_validate(room.report("calibrate.a.json"))
    assert found.better_than_chance is (code == 0)
    if code:
        assert "no better than chance" in capsys.readouterr().err
        with pytest.raises(JudgeNotTrusted, match="label more pairs of both kinds"):
            require_trusted(found)


def test_few_labels_trust_nobody(room):
    room.judged("a", {str(i): (i < 3, 5.0) for i in range(4)})
    room.labelled(*(label(str(i), "approved" if i < 3 else "rejected") for i in range(4)))
    assert room.run("calibrate", "--tag", "a", "--gate") == 1
    assert room.report("calibrate.a.json")["kappa"] == 1.0


def test_a_calibration_of_another_judge_is_no_trust_in_this_one(room):
    judged, labels = many(0.95)
    room.judged("a", judged)
    room.labelled(*labels)
    assert room.run("calibrate", "--tag", "a") == 0
    found = Calibration.model_validate(room.report("calibrate.a.json"))
    assert require_trusted(found, "ab") is found
    with pytest.raises(JudgeNotTrusted, match="another judge"):
        require_trusted(found, "cd")


def test_the_threshold_is_chosen_on_one_half_and_measured_on_the_other(room):
    """The judge passes from 9 on and is far too strict; people draw the line at 6.5."""
    judged, labels = many(0.97)
    room.judged("a", {pair: (overall >= 9, overall) for pair, (_, overall) in judged.items()})
    room.labelled(*labels)
    assert room.run("calibrate", "--tag", "a") == 0
    found = room.report("calibrate.a.json")
    threshold = found["threshold"]
    assert 6.2 < threshold["overall"] < 6.8 and threshold["on_the_other"]["kappa"] > 0.8 > 0.5 > found["kappa"]
    assert threshold["chosen_on"] + threshold["on_the_other"]["n_evaluated"] == found["n_evaluated"]


def test_scores_of_chance_show_no_threshold_that_holds(room):
    chance = random.Random(1)
    room.judged("a", {f"p{i}": (True, chance.uniform(0, 10)) for i in range(300)})
    room.labelled(*(label(f"p{i}", chance.choice(["approved", "rejected"])) for i in range(300)))
    assert room.run("calibrate", "--tag", "a") == 0
    other = room.report("calibrate.a.json")["threshold"]["on_the_other"]
    assert other["intervals"]["kappa"][0] <= 0


def test_each_category_has_its_figures(room):
    room.judged("a", {"1": (True, 9.0), "2": (False, 2.0), "3": (True, 9.0), "4": (True, 9.0)})
    room.labelled(label("1", "approved"), label("2", "rejected"), label("3", "rejected"), label("4", "approved"))
    pairs = [DataPair(id=i, instruction="a", output="b", category=c) for i, c in (("1", "math"), ("2", "math"), ("3", "code"))]
    (room.data / "user").mkdir()
    (room.data / "user" / "demo.jsonl").write_bytes(b"".join(map(as_line, pairs)))
    assert room.run("calibrate", "--tag", "a") == 0
    slices = room.report("calibrate.a.json")["slices"]
    assert {name: (each["accuracy"], each["n_evaluated"]) for name, each in slices.items()} == {
        "math": (1.0, 2),
        "code": (0.0, 1),
        "(none)": (1.0, 1),
    }


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--tag", "b"], "no judgments of 'demo' under the tag 'b', nor a file of that name; there are: a"),
        (["--tag", "../a"], "cannot be the name of a tag"),
        (["--tag", "a", "--approved-is", "good"], "unknown status 'good'"),
        (["--tag", "a", "--negatives", "approved"], "give statuses other than approved"),
        (["--tag", "a", "--approved-is", "needs_edit"], "nothing to calibrate with: approved 1"),
        (["--tag", "a", "--labels", "none.jsonl"], "no labels of 'demo' at none.jsonl"),
    ],
)
def test_what_cannot_be_calibrated_is_one_line(room, capsys, argv, said):
    room.judged("a", {"1": (True, 9.0)})
    room.labelled(label("1", "approved"))
    assert room.run("calibrate", *argv) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1


def test_two_runs_are_compared_in_the_data_flywheels_keys(room, capsys):
    a = {str(i): (i < 6, 7.0 + i / 10) for i in range(8)}
    b = {str(i): (i < 5, 6.0 + i / 5) for i in range(1, 10)}
    room.judged("a", a)
    room.judged("b", b)
    assert room.run("compare", "--tags", "a,b") == 0
    found, common = room.report("compare.json"), [str(i) for i in range(1, 8)]
    ones, others = [a[pair] for pair in common], [b[pair] for pair in common]
    assert found["tags"] == ["a", "b"] and found["n_common"] == 7 and found["dataset"] == "demo"
    assert found["cohens_kappa"] == pytest.approx(cohens_kappa([x[0] for x in ones], [x[0] for x in others]))
    assert found["score_pearson"] == pytest.approx(pearson([x[1] for x in ones], [x[1] for x in others]))
    assert found["pass_agreement"] == pytest.approx(6 / 7) and (found["a_passed"], found["b_passed"]) == (5, 4)
    assert found["a_mean"] == pytest.approx(sum(x[1] for x in ones) / 7)
    assert found["b_mean"] == pytest.approx(sum(x[1] for x in others) / 7)
    assert all(low <= found[name] <= high for name, (low, high) in found["intervals"].items())
    assert "a vs b" in capsys.readouterr().out


def test_three_runs_are_all_compared(room):
    chance = random.Random(0)
    said = {tag: {str(i): (chance.random() < 0.5 + i / 200, chance.uniform(0, 10)) for i in range(100)} for tag in "abc"}
    for tag, each in said.items():
        room.judged(tag, each)
    assert room.run("compare") == 0
    found = room.report("compare.json")
    assert found["tags"] == ["a", "b", "c"] and [two["tags"] for two in found["pairs"]] == [["a", "b"], ["a", "c"], ["b", "c"]]
    votes = [[said[tag][str(i)][0] for tag in "abc"] for i in range(100)]
    assert found["fleiss_kappa"] == pytest.approx(fleiss_kappa(votes))
    assert found["unanimous"] == sum(len(set(each)) == 1 for each in votes) / 100
    low, high = found["intervals"]["fleiss_kappa"]
    assert low < found["fleiss_kappa"] < high
    two = found["pairs"][1]
    assert two["cohens_kappa"] == pytest.approx(cohens_kappa([v[0] for v in votes], [v[2] for v in votes]))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--tags", "a"], "give two or more different tags; there are: a, b"),
        (["--tags", "a,a"], "give two or more different tags"),
        (["--tags", "a,z"], "no judgments of 'demo' under the tag 'z'"),
        (["--tags", "a,b"], "no pair has a judgment of each of a, b"),
    ],
)
def test_what_cannot_be_compared_is_one_line(room, capsys, argv, said):
    room.judged("a", {"1": (True, 9.0)})
    room.judged("b", {"2": (True, 9.0)})
    assert room.run("compare", *argv) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1


def test_identical_runs_agree_perfectly_and_constant_ones_do_not_crash(room):
    for tag in "ab":
        room.judged(tag, {str(i): (True, 8.0) for i in range(5)})
    assert room.run("compare") == 0
    found = room.report("compare.json")
    assert (found["pass_agreement"], found["cohens_kappa"], found["score_pearson"]) == (1.0, 1.0, 0.0)


def test_prf_and_calibration_say_the_same(room):
    judged, labels = many(0.8, 50)
    room.judged("a", judged)
    room.labelled(*labels)
    assert room.run("calibrate", "--tag", "a", "--json") == 0
    found = room.report("calibrate.a.json")
    truth = [each["status"] == "approved" for each in labels]
    expected = prf([judged[each["pair_id"]][0] for each in labels], truth)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_a_label_that_was_cut_off_is_skipped_and_counted(room, capsys):
    """A writer was killed in the middle of a line, and the next one began a new one."""
    room.judged("a", {str(i): (i < 2, 9.0) for i in range(4)})
    labels = room.data / "labels" / "demo.jsonl"
    labels.parent.mkdir()
    lines = [json.dumps(label(str(i), "approved" if i < 2 else "rejected")) for i in range(4)]
    labels.write_text("\n".join([lines[0], lines[1][:25], *lines[1:], lines[0][:30]]))
    assert room.run("calibrate", "--tag", "a") == 0
    found = room.report("calibrate.a.json")
    assert (found["tp"], found["tn"], found["n_evaluated"], found["broken_labels"]) == (2, 2, 4, 1)
    assert "1 broken line of labels" in capsys.readouterr().out


def test_a_judgment_that_failed_is_no_verdict(room):
    """Other tools write a failure as a line without scores; it says nothing of the judge's verdicts."""
    room.judged("a", {str(i): (True, 9.0) for i in range(2)})
    with (room.data / "judgments" / "demo.a.jsonl").open("a") as file:
        file.write(json.dumps({"pair_id": "2", "scores": {}, "passed": False, "error": "timeout"}) + "\n")
    room.labelled(*(label(str(i), "approved") for i in range(3)))
    assert room.run("calibrate", "--tag", "a") == 0
    assert (room.report("calibrate.a.json")["tp"], room.report("calibrate.a.json")["fn"]) == (2, 0)


def test_the_judgments_of_another_data_set_are_not_taken_for_a_tag(room):
    """demo.clean is a data set of its own: its judgments are not demo's under the tag "clean.a"."""
    room.judged("a", {"1": (True, 9.0)})
    room.write("user/demo.clean.jsonl", [{"instruction": "i", "output": "o"}])
    room.write("judgments/demo.clean.a.jsonl", [])
    assert tags_of(DataFolder(room.data), "demo") == ["a"]
