"""Mail that came in and went out."""

from dspy_programs.agent.tools.tool import AgentTool
from tests.agent_workbench.tables import NOW, Office, Record
from tests.agent_workbench.tools.arguments import MOST, Day, Email, Id, field_of, named


def emails(office: Office) -> list[AgentTool]:
    def get_email_information_by_id(email_id: Id, field: str) -> Record:
        """Returns one field of an email: inbox/outbox, sender/recipient, subject, sent_datetime or body."""
        return field_of(office.record("emails", email_id), field)

    def search_emails(query: str = "", date_min: Day = "", date_max: Day = "") -> list[Record] | str:
        """Returns at most 5 emails, latest first, that have all words of the query in subject, body or address."""

        def wanted(email: Record) -> bool:
            text = f"{email['subject']} {email['body']} {email['sender/recipient']}".lower()
            day = email["sent_datetime"][:10]
            return all(word in text for word in query.lower().split()) and date_min <= day <= (date_max or "9999")

        found = sorted(office.found("emails", wanted), key=lambda email: email["sent_datetime"], reverse=True)
        return found[:MOST] or "No emails found."

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

    return named("email", [get_email_information_by_id, search_emails, send_email, delete_email, forward_email, reply_email])


def _send(office: Office, recipient: str, subject: str, body: str) -> None:
    values = {
        "inbox/outbox": "outbox",
        "sender/recipient": office.address(recipient),
        "subject": subject,
        "sent_datetime": NOW,
        "body": body,
    }
    office.add("emails", **values)
