"""The commands as a user runs them: what is printed and written, and the exit codes that a CI relies on."""

import csv
import gzip
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from dspy_programs.__main__ import main
from tests.dspy_programs.data.scorer.made_rows import clean_rows


def data(*arguments):
    return main(["data", *map(str, arguments)])


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def good(tmp_path):
    return lines(tmp_path / "good.jsonl", clean_rows(60))


@pytest.fixture
def bad(tmp_path):
    rows = clean_rows(60, seed=2)
    rows[3]["output"] = rows[4]["output"] = ""
    rows[5] = rows[6]
    return lines(tmp_path / "bad.jsonl", rows)


def test_score_prints_the_total_each_check_and_rows_to_look_at(bad, capsys):
    assert data("score", bad) == 0
    out = capsys.readouterr().out
    assert re.search(r"bad\.jsonl  \d\d\.\d of 100  \w+", out)
    assert "missing: 2 rows without an answer\n  bad.jsonl:4  " in out
    assert "duplicates: 1 row the same as an earlier one, but for case and spaces\n  bad.jsonl:7 = bad.jsonl:6  " in out
    assert "label is left out" in out
    assert not any(line.endswith(" ") for line in out.splitlines())


@pytest.mark.parametrize(("least", "code"), [(0, 0), (90, 1), (100, 1)])
def test_the_gate_exits_1_below_the_least_score_and_says_so_once(bad, capsys, least, code):
    assert data("score", bad, "--min-score", least, "--format", "json") == code
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert ("below" in captured.err) == bool(code)
    assert (found["score"] < least) == bool(code)


def test_the_json_can_be_reckoned_up(bad, capsys):
    assert data("score", bad, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["detected_format"] == "alpaca"
    assert [check["check"] for check in found["checks"]] == [
        "json", "field_consistency", "missing", "duplicates", "near_duplicates", "diversity",
        "text_length", "token_length", "instruction", "language", "label",
    ]  # fmt: skip
    counted = [check for check in found["checks"] if "score" in check]
    whole = sum(check["weight"] for check in counted)
    total = 100.0
    for check in counted:
        half, share = check["half"], check["share"]
        assert check["score"] == pytest.approx((1 - share) / (1 + share * (1 - 2 * half) / half), abs=1e-4)
        assert check["passed"] == (check["score"] >= 0.8)
        total *= max(check["score"], 0.01) ** (check["weight"] / whole)
    assert found["score"] == pytest.approx(total, abs=0.02)
    assert sum(check["points_lost"] for check in counted) == pytest.approx(100 - found["score"], abs=0.1)


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.outside = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.outside += [value for name, value in attrs if name in ("src", "href", "xlink:href") and not value.startswith("#")]


def test_the_page_needs_nothing_from_elsewhere_and_shows_the_data_as_text(tmp_path):
    rows = clean_rows(30)
    rows[2] = {**rows[2], "instruction": "<script>alert(1)</script><img src=x onerror=alert(2)>", "output": ""}
    page = tmp_path / "page.html"
    assert data("score", lines(tmp_path / "rows.jsonl", rows), "-o", page) == 0
    text = page.read_text(encoding="utf-8")
    links = Links()
    links.feed(text)
    assert links.outside == []
    assert "svg" in links.tags and not links.tags & {"script", "img", "link", "iframe"}
    assert "&lt;script&gt;alert(1)" in text
    assert "http" not in re.sub(r"http-equiv", "", text)


def test_what_is_in_the_rows_steers_no_terminal(tmp_path, capsys):
    row = {"instruction": "\x1b[31mred [bold]x[/bold] \u202e", "output": ""}
    assert data("score", lines(tmp_path / "rows.jsonl", [*clean_rows(20), row])) == 0
    out = capsys.readouterr().out
    assert "[bold]x[/bold]" in out and "\x1b" not in out and "\u202e" not in out


def test_the_output_is_what_its_name_ends_in_unless_a_format_is_given(good, tmp_path):
    assert data("score", good, "-o", tmp_path / "a.json") == 0
    assert json.loads((tmp_path / "a.json").read_text())["score"] == 100.0
    assert data("score", good, "-o", tmp_path / "a.txt") == 0
    assert "100.0 of 100  READY" in (tmp_path / "a.txt").read_text()
    assert data("score", good, "-o", tmp_path / "b.txt", "--format", "json") == 0
    assert json.loads((tmp_path / "b.txt").read_text())["rows"] == 60


def test_every_kind_of_file_scores_the_same(good, tmp_path, capsys):
    rows = [json.loads(line) for line in good.read_text().splitlines()]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write(good.read_text())
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    for name in ("a.json", "a.jsonl.gz", "a.csv", "a.parquet"):
        assert data("score", tmp_path / name, "--format", "json") == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["score"], found["rows"], found["detected_format"]) == (100.0, 60, "alpaca"), name


def test_a_data_set_is_scored_by_its_name_and_from_standard_input(good, tmp_path, capsys):
    (tmp_path / "data" / "user").mkdir(parents=True)
    (tmp_path / "data" / "user" / "mine.jsonl").write_text(good.read_text())
    assert data("score", "mine", "--data", tmp_path / "data", "--limit", 10, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 10
    run = subprocess.run(
        [sys.executable, "-m", "dspy_programs", "data", "score", "-", "--format", "json"],
        stdin=good.open("rb"), capture_output=True, env={**os.environ, "PYTHONPATH": os.getcwd()}, check=True,
    )  # fmt: skip
    assert json.loads(run.stdout)["rows"] == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", "nothing.jsonl"], "no such file"),
        (["score", "nothing"], "no data set 'nothing'"),
        (["score", "../nothing"], "no such file"),
        (["score", "empty.jsonl"], "no rows"),
        (["score", "broken.jsonl"], "no row can be read"),
        (["score", "broken.parquet"], "cannot be read"),
        (["score", "."], "a folder"),
        (["score", "good.jsonl", "-c", "nothing.yaml"], "nothing.yaml"),
        (["score", "good.jsonl", "-c", "wrong.yaml"], "wieghts"),
        (["score", "good.jsonl", "-o", "good.jsonl"], "is read"),
        (["score", "good.jsonl", "-o", "empty.jsonl/x"], "cannot be written"),
        (["score", "good.jsonl", "--min-score", "101"], "less than or equal to 100"),
        (["score", "good.jsonl", "-c", "tokenizer.yaml"], "no embedded model named"),
        (["score", "hf:none"], "hf:OWNER/NAME"),
        (["score-diff", "good.jsonl", "nothing.jsonl"], "no such file"),
        (["stats", "empty.jsonl"], "no rows"),
        (["fix", "good.jsonl", "-o", "good.jsonl"], "is read"),
        (["fix", "good.csv", "--apply"], "JSON lines"),
        (["fix", "good.jsonl", "--apply", "--limit", "3"], "--limit"),
        (["fix", "good.jsonl", "--apply", "-o", "x.jsonl"], "--output"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(good, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").write_text("\n\n")
    (tmp_path / "broken.jsonl").write_text("{oops\n[1]\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "wrong.yaml").write_text("wieghts: 1")
    (tmp_path / "tokenizer.yaml").write_text("tokenizer: local/none")
    (tmp_path / "good.csv").write_text("instruction,output\na,b\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert data(*arguments) == 2
    captured = capsys.readouterr()
    message = captured.err.strip()
    assert said in message and captured.out == ""
    assert "--min-score" in arguments or len(message.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_score_diff_tells_what_changed_and_what_both_have(good, bad, tmp_path, capsys):
    both = lines(tmp_path / "both.jsonl", [*map(json.loads, bad.read_text().splitlines()), *clean_rows(10)])
    assert data("score-diff", good, both, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["change"] < 0
    assert found["shared_rows"] == 10
    assert {"check": "missing", "kind": "no_answer", "before": 0, "after": 2} in found["findings"]
    assert data("score-diff", good, both) == 0
    assert "10 distinct rows are in both, of 60 and 69" in capsys.readouterr().out


def test_fix_writes_the_mended_rows_and_every_change(tmp_path, capsys):
    rows = clean_rows(20)
    rows[1]["output"] += " \r\n"
    rows[2]["output"] = None
    rows[3] = rows[4]
    source = lines(tmp_path / "rows.jsonl", rows)
    with source.open("a") as file:
        file.write("{oops\n")
    before = source.read_bytes()
    assert data("fix", source) == 0
    assert "nothing is written" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]
    assert data("fix", source, "-o", tmp_path / "fixed.jsonl") == 0
    assert "21 rows read, 18 kept, 1 of them changed, 3 dropped" in capsys.readouterr().out
    fixed = [json.loads(line) for line in (tmp_path / "fixed.jsonl").read_text().splitlines()]
    changes = [json.loads(line) for line in (tmp_path / "fixed.jsonl.changes.jsonl").read_text().splitlines()]
    assert len(fixed) == 18 and source.read_bytes() == before
    assert [change.get("dropped", change.get("reason")) for change in changes] == [
        "line breaks written as LF", "blanks around it removed", "no answer", f"the same as {source}:4",
        "unreadable: " + changes[-1]["dropped"].removeprefix("unreadable: "),
    ]  # fmt: skip
    assert data("score", tmp_path / "fixed.jsonl", "--min-score", 100) == 0


def test_fix_in_place_keeps_the_old_file_and_never_overwrites_it(bad, tmp_path, capsys):
    before = bad.read_bytes()
    assert data("fix", bad, "--apply") == 0
    kept = tmp_path / "bad.jsonl.before"
    assert kept.read_bytes() == before
    assert len(bad.read_text().splitlines()) == 57
    assert data("fix", bad, "--apply") == 2
    assert "exists already" in capsys.readouterr().err
    assert kept.read_bytes() == before


def test_stats_count_lengths_turns_tokens_categories_and_languages(tmp_path, capsys):
    rows = clean_rows(50)
    chat = [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Red"}]
    source = lines(tmp_path / "rows.jsonl", [*rows, {"messages": chat}, {"messages": [*chat, *chat]}])
    assert data("stats", source, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["detected_format"], found["formats"]) == (52, "alpaca", {"alpaca": 50, "chatml": 2})
    assert found["lengths"]["turns"]["max"] == 4 and found["lengths"]["turns"]["sum"] == 6
    assert sum(found["categories"]["category"].values()) == 50
    assert list(found["languages"]) == ["en"]
    assert found["lengths"]["row_tokens"]["sum"] > found["lengths"]["answer_tokens"]["sum"] > 500
    whole = sum(len("\n".join(filter(None, (row["instruction"], row["input"], row["output"])))) for row in rows)
    assert found["lengths"]["row_characters"]["sum"] == whole + 18 + 37
    assert next(each for each in found["fields"] if each["field"] == "input") == {
        "field": "input", "rows": 50, "filled": 0, "types": []
    }  # fmt: skip
    assert data("stats", source, "--no-tokens") == 0
    assert "tokens" not in capsys.readouterr().out


@pytest.mark.parametrize("command", ["score", "score-diff", "fix", "stats"])
def test_each_command_has_help(command, capsys):
    assert data(command, "--help") == 0
    assert "--data" in capsys.readouterr().out


def test_an_unknown_setting_is_told_with_those_that_there_are(good, tmp_path, capsys):
    (tmp_path / "own.yaml").write_text("weights: {duplicates: 0.5}\n")
    assert data("score", good, "-c", tmp_path / "own.yaml") == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "own.yaml: weights: " in told and "choose from checks, bands, " in told
