"""Customers and who looks after them."""

from typing import Annotated

from pydantic import Field

from dspy_programs.agent.tools.tool import AgentTool, ToolError
from tests.agent_workbench.tables import Office, Record
from tests.agent_workbench.tools.arguments import MOST, Day, Email, Id, Product, Status, allowed, has, named, one_of


def customers(office: Office) -> list[AgentTool]:
    def search_customers(
        customer_name: str = "",
        customer_email: str = "",
        product_interest: Annotated[str, Field(description=one_of(Product))] = "",
        status: Annotated[str, Field(description=one_of(Status))] = "",
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
                has(customer, parts)
                and last_contact_date_min <= customer["last_contact_date"] <= (last_contact_date_max or "9999")
                and follow_up_by_min <= customer["follow_up_by"] <= (follow_up_by_max or "9999")
            )

        return office.found("customers", wanted, MOST)

    def update_customer(customer_id: Id, field: str, new_value: str) -> str:
        """Updates a field of a customer: customer_name, assigned_to_email, customer_email, customer_phone, last_contact_date,
        product_interest, status, notes or follow_up_by."""
        return office.set("customers", customer_id, field, new_value, allowed)

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

    return named("customer_relationship_manager", [search_customers, update_customer, add_customer, delete_customer])
