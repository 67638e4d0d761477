"""data validate: whole files, in one process and in two."""

import json
import random
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest

from dspy_programs.__main__ import main
from dspy_programs.data import CheckOptions, DataPair, Validator
from dspy_programs.data.checks.blocks import LONGEST, SIZE, blocks_of
from dspy_programs.data.checks.candidates import candidate_pairs
from dspy_programs.data.checks.checker import Checker
from dspy_programs.data.checks.minhash import bands_of, digests_of
from dspy_programs.data.checks.near_dup import shape_of, similarity
from dspy_programs.data.checks.word_hashes import words_of
from dspy_programs.data.pairs_file import as_line
from tests.validate_speed import FAST, found_of, write_rows

LONG = "The river runs slowly through the old town and past the mill on its way to the sea in spring"


def written(folder: Path, *rows: dict | str, name: str = "mine") -> Path:
    path = folder / "user" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return path


def dropped(clean: Path) -> dict[int, str]:
    lines = clean.with_name(f"{clean.stem}.rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["line"]: row["reason"] for row in map(json.loads, lines)}


def test_every_row_is_kept_or_listed_with_its_reason(tmp_path, capsys):
    written(
        tmp_path,
        {"instruction": "Translate", "input": "cat", "output": "ok"},
        {"instruction": "Translate", "input": "dog", "output": "ok"},
        {"instruction": " translate", "input": "cat", "output": "OK"},
        {"instruction": "Describe it", "output": LONG},
        {"instruction": "Describe it", "output": LONG.replace("slowly", "softly")},
        {"instruction": "", "output": "x"},
        "{broken",
    )
    clean = tmp_path / "clean.jsonl"
    argv = ["data", "validate", "-d", "mine", "--data", str(tmp_path), "--checks", "all", "--write-clean", str(clean)]
    assert main(argv) == 0
    reasons = dropped(clean)
    assert [reasons[line].split(":")[0] for line in (3, 5, 6, 7)] == ["dedup", "near_dup", "schema", "schema"]
    assert len(clean.read_text().splitlines()) == 3 and len(reasons) == 4
    report = json.loads((tmp_path / "validation" / "mine.report.json").read_text())
    assert report["total_pairs"] == 7 and report["counts"]["near_dup"] == 1 and report["issues_left_out"] == 0
    assert set(report["issues"][0]) == {"pair_id", "check", "severity", "message", "field"}


@pytest.mark.parametrize("fail_on, code", [("error", 0), ("warning", 1), ("never", 0)])
def test_fail_on_sets_the_exit_code(tmp_path, capsys, fail_on, code):
    written(tmp_path, {"instruction": "Hi", "output": "Hello"})
    assert main(["data", "validate", "-d", "mine", "--data", str(tmp_path), "--fail-on", fail_on]) == code
    assert capsys.readouterr().out.startswith("1 pair: 0 errors, 1 warning; report: ")


def test_thresholds_change_the_counts(tmp_path):
    path = written(tmp_path, {"instruction": "Hi you", "output": "Hello there"})
    options = CheckOptions(checks=("length",), min_instruction_len=10, max_output_len=5)
    assert Validator(options).validate(path).counts == {"length": 2, "severity:warning": 2}


@pytest.mark.parametrize(
    "flags",
    [["--checks", "schema,bogus"], ["--pii", "maybe"], ["--redact"], ["-d", "none"], ["--lang", "x!"], ["--lang", "xx"]],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, capsys, flags):
    written(tmp_path, {"instruction": "Hi", "output": "Hello"})
    assert main(["data", "validate", "-d", "mine", "--data", str(tmp_path), *flags]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "validation").exists()


@pytest.mark.parametrize(
    "flags, checked", [(["--lang", "fr"], True), (["--lang", "fr", "--checks", "profanity"], False), ([], False)]
)
def test_a_language_that_is_named_is_looked_for(tmp_path, capsys, flags, checked):
    written(tmp_path, {"instruction": "Describe the river, please", "output": LONG})
    assert main(["data", "validate", "-d", "mine", "--data", str(tmp_path), *flags]) == 0
    assert ("\n  lang           1\n" in capsys.readouterr().out) == checked


@pytest.mark.parametrize("code", ["no", "nb", "nn", "ug", "yue", "zh-CN", "bs", "he"])
def test_every_language_that_can_be_told_may_be_named(code):
    assert Checker(CheckOptions(checks=("lang",), language=code))


def test_one_character_is_one():
    [issue] = Validator(CheckOptions(checks=("length",))).check(DataPair(instruction="a", output="b"))
    assert issue.message == "instruction has 1 character, fewer than 3"


def test_a_check_that_is_off_has_no_count(tmp_path, capsys):
    written(tmp_path, {"instruction": "Who is it?", "output": "It is bo@uni.se."})
    assert main(["data", "validate", "-d", "mine", "--data", str(tmp_path), "--checks", "pii", "--pii", "off"]) == 0
    assert "\n  pii            off\n" in capsys.readouterr().out


def test_the_data_set_is_never_overwritten(tmp_path):
    path = written(tmp_path, {"instruction": "Hi there", "output": "Hello"})
    before = path.read_bytes()
    assert main(["data", "validate", "-d", "mine", "--data", str(tmp_path), "--write-clean", str(path)]) == 2
    assert path.read_bytes() == before


def test_redacted_rows_stay_even_if_the_policy_is_strict(tmp_path):
    path, clean = written(tmp_path, {"instruction": "Who is it?", "output": "It is bo@uni.se."}), tmp_path / "clean.jsonl"
    report = Validator(CheckOptions(pii="strict")).validate(path, clean=clean, redact=True)
    assert report.errors == 1 and json.loads(clean.read_text())["output"] == "It is [EMAIL]."
    assert dropped(clean) == {}


def test_issues_left_out_are_counted(tmp_path):
    path = written(tmp_path, *({"instruction": f"Count {n}", "output": ""} for n in range(20)))
    report = Validator(CheckOptions(checks=("schema",)), max_issues=5).validate(path)
    assert (len(report.issues), report.issues_left_out, report.counts["schema"]) == (5, 15, 20)


def test_planted_duplicates_are_found_and_pairs_that_differ_by_input_stay(tmp_path):
    path, clean = tmp_path / "rows.jsonl", tmp_path / "clean.jsonl"
    planted = write_rows(path, 4000)
    Validator(CheckOptions(checks=tuple(FAST.split(",")))).validate(path, clean=clean)
    reasons = dropped(clean)
    duplicates = {line for line, reason in reasons.items() if "duplicate of" in reason}
    assert planted.same <= reasons.keys(), found_of(planted, clean.with_name("clean.rejects.jsonl"))
    assert len(planted.near & reasons.keys()) >= 0.97 * len(planted.near)
    assert not planted.by_input & duplicates


def test_two_processes_find_what_one_finds(tmp_path):
    path = tmp_path / "rows.jsonl"
    write_rows(path, 3000)
    options = CheckOptions(checks=tuple(FAST.split(",")))
    reports = [Validator(options, processes).validate(path, clean=tmp_path / f"{processes}.jsonl") for processes in (1, 2)]
    assert reports[0].model_dump(exclude={"produced_at"}) == reports[1].model_dump(exclude={"produced_at"})
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    assert (tmp_path / "1.rejects.jsonl").read_bytes() == (tmp_path / "2.rejects.jsonl").read_bytes()


@pytest.mark.parametrize("size", [7, 64, 1 << 18])
def test_blocks_are_the_file_whatever_their_size(tmp_path, size):
    path = tmp_path / "rows"
    path.write_bytes(b"one\n\ntwo is longer than a block\nthree\r\nlast")
    found = list(blocks_of(path, size))
    assert b"".join(block.text or b"" for block in found) == path.read_bytes()
    assert [block.offset for block in found[1:]] == [block.end for block in found[:-1]]


def test_a_line_that_is_too_long_is_skipped_and_said(tmp_path):
    good = {"instruction": "Say hello", "output": "Hello"}
    path = written(tmp_path, good, {"instruction": "x" * (LONGEST + 3 * SIZE), "output": "y"}, {**good, "input": "z"})
    report = Validator(CheckOptions(checks=("schema",)), processes=1).validate(path, clean=tmp_path / "clean.jsonl")
    assert report.total_pairs == 3 and [issue.pair_id for issue in report.issues] == ["line 2"]
    assert len((tmp_path / "clean.jsonl").read_text().splitlines()) == 2


NEAR = {"instruction": "Describe the river in a few words", "output": LONG}


@pytest.mark.parametrize(
    "change, is_near",
    [
        ({"output": LONG.replace("slowly", "softly")}, True),
        ({"instruction": "Describe the river in few words"}, True),
        ({"input": "now"}, False),
        ({"output": " ".join(reversed(LONG.split()))}, False),
        ({"instruction": "Describe the mill in a few words", "output": LONG.replace("river", "mill")}, False),
        ({"instruction": "Describe the river in 20 words"}, False),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": LONG}]}, False),
    ],
)
def test_near_duplicates_are_what_a_reader_calls_so(change, is_near):
    index = similarity(shape_of(DataPair(**NEAR)), shape_of(DataPair(**NEAR | change)), 0.7)
    assert (index >= 0.7) is is_near


CODE = """def {0}(text):
    for sign in text:
        if sign == '{1}':
            return '{2}'
    return len(text) > 2 and text[0]"""
LEADS = "update(id={0}, field='owner', value='sofia'), " * 6 + "notify(list='leads', id={1}, text='all of these are yours now')"
TWO_TASKS = [  # what is asked, twice, and answered; from real data, shortened
    (
        "Split off the odd numbers of a list",
        CODE,
        ("split", "!", "n"),
        "Split off the even numbers of a list",
        ("split", "=", "n"),
    ),
    ("Match an a and one or more b's", CODE, ("match", "+", "b"), "Match an a and zero or more b's", ("match", "*", "b")),
    ("Are the brackets < and > closed?", CODE, ("closed", "<", ">"), "Are the brackets ( and ) closed?", ("closed", "(", ")")),
    ("Give Sofia the leads in software", LEADS, (76, 63), "Give Sofia the leads in hardware", (187, 180)),
]


@pytest.mark.parametrize("asked, form, said, asked_otherwise, said_otherwise", TWO_TASKS)
def test_two_tasks_of_one_form_are_no_near_duplicates(asked, form, said, asked_otherwise, said_otherwise):
    one = shape_of(DataPair(instruction=asked, output=form.format(*said)))
    other = shape_of(DataPair(instruction=asked_otherwise, output=form.format(*said_otherwise)))
    assert similarity(one, other, 0.6) == 0
    again = shape_of(DataPair(instruction=f"Please: {asked}", output=f"{form.format(*said)} # done"))
    assert similarity(one, again, 0.6) > 0


def test_long_inputs_that_differ_by_a_word_are_two_pairs():
    one = DataPair(instruction="Summarise", input=f"{LONG}. {LONG}. {LONG}", output="A river.")
    other = one.model_copy(update={"input": one.input.replace("old", "new", 1)})
    assert similarity(shape_of(one), shape_of(other), 0.7) == 0


def test_words_are_the_same_alone_and_in_a_batch():
    draw = random.Random(1)
    texts = [
        "",
        "...",
        "Tea & cake",
        "茶と菓子 ok",
        "x" * 30,
        "a\0b",
        "ß İ \ud800",
        " ".join(str(draw.random()) for _ in range(9)),
    ]
    together = words_of(texts)
    for place, text in enumerate(texts):
        alone = words_of([text])
        assert alone.hashes.tolist() == together.hashes[together.starts[place] : together.starts[place + 1]].tolist()
    assert together.counts.tolist()[:4] == [0, 0, 2, 5]
    assert digests_of(words_of(["Tea, cake!", "tea   CAKE"])).tolist()[0] == digests_of(words_of(["tea cake"])).tolist()[0]
    keys = digests_of(together) * 0
    assert bands_of(together, keys)[:, 2].tolist() == bands_of(words_of([texts[2]]), keys[:1])[:, 0].tolist()


BITS = (
    "fuck sh1t f*ck fuuuck f,u,c,k blow,job tits Scunthorpe x**y tom@example.org – “quoted” Grüße 世界 İstanbul ```\n "
    "password:,hunter22x token=abcDEF123456789xyzz sk-a8Kd93jfLq02mXz7Pw4T Bearer,abcdEF123.456789_ghijklm TODO 555-0134"
).split(" ")


def test_a_block_of_rows_has_what_each_row_has_alone():
    """The slow checks read only the rows that may have something: whatever stands around it, they are these."""
    draw = random.Random(18)
    checker = Checker(CheckOptions(checks=("schema", "profanity", "secrets", "refusals", "placeholders", "fences")))
    pairs = []
    for _ in range(400):
        words = draw.choices([*BITS, *LONG.split()], k=draw.randint(1, 12))
        pairs.append(DataPair(instruction=draw.choice(BITS), output=" ".join(words).replace(",", " ")))
    block = checker.check_block(b"\n".join(map(as_line, pairs)))
    alone = [finding for pair in pairs for finding in checker.check(pair)]
    assert len(block.issues) == len(alone) > 300
    assert [json.loads(issue)["message"] for issue in block.issues] == [finding.message for finding in alone]


def test_made_rows_in_blocks_have_what_each_has_alone(tmp_path):
    """The same of rows as they come: sentences of real data, conversations, inputs, and a few planted faults."""
    path = tmp_path / "rows.jsonl"
    write_rows(path, 800)
    lines = path.read_bytes().splitlines()
    checker = Checker(CheckOptions(checks=(*FAST.split(","), "pii")))
    block = checker.check_block(b"\n".join(lines))
    alone = [finding.as_issue(pair.id) for pair in map(DataPair.model_validate_json, lines) for finding in checker.check(pair)]
    key = itemgetter("pair_id", "check", "message")  # of one row, the checks that look at words come first
    assert sorted(map(json.loads, block.issues), key=key) == sorted(alone, key=key)
    assert {issue["check"] for issue in alone} >= {"profanity", "secrets", "refusals", "fences", "pii"}


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\n\n \n"])
def test_what_stays_is_copied_byte_for_byte_without_blank_lines(tmp_path, gap):
    rows = [json.dumps({"instruction": f"Say {number}", "output": f"It is  {number}."}) for number in range(700)]
    rows[300] = "{broken"
    path = written(tmp_path)
    path.write_bytes(gap.join(rows).encode())
    clean = tmp_path / "clean.jsonl"
    Validator(CheckOptions(checks=("schema",))).validate(path, clean=clean)
    assert clean.read_bytes().decode() == "".join(row + "\n" for row in rows if row != "{broken")


def test_what_shares_no_band_with_another_row_is_compared_with_none():
    assert not list(candidate_pairs([Bands([5, 6, 7])] * 20, np.arange(3)))


def test_rows_that_share_three_bands_meet_and_those_that_share_two_do_not():
    bands = [Bands([number, number if number < 3 else 90 + number, number + 40, number + 40 if number < 2 else 70 + number])
             for number in range(20)]  # fmt: skip
    assert list(candidate_pairs(bands, np.arange(4))) == [1 << 32]


def test_rows_of_different_parts_meet_in_order():
    half = 40_000  # more than are in memory together
    numbers = np.tile(np.arange(half, dtype=np.uint32), 2)
    bands = [Bands(numbers * np.uint32(2 * number + 1)) for number in range(20)]
    assert list(candidate_pairs(bands, np.arange(2 * half))) == [half + row << 32 | row for row in range(half)]


class Bands:
    def __init__(self, values):
        self.values = np.array(values, np.uint32)

    def all(self):
        return self.values


@pytest.mark.parametrize(
    "address", ["bob@gmx.de", "bob9@gmx.de", "b_@gmx.de", "bob+1@gmx.de", "bob (at) gmx.de", "BOB9@GMX.DE"]
)
def test_a_file_is_told_of_the_addresses_that_a_single_pair_is(tmp_path, address):
    validator = Validator(CheckOptions(checks=("pii",)))
    pair = DataPair(instruction="Say where to write", output=f"Write to {address}, please.")
    path = tmp_path / "mine.jsonl"
    path.write_text(pair.model_dump_json(exclude_none=True) + "\n")
    found = validator.validate(path)
    assert [issue.message for issue in found.issues] == [issue.message for issue in validator.check(pair)]
    assert found.counts["pii"] == 1
