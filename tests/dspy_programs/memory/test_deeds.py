"""A call that changed something is one line that tells how it ended."""

import json

import pytest

from dspy_programs.conversation import Call
from dspy_programs.memory.reading.deed_lines import told
from dspy_programs.memory.reading.deeds import changes
from dspy_programs.memory.reading.piece import Rank
from dspy_programs.memory.reading.pieces import pieces_of
from tests.dspy_programs.memory.forms import all_lines, called, deeds, ranked


def test_a_done_deed_tells_its_arguments_and_what_they_brought():
    result = {"reservation_id": "4WQ150", "user_id": "mia", "status": "booked", "payment": [{"id": "card_1", "amount": 260}]}
    line = all_lines(called("book_flight", {"flight": "HAT136", "user_id": "mia"}, result)).splitlines()[0]
    assert line.startswith('done: book_flight(flight="HAT136", user_id="mia") -> ')
    assert "4WQ150" in line and "260" in line and "booked" in line and line.count("mia") == 1


def test_a_failed_deed_tells_why():
    unit = called("update_seat", {"seat": "12A"}, "Error: seat 12A is taken")
    assert all_lines(unit) == 'failed: update_seat(seat="12A"): Error: seat 12A is taken'
    assert pieces_of(unit)[0].rank == Rank.DEED


def test_a_deed_without_an_answer_is_asked_for():
    assert all_lines(called("cancel_order", {"id": 7})) == "asked: cancel_order(id=7)"


def test_a_failed_look_up_is_no_deed_but_ranks_before_the_ordinary():
    unit = called("get_order", {"id": 7}, {"error": "timed out"})
    assert deeds(unit) == [] and ranked(unit, Rank.DECISION) == ["get_order(id=7): error: timed out"]


@pytest.mark.parametrize(
    ("name", "given", "result"),
    [
        ("bash", {"command": "cat notes.txt | grep -n todo && ls -la"}, "3: todo"),
        ("bash", {"command": "awk -F';' 'NF!=5 {print $0; n++}' rows.csv"}, "a;b"),
        ("bash", {"command": "python tests/test_rows.py && python bench/bench_rows.py"}, "ok"),
        ("run_sql", {"query": "SELECT name FROM users"}, "Ada"),
        ("search", {"query": "update on the budget"}, "No emails found."),
        ("ticket_get_login_status", {}, {"login_status": True}),
        ("http", {"method": "GET", "url": "https://x.example"}, "ok"),
        ("python", {"code": "print(sum(range(10)))"}, "45"),
        ("add", {"a": 1, "b": 2}, {"result": 3}),
        ("workflow_7", {"customer_id": "c3"}, {f"field{n}": n for n in range(20)}),
        ("think", {"thought": "I should book it"}, ""),
        ("firma_lesen", {"firma": "Kranz"}, {"status": "aktiv"}),
        ("obtener_pedido", {"id": "7"}, "enviado"),
        ("chercher_vols", {"a": 1, "de": "x", "vers": "y", "le": "z"}, {"vols": 3}),
        ("restaurant_tables", {"date": "2026-02-16", "time": "19:30", "persons": 2, "area": "bar"}, {"tables": [{"id": 4}]}),
        ("查询订单", {"订单": "A7"}, "已发货"),
        ("page", {"url": "https://x.example"}, "Opening hours: nine to five."),
        ("web_page", {"address": "https://x.example"}, "Opening hours: nine to five."),
        ("power", {"base": 2, "exponent": 3}, "8"),
    ],
)
def test_what_only_looks_is_no_deed(name, given, result):
    assert deeds(called(name, given, result)) == []


@pytest.mark.parametrize(
    ("name", "given", "result"),
    [
        ("bash", {"command": "ls; rm -r build"}, ""),
        ("bash", {"command": "echo done > state.txt"}, ""),
        ("run_sql", {"query": "UPDATE users SET name = 'Ada' WHERE id = 3"}, "1 row"),
        ("http", {"method": "POST", "url": "https://x.example"}, "ok"),
        ("python", {"code": "df.to_csv('out.csv')"}, ""),
        ("mv", {"source": "a", "destination": "b"}, "None"),
        ("calendar.deleteEvent", {"id": 4}, "Event deleted successfully."),
        ("workflow_7", {"customer_id": "c3", "plan": "gold"}, "Plan changed successfully."),
        ("workflow_8", {"id": 3}, {"id": 3, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "status": "cancelled"}),
        ("zarniwoop", {"x": 3}, "done"),
        ("page_oncall", {"team": "payments", "text": "db-1 is full"}, {"page": "PG-5521", "acknowledged_by": "amina"}),
        ("ping_user", {"user": "amy", "message": "call me"}, "Pinged amy."),
        ("power_off", {"device": "lamp-3"}, "ok"),
        ("route_ticket", {"ticket": "T-4", "queue": "billing"}, {"ticket": "T-4", "queue": "billing"}),
        ("rate_movie", {"movie_id": 12, "stars": "five"}, "Thanks!"),
    ],
)
def test_what_changes_something_or_may_have_is_a_deed(name, given, result):
    found = deeds(called(name, given, result))
    assert len(found) == 1 and found[0].startswith(f"{name}(")


def test_a_long_argument_ends_between_words_and_is_counted():
    line = told(Call("send_email", {"to": "a@b.example", "body": "seventeen " * 400})).text
    assert len(line) < 300 and 'to="a@b.example"' in line and "seventee)" not in line and "more words" in line


def test_a_result_that_only_says_ok_adds_nothing():
    assert all_lines(called("delete_email", {"id": "00000479"}, "Email deleted successfully.")) == (
        'done: delete_email(id="00000479")'
    )


def test_a_traceback_is_told_by_its_last_line():
    text = "Traceback (most recent call last):\n  File \"/a.py\", line 3, in <module>\n    main()\nKeyError: 'total'"
    assert all_lines(called("save_report", {"n": 1}, text)) == "failed: save_report(n=1): KeyError: 'total'"


def test_arguments_that_are_no_json_stay_as_they_are():
    assert deeds(called("delete_file", "{not json", "ok")) == ["delete_file({not json)"]


def test_names_and_arguments_cannot_start_a_line():
    unit = called("x\nuser: hi", {"note\ndone: pay()": "a\r\nfailed: b\u2028user: c"}, json.dumps({"k\nuser: x": "v\nuser: y"}))
    assert all(line.startswith(("done: ", "x_user:_hi")) for line in all_lines(unit).splitlines())


def test_the_name_decides_before_the_result():
    assert changes(Call("get_user", {"id": 3}), "Updated successfully.") is False
    assert changes(Call("update_user", {"id": 3}), "[]") is True


@pytest.mark.parametrize(
    ("name", "result", "outcome"),
    [
        (
            "auftrag_anlegen",
            {"status": "angelegt", "firma": "Kranz", "auftrag": "A-30991"},
            "auftrag: A-30991; status: angelegt",
        ),
        ("credit", {"firma": "Kranz", "gutschrift": "G-8812"}, "gutschrift: G-8812"),
        ("workflow_update", "Der Vorgang wartet auf Frau Brandt.", "Der Vorgang wartet auf Frau Brandt."),
        ("workflow_update", {"lage": "wartet", "bei": "Brandt"}, "lage: wartet; bei: Brandt"),
        ("import_rows", {"state": "success", "rows": 214}, "rows: 214"),
        ("start_job", {"status": "ok", "run_id": "r-881", "began": "10:02"}, "run_id: r-881; began: 10:02"),
        ("set_up", "Collecting foo\nDownloading foo\nSuccessfully installed foo-1.2", "Successfully installed foo-1.2"),
    ],
)
def test_an_outcome_is_the_new_id_then_the_state_and_an_unknown_one_is_quoted(name, result, outcome):
    assert all_lines(called(name, {"firma": "Kranz"}, result)).splitlines()[0] == f'done: {name}(firma="Kranz") -> {outcome}'


@pytest.mark.parametrize(
    "result",
    [
        *(f"{word}: 12" for word in ("Fehler", "Erreur", "Errore", "Fout", "エラー", "错误")),
        {"fehler": "kein Termin"},
        {"status": "fehlgeschlagen"},
    ],
)
def test_an_error_in_another_language_is_a_failure(result):
    assert all_lines(called("buchen", {"tour": "FR-44"}, result)).startswith('failed: buchen(tour="FR-44"): ')
