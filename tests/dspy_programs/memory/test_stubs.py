"""A large result in few tokens."""

import json
import re

import pytest

from dspy_programs.memory.stubs import mentioned_in, stub_of
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
    assert count(stub) <= room
    if stub and stub != text:
        told = re.sub(r"\([\d,]+ (?:more|lines)[^()]*\)|\(shortened[^()]*\)", "", stub)
        assert set(re.findall(r"[\w.-]*\d[\w.-]*", told)) <= set(re.findall(r"[\w.-]*\d[\w.-]*", text))
        assert stub.endswith("shortened, can be restored)")


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("record", ["4WQ150", "cancelled", "523.5", "Mia Li"]),
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
