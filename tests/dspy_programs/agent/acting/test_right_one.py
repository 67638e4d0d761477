"""A change is made to the record that the goal means, or to none."""

import json

import pytest

from dspy_programs.agent import Agent
from dspy_programs.agent.acting.right_one import wrong_one
from dspy_programs.types import Call, Turn
from tests.dspy_programs.agent.scripted import plan, scripted, step

MAILS = [
    {"email_id": "1", "sender": "yuki.tanaka@x.com", "subject": "Update", "sent": "2023-11-28 10:00:00"},
    {"email_id": "2", "sender": "raj.patel@x.com", "subject": "Update", "sent": "2023-11-30 10:00:00"},
    {"email_id": "3", "sender": "yuki.tanaka@x.com", "subject": "Update", "sent": "2023-11-29 10:00:00"},
]


def turns(found=MAILS):
    return [Turn(turn_number=1, role="tool", content="", tool_name="search", tool_input={"query": "Update"}, tool_output=found)]


@pytest.mark.parametrize(
    "goal, id_, said",
    [
        (
            "Reply to yuki's email about the update",
            "2",
            "email_id 2 has nothing of 'yuki', whom the goal names: of what was found, 1, 3 has",
        ),
        ("Reply to the email from Yuki", "1", ""),
        (
            "Delete my last email about the update",
            "1",
            "email_id 1 is not the latest that was found: 2 is, of 2023-11-30 10:00:00",
        ),
        ("Delete my last email about the update", "2", ""),
        ("Delete the first email about the update", "2", "is not the first that was found: 1 is"),
        ("Delete the email of last week", "1", ""),
        ("Delete the email from Nadia", "1", "nothing that was found has; search for Nadia"),
        (
            "Delete the first email on November 29",
            "1",
            "is of 2023-11-28 10:00:00, and the goal names another day; choose one of 11-29",
        ),
        ("Delete the first email on November 29", "3", ""),
        ("Delete the email on 2023-11-30", "3", "names another day"),
        ("Delete the emails on November 28 and on November 29", "2", ""),
        ("Delete the email about today's update with the rest", "1", ""),
        ("Delete the first and the last email", "3", ""),
        ("Delete the last email", "9", ""),  # nobody knows where its id is from
    ],
)
def test_record_that_the_goal_does_not_mean(goal, id_, said):
    found = wrong_one(Call(tool="delete", arguments={"email_id": id_}), turns(), goal)
    assert said in found if said else found == ""


def test_person_in_another_argument_is_accounted_for():
    call = Call(tool="forward", arguments={"email_id": "2", "recipient": "yuki.tanaka@x.com"})
    assert wrong_one(call, turns(json.dumps(MAILS)), "Share raj's mail with yuki") == ""


def test_day_that_another_argument_has_is_the_new_one():
    call = Call(tool="update", arguments={"email_id": "1", "sent": "2023-12-08 15:00:00"})
    assert wrong_one(call, turns(), "Move the email to 3pm on December 8") == ""


def test_records_with_two_moments_have_no_order():
    found = [{"id": "1", "made": "2023-01-01", "due": "2023-05-01"}, {"id": "2", "made": "2023-02-01", "due": "2023-04-01"}]
    assert wrong_one(Call(tool="delete", arguments={"id": "1"}), turns(found), "Delete the last task") == ""


def search_emails(query: str) -> list[dict]:
    """Search the emails."""
    return MAILS


def test_run_repairs_the_choice_and_makes_only_the_right_change():
    deleted = []

    def delete_email(email_id: str) -> str:
        """Delete an email."""
        deleted.append(email_id)
        return "Email deleted."

    steps = [step("search_emails", query="Update"), step("delete_email", email_id="2"), step("delete_email", email_id="3")]
    lm = scripted([plan(("delete_email", "Delete yuki's last email"))], steps)
    result = Agent([search_emails, delete_email], lm, compiled=False).run("Delete yuki's last email about the update")
    assert deleted == ["3"] and result.outcome == "unverified"


def test_words_of_this_program_are_no_value():
    called, events = [], []

    def delete_event(event_id: str) -> str:
        """Delete an event."""
        called.append(event_id)
        return "Event deleted."

    told = "the reply could not be read: The reply ends before its JSON object does. (also after one repair)"
    steps = ["{", "{", step("delete_event", event_id=told)]
    lm = scripted([plan(("delete_event", "Delete it"))], steps)
    Agent([delete_event], lm, compiled=False, on_event=events.append).run("Delete the event x")
    assert called == [] and any(told in str(event) for event in events)
