"""Tasks on the boards of the projects."""

from typing import Annotated

from pydantic import Field

from dspy_programs.agent.tools.tool import AgentTool, ToolError
from tests.agent_workbench.tables import Office, Record
from tests.agent_workbench.tools.arguments import Board, Day, Email, Id, List, allowed, field_of, has, named, one_of


def tasks(office: Office) -> list[AgentTool]:
    def person(email: str) -> str:
        if email.lower() not in office.people:
            raise ToolError("Assignee email not valid. Please choose from the list of team members.")
        return email.lower()

    def get_task_information_by_id(task_id: Id, field: str) -> Record:
        """Returns one field of a task: task_name, assigned_to_email, list_name, due_date or board."""
        return field_of(office.record("tasks", task_id), field)

    def search_tasks(
        task_name: str = "",
        assigned_to_email: str = "",
        list_name: Annotated[str, Field(description=one_of(List))] = "",
        due_date: Day = "",
        board: Annotated[str, Field(description=one_of(Board))] = "",
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
        return office.found("tasks", lambda task: has(task, parts))

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

        def of_field(field: str, value: str) -> str:
            return person(value) if field == "assigned_to_email" else allowed(field, value)

        return office.set("tasks", task_id, field, new_value, of_field)

    return named("project_management", [get_task_information_by_id, search_tasks, create_task, delete_task, update_task])
