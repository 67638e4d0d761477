"""Events of the calendar."""

from typing import Annotated

from pydantic import Field

from dspy_programs.agent.tools.tool import AgentTool
from tests.agent_workbench.tables import Office, Record
from tests.agent_workbench.tools.arguments import MOST, Email, Id, Moment, field_of, named


def calendar(office: Office) -> list[AgentTool]:
    def get_event_information_by_id(event_id: Id, field: str) -> Record:
        """Returns one field of an event: event_name, participant_email, event_start or duration."""
        return field_of(office.record("events", event_id), field)

    def search_events(query: str = "", time_min: Moment = "", time_max: Moment = "") -> list[Record] | str:
        """Returns at most 5 events whose name or participant email contains the query, in a time range, earliest first."""

        def wanted(event: Record) -> bool:
            named = query.lower() in f"{event['event_name']}\n{event['participant_email']}".lower()
            return named and time_min <= event["event_start"] <= (time_max or "9999")

        found = sorted(office.found("events", wanted), key=lambda event: event["event_start"])
        return found[:MOST] or "No events found."

    def create_event(
        event_name: str, participant_email: Email, event_start: Moment, duration: Annotated[str, Field(description="minutes")]
    ) -> str:
        """Creates a new event and returns its ID."""
        address = office.address(participant_email)
        return office.add(
            "events", event_name=event_name, participant_email=address, event_start=event_start, duration=duration
        )

    def delete_event(event_id: Id) -> str:
        """Deletes an event."""
        return office.delete("events", event_id)

    def update_event(event_id: Id, field: str, new_value: str) -> str:
        """Updates a field of an event: event_name, participant_email, event_start or duration."""
        return office.set("events", event_id, field, new_value)

    return named("calendar", [get_event_information_by_id, search_events, create_event, delete_event, update_event])
