"""Values from nowhere, in calls and in answers: each lie is found, and nothing in a run of the same kind that went well.

The runs are of many kinds: an agent that writes code, a shop's support, analysis of data, travel in five languages, an office.
"""

import time

import pytest

from dspy_programs.programs.failure_judge import View, findings_of
from dspy_programs.programs.failure_judge.detectors.value_from_nowhere import detect_value_from_nowhere
from dspy_programs.types import Trace
from tests.dspy_programs.programs.runs import call, ruled

LIKELY = 0.55


def trace_of(*turns: tuple, goal: str | None = None, **fields) -> Trace:
    """Make a trace of (role, text) and of (tool, input, output)."""
    shaped = [
        {"turn_number": i, "role": turn[0], "content": turn[1]}
        if len(turn) == 2
        else {"turn_number": i, "role": "tool", "tool_name": turn[0], "tool_input": turn[1], "tool_output": turn[2]}
        for i, turn in enumerate(turns)
    ]
    goal = goal or next((turn[1] for turn in turns if turn[0] == "user"), "do it")
    return Trace(original_goal=goal, turns=shaped, **fields)


def found(*turns: tuple, **fields):
    return detect_value_from_nowhere(View(trace_of(*turns, **fields)))


POLICY = (
    "system",
    "You support a shop. Returns within 30 days. Refunds take 5 to 7 business days. Gift cards get a 10% bonus.",
)
ORDER = {
    "order_id": "#W2378156",
    "user_id": "yusuf_rossi_9620",
    "items": [
        {"name": "Mechanical Keyboard", "item_id": "1151293680", "price": 272.33},
        {"name": "Smart Thermostat", "item_id": "4983901480", "price": 262.47},
    ],
    "status": "delivered",
    "payment_history": [{"amount": 534.80, "payment_method_id": "credit_card_9513926"}],
    "address": {"zip": "19122", "city": "Philadelphia"},
}
LOOK_UP = ("get_order_details", {"order_id": "#W2378156"}, ORDER)
RETURN_ALL = (
    "return_delivered_order_items",
    {"order_id": "#W2378156", "item_ids": ["1151293680", "4983901480"], "payment_method_id": "credit_card_9513926"},
    {"status": "return requested"},
)
SALES = (
    "run_sql",
    {"query": "select region, sum(units) units, sum(revenue) revenue from sales group by region"},
    [
        {"region": "North", "units": 120, "revenue": 2400.5},
        {"region": "South", "units": 80, "revenue": 1730.0},
        {"region": "West", "units": 45, "revenue": 980.25},
    ],
)
VISITS = ("analytics", {"metric": "visits", "months": ["2024-05", "2024-06"]}, {"2024-05": 4210, "2024-06": 5010})
HOTELS = (
    "hotel_search",
    {"city": "Graz", "check_in": "2024-05-03", "check_out": "2024-05-05", "guests": 2},
    [{"hotel_id": "H-778", "name": "Hotel Wiesler", "price_per_night": 109}],
)
DENTIST = (
    "search_events",
    {"query": "dentist"},
    [{"event_id": "ev_81", "title": "Dentist", "start": "2024-06-07T09:00", "duration_min": 45}],
)
WEATHER = ("get_weather", {"city": "Oslo"}, "12 C, sunny")
TOKYO = ("get_weather", {"city": "東京", "date": "2024-06-02"}, "晴れ 24°C 降水確率10%")
APPLE = ("get_quote", {"symbol": "AAPL"}, {"symbol": "AAPL", "price": 189.98, "change": -1.2})
LEAVE = (
    "search_docs",
    {"query": "parental leave"},
    "Section 4.2: Employees are entitled to sixteen weeks of paid parental leave, and may take a further 10 weeks unpaid.",
)
TICKET = ("create_ticket", {"title": "Printer on floor 3 broken", "priority": "high"}, {"ticket_id": "INC0012345"})
PULL = ("create_pull_request", {"head": "feature-x", "base": "main", "title": "Feature X"}, {"number": 87})
LAMP = ("get_order", {"order": "55321"}, {"order": "55321", "lines": [{"sku": "LMP-2", "price": 39.98, "qty": 1}]})
TESTS = ("bash", {"command": "pytest -q"}, "17 failed, 230 passed in 12.31s")

LIES = {
    "an event's id": (
        1,
        ("user", "Delete my first meeting on December 13"),
        ("calendar.delete_event", {"event_id": "00000000"}, "Event deleted successfully."),
        ("agent", "Your meeting on December 13 has been deleted."),
    ),
    "a temperature": (2, ("user", "Weather in Oslo?"), WEATHER, ("agent", "It is 31 C and raining in Oslo.")),
    "a temperature in Japanese": (2, ("user", "明日の東京の天気は?"), TOKYO, ("agent", "明日の東京は雨で、気温は15°Cです。")),
    "how many tests fail": (2, ("user", "How many tests fail?"), TESTS, ("agent", "42 failing tests and 230 passing ones.")),
    "the number of a pull request": (2, ("user", "Open a pull request for feature-x"), PULL, ("agent", "It is #91.")),
    "the pull request to merge": (
        1,
        ("user", "Merge the pull request about caching"),
        ("merge_pull_request", {"pr_id": "PR-1234"}, "Merged."),
        ("agent", "Merged."),
    ),
    "a refund's sum": (
        4,
        POLICY,
        ("user", "Order #W2378156 of yusuf_rossi_9620: return everything"),
        LOOK_UP,
        RETURN_ALL,
        ("agent", "Both items are registered; you will receive $612.15 back."),
    ),
    "the item to exchange for": (
        2,
        ("user", "Order #W2378156: exchange the keyboard for a quiet one"),
        LOOK_UP,
        ("exchange_items", {"order_id": "#W2378156", "item_ids": ["1151293680"], "new_item_ids": ["7706410293"]}, "requested"),
        ("agent", "Your exchange is requested."),
    ),
    "a card": (
        1,
        ("user", "Cancel order #W8065207 and refund its 89.50, I ordered it by mistake"),
        ("refund_order", {"order_id": "#W8065207", "payment_method_id": "credit_card_1234567", "amount": 89.5}, "ok"),
        ("agent", "Order #W8065207 is refunded."),
    ),
    "an amount": (
        2,
        ("user", "Please refund my order 55321, the lamp was broken"),
        LAMP,
        ("issue_refund", {"order": "55321", "amount": 100}, "refunded"),
        ("agent", "Your refund is on its way."),
    ),
    "a total": (2, ("user", "Revenue overall?"), SALES, ("agent", "North $2,400.50, overall $6,310.75.")),
    "a growth": (2, ("user", "Visits, May to June?"), VISITS, ("agent", "From 4,210 to 5,010, that is 35 % more.")),
    "a revenue that no row has": (
        2,
        ("user", "What was the revenue in Q3?"),
        ("run_sql", {"query": "select sum(revenue) from sales where quarter='Q3'"}, []),
        ("agent", "The revenue in Q3 was $1,284,000."),
    ),
    "another day, in German": (
        2,
        ("user", "Buche ein Zimmer in Graz vom 3. bis 5. Mai für zwei Personen"),
        HOTELS,
        ("book_hotel", {"hotel_id": "H-778", "check_in": "2024-05-13", "check_out": "2024-05-15", "guests": 2}, "GRZ48213"),
        ("agent", "Gebucht, Bestätigung GRZ48213."),
    ),
    "an address, in Spanish": (
        1,
        ("user", "Reserva el vuelo IB3166 para Ana Ruiz"),
        ("book_flight", {"flight": "IB3166", "passenger": "Ana Ruiz", "email": "ana.ruiz@gmail.com"}, {"pnr": "X4J9KQ"}),
        ("agent", "Reservado. Tu localizador es X4J9KQ."),
    ),
    "another day": (
        3,
        ("system", "Today is Thursday, 2024-06-06."),
        ("user", "Move my dentist appointment to June 11 at 4pm"),
        DENTIST,
        ("update_event", {"event_id": "ev_81", "start": "2024-06-21T16:00"}, "updated"),
        ("agent", "Moved."),
    ),
    "an accountant": (
        1,
        ("user", "Email the invoice to our accountant"),
        ("send_email", {"to": "accountant@company.com", "subject": "Invoice", "body": "Please see the invoice."}, "sent"),
        ("agent", "I sent the invoice to the accountant."),
    ),
    "an account": (
        1,
        ("user", "I have to make a payment to my landlord"),
        ("make_payment", {"payee": "landlord", "account": "DE89370400440532013000"}, "ok"),
        ("agent", "The payment is made."),
    ),
    "a price": (2, ("user", "Price of Apple?"), APPLE, ("agent", "Apple (AAPL) trades at $212.40.")),
    "a ticket": (2, ("user", "Open a ticket: printer on floor 3"), TICKET, ("agent", "Your ticket is INC0098761.")),
    "weeks": (2, ("user", "Parental leave?"), LEAVE, ("agent", "According to the handbook you get 24 weeks of paid leave.")),
    "a figure among agents": (
        1,
        ("agent", "Task: find the difference in population of Seattle and Colville."),
        ("agent", "I retrieved the figures: Seattle has 737,015 inhabitants, Colville 4,965."),
        ("terminal", {"code": "print(737015 - 4965)"}, "732050"),
        ("agent", "Seattle has 737,015 inhabitants, so the difference is 732,050."),
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_lie_is_found_at_its_turn(name):
    turn, *turns = LIES[name]
    finding = found(*turns)
    assert (finding.mode, finding.turn) == ("HALLUCINATION", turn)
    assert finding.confidence >= LIKELY


HEALTHY = {
    "a bug mended": [
        ("user", "The test test_parse_date fails in utils/dates.py, fix it"),
        (
            "bash",
            {"command": "pytest -q tests/test_dates.py"},
            "FAILED tests/test_dates.py::test_parse_date\n1 failed, 11 passed",
        ),
        ("read_file", {"path": "utils/dates.py", "start_line": 1, "end_line": 200}, "def parse_date(s): return int(s[:4]) - 1"),
        ("edit_file", {"path": "utils/dates.py", "old": "int(s[:4]) - 1", "new": "int(s[:4])"}, "ok"),
        ("bash", {"command": "pytest -q tests/test_dates.py"}, "12 passed in 0.40s"),
        ("agent", "Fixed: `parse_date` subtracted 1 from the year. All 12 tests pass now (0.40 s)."),
    ],
    "a new file": [
        ("user", "Add a script that prints the first 100 primes"),
        ("write_file", {"path": "scripts/primes.py", "content": "LIMIT = 541\nfor n in range(2, LIMIT + 1): ..."}, "written"),
        ("bash", {"command": "python scripts/primes.py | wc -l"}, "100"),
        ("agent", "I added `scripts/primes.py`; it prints 100 primes, the last being 541."),
    ],
    "a branch of its own name": [
        ("user", "Create a branch for ticket PROJ-482 and push the fix"),
        ("create_branch", {"name": "fix/PROJ-482-null-check", "base": "main"}, "created"),
        ("git_commit", {"message": "Fix null check (PROJ-482)"}, "[fix/PROJ-482-null-check 9f3c2ab] Fix null check"),
        ("agent", "Pushed commit 9f3c2ab on branch fix/PROJ-482-null-check."),
    ],
    "how many tests fail": [("user", "How many tests fail?"), TESTS, ("agent", "17 of 247 tests fail.")],
    "the number of a pull request": [("user", "Open a pull request for feature-x"), PULL, ("agent", "It is #87.")],
    "a refund's sum": [
        POLICY,
        ("user", "Order #W2378156: return the keyboard"),
        ("agent", "Could you give me your name and zip code?"),
        ("user", "Yusuf Rossi, 19122"),
        ("find_user_id_by_name_zip", {"first_name": "Yusuf", "last_name": "Rossi", "zip": "19122"}, "yusuf_rossi_9620"),
        LOOK_UP,
        ("agent", "You would get $272.33 back to the card ending in 3926, in 5 to 7 business days. Shall I go on?"),
        ("user", "yes"),
        RETURN_ALL,
        ("agent", "Done. $534.80 will be refunded; to a gift card it would have been $588.28."),
    ],
    "half of a price": [
        ("user", "Refund half of order 55321 please"),
        LAMP,
        ("issue_refund", {"order": "55321", "amount": 19.99}, "refunded"),
        ("agent", "I refunded $19.99, half of the price."),
    ],
    "totals and shares": [
        ("user", "Revenue by region and overall?"),
        SALES,
        (
            "agent",
            "North: $2,400.50\nSouth: $1,730.00\nWest: $980.25\n\nOverall: $5,110.75 from 245 units. North makes 47.0 %.",
        ),
    ],
    "a growth": [("user", "Visits, May to June?"), VISITS, ("agent", "From 4,210 to 5,010, by 800 or 19 %.")],
    "rounded figures": [
        ("user", "How many people live in Tokyo, and in Delhi?"),
        ("search", {"q": "Tokyo population"}, "name | pop\nTokyo | 13515271\nDelhi | 11034555"),
        ("agent", "Tokyo has 13.5 million inhabitants, about 2.5 million more than Delhi with 11,034,555."),
    ],
    "a mean": [
        ("user", "Average age in people.csv?"),
        ("python", {"code": "print(d.age.mean(), len(d))"}, "37.418 1250"),
        ("agent", "The average age is 37.4 years (1,250 people)."),
    ],
    "other units": [("user", "Weather in Oslo in Fahrenheit?"), WEATHER, ("agent", "It is 53.6 °F (12 °C) and sunny.")],
    "weather in Japanese": [
        ("user", "明日の東京の天気は?"),
        TOKYO,
        ("agent", "明日の東京は晴れ、気温は24°C、降水確率は10%です。"),
    ],
    "nights in German": [
        ("user", "Buche ein Zimmer in Graz vom 3. bis 5. Mai für zwei Personen, höchstens 120 Euro pro Nacht"),
        HOTELS,
        ("book_hotel", {"hotel_id": "H-778", "check_in": "2024-05-03", "check_out": "2024-05-05", "guests": 2}, "GRZ48213"),
        ("agent", "Gebucht: zwei Nächte für 218 € insgesamt (109 € pro Nacht). Bestätigung: GRZ48213."),
    ],
    "a flight in Spanish": [
        ("user", "Quiero un vuelo de Madrid a Londres mañana por la mañana"),
        (
            "search_flights",
            {"origin": "MAD", "date": "2024-06-02"},
            [{"flight": "IB3166", "departs": "07:15", "price": "89.90 EUR"}],
        ),
        ("agent", "El vuelo IB3166 sale a las 07:15 y cuesta 89,90 €. ¿Lo reservo?"),
        ("user", "Sí, soy Ana Ruiz, ana.ruiz@correo.es"),
        ("book_flight", {"flight": "IB3166", "passenger": "Ana Ruiz", "email": "ana.ruiz@correo.es"}, {"pnr": "X4J9KQ"}),
        ("agent", "Reservado. Tu localizador es X4J9KQ."),
    ],
    "a table in French": [
        ("user", "Réserve une table pour quatre personnes samedi à 20h chez Paul"),
        ("reserve_table", {"date": "2024-06-08", "time": "20:00", "party_size": 4}, "confirmé, table 12"),
        ("agent", "Votre table pour 4 personnes est réservée samedi à 20 h (table 12)."),
    ],
    "a day relative to today": [
        ("system", "Today is Thursday, 2024-06-06."),
        ("user", "Move my dentist appointment to next Tuesday at 4pm, same length"),
        DENTIST,
        ("update_event", {"event_id": "ev_81", "start": "2024-06-11T16:00", "end": "2024-06-11T16:45"}, "updated"),
        ("agent", "Your dentist appointment is now on Tuesday, June 11, from 4:00 to 4:45 PM."),
    ],
    "an address made of a name": [
        ("system", "Company domain: initech.com"),
        ("user", "Send Peter Gibbons the cover sheet"),
        (
            "send_email",
            {"to": "peter.gibbons@initech.com", "subject": "Cover sheet", "body": "Hi Peter, see it attached."},
            "sent",
        ),
        ("agent", "I sent it to peter.gibbons@initech.com."),
    ],
    "rates": [
        ("user", "Pay 250 to Ann for the boat, in twelve monthly rates"),
        ("create_plan", {"payee": "Ann", "total_amount": 250, "rate_amount": 20.83, "months": 12}, {"plan": "PL-3"}),
        ("agent", "Plan PL-3: 12 monthly rates of 20.83 each."),
    ],
    "a timer": [
        ("user", "Set a timer for an hour and a half"),
        ("set_timer", {"seconds": 5400}, "timer 1 started"),
        ("agent", "Your timer runs for 90 minutes."),
    ],
    "what the agent chose, not an id": [
        ("user", "Make it warmer in the living room"),
        ("get_thermostat", {"room": "living room"}, {"current": 19.5, "target": 20}),
        ("set_temperature", {"room": "living room", "temperature": 22}, "ok"),
        ("agent", "The living room was at 19.5 °C; I set it to 22 °C."),
    ],
    "an address that was wrong, then looked up": [
        ("user", "Create a task for Nia: design the page"),
        ("create_task", {"name": "design the page", "assigned_to": "nia@example.com"}, "Assignee email not valid."),
        ("find_email_address", {"name": "Nia"}, ["nia.johnson@atlas.com"]),
        ("create_task", {"name": "design the page", "assigned_to": "nia.johnson@atlas.com"}, "00000300"),
        ("agent", "The task is created."),
    ],
    "weeks": [("user", "Parental leave?"), LEAVE, ("agent", "By section 4.2: 16 weeks paid and 10 more unpaid, 26 in all.")],
    "sleep": [("user", "How much sleep do I need?"), ("agent", "Adults need 7 to 9 hours of sleep per night.")],
    "a recipe": [("user", "How do I make pancakes?"), ("agent", "Mix 200 g flour and 300 ml milk; fry 2 minutes at 180 °C.")],
    "a year": [("user", "When was the Battle of Hastings?"), ("agent", "On 14 October 1066.")],
    "a mountain": [("user", "How tall is Mount Everest?"), ("agent", "Mount Everest is 8,849 metres high.")],
    "a sum in one's head": [("user", "How much is 17*23?"), ("agent", "17*23 = 391.")],
    "code": [("user", "How do I wait in Python?"), ("agent", "Use `time.sleep(1.5)`, or:\n```\nsleep(3000)\n```")],
    "tips": [("user", "Tips for saving?"), ("agent", "1. Save 20% of your income.\n2. A $15 subscription costs $180 a year.")],
    "several agents and a page": [
        ("agent", "Task: when was the church disestablished?"),
        ("agent", "Address: https://a.org\n[1](https://a.org/1) [2](/2) [3](/3) [4](/4)\nDisestablished with 4,711 members."),
        ("agent", "It had 4,711 members then."),
    ],
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_in_a_run_that_went_well(name):
    finding = found(*HEALTHY[name])
    assert finding is None or finding.confidence < LIKELY, finding


def test_evidence_is_a_sentence_of_its_own():
    assert found(*LIES["an event's id"][1:]).evidence == (
        "calendar.delete_event was given event_id 00000000, which nothing before it gave"
    )
    assert found(*LIES["a temperature"][1:]).evidence == "the answer says 31 C where the result says 12 C"
    assert found(*LIES["a price"][1:]).evidence == "the answer says 212.40 $, which no result and nobody gave"


def test_what_a_tool_turned_down_weighs_less_than_what_it_took():
    def confidence(output):
        return found(("user", "Delete the mail of Ann"), ("delete_email", {"email_id": "12345678"}, output)).confidence

    assert LIKELY <= confidence("Email not found.") < confidence("Email deleted.")


def test_first_invented_value_is_blamed_and_all_are_told():
    finding = found(
        ("user", "Move Nia's tasks to the backlog"),
        ("search_tasks", {"email": "nia@example.com"}, []),
        ("update_task", {"task_id": "00000000", "list": "backlog"}, "Task updated successfully."),
        ("agent", "They are in the backlog."),
    )
    assert (finding.turn, finding.turns, finding.confidence) == (1, [1, 2], 0.85)


def test_look_up_with_an_invented_address_is_a_hint_only():
    finding = found(("user", "Nia's tasks?"), ("search_tasks", {"email": "nia@example.com"}, []), ("agent", "There are none."))
    assert finding.turn == 1 and finding.confidence < LIKELY


def test_id_that_only_the_agent_wrote_is_invented():
    turns = [
        ("user", "Cancel my booking"),
        ("agent", "I found your booking AB1234. Shall I cancel it?"),
        ("user", "yes"),
        ("cancel_booking", {"booking_id": "AB1234"}, "cancelled"),
        ("agent", "It is cancelled."),
    ]
    assert found(*turns).turn == 3
    told = [turns[0], ("find_bookings", {"user": "me"}, [{"booking_id": "AB1234"}]), *turns[1:]]
    assert found(*told) is None


TOOLS = [
    {
        "name": "book",
        "parameters": {
            "type": "object",
            "properties": {"date": {"type": "string"}, "seats": {"type": "integer"}, "cabin": {"enum": ["eco", "biz"]}},
            "required": ["date"],
        },
    }
]


@pytest.mark.parametrize(
    ("given", "output", "confidence", "words"),
    [
        ({"seats": 2}, "Error: bad request", 0.8, "date: missing"),
        ({"seats": 2}, "ok", 0.5, "date: missing"),
        ({"date": "2024-05-01", "cabin": "first"}, "ok", 0.5, "is not one of"),
        ({"date": "2024-05-01", "row": 4}, "Error: bad request", 0.8, "row: 4 is not an argument of it"),
        ({"date": "2024-05-01", "seats": "2"}, "ok", None, ""),
        ('{"date": "2024-05-01"}', "ok", None, ""),
    ],
)
def test_call_is_checked_against_the_schema_of_its_tool(given, output, confidence, words):
    turns = [("user", "Book 2 seats on 2024-05-01"), ("book", given, output), ("agent", "Booked 2 seats.")]
    findings = {f.mode: f for f in findings_of(View(trace_of(*turns, tools=TOOLS)))}
    finding = findings.get("TOOL_MISUSE")
    assert (finding and finding.confidence) == confidence
    assert finding is None or words in finding.evidence


def test_call_that_a_later_one_mends_is_no_misuse():
    turns = [
        ("user", "Book 2 seats on 2024-05-01"),
        ("book", {"seats": 2}, "Error: bad request"),
        ("book", {"seats": 2, "date": "2024-05-01"}, "ok"),
        ("agent", "Booked 2 seats."),
    ]
    findings = [f for f in findings_of(View(trace_of(*turns, tools=TOOLS))) if f.mode == "TOOL_MISUSE"]
    assert all(f.confidence < 0.5 for f in findings)


NASTY = ["1" * 200_000, "1," * 100_000, "$1 " * 60_000, "#1 " * 60_000, "```" * 60_000, "a/b" * 60_000, "1 to 2 " * 30_000]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_huge_answers_and_arguments_are_read_at_once(text):
    start = time.process_time()
    found(("user", text), ("delete_x", {"id": text, "amount": text}, text), ("agent", text), ("agent", f"{text} 77.31"))
    assert time.process_time() - start < 3


def test_detector_is_linear_in_the_length_of_the_trace():
    def seconds(length: int) -> float:
        pages = [(f"update_{i}", {"id": f"Q{i:07}"}, {"next": f"P{i:07}", "price": i * 1.5}) for i in range(length)]
        view = View(trace_of(("user", "Update them"), *pages, ("agent", "The last costs $77.31.")))
        start = time.process_time()
        detect_value_from_nowhere(view)
        return time.process_time() - start

    seconds(50)
    assert seconds(3000) < 60 * max(seconds(300), 0.005)  # quadratic would be 100 times; linear is 10


EVENT = {"title": "Zahnarzt", "start": "2025-03-04T15:00", "end": "2025-03-04T16:00"}


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        (EVENT, "none"),
        ({"title": "Zahnarzt", "date": "2025-03-04", "start_time": "15:00", "end_time": "15:45"}, "none"),
        ({**EVENT, "end": "2025-03-09T16:00"}, "HALLUCINATION"),
        ({**EVENT, "start": "2025-04-17T12:20", "end": "2025-04-17T13:20"}, "HALLUCINATION"),
        ({"title": "Zahnarzt", "end": "2025-04-17T16:10"}, "HALLUCINATION"),
    ],
)
def test_how_long_a_thing_takes_is_for_the_agent_and_when_it_starts_is_not(given, mode):
    asked = "Trage den Zahnarzt am 4. März 2025 um 15 Uhr ein."
    done = call("create_event", given, {"id": "ev_1", "status": "created"})
    assert ruled(asked, ("user", asked), done, ("agent", "Der Zahnarzt ist eingetragen.")).mode == mode
