"""The page of a data set: what it draws is what there is, and nothing of the data becomes part of the page."""

import json
import re

from dspy_programs.data import DataFolder, overview_of
from dspy_programs.data.checks.report import Issue
from dspy_programs.data.reports.charts import sections_of
from dspy_programs.data.reports.clusters import clusters_in
from dspy_programs.data.reports.cycles import cycles_in
from dspy_programs.data.reports.lengths import Lengths
from tests.dspy_programs.data.small_set import NAME, data, data_set, judge


def page(root, name=NAME) -> str:
    return (root.parent / "reports" / name / "index.html").read_text(encoding="utf-8")


def test_a_page_has_what_there_is(tmp_path, capsys):
    root = tmp_path / "data"
    pairs = data_set(root, 12)
    assert data(root, "visualize", "-d", NAME) == 0
    assert capsys.readouterr().out.endswith("index.html: 12 pairs\n")
    bare = page(root)
    assert "Length of the instruction" in bare and "even" in bare
    assert not any(
        title in bare for title in ("<h2>Judgments", "<h2>Labels", "<h2>Checks", "<h2>Cycles", "Length of the input")
    )
    judge(root, pairs, [9.0] * 6 + [3.0] * 6, "a")
    judge(root, pairs, [9.0] * 3 + [3.0] * 9, "b")
    assert data(root, "label", "-d", NAME, "--mode", "auto-from-judge", "--judgments", "a") == 0
    assert data(root, "validate", "-d", NAME) == 0
    (root / "growths" / NAME / "checkpoints").mkdir(parents=True)
    cycle = {"cycle_id": 1, "eval_metrics": {"total": 4, "passed": 1}, "avg_quality_score": 6.5}
    (root / "growths" / NAME / "checkpoints" / "checkpoint_001.json").write_text(json.dumps({"cycles": [cycle]}))
    assert data(root, "visualize", "-d", NAME) == 0
    whole = page(root)
    for said in (
        "50.0 % of 12",
        "25.0 % of 12",
        "a and b",
        "75.0 % of 12",
        "0.50 moderate",
        "6 (50.0 %)",
        "auto-from-judge",
        "25 %",
    ):
        assert said in whole, said


def test_a_page_is_self_contained_and_escaped(tmp_path):
    root = tmp_path / "data"
    data_set(root, 6, category="<script>alert(1)</script>")
    data_set(root, 3, name="other", category="\u202e\x1b[31m\ud83d")
    for name in (NAME, "other"):
        assert data(root, "visualize", "-d", name) == 0
        text = page(root, name)
        assert "<script" not in text and not re.search(r"""(?:src|href)=["'](?!#)|url\(|@import|http-equiv="refresh""", text)
        assert "\x1b" not in text and "\u202e" not in text and "default-src 'none'" in text


def test_each_chart_is_a_picture_of_its_own(tmp_path, capsys):
    root = tmp_path / "data"
    pairs = data_set(root, 12, category="$x$ or \\frac{ and \u4e2d")
    judge(root, pairs, [9.0] * 6 + [3.0] * 6, "a")
    assert data(root, "visualize", "-d", NAME, "--png", tmp_path / "png") == 0
    pictures = sorted((tmp_path / "png").iterdir())
    charts = [chart for section in sections_of(overview_of(DataFolder(root), NAME)) for chart in section.charts]
    assert [path.name[:2] for path in pictures] == [f"{number:02}" for number in range(1, len(charts) + 1)]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures) and len(charts) > 4
    assert pictures[0].name == "01-pairs-length-of-the-instruction-characters.png"
    assert pictures[2].name == "03-pairs-categories.png" and f"png: {len(charts)} pictures" in capsys.readouterr().out


def test_a_report_has_every_data_set(tmp_path, capsys):
    root = tmp_path / "data"
    assert data(root, "report") == 2
    assert "no data sets" in capsys.readouterr().err
    data_set(root, 3, name="one")
    data_set(root, 4, name="two")
    assert data(root, "report", "-o", tmp_path / "all.html") == 0
    text = (tmp_path / "all.html").read_text()
    assert "2 data sets" in text and 'href="#set-2"' in text and text.count("<article") == 2


def test_what_cannot_be_read_is_a_note_and_the_rest_is_shown(tmp_path, capsys):
    root = tmp_path / "data"
    pairs = data_set(root, 3)
    judge(root, pairs, [None] * 3, "failed")
    judge(root, pairs, [8.0] * 3, "good")
    report = DataFolder(root).validation(NAME)
    report.parent.mkdir(parents=True)
    report.write_text("{")
    assert data(root, "visualize", "-d", NAME) == 0
    errors = capsys.readouterr().err
    assert "no report of validate" in errors and "has no judgment with scores" in errors
    assert "100.0 % of 3" in page(root)


def test_an_output_is_never_an_input(tmp_path, capsys):
    root = tmp_path / "data"
    data_set(root, 3)
    before = DataFolder(root).pairs(NAME).read_bytes()
    assert data(root, "visualize", "-d", NAME, "-o", DataFolder(root).pairs(NAME)) == 2
    assert data(root, "diff", NAME, NAME, "-o", DataFolder(root).pairs(NAME)) == 2
    assert DataFolder(root).pairs(NAME).read_bytes() == before


def test_pairs_that_hang_together_are_one_cluster():
    def near(one: str, other: str) -> Issue:
        return Issue(pair_id=one, check="near_dup", severity="warning", message=f"near duplicate of {other} (0.81)")

    found = clusters_in([near("b", "a"), near("c", "b"), near("y", "x"), near("d", "a")])
    assert [set(cluster.ids) for cluster in found] == [{"a", "b", "c", "d"}, {"x", "y"}]
    assert [cluster.ids[0] for cluster in found] == ["a", "x"]


def test_lengths_lose_nothing_at_their_edges():
    lengths = Lengths()
    for each in (0, 0, 1, 9, 10, 100_000, 2**40):
        lengths.add(each)
    columns = lengths.columns()
    assert sum(column.rows for column in columns) == 7 and columns[0] == (0, 2) and columns[-1] == (100_000, 2)
    assert lengths.quantile(0.5) == 9 and Lengths().columns() == [] and Lengths().quantile(0.5) == 0


def test_a_checkpoint_of_another_tool_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "checkpoint_001.json"
    path.write_text(json.dumps({"cycles": [{"eval_metrics": {"total": 3, "passed": 9}}, "x", {"cycle_id": 7}]}))
    assert [(cycle.number, cycle.total, cycle.passed) for cycle in cycles_in(path)] == [(1, 3, 3), (7, 0, 0)]
    path.write_text("[]")
    assert cycles_in(path) == []


def test_scores_of_a_small_scale_are_shown_of_ten(tmp_path):
    root = tmp_path / "data"
    judge(root, data_set(root, 4), [0.9, 0.5, 0.5, 0.1], top=1)
    (found,) = overview_of(DataFolder(root), NAME).judged
    assert found.criteria == {"accuracy": 5.0, "overall": 5.0} and found.overall[9] == 1 and found.passed == 1
