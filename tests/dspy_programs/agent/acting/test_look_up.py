"""A search that found nothing is tried again with what was given, and with nothing else."""

import pytest

from dspy_programs.agent import tool
from dspy_programs.agent.acting.look_up import broader, without_made_up_days
from dspy_programs.types import Call, Turn


@tool(effect="reads")
def search(name: str = "", status: str = "", day_min: str = "", day_max: str = "") -> str:
    """Search events by name, status and day."""
    return ""


def again(text, said, **arguments):
    turn = Turn(turn_number=0, role="agent", tool_name="search", tool_input=arguments, tool_output="No events found.")
    call = broader([turn], [search], [], text, said)
    return call.arguments if call else None


def test_a_day_that_was_named_stays_and_the_new_name_goes():
    said = ["Change the name of the last event on December 12 to Machine Learning Chat"]
    found = again("rename the last event to Machine Learning Chat", said, name="Machine Learning Chat", day_min="2023-12-12")
    assert found == {"day_min": "2023-12-12"}


def test_a_day_that_nobody_named_goes():
    said = ["Today's date is Thursday, 2023-11-30. Delete my last event with Nadia"]
    assert again("delete my last event with Nadia", said, name="Nadia", day_min="2023-11-01") == {"name": "Nadia"}


def test_what_else_is_on_a_day_is_not_what_was_looked_for():
    assert again("search for meetings on December 12", [], name="cancel meetings", day_min="2023-12-12") is None


def test_a_whole_name_stays_whole():
    found = again("update Jamie Davis's status in the CRM", [], name="Jamie Davis", status="Lead", day_min="2023-11-30")
    assert found == {"name": "Jamie Davis"}


def test_one_name_is_one_condition():
    found = again("update Jamie Davis's status", [], name="Jamie Davis", status="Jamie Davis", day_min="2023-11-30")
    assert found == {"name": "Jamie Davis"}


def test_nothing_is_searched_twice():
    assert again("delete my last event with Nadia", [], name="Nadia") is None


def test_todays_date_is_no_day_that_was_named():
    said = ["Today's date is Thursday, 2023-11-30 and the current time is 00:00:00. Delete my last event of nadia"]
    found = again("delete the last event of nadia", said, name="delete my last event of nadia", day_min="2023-11-30")
    assert found == {"name": "nadia"}


def test_who_was_named_is_not_left_out_for_a_day():
    text = "delete the event with Nadia on December 12"
    assert again(text, [], name="Nadia", day_min="2023-12-12") is None


def test_a_condition_that_was_given_stays_and_a_made_up_one_goes():
    text = "move any of Nia's events that are in review to completed"
    found = again(text, [], name="Nia", status="In Review", day_min="2023-11-30", day_max="2023-12-31")
    assert found == {"name": "Nia", "status": "In Review"}


def test_what_something_is_to_become_is_no_condition():
    assert again("Move Jamie Davis to lead", [], name="Jamie Davis", status="Lead") == {"name": "Jamie Davis"}


@pytest.mark.parametrize(
    ("goal", "kept"),
    [
        ("Today's date is Thursday, 2023-11-30. Reply to Nadia's last email", False),
        ("Today's date is Thursday, 2023-11-30. Reply to what Nadia wrote today", True),
        ("Delete what is older than 2 weeks", True),
        ("Cancel my first meeting on December 7", True),
        ("Was tut sich am 3. Oktober?", True),
    ],
)
def test_a_search_has_no_day_that_nobody_gave(goal, kept):
    call = Call(tool="search", arguments={"name": "Nadia", "day_min": "2023-11-30 00:00:00"})
    found = without_made_up_days(call, search, "reply to Nadia", [goal]).arguments
    assert found == (call.arguments if kept else {"name": "Nadia"})


def test_the_request_itself_is_no_condition_and_a_window_of_days_stays_whole():
    goal = "cancel my first meeting on December 7"
    found = again(goal, [], name=goal, day_min="2023-11-30", day_max="2023-12-07")
    assert found == {"day_min": "2023-11-30", "day_max": "2023-12-07"}


def test_who_looked_at_the_wrong_time_does_not_look_at_all_times():
    assert again("find the meeting on December 7", [], name="meeting", day_min="2023-11-07") is None
