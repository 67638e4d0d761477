from pathlib import Path

import pytest

from dspy_programs.errors import ToolError
from tests.agent_workbench.cases import Request
from tests.agent_workbench.tools import tools

TABLES = {
    "analytics_data": "date_of_visit,visitor_id,page_views,session_duration_seconds,traffic_source,user_engaged\n"
    "2023-11-20,0001,3,10,direct,True\n2023-11-20,0002,1,20,referral,False\n2023-11-21,0003,1,5,direct,False\n",
    "calendar_events": "event_id,event_name,participant_email,event_start,duration\n"
    "00000001,sync up,uma.roy@atlas.com,2023-12-02 09:00:00,30\n00000002,review,leo.may@atlas.com,2023-12-01 10:00:00,60\n",
    "customer_relationship_manager_data": "customer_id,assigned_to_email,customer_name,customer_email,customer_phone,"
    "last_contact_date,product_interest,status,follow_up_by,notes\n"
    "00000001,uma.roy@atlas.com,Kim Day,kim@day,,2023-11-01,Software,Lead,2023-12-01,\n",
    "emails": "email_id,inbox/outbox,sender/recipient,subject,sent_datetime,body\n"
    "00000001,inbox,uma.roy@atlas.com,Plan,2023-11-20 09:00:00,The plan\n",
    "project_tasks": "task_id,task_name,assigned_to_email,list_name,due_date,board\n"
    "00000001,Fix login,uma.roy@atlas.com,Backlog,2023-12-04,Back end\n",
}


@pytest.fixture
def raw(tmp_path):
    (home := tmp_path / "actor" / "workbench" / "processed").mkdir(parents=True)
    for name, text in TABLES.items():
        (home / f"{name}.csv").write_text(text)
    (home.parent / "raw").mkdir()
    (home.parent / "raw" / "email_addresses.csv").write_text("uma.roy@atlas.com\nleo.may@atlas.com\n")
    return tmp_path


def request(raw, *gold):
    asked = Request(raw, "calendar_0", "calendar", "Cancel the review", gold, "Cancel {event}")
    asked.lay_out(Path())
    return asked, {tool.name: lambda _call=tool.call, **given: _call(None, given) for tool in tools(asked.office)}


def test_the_right_end_state_is_reached_by_any_way(raw):
    asked, call = request(raw, 'calendar.delete_event.func(event_id="00000002")')
    assert len(asked.faults(Path(), True, [])) == 1
    made = call["calendar.create_event"](
        event_name="x", participant_email="LEO.MAY@atlas.com", event_start="2023-12-05 09:00:00", duration="30"
    )
    call["calendar.delete_event"](event_id="00000002")
    assert [fault for fault in asked.faults(Path(), True, []) if "wrong" in fault and "'x'" in fault]
    call["calendar.delete_event"](event_id=made)
    assert asked.faults(Path(), True, []) == []


def test_a_plot_an_email_and_a_field_count_and_reading_does_not(raw):
    asked, call = request(raw)
    assert call["calendar.search_events"](query="ATLAS")[0]["event_id"] == "00000002"
    assert call["analytics.engaged_users_count"](time_min="2023-11-20") == {"2023-11-20": 1, "2023-11-21": 0}
    assert call["email.search_emails"](query="nobody") == "No emails found."
    assert asked.faults(Path(), True, []) == []
    call["analytics.create_plot"](time_min="2023-11-20", time_max="2023-11-21", value_to_plot="visits_direct", plot_type="bar")
    call["email.forward_email"](email_id="00000001", recipient="leo.may@atlas.com")
    call["project_management.update_task"](task_id="00000001", field="list_name", new_value="In Review")
    assert len(asked.faults(Path(), True, [])) == 4  # one plot, one e-mail, a task that is there otherwise


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("calendar.delete_event", {"event_id": "99999999"}),
        ("project_management.update_task", {"task_id": "00000001", "field": "list_name", "new_value": "Doing"}),
        ("project_management.update_task", {"task_id": "00000001", "field": "assigned_to_email", "new_value": "a@b.c"}),
        (
            "customer_relationship_manager.update_customer",
            {"customer_id": "00000001", "field": "customer_id", "new_value": "2"},
        ),
        ("customer_relationship_manager.search_customers", {}),
        ("email.send_email", {"recipient": "uma", "subject": "s", "body": "b"}),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(raw, name, given):
    asked, call = request(raw)
    with pytest.raises(ToolError):
        call[name](**given)
    assert asked.faults(Path(), True, []) == []
