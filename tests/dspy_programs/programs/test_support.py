"""What a model wrote of a conversation: only what the conversation says comes through."""

import time

import pytest

from dspy_programs.programs.memory_summarizer import read
from dspy_programs.programs.memory_summarizer.support import Sources
from dspy_programs.types import Entry

SAID = [
    ("user", "Hi, I am Ann Lee. I want to cancel reservation OBUT9V and to know what HAT017 costs."),
    ("assistant", "HAT017 leaves at 06:40 and costs $310. HAT136 leaves at 09:15 and costs $284."),
    ("user", "Take HAT136 then. Do not send anything to my old address in Leeds."),
    ("assistant", 'book_flight(flight="HAT136", price=284)'),
    ("tool", '{"booked": true, "reservation": "4WQ150"}'),
    ("assistant", "I booked HAT136 for $284; your reservation is 4WQ150. OBUT9V cannot be cancelled, for it is basic economy."),
    ("user", "Pity. Bob Miller said that he would pay half. The meeting with the supplier is moved to 27 May."),
]
SOURCES = Sources(read([Entry(turn=n, role=role, content=text) for n, (role, text) in enumerate(SAID, 1)]))


@pytest.mark.parametrize(
    "sentence",
    [
        "HAT136 leaves at 9:15 and costs $284.",
        "Ann Lee wanted to cancel OBUT9V.",
        "The assistant booked HAT136 for $284.",
        "OBUT9V cannot be cancelled because it is basic economy.",
        "Do not send anything to the old address in Leeds.",
        "The meeting with the supplier is moved to May 27.",
        "Bob Miller said he would pay half.",
        "The reservation is 4WQ150, and HAT017 costs $310.",
    ],
)
def test_what_was_said_is_supported(sentence):
    assert SOURCES.fault(sentence) == ""


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("HAT136 costs $285.", "285"),
        ("Carla Weiss wants to cancel OBUT9V, said Carla Weiss.", "carla weiss"),
        ("HAT017 costs $284.", "HAT017"),
        ("HAT017 costs $310 and leaves early.", "earl"),
        ("The assistant cancelled OBUT9V.", "opposite"),
        ("Send it to the old address in Leeds.", "opposite"),
        ("The supplier's meeting is cancelled because of a storm.", "storm"),
        ("The meeting with the supplier is not moved to 27 May.", "opposite"),
        ("Bob Miller paid half.", "paid"),
        ("Everyone agreed on a new strategy for growth.", "strateg"),
    ],
)
def test_what_was_not_said_is_named(sentence, reason):
    assert reason.lower() in SOURCES.fault(sentence).lower()


def test_values_of_two_rows_are_not_mixed():
    rows = Sources(read([Entry(turn=n, role="tool", content=f"Room {n} costs {n + 100} euros a night.") for n in range(1, 60)]))
    assert rows.fault("Room 7 costs 107 euros a night.") == ""
    assert "one place" in rows.fault("Room 7 costs 140 euros a night.")


TALK = [
    "Ann Lee: We could cut the price, and the remote control of the old series is pink.",
    "Bob Miller: No, the remote control of the new series is not only pink but comes with a big screen for the children.",
    "Ann Lee: Customers complained about the battery, so we increase the size of the casing before the fair.",
    "Bob Miller: The factory in Leeds cannot make a curved casing from titanium.",
    "Ann Lee: 1. Flight HAT001 goes from JFK to ATL. 2. Flight HAT002 goes from ATL to MCO.",
]
TALKED = Sources(read([Entry(turn=n, role="user", content=text) for n, text in enumerate(TALK, 1)]))


@pytest.mark.parametrize(
    "sentence",
    [
        "the remote control of the old series is pink.",
        "No, the remote control of the new series is not only pink but comes with a big screen for the children.",
        "The new series comes with a big screen for children, said Bob Miller.",
        "Ann Lee thought that complaints about the battery made it sensible to increase the size of the casing.",
        "Bob Miller said that the factory in Leeds cannot make a curved casing from titanium.",
        "1. Flight HAT001 from JFK to ATL 2. Flight HAT002 from ATL to MCO",
    ],
)
def test_quotes_lists_and_retold_talk_are_supported(sentence):
    assert TALKED.fault(sentence) == ""


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Ann Lee said that the factory in Leeds cannot make a curved casing from titanium.", "another than ann lee"),
        ("Ann Lee thought that complaints about the battery made it sensible to decrease the size of the casing.", "decreas"),
        ("The size of the casing increases after the fair.", "opposite"),
        ("Bob Miller said that the factory in Leeds can make a curved casing from titanium.", "opposite"),
        ("the remote control of the old series is not pink.", "opposite"),
        ("Flight HAT002 goes from JFK to MCO.", "jfk"),
        ("Customers complained about the battery because the supplier went bankrupt.", "bankrupt"),
        ("The pink remote control was refunded.", "refund"),
    ],
)
def test_changed_talk_is_dropped(sentence, reason):
    assert reason in TALKED.fault(sentence).lower()


def test_a_quote_starts_and_ends_with_a_clause_of_one_entry():
    sources = Sources(
        read(
            [
                Entry(turn=1, role="user", content="Is my flight HAT001 cancelled?"),
                Entry(turn=2, role="assistant", content="I do not know whether your flight HAT001 is cancelled."),
            ]
        )
    )
    assert sources.fault("Is my flight HAT001 cancelled?") == ""
    assert sources.fault("my flight HAT001 is cancelled.") and sources.fault("your flight HAT001 is cancelled.")


@pytest.mark.parametrize("entries", [[], [Entry(turn=1, role="user", content="")]])
def test_an_empty_conversation_says_nothing(entries):
    assert Sources(read(entries)).fault("The budget is 500.")


def test_a_long_conversation_is_read_in_linear_time():
    entries = [
        Entry(turn=n, role="user", content=f"Step {n}: nothing new about the plan, we go on as before.") for n in range(10_000)
    ]
    start = time.process_time()
    sources = Sources(read(entries))
    for n in range(100):
        sources.fault(f"Step {n * 7} was nothing new about the plan.")
    assert time.process_time() - start < 8
