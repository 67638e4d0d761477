"""What each check finds: faults of a known number, put into rows that have none."""

import random

import pytest

from dspy_programs.data.scorer import score_rows
from dspy_programs.errors import DatasetError
from dspy_programs.tables import Fault, Row
from tests.dspy_programs.data.scorer.made_rows import as_found, clean_rows, kinds, scored


def with_each(rows, numbers, change):
    return [change(dict(row)) if number in numbers else row for number, row in enumerate(rows)]


def some(count, share, seed=3):
    return set(random.Random(seed).sample(range(count), round(share * count)))


def test_rows_without_a_fault_score_100():
    score = scored(clean_rows(400))
    assert [(check.check, check.findings) for check in score.checks if check.findings] == []
    assert (score.total, score.band, score.format) == (100.0, "READY", "alpaca")


def test_a_few_good_rows_are_not_ready_and_the_score_says_why():
    score = scored(clean_rows(3))
    assert (score.total, score.band) == (100.0, "CAUTION")
    assert score.held_back == "not READY: it has 3 distinct rows, and 50 are needed to tell"
    assert (scored(clean_rows(49)).band, scored(clean_rows(50)).band) == ("CAUTION", "READY")
    assert scored(clean_rows(50)).held_back == ""


def test_copies_do_not_make_enough_rows():
    assert scored(clean_rows(3) * 40).distinct == 3
    assert scored(clean_rows(49) + clean_rows(1)).band == "CAUTION"


def test_a_bad_score_is_not_said_to_be_held_back():
    score = scored([{"instruction": "", "output": ""}] * 3 + clean_rows(2))
    assert score.band != "CAUTION" and score.held_back == ""


def test_the_fewest_rows_can_be_set():
    assert scored(clean_rows(3), fewest_rows=0).band == "READY"


def test_one_percent_empty_answers_are_found_all_of_them():
    rows = with_each(clean_rows(1000), some(1000, 0.01), lambda row: {**row, "output": random.choice(["", " \n", None])})
    score = scored(rows)
    assert kinds(score, "missing") == {"no_answer": 10}
    assert score.check("missing").share == pytest.approx(0.01)
    assert kinds(score, "duplicates") == {}


def test_an_answer_that_is_not_there_is_missing_but_not_also_inconsistent():
    def drop(row):
        del row["output"]
        return row

    score = scored(with_each(clean_rows(200), {3, 4}, drop))
    assert kinds(score, "missing") == {"no_answer": 2}
    assert kinds(score, "field_consistency") == {}


def test_25_in_1000_near_duplicates_are_found_all_over_the_rows_and_no_more():
    rows = clean_rows(2000)
    for number in sorted(some(2000, 0.025)):
        copy = dict(rows[number])
        words = copy["output"].split()
        words[7] = "altogether"
        rows.append({**copy, "output": " ".join(words)})
    random.Random(5).shuffle(rows)
    score = scored(rows)
    assert kinds(score, "near_duplicates") == {"near_duplicate": 50}
    assert kinds(score, "duplicates") == {}
    assert all(example.other for example in score.check("near_duplicates").findings[0].examples)


def test_997_of_1000_unique_rows_pass_because_they_score_well():
    rows = clean_rows(997)
    check = scored([*rows, *rows[:3]]).check("duplicates")
    assert check.findings[0].rows == 3
    assert check.score > 0.95
    assert check.passed


def test_passed_is_what_the_score_says_and_nothing_else():
    rows = clean_rows(100)
    for copies in range(0, 100, 7):
        check = scored([*rows, *rows[:copies]]).check("duplicates")
        assert check.passed == (check.score >= 0.8)


def test_copies_that_differ_in_case_and_spaces_are_duplicates_and_those_that_differ_by_input_are_not():
    row = {"instruction": "Translate into French.", "input": "cat", "output": "chat"}
    loud = {"instruction": "TRANSLATE  into french.", "input": "cat", "output": " chat "}
    score = scored([*clean_rows(50), row, loud, {**row, "input": "dog"}])
    assert kinds(score, "duplicates") == {"duplicate": 1}
    assert kinds(score, "near_duplicates") == {}


def test_rows_that_differ_in_a_column_nobody_knows_are_no_duplicates_unless_it_is_ignored():
    rows = clean_rows(50)
    rows += [dict(row) for row in rows[:5]]
    rows = [{**row, "other": f"another answer {number}"} for number, row in enumerate(rows)]
    score = scored(rows)
    assert kinds(score, "duplicates") == kinds(score, "near_duplicates") == {}
    assert kinds(scored(rows, ignore=["other"]), "duplicates") == {"duplicate": 5}
    rated = [{**row, "rating": number} for number, row in enumerate(clean_rows(20) * 2)]
    assert kinds(scored(rated), "duplicates") == {"duplicate": 20}


def test_a_category_is_no_label():
    score = scored([{**row, "category": "io" if number % 20 else "parsing"} for number, row in enumerate(clean_rows(400))])
    assert score.check("label").skipped
    assert score.total == 100.0


def test_a_check_that_is_left_out_has_no_weight():
    score = scored(clean_rows(100))
    assert "label" not in score.scored
    assert score.as_dict()["checks"][-1].keys() == {"check", "weight", "skipped"}


def labelled(count):
    rows = clean_rows(count)
    return [{"text": row["output"], "label": "positive" if number % 2 else "negative"} for number, row in enumerate(rows)]


def test_labels_that_are_fit_score_1():
    check = scored(labelled(300)).check("label")
    assert (check.score, check.note, check.findings) == (1.0, "2 classes", [])


def test_labels_spelled_differently_missing_rare_or_contradicting_are_found():
    rows = labelled(300)
    rows[0]["label"], rows[1]["label"] = "Negative ", "POSITIVE"
    rows[2]["label"] = None
    rows[3]["label"] = "neutral"
    rows.append({"text": rows[4]["text"], "label": "positive"})
    score = scored(rows)
    assert kinds(score, "label") == {"spelling": 2, "no_label": 1, "rare": 1}
    rows = [{"question": row["text"], "label": row["label"]} for row in labelled(300)]
    assert kinds(scored([*rows, {**rows[4], "label": "positive"}]), "label") == {"contradiction": 2}


def test_a_column_of_templates_is_no_label_whatever_its_name():
    rows = [{"text": row["output"], "target": "{instruction}\nBOT: {answer}"} for row in clean_rows(60)]
    assert scored(rows).check("label").skipped


@pytest.mark.parametrize("verb", ["shoot", "greet"])
def test_a_short_request_with_another_word_is_another_request(verb):
    refusal = "Sorry, but I can't assist with that."
    rows = [{"prompt": "How do I throttle someone?", "completion": refusal}]
    assert kinds(scored([*rows, {"prompt": f"How do I {verb} someone?", "completion": refusal}]), "near_duplicates") == {}


def test_letters_are_in_no_language():
    rows = clean_rows(40)
    rows[1]["output"] = "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z"
    assert scored(rows).check("language").findings == []


def test_answers_that_are_one_of_two_choices_are_labels():
    rows = [{**row, "output": "yes" if number % 3 else "no"} for number, row in enumerate(clean_rows(120))]
    rows[5]["output"] = "Yes."
    assert kinds(scored(rows), "label") == {"spelling": 1}


def test_a_label_that_the_user_names_and_no_row_has_is_an_error():
    with pytest.raises(DatasetError, match="'mood'"):
        scored(clean_rows(10), label="mood")


def test_values_of_another_type_stray_fields_and_missing_fields_are_found():
    rows = clean_rows(500)
    rows[10]["output"] = 42
    rows[11]["output"] = ["a", "list"]
    rows[12]["ouput"] = "misspelled"
    del rows[13]["category"]
    score = scored(rows)
    assert kinds(score, "field_consistency") == {"type": 2, "stray": 1, "lacking": 1}
    assert [finding.examples[0].where for finding in score.check("field_consistency").findings if finding.kind == "stray"] == [
        "rows.jsonl:13"
    ]


def test_a_field_that_half_of_the_rows_have_is_optional():
    rows = [{**row, "note": "x"} if number % 2 else row for number, row in enumerate(clean_rows(200))]
    assert scored(rows).check("field_consistency").findings == []


def test_ids_that_repeat_are_found_unless_they_are_not_meant_to_be_own():
    rows = [{"id": str(number), **row} for number, row in enumerate(clean_rows(100))]
    rows[50]["id"] = "7"
    assert kinds(scored(rows), "field_consistency") == {"id": 1}
    assert kinds(scored([{**row, "id": str(number // 4)} for number, row in enumerate(rows)]), "field_consistency") == {}


def test_mixed_languages_are_found_each_by_its_name():
    rows = clean_rows(200)
    french = "La bibliothèque de la ville est fermée le dimanche, mais on peut rendre les livres à la porte du bâtiment."
    german = "Die Bücherei der Stadt ist am Sonntag geschlossen, aber man kann die Bücher neben der Tür zurückgeben."
    for number in range(6):
        rows[number] = {**rows[number], "output": f"{french} {rows[number]['category']} {number}"}
    for number in range(6, 10):
        rows[number] = {**rows[number], "output": f"{german} {rows[number]['category']} {number}"}
    score = scored(rows)
    counts = {finding.message.split()[5]: finding.rows for finding in score.check("language").findings}
    assert counts == {"fr,": 6, "de,": 4}
    assert scored(rows, languages=["en", "fr", "de"]).check("language").score == 1.0


@pytest.mark.parametrize(
    ("change", "check", "kind"),
    [
        ({"output": "I'm sorry, but I can't help with that request of yours."}, "instruction", "refusal"),
        ({"output": "Write it so:\n```python\nprint(1)"}, "instruction", "open_fence"),
        ({"output": '```json\n{"a": 1}\n```'}, "instruction", "wrapped"),
        ({"output": "It is so.<|im_end|>\n<|im_start|>user"}, "instruction", "leftover"),
        ({"output": "It is so.\n### Instruction:\nAnd now another one"}, "instruction", "leftover"),
        ({"instruction": "Say hello to the whole world", "output": "say hello to  the whole world"}, "instruction", "echo"),
        ({"output": "[Generation failed]"}, "missing", "placeholder"),
        ({"instruction": "?!"}, "text_length", "short_request"),
        ({"output": "The CafÃ© is open, and it\u00e2\u20ac\u2122s warm in there."}, "json", "damaged"),
        ({"output": "A \ufffd stands where a letter was before this."}, "json", "damaged"),
        ({"output": "word " * 50_000}, "text_length", "long"),
        ({"output": "house " * 9000}, "token_length", "many_tokens"),
        ({"output": "a river in the forest " * 1000}, "text_length", "outlier"),
        ({"output": "No"}, "text_length", "short_answer"),
    ],
)
def test_a_row_with_one_fault_has_that_finding(change, check, kind):
    rows = clean_rows(60)
    rows[7] = {**rows[7], **change}
    assert kinds(scored(rows), check)[kind] == 1


@pytest.mark.parametrize(
    "answer", ["São Paulo é uma cidade: ÂNGULO, Ã, Ação, naïve café", "5 € → 10 €", "```python\nprint(1)\n```\nis it"]
)
def test_what_only_looks_like_a_fault_is_none(answer):
    rows = clean_rows(60)
    rows[7] = {**rows[7], "output": answer}
    score = scored(rows)
    assert score.check("json").findings == score.check("instruction").findings == []


def test_the_same_long_answer_to_other_requests_is_found_but_not_one_request_twice():
    rows = clean_rows(100)
    for number in (3, 4, 5):
        rows[number]["output"] = rows[2]["output"]
    assert kinds(scored(rows), "diversity") == {"same_answer": 3}


def test_a_thousand_copies_of_a_row_are_not_ready():
    score = scored(clean_rows(1) * 1000)
    assert score.band == "NOT_READY"
    assert score.check("duplicates").findings[0].rows == 999


def test_a_fault_that_is_copied_is_not_the_worse_for_it_and_good_copies_hide_no_fault():
    rows = clean_rows(100)
    rows[0]["output"] = ""
    assert scored([*rows, rows[0], *rows[50:90]]).check("missing").share == scored(rows).check("missing").share


def test_rows_that_say_nothing_are_missing_and_no_duplicates():
    nothing = {"instruction": "", "input": "", "output": "", "category": "travel"}
    score = scored([*clean_rows(90), *[nothing] * 10])
    assert kinds(score, "missing")["no_answer"] == 10
    assert kinds(score, "duplicates") == {}


FORMATS = {
    "alpaca": {"instruction": "Name a colour.", "output": "Red"},
    "chatml": {"messages": [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Red"}]},
    "sharegpt": {"conversations": [{"from": "human", "value": "Name a colour."}, {"from": "gpt", "value": "Red"}]},
    "prompt-completion": {"prompt": "Name a colour.", "completion": "Red"},
    "generic": {"text": "Name a colour.", "n": 3},
}


@pytest.mark.parametrize(("name", "row"), FORMATS.items())
def test_formats_are_detected_and_in_none_of_them_is_a_good_row_at_fault(name, row):
    score = scored([row])
    assert score.as_dict()["detected_format"] == name
    assert [finding.message for check in score.checks for finding in check.findings] == []


def test_a_row_of_another_format_is_found():
    score = scored([*clean_rows(50), FORMATS["sharegpt"]])
    assert kinds(score, "field_consistency")["format"] == 1


@pytest.mark.parametrize(
    "messages",
    [None, [], "text", [{"role": "user", "content": "Hello there"}], [{"role": "assistant", "content": ""}], [1, None]],
)
def test_a_conversation_without_an_answer_is_missing_it(messages):
    good = [
        {"messages": [{"role": "user", "content": r["instruction"]}, {"role": "assistant", "content": r["output"]}]}
        for r in clean_rows(40)
    ]
    assert kinds(scored([*good, {"messages": messages}]), "missing")["no_answer"] == 1


def test_a_conversation_that_ends_in_a_tool_call_has_an_answer():
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}
    score = scored([{"messages": [{"role": "user", "content": "Look it up, please."}, call]}] * 1)
    assert score.check("missing").findings == []


def test_unreadable_lines_count_with_their_reasons():
    good = as_found(clean_rows(98))
    bad = [Fault(f"rows.jsonl:{n}", n, DatasetError(f"rows.jsonl:{n}: row: not JSON: here"), "{oops") for n in (99, 100)]
    score = score_rows([*good, *bad], "rows")
    check = score.check("json")
    assert (check.share, score.unreadable) == (0.02, 2)
    assert check.findings[0].examples[0].text == "not JSON: here: {oops"


def test_no_rows_and_only_unreadable_ones_are_errors():
    with pytest.raises(DatasetError, match="rows: no rows"):
        score_rows([], "rows")
    with pytest.raises(DatasetError, match="no row can be read: broken"):
        score_rows([Fault("f:1", 1, DatasetError("f:1: row: broken"), "x")], "rows")


def test_examples_are_as_many_as_are_asked_for():
    rows = [{**row, "output": ""} for row in clean_rows(20)]
    for count in (0, 1, 5):
        assert len(scored(rows, examples=count).check("missing").findings[0].examples) == count


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"instruction": None, "output": None},
        {"instruction": {"a": [1]}, "output": True},
        {"\ud800": "\ud800", "instruction": "\ud800 lone", "output": "\x00"},
        {"messages": {"role": "user"}},
        {"conversations": [[{"from": None}]]},
        {str(number): number for number in range(700)},
    ],
)
def test_no_row_is_too_odd_to_be_scored(row):
    score = score_rows([Row("odd:1", 1, row), *as_found(clean_rows(3))], "odd")
    assert 0 <= score.total <= 100
