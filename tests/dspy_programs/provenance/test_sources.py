"""Where a value comes from: compared by meaning, invented ones found, whatever the text."""

import json
import time
from datetime import date

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.provenance import Origin, Sources, kind_of

TODAY = date(2023, 11, 30)  # a Thursday


def sources_of(*texts, role="user", today=None) -> Sources:
    sources = Sources(today)
    for turn, text in enumerate(texts):
        sources.add(text, turn, role)
    return sources


KNOWN = [
    # ids, inside longer texts and in JSON
    ("00000123", "move task 00000123, please"),
    ("#W2378156", "my order is W2378156."),
    ("W2378156", {"order_id": "#W2378156"}),
    (2378156, "order 2378156"),
    ("credit_card_9513926", {"payment_methods": {"credit_card_9513926": {"brand": "visa"}}}),
    ("550e8400-e29b-41d4-a716-446655440000", "see 550e8400-e29b-41d4-a716-446655440000!"),
    ("AT611904300234573201", "to AT61 1904 3002 3457 3201"),
    ("AT61 1904 3002 3457 3201", "to AT611904300234573201"),
    ("ab_12", '{"rows": [{"id": "ab_12"}]}'),
    ("Zürich-7", '{"place": "Z\\u00fcrich-7"}'),
    # numbers and units
    (8, "8 pieces"),
    (8, "eight pieces"),
    (1200.0, "it costs 1,200"),
    (1200, "1.200,00 EUR"),
    ("$1,200.00", "1200 dollars"),
    (1200000, "1.2 million"),
    (0.2, "a rate of 20 %"),
    (20, "a share of 0.2"),
    (0.5, "half of it"),
    (12, "a dozen eggs"),
    (5, "fünf Stück"),
    (3, "trois billets"),
    (3, "三张票"),
    (3, "٣ تذاكر"),
    ("5 nights", "for five nights"),
    (60, "for an hour"),
    (1.5, "for 90 minutes"),
    (5400, "1.5 hours"),
    (0.5, "30 minutes"),
    (2500, "2.5 kg of flour"),
    # days and times
    ("2024-05-12", "on May 12th, 2024"),
    ("2024-05-12", "on the 12th"),
    ("2024-05-12", "12.05.2024"),
    ("2024-05-12", "am 12. Mai"),
    ("2024-05-12", "el 12 de mayo"),
    ("2024-05-12", "5月12日"),
    ("2024-05-12", "12 May"),
    ("20240512", "12 May 2024"),
    ("05/12/2024", "2024-05-12"),
    ("May 12", {"due": "2024-05-12T10:00:00Z"}),
    ("2024-05", "in May"),
    ("15:00", "at 3pm"),
    ("3:00 PM", "15:00"),
    ("15:00", "um 15 Uhr"),
    ("2024-05-12 15:30:00", "May 12 at 3:30 PM"),
    ("2024-05-12T00:00:00", "on May 12"),
    ("2024-05-12 16:00", "May 12 at 3:30 PM for 30 minutes"),
    ("07:15", "at quarter past seven"),
    ("19:30", "um halb acht"),
    ("2024-05-13", "from May 12"),  # the end of a range
    # names, addresses, words
    ("Nadia Müller", "nadia muller"),
    ("nadia.moreau@atlas.com", {"email": "Nadia.Moreau@atlas.com"}),
    ("nadia@atlas.com", "write to Nadia; we are at https://www.atlas.com or info@atlas.com"),
    ("Нина", "позвони НИНА"),
    ("東京", "東京の天気は?"),
    ("meetings", "cancel my meeting"),
    ("overdue tasks of Nadia", "Which tasks of Nadia are overdue?"),
    ("src/app/main.py", "look at main.py in src/app"),
    ("main.py", "src/app/main.py"),
    # arithmetic
    (30, "10 apples and 20 pears"),
    (222, "725 now, 503 before"),
    (218, "two nights at 109"),
    ("15%", "12 of 80"),
    (2, [{"id": "x"}, {"id": "y"}]),  # so many rows
    (5110.75, [{"revenue": 2400.5}, {"revenue": 1730.0}, {"revenue": 980.25}]),
    (37.4, "the mean is 37.418"),
    # what nobody needs to give
    (True, "x"),
    ("", "x"),
    (None, "x"),
    ([], "x"),
    ("desc", "x"),
]


@pytest.mark.parametrize(("value", "source"), KNOWN, ids=[f"{value} <- {source}"[:60] for value, source in KNOWN])
def test_value_is_known_by_its_meaning(value, source):
    assert sources_of(source).origin(value) is not None


INVENTED = [
    ("00000000", "delete my first meeting on December 13"),
    ("00000123", "task 00000124"),
    ("W7654321", "order W2378156"),
    ("W2378156", "order W23781567"),
    ("AT611904300234573201", "to AT61 1904 3002 3457 3209"),
    ("ABC2020", "the cases of law firm ABC in the year 2020"),
    ("nadia@example.com", "write to Nadia at nadia@atlas.com"),
    ("jane@atlas.com", "write to Nadia at nadia@atlas.com"),
    (100, "refund order 55321, the lamp for 39.99"),
    (1234567890, "I have to make a payment"),
    ("$500", "it costs 120 dollars"),
    (24, "sixteen weeks of leave"),
    (7, "two rooms"),
    ("2024-05-14", "on May 12, 2024"),
    ("2025-05-12", "on May 12, 2024"),
    ("2024-06-12", "May 12"),
    ("17:45", "at 3pm"),
    ("2024-05-12 09:00", "May 12 at 3pm"),
    ("Berlin", "a flight to Oslo"),
    ("大阪", "東京の天気は?"),
    ("tests/test_api.py", "fix main.py"),
    (["W2378156", "W0000001"], "order W2378156"),
    ({"id": "W2378156", "to": "bob@evil.org"}, "order W2378156"),
]


@pytest.mark.parametrize(("value", "source"), INVENTED, ids=[f"{value} <- {source}"[:60] for value, source in INVENTED])
def test_value_from_nowhere_is_found(value, source):
    assert sources_of(source).origin(value) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2023-12-01", "tomorrow"),
        ("2023-11-29", "gestern"),
        ("2023-12-03", "in three days"),
        ("2023-12-04", "next Monday"),
        ("2023-12-05", "el martes"),
        ("2023-12-01 15:00", "tomorrow at 3pm"),
        ("2023-12-07", "in a week"),
        ("2023-10-31", "last month"),
    ],
)
def test_day_is_told_relative_to_today(value, said):
    assert sources_of(said, today=TODAY).origin(value) is not None
    assert sources_of("Today's date: 2023-11-30.", said).origin(value) is not None
    assert sources_of("delete it", today=TODAY).origin(value) is None


def test_other_days_are_not_tomorrow_where_today_is_known():
    assert sources_of("tomorrow", today=TODAY).origin("2023-12-09") is None
    assert sources_of("next Monday", today=TODAY).origin("2023-12-05") is None
    assert sources_of("tomorrow").origin("2023-12-09") == Origin("computed", None, "2023-12-09")  # who knows which day it was


def test_schema_gives_defaults_and_choices():
    sources = sources_of("the weather in Oslo")
    assert sources.origin("celsius", {"type": "string", "default": "celsius"}).kind == "default"
    assert sources.origin("celsius", {"enum": ["celsius", "kelvin"]}).kind == "enum"
    assert sources.origin("celsius", {"type": "string"}) is None
    assert sources_of("in Celsius").origin("celsius", {"enum": ["celsius", "kelvin"]}) == Origin("seen", 0, "in Celsius")
    assert sources.origin({"unit": "kelvin"}, {"properties": {"unit": {"enum": ["kelvin"]}}}).kind == "enum"


@pytest.mark.parametrize(
    ("value", "name", "description"),
    [
        ("JFK", "origin", "the IATA code of the airport"),
        ("EUR", "to_currency", ""),
        ("AAPL", "symbol", ""),
        ("CA", "state", ""),
        ("de", "language", ""),
        ("Europe/Vienna", "timezone", ""),
        ("AT", "country_code", ""),
    ],
)
def test_codes_of_the_world_are_known_where_a_code_is_asked_for(value, name, description):
    sources = sources_of("do it")
    assert sources.origin(value, {"type": "string", "description": description}, name).kind == "code"
    assert sources.origin(value, {"type": "string"}, "comment") is None


def test_how_many_to_look_at_is_for_the_caller():
    sources = sources_of("find boats")
    assert sources.origin(10, {"type": "integer"}, "max_results").kind == "generic"
    assert sources.origin(10, {"type": "integer"}, "amount") is None


def test_own_words_of_an_agent_count_when_its_user_let_them_stand_but_never_its_ids():
    sources = Sources()
    sources.add("Book a table for Ann", 0, "user")
    sources.add("Shall I take 19:30 at Luigi, and write to luigi@food.com, reference AB1234?", 1, "agent")
    assert sources.origin("19:30") is None and sources.origin("Luigi") is None
    sources.add("yes", 2, "user")
    assert sources.origin("19:30").turn == 1 and sources.origin("Luigi").turn == 1
    assert sources.origin("luigi@food.com") is None and sources.origin("AB1234") is None
    sources.add("ref AB1234", 3, "tool")
    assert sources.origin("AB1234").turn == 3


def test_origin_says_turn_and_words():
    sources = sources_of("hello", "the order W2378156 arrived broken")
    assert sources.origin("W2378156") == Origin("seen", 1, "the order W2378156 arrived broken")
    assert sources.origin(["W2378156", "hello"]).turn == 1


SHOP = {
    "cards": [{"amount": 500}, {"amount": 128}],
    "items": [{"price": price} for price in (158.5, 141.25, 77.75, 63.5)],
    "stock": [{"left": left} for left in (41, 57, 83, 97, 1031, 2087, 4003)],
}


@pytest.mark.parametrize("result", ["299.0", 299.0, " 299\n"])
def test_one_calculates_on_with_what_a_calculator_gave(result):
    sources = sources_of(SHOP, result, role="tool")
    assert sources.origin("$201.00") == Origin("computed", None, "$201.00 follows from figures that were seen")  # 500 - 299
    assert sources.origin("$171.00") is not None  # 299 - 128
    assert sources.origin("$212.00") is None


@pytest.mark.parametrize("result", ["299 rows", "00000299", True, None, {"total": 299}, "it is 299"])
def test_only_a_number_alone_is_a_calculators(result):
    assert sources_of(SHOP, result, role="tool").origin("$201.00") is None


def test_what_is_added_later_is_not_known_before():
    sources = sources_of("hello")
    assert sources.origin("W2378156") is None
    sources.add("W2378156", 1, "tool")
    assert sources.origin("W2378156").turn == 1


@pytest.mark.parametrize(
    ("value", "name", "kind"),
    [
        ("00000123", "", "id"),
        ("12345", "order_id", "id"),
        ("last_email_id", "email_id", "id"),
        (4711, "customerId", "id"),
        ("a@b.co", "", "e-mail"),
        ("a@b.co, c@d.co", "to", "e-mail"),
        ("2024-05-12", "", "moment"),
        ("3pm", "", "moment"),
        ("12 May", "", "moment"),
        (12.5, "amount", "number"),
        ("12.50 €", "amount", "number"),
        ("src/a.py", "", "path"),
        ("Hello there", "body", "text"),
        ("pytest -q tests", "command", "text"),
        (True, "", "choice"),
        (None, "", "nothing"),
        (float("nan"), "", "nothing"),
        (10**400, "", "id"),
    ],
)
def test_kind_of_value(value, name, kind):
    assert kind_of(value, name) == kind


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
roles = st.sampled_from(["system", "user", "agent", "tool"])


@given(st.lists(st.tuples(values, roles), max_size=6), values, st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_nothing_fails_whatever_is_added_and_looked_up(added, value, name):
    sources = Sources()
    for turn, (one, role) in enumerate(added):
        sources.add(one, turn, role)
    origin = sources.origin(value, {"type": "string"}, name)
    assert origin is None or origin.turn is None or 0 <= origin.turn < len(added)


@given(st.from_regex(r"[A-Z]{2}[0-9]{4,9}", fullmatch=True), st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_id_is_found_wherever_it_stands(id_, before, after):
    assert sources_of(f"{before} {id_} {after}").origin(id_) is not None


@given(values.filter(lambda value: value == value))
@settings(max_examples=100, deadline=None)
def test_what_was_given_as_json_is_known(value):
    sources = sources_of(value)
    assert sources.origin(value) is not None


@given(st.integers(13, 10**9), st.sampled_from(["{:,}", "{}", "{} pieces", "${:,}", "{:,} kg"]))
def test_number_is_known_in_any_dress(number, dress):
    assert sources_of(f"there are {dress.format(number)} of them").origin(number) is not None


NASTY = [
    "a" * 250_000,
    "1" * 250_000,
    "1," * 80_000,
    "1-" * 80_000,
    "2024-05-" * 25_000,
    "@" * 80_000,
    "a." * 80_000,
    "a@" * 80_000,
    "12 may " * 25_000,
    "an hour " * 25_000,
    "東" * 80_000,
    " " * 250_000,
    "[" * 50_000,
    '{"a":' * 25_000,
    "\\n" * 80_000,
    "\ud800" * 1000,
    "é" * 80_000,
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_huge_text_is_read_at_once(text):
    start = time.process_time()
    sources = sources_of(text)
    for value in (text, text[:300], "00000000", 4711.5, "2024-01-01 10:00", "x@y.zz", {"k": [text[:50]]}):
        sources.origin(value, {"description": text[:1000]}, text[:100])
    assert time.process_time() - start < 3


def test_look_ups_take_no_longer_in_a_long_run():
    def seconds(turns: int) -> float:
        sources = Sources()
        for turn in range(turns):
            sources.add({"id": f"A{turn:06}", "price": turn * 1.25, "due": "2024-05-12"}, turn, "tool")
        sources.origin(4711.17), sources.origin("2023-01-01"), sources.origin("Z999999")
        start = time.process_time()
        for k in range(300):
            sources.origin(f"Z{k:06}"), sources.origin(f"2022-01-{1 + k % 28:02}"), sources.origin(k + 0.777)
        return time.process_time() - start

    seconds(100)
    assert seconds(5000) < 20 * max(seconds(100), 0.002)  # linear would be fifty times


def test_deep_value_is_read_without_recursion():
    deep: object = "W2378156"
    for _ in range(20_000):
        deep = [deep]
    sources = sources_of(deep)
    assert sources.origin("W2378156") is not None
    assert sources.origin(json.loads('["W2378156"]')) is not None
