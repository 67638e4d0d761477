"""WorkBench's 26 tools over an office, with the names, arguments and answers of the source, as tools of the agent."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from dspy_programs.agent.tools.tool import AgentTool, ToolError, tool
from tests.agent_workbench.tables import NOW, Office, Record

Day = Annotated[str, Field(description="YYYY-MM-DD")]
Moment = Annotated[str, Field(description="YYYY-MM-DD HH:MM:SS")]
Email = Annotated[str, Field(description="full email address")]
Id = Annotated[str, Field(description="8-digit ID")]
List = Literal["Backlog", "In Progress", "In Review", "Completed"]
Board = Literal["Back end", "Front end", "Design"]
Status = Literal["Qualified", "Won", "Lost", "Lead", "Proposal"]
Product = Literal["Software", "Hardware", "Services", "Consulting", "Training"]
Source = Literal["direct", "referral", "search engine", "social media"]
_MOST = 5  # records in an answer


def _one_of(choices: Any) -> str:
    return f"one of: {', '.join(choices.__args__)}"


def tools(office: Office) -> list[AgentTool]:
    """Return all tools; each changes this office and no other."""
    return [
        *_analytics(office),
        *_calendar(office),
        *_customers(office),
        *_emails(office),
        *_tasks(office),
        tool(_find_email_address(office), name="company_directory.find_email_address", effect="reads"),
    ]


def _named(domain: str, functions: Sequence[Callable[..., Any]]) -> list[AgentTool]:
    reads = ("get_", "search_", "find_")
    return [
        tool(
            function,
            name=f"{domain}.{function.__name__}",
            effect="reads" if function.__name__.startswith(reads) or function.__name__.endswith("_count") else "writes",
        )
        for function in functions
    ]


def _analytics(office: Office) -> list[AgentTool]:
    def by_day(day_min: str, day_max: str, value: Callable[[list[Record]], float], wanted: Callable[[Record], bool]) -> Any:
        days: dict[str, list[Record]] = {}
        for visit in office.tables["visits"]:
            day = visit["date_of_visit"]
            if day_min <= day <= (day_max or "9999"):
                days.setdefault(day, []).extend([visit] if wanted(visit) else [])
        return {day: value(visits) for day, visits in sorted(days.items())}

    def get_visitor_information_by_id(visitor_id: str) -> list[Record]:
        """Returns the analytics data for a given visitor ID."""
        if found := office.found("visits", lambda visit: visit["visitor_id"] == visitor_id):
            return found
        raise ToolError("Visitor not found.")

    def create_plot(
        time_min: Day,
        time_max: Day,
        value_to_plot: Literal[
            "total_visits",
            "session_duration_seconds",
            "user_engaged",
            "visits_direct",
            "visits_referral",
            "visits_search_engine",
            "visits_social_media",
        ],
        plot_type: Literal["bar", "line", "scatter", "histogram"],
    ) -> str:
        """Plots the analytics data for a given time range and value."""
        office.plots.append(f"plots/{time_min}_{time_max}_{value_to_plot}_{plot_type}.png")
        return office.plots[-1]

    def total_visits_count(time_min: Day = "", time_max: Day = "") -> dict[str, int]:
        """Returns the total number of visits on each day within a time range."""
        return by_day(time_min, time_max, len, lambda visit: True)

    def engaged_users_count(time_min: Day = "", time_max: Day = "") -> dict[str, int]:
        """Returns the number of engaged users on each day within a time range."""
        return by_day(time_min, time_max, len, lambda visit: visit["user_engaged"] == "True")

    def traffic_source_count(time_min: Day = "", time_max: Day = "", traffic_source: Source | None = None) -> dict[str, int]:
        """Returns the number of visits from a traffic source on each day within a time range."""
        return by_day(time_min, time_max, len, lambda visit: traffic_source in (None, visit["traffic_source"]))

    def get_average_session_duration(time_min: Day = "", time_max: Day = "") -> dict[str, float]:
        """Returns the average session duration in seconds on each day within a time range."""
        return by_day(
            time_min,
            time_max,
            lambda visits: sum(float(v["session_duration_seconds"]) for v in visits) / len(visits),
            lambda v: True,
        )

    return _named(
        "analytics",
        [
            get_visitor_information_by_id,
            create_plot,
            total_visits_count,
            engaged_users_count,
            traffic_source_count,
            get_average_session_duration,
        ],
    )


def _calendar(office: Office) -> list[AgentTool]:
    def get_event_information_by_id(event_id: Id, field: str) -> Record:
        """Returns one field of an event: event_name, participant_email, event_start or duration."""
        return _field(office.record("events", event_id), field)

    def search_events(query: str = "", time_min: Moment = "", time_max: Moment = "") -> list[Record] | str:
        """Returns at most 5 events whose name or participant email contains the query, in a time range, earliest first."""

        def wanted(event: Record) -> bool:
            named = query.lower() in f"{event['event_name']}\n{event['participant_email']}".lower()
            return named and time_min <= event["event_start"] <= (time_max or "9999")

        found = sorted(office.found("events", wanted), key=lambda event: event["event_start"])
        return found[:_MOST] or "No events found."

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

    return _named("calendar", [get_event_information_by_id, search_events, create_event, delete_event, update_event])


def _customers(office: Office) -> list[AgentTool]:
    def search_customers(
        customer_name: str = "",
        customer_email: str = "",
        product_interest: Annotated[str, Field(description=_one_of(Product))] = "",
        status: Annotated[str, Field(description=_one_of(Status))] = "",
        assigned_to_email: str = "",
        last_contact_date_min: Day = "",
        last_contact_date_max: Day = "",
        follow_up_by_min: Day = "",
        follow_up_by_max: Day = "",
    ) -> list[Record]:
        """Searches for customers by any of the arguments. Returns at most 5 customers."""
        parts = {
            "customer_name": customer_name,
            "customer_email": customer_email,
            "product_interest": product_interest,
            "status": status,
            "assigned_to_email": assigned_to_email,
        }
        if not any([*parts.values(), last_contact_date_min, last_contact_date_max, follow_up_by_min, follow_up_by_max]):
            raise ToolError("No search parameters provided. Please provide at least one parameter.")

        def wanted(customer: Record) -> bool:
            return (
                _has(customer, parts)
                and last_contact_date_min <= customer["last_contact_date"] <= (last_contact_date_max or "9999")
                and follow_up_by_min <= customer["follow_up_by"] <= (follow_up_by_max or "9999")
            )

        return office.found("customers", wanted, _MOST)

    def update_customer(customer_id: Id, field: str, new_value: str) -> str:
        """Updates a field of a customer: customer_name, assigned_to_email, customer_email, customer_phone, last_contact_date,
        product_interest, status, notes or follow_up_by."""
        return office.set("customers", customer_id, field, _allowed(field, new_value))

    def add_customer(
        customer_name: str,
        assigned_to_email: Email,
        status: Status,
        customer_email: str = "",
        customer_phone: str = "",
        last_contact_date: Day = "",
        product_interest: Product | None = None,
        notes: str = "",
        follow_up_by: Day = "",
    ) -> str:
        """Adds a new customer and returns the ID."""
        return office.add(
            "customers",
            customer_name=customer_name,
            assigned_to_email=office.address(assigned_to_email),
            status=status,
            customer_email=customer_email,
            customer_phone=customer_phone,
            last_contact_date=last_contact_date,
            product_interest=product_interest or "",
            notes=notes,
            follow_up_by=follow_up_by,
        )

    def delete_customer(customer_id: Id) -> str:
        """Deletes a customer."""
        return office.delete("customers", customer_id)

    return _named("customer_relationship_manager", [search_customers, update_customer, add_customer, delete_customer])


def _emails(office: Office) -> list[AgentTool]:
    def get_email_information_by_id(email_id: Id, field: str) -> Record:
        """Returns one field of an email: inbox/outbox, sender/recipient, subject, sent_datetime or body."""
        return _field(office.record("emails", email_id), field)

    def search_emails(query: str = "", date_min: Day = "", date_max: Day = "") -> list[Record] | str:
        """Returns at most 5 emails, latest first, that have all words of the query in subject, body or address."""

        def wanted(email: Record) -> bool:
            text = f"{email['subject']} {email['body']} {email['sender/recipient']}".lower()
            day = email["sent_datetime"][:10]
            return all(word in text for word in query.lower().split()) and date_min <= day <= (date_max or "9999")

        found = sorted(office.found("emails", wanted), key=lambda email: email["sent_datetime"], reverse=True)
        return found[:_MOST] or "No emails found."

    def send_email(recipient: Email, subject: str, body: str) -> str:
        """Sends an email."""
        _send(office, recipient, subject, body)
        return "Email sent successfully."

    def delete_email(email_id: Id) -> str:
        """Deletes an email."""
        return office.delete("emails", email_id)

    def forward_email(email_id: Id, recipient: Email) -> str:
        """Forwards an email."""
        email = office.record("emails", email_id)
        _send(office, recipient, f"FW: {email['subject']}", email["body"])
        return "Email forwarded successfully."

    def reply_email(email_id: Id, body: str) -> str:
        """Replies to an email."""
        email = office.record("emails", email_id)
        _send(office, email["sender/recipient"], email["subject"], body)
        return "Email replied successfully."

    return _named("email", [get_email_information_by_id, search_emails, send_email, delete_email, forward_email, reply_email])


def _send(office: Office, recipient: str, subject: str, body: str) -> None:
    values = {
        "inbox/outbox": "outbox",
        "sender/recipient": office.address(recipient),
        "subject": subject,
        "sent_datetime": NOW,
        "body": body,
    }
    office.add("emails", **values)


def _tasks(office: Office) -> list[AgentTool]:
    def person(email: str) -> str:
        if email.lower() not in office.people:
            raise ToolError("Assignee email not valid. Please choose from the list of team members.")
        return email.lower()

    def get_task_information_by_id(task_id: Id, field: str) -> Record:
        """Returns one field of a task: task_name, assigned_to_email, list_name, due_date or board."""
        return _field(office.record("tasks", task_id), field)

    def search_tasks(
        task_name: str = "",
        assigned_to_email: str = "",
        list_name: Annotated[str, Field(description=_one_of(List))] = "",
        due_date: Day = "",
        board: Annotated[str, Field(description=_one_of(Board))] = "",
    ) -> list[Record]:
        """Searches for tasks by any of the arguments."""
        parts = {
            "task_name": task_name,
            "assigned_to_email": assigned_to_email,
            "list_name": list_name,
            "due_date": due_date,
            "board": board,
        }
        if not any(parts.values()):
            raise ToolError("No search parameters provided.")
        return office.found("tasks", lambda task: _has(task, parts))

    def create_task(task_name: str, assigned_to_email: Email, list_name: List, due_date: Day, board: Board) -> str:
        """Creates a new task and returns its ID."""
        address = person(assigned_to_email)
        return office.add(
            "tasks", task_name=task_name, assigned_to_email=address, list_name=list_name, due_date=due_date, board=board
        )

    def delete_task(task_id: Id) -> str:
        """Deletes a task."""
        return office.delete("tasks", task_id)

    def update_task(task_id: Id, field: str, new_value: str) -> str:
        """Updates a field of a task: task_name, assigned_to_email, list_name, due_date or board."""
        value = person(new_value) if field == "assigned_to_email" else _allowed(field, new_value)
        return office.set("tasks", task_id, field, value)

    return _named("project_management", [get_task_information_by_id, search_tasks, create_task, delete_task, update_task])


def _find_email_address(office: Office) -> Callable[..., list[str]]:
    def find_email_address(name: str) -> list[str]:
        """Finds the email address of an employee by a part of the name."""
        return [address for address in office.people if name.lower() in address]

    return find_email_address


_CHOICES = {"list_name": List, "board": Board, "status": Status, "product_interest": Product}


def _allowed(field: str, value: str) -> str:
    choices = getattr(_CHOICES.get(field), "__args__", ())
    if choices and value not in choices:
        raise ToolError(f"{field} not valid. Please choose from: {', '.join(map(repr, choices))}.")
    return value


def _has(record: Record, parts: dict[str, str]) -> bool:
    return all(part.lower() in record[name].lower() for name, part in parts.items())


def _field(record: Record, field: str) -> Record:
    if field not in record:
        raise ToolError(f"Field not found. Please choose from: {', '.join(record)}")
    return {field: record[field]}
