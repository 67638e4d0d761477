"""A large result in few tokens."""

import json
import re

import pytest

from dspy_programs.memory.reading.stubs import mentioned_in, stub_of
from dspy_programs.text import approximate_tokens as count
from tests.dspy_programs.memory.forms import called, said

FLIGHTS = [
    {
        "flight_number": f"HAT{number:03}",
        "status": "available",
        "price": 100 + number,
        "seats": {"economy": number, "business": 3},
    }
    for number in range(40)
]
RECORD = {
    "id": "4WQ150",
    "status": "cancelled",
    "total": 523.5,
    "url": f"https://x.example/{'a' * 60}",
    "passengers": [{"first_name": "Mia", "last_name": "Li"}],
    "html": "<p>" + "word " * 200,
}
LOG = "\n".join(
    [*(f"10:00:{n % 60:02} INFO step {n} of the build is fine" for n in range(500)), "10:09:00 ERROR disk full", "exit 1"]
)
DIFF = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,90 +1,90 @@\n" + "\n".join(
    [*(f" same line {chr(97 + n % 26) * 9}" for n in range(80)), "-price = 1", "+price = 2"]
)
CSV = "id,name,amount\n" + "\n".join(f"A{n},Name {n},{n * 3}.50" for n in range(300))
RESULTS = {
    "record": json.dumps(RECORD),
    "rows": json.dumps(FLIGHTS),
    "python": repr(FLIGHTS),
    "json lines": "\n".join(map(json.dumps, FLIGHTS)),
    "json in text": f"I found these:\n{json.dumps(FLIGHTS)}\nThat is all.",
    "log": LOG,
    "diff": DIFF,
    "csv": CSV,
    "prose": "The invoice 77-A was paid. " + "It rained for a while in the north. " * 90,
}


@pytest.mark.parametrize("room", [0, 3, 20, 60, 150, 400])
@pytest.mark.parametrize("kind", RESULTS)
def test_a_stub_fits_and_no_value_in_it_is_cut(kind, room):
    text = RESULTS[kind]
    stub = stub_of(said("tool", text), room, count)
    assert count(stub) <= max(room, 12)  # the mark always stays
    if stub != text:
        mark = r"\((?:[\d,]+ (?:more )?\w+|(?:\.\.\. )?shortened)[^()]*\)"
        told = re.sub(mark, "", stub)
        assert set(re.findall(r"[\w.-]*\d[\w.-]*", told)) <= set(re.findall(r"[\w.-]*\d[\w.-]*", text))
        assert re.search(rf"{mark}$", stub)


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("record", ["4WQ150", "cancelled", "523.5", "Mia"]),
        ("rows", ["HAT000", "100"]),
        ("log", ["ERROR disk full", "exit 1"]),
        ("diff", ["-price = 1", "+price = 2"]),
        ("csv", ["id, name, amount", "A0, Name 0, 0.50"]),
        ("prose", ["77-A was paid"]),
    ],
)
def test_what_tells_most_is_kept(kind, kept):
    stub = stub_of(said("tool", RESULTS[kind]), 90, count)
    assert [one for one in kept if one not in stub] == []


def test_the_rest_is_counted():
    stub = stub_of(said("tool", json.dumps(FLIGHTS)), 100, count)
    assert len(re.findall(r"HAT\d+", stub)) + int(re.search(r"\((\d+) more items;", stub)[1]) == len(FLIGHTS)


def test_rows_that_the_conversation_mentions_go_first():
    later = [said("assistant", "I would take HAT033."), *called("book", {"flight": "HAT037"}), said("tool", "HAT005")]
    stub = stub_of(said("tool", json.dumps(FLIGHTS)), 100, count, mentioned_in(later))
    assert "HAT033" in stub and "HAT037" in stub and mentioned_in(later) >= {"HAT033", "HAT037"} and "HAT005" not in stub


def test_a_result_that_fits_stays_as_it_is():
    assert stub_of(said("tool", "All is well."), 50, count) == "All is well."


TABLES = {
    "tables": [{"id": "T4", "window": False}, {"id": "T9", "window": True}, {"id": "T11", "window": True, "note": "cold"}]
}


def test_a_list_of_objects_shrinks_to_its_telling_columns():
    stub = stub_of(said("tool", json.dumps(TABLES, indent=4)), 40, count)
    assert stub.startswith("tables (id, window): (T4, false), (T9, true), (T11, true, note: cold)")


@pytest.mark.parametrize("result", [json.dumps(TABLES), json.dumps(FLIGHTS), LOG, DIFF, RESULTS["prose"]])
def test_a_small_room_still_has_a_value_or_the_beginning_of_a_sentence(result):
    stub = stub_of(said("tool", result), 16, count)
    assert re.search(r"\w", re.sub(r"\([\d,]+ \w+; shortened\)", "", stub))


@pytest.mark.parametrize("room", [30, 60])
def test_a_failure_keeps_its_own_words(room):
    why = "remote: error: GH006: commit 5d0c9b7 is not signed"
    assert why in stub_of(
        said("tool", f"{why}\n ! [remote rejected] HEAD -> fix/voucher\n" + "hint: see the manual\n" * 40), room, count
    )


def test_sentences_of_a_page_are_chosen_by_what_is_exact_and_asked_for_each_once():
    filler = "The city of Lisbon is known for its hills and trams. Many people in Europe have opinions about mobility. "
    page = (
        filler * 6
        + "In December 2024 there were 6,212 scooters of Bolt. "
        + filler * 6
        + "Trams cost 3.20 euros since May. "
        + filler
    )
    asked = [said("user", "What does a ride by tram cost? I mean the trams.")]
    stub = stub_of(said("tool", page), 60, count)
    assert "6,212 scooters of Bolt" in stub and "3.20 euros" in stub and stub.count("known for its hills") <= 1
    assert "3.20 euros" in stub_of(said("tool", page), 24, count, mentioned_in(asked))
