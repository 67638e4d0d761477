"""Which rows of a source can be transfer rows: the rules that drop what nobody could know."""

from pathlib import Path

import pytest

from dspy_programs.errors import DatasetError
from optimizers.sources import actor_transfer, planner_transfer, quality_judge_transfer
from optimizers.sources.actor_transfer import is_said
from optimizers.sources.bfcl_talks import Talk, call_of, talks
from optimizers.sources.fabric_criteria import LINES
from optimizers.sources.memory_summarizer_transfer import entries_of
from optimizers.sources.planner_transfer import NEVER_SPARE, SERVICES, can_stand, in_words
from optimizers.sources.section_scorer_transfer import constraints_of, states
from tests.optimizers.sources.transfer_raw import write_raw


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raw(tmp_path_factory.mktemp("raw"))


def test_call_of_reads_names_places_and_values_without_running_anything():
    assert call_of("f('x', b=[1, 'y'], c=-2.5)") == ("f", {"0": "x", "b": [1, "y"], "c": -2.5})


@pytest.mark.parametrize("text", ["f", "a.f()", "f(g())", "f(", "f(x)"])
def test_call_of_refuses_what_is_no_plain_call(text):
    with pytest.raises((ValueError, SyntaxError)):
        call_of(text)


def test_talks_names_the_line_that_is_wrong(raw, tmp_path):
    folder = tmp_path / "bfcl"
    (folder / "possible_answer").mkdir(parents=True)
    (folder / "BFCL_v4_multi_turn_base.json").write_text('{"id": "a", "question": [[]]}\n')
    (folder / "possible_answer/BFCL_v4_multi_turn_base.json").write_text('{"id": "a", "ground_truth": [["f()"]]}\n')
    with pytest.raises(DatasetError, match=r"base\.json:1: not a talk of BFCL"):
        list(talks(folder))


FILES, CAR, TRAVEL = {"gorilla_file_system"}, {"vehicle_control"}, {"travel_booking"}


@pytest.mark.parametrize(
    ("number", "goal", "calls", "services", "stands"),
    [
        (0, "Go to docs and make a.txt", ["cd(folder='docs')", "touch(file_name='a.txt')"], FILES, True),
        (0, "Make a.txt", ["cd(folder='docs')", "touch(file_name='a.txt')"], FILES, False),  # a folder nobody named
        (1, "Go to docs and make a.txt", ["cd(folder='docs')", "touch(file_name='a.txt')"], FILES, False),  # where are we?
        (0, "Make a.txt", ["touch(file_name='a.txt')"], FILES, False),  # no plan
        (0, "Check, then check", ["check_tire_pressure()", "check_tire_pressure()"], CAR, False),  # a tool twice
        (0, "Start the car", ["pressBrakePedal(pedalPosition=1.0)", "startEngine(ignitionMode='START')"], CAR, False),
        (2, "Fill 30 gallons after a check", ["check_tire_pressure()", "fillFuelTank(30.0)"], CAR, True),
        (2, "Fill it after a check", ["check_tire_pressure()", "fillFuelTank(30.0)"], CAR, False),  # how much?
        (2, "Also fill 30 gallons after a check", ["check_tire_pressure()", "fillFuelTank(30.0)"], CAR, False),
        (0, "Book under $100", ["book_flight(card_id='1')", "retrieve_invoice(booking_id='2')"], TRAVEL, False),
        (0, "Book it", ["book_flight(card_id='1')", "retrieve_invoice(booking_id='2')"], TRAVEL, True),
        (0, "Post and book", ["post_tweet(content='x')", "book_flight()"], {*TRAVEL, "posting_api"}, False),  # both halves
        (0, "Tell Bob", ["get_user_id(user='Bob')", "send_message(receiver_id='U')"], {"message_api"}, False),  # no login
    ],
)
def test_can_stand(number, goal, calls, services, stands):
    assert can_stand(number, goal, [call_of(call) for call in calls], services) == stands


@pytest.mark.parametrize("tool", ["ticket_login", "authenticate_travel", "ls", "calendar.search_events", "get_flight_cost"])
def test_a_tool_that_a_careful_plan_may_add_is_never_a_distractor(tool):
    assert NEVER_SPARE.search(tool)


def test_planner_rows_offer_distractors_of_their_own_half(raw):
    for half, rows in planner_transfer.build(raw, {}).items():
        mine = {service for service, (home, _) in SERVICES.items() if home == half}
        names = [tool["name"] for row in rows for tool in row["tools"] if "." not in tool["name"]]
        assert names and {name.rsplit("_", 1)[0] for name in names} <= mine


def test_planner_takes_both_sources_and_describes_a_function_without_its_service(raw):
    rows = [row for rows in planner_transfer.build(raw, {}).values() for row in rows]
    assert {row["id"].split("_")[0] for row in rows} == {"talk", "workbench"}
    assert {"name": "math_api_do1", "description": "Does 1."} in [tool for row in rows for tool in row["tools"]]


def test_in_words():
    assert [in_words(name) for name in ("calendar.search_events", "setHeadlights")] == ["search events", "set headlights"]


@pytest.mark.parametrize(
    ("value", "text", "said"),
    [
        ("sms_alerts", "Use smsAlert.", True),
        ("wheelchair_access", "I need wheelchair access", True),
        ("12", "from 2012 on", False),
        (5, "five of them", True),
        (5, "50 of them", False),
        (5000, "$5,000 on it", True),
        (0.5, "a share of 0.5", True),
        (True, "", True),
        ({"a": ["x", {"b": 7}]}, "x or 7", True),
        ({"a": ["x", {"b": 7}]}, "x or 8", False),
        ([], "anything", False),
        (None, "None", False),
    ],
)
def test_is_said(value, text, said):
    assert is_said(value, text) == said


def test_actor_leaves_out_what_the_user_never_said_and_families_that_are_called_already(raw):
    rows = [row for rows in actor_transfer.build(raw, {}).values() for row in rows]
    assert len(rows) == 3 * len(actor_transfer.KINDS) and not [row for row in rows if row["id"].endswith("_0")]
    known = {"train": [{"tools": [{"name": rows[0]["calls"][0]["tool"]}], "context": "", "task": ""}]}
    kept = [row["id"] for rows in actor_transfer.build(raw, known).values() for row in rows]
    assert rows[0]["id"] not in kept and len(kept) == len(rows) - 1


def test_memory_entries_are_what_was_said_and_the_calls_in_words():
    talk = Talk("t", [(" Book\nit ", [call_of("book_it(card='c1', of=2)")]), ("Thanks", [])], [])
    found = [(entry.turn, entry.role, entry.content) for entry in entries_of(talk)]
    assert found == [(0, "user", "Book it"), (1, "assistant", "book_it(card=c1, of=2)"), (2, "user", "Thanks")]


def test_quality_rows_prefer_the_answer_that_helps_and_balance_its_place(raw):
    for rows in quality_judge_transfer.build(raw, {}).values():
        verdicts = [row["verdict"] for row in rows]
        assert abs(verdicts.count("first") - verdicts.count("second")) <= 1
        assert all(row[{"first": "response", "second": "other"}[row["verdict"]]].startswith("So you do") for row in rows)


@pytest.mark.parametrize(
    ("label", "second", "agreed"),
    [
        ("2_full_refusal", "2_full_refusal", True),
        ("2_full_refusal", "1_full_compliance", False),
        ("3_partial_refusal", "3_partial_refusal", False),
    ],
)
def test_quality_rows_need_two_people_who_agree_on_a_full_answer_or_refusal(label, second, agreed):
    record = {"final_label": label, "annotation_1": label, "annotation_2": second}
    assert quality_judge_transfer.agreed(record) == agreed


def test_constraints_are_lines_that_state_one_thing_and_the_first_of_each():
    text = ["Do not repeat items.", "Do not repeat ideas.", "Do not repeat items, follow ALL the instructions.", "Be kind."]
    assert [(c.name, c.text) for c in constraints_of(text)] == [("no_repeats", "Do not repeat items.")]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_wordings_of_a_line_differ_and_its_decoys_do_not_state_it(line):
    texts = [*line.asked, *line.again, *line.decoys]
    assert len(set(texts)) == len(texts) and len(line.asked) == 2 and line.again and len(line.decoys) == 2
    assert not [decoy for decoy in line.decoys if any(states(other, decoy) for other in LINES)]
