"""BFCL's dialogs with simulated services and WorkBench's office tasks converted to planner rows: other tools and domains.

Input      raw: a folder with actor/bfcl_v4 (BFCL_v4_multi_turn_base.json, its possible_answer and multi_turn_func_doc),
           actor/workbench and failure_judge/workbench_traces; own: the planner's rows.
Output     {"transfer_val": rows, "transfer_test": rows}; rows as those of planner.py.
Guarantees the same input gives the same rows, bit for bit; no service, and so no function, is in both halves; no goal
           shares more than half of its words with one of `own`, or with another here.
Raises     DatasetError if a file is missing or malformed.
Source     github.com/ShishirPatil/gorilla, commit 6ea57973 (Apache-2.0); github.com/olly-styles/WorkBench, commit 42f1b6dc
           (MIT); see datasets/planner/CARD.md.
"""

import ast
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import DatasetError
from optimizers.sources.bfcl_talks import Call, talks
from optimizers.sources.failure_judge_runs import Run, workbench_runs
from optimizers.sources.planner import TOOLS_OFFERED
from optimizers.sources.reading import read_csv, read_jsonl
from optimizers.sources.transfer import HALVES, Splits, Transfer, checked, most_of_each, unlike

SEED = 20261128
FEWEST_CALLS, MOST_CALLS = 2, 6
_PER_PLAN = 3  # rows with the very same tools in the same order
_PER_TEMPLATE = 2  # rows of one of WorkBench's templates
SIZE = 40  # rows per half at most

SERVICES = {  # file of multi_turn_func_doc -> (half, whether a later turn can stand alone: it hangs on nothing done before)
    "gorilla_file_system": ("transfer_val", False),
    "math_api": ("transfer_val", False),
    "message_api": ("transfer_val", True),
    "posting_api": ("transfer_val", True),
    "vehicle_control": ("transfer_val", True),
    "ticket_api": ("transfer_test", True),
    "trading_bot": ("transfer_test", False),
    "travel_booking": ("transfer_test", False),
}
_OFFICE = {  # WorkBench's function -> what it does. The words are ours: the runs bear names and no descriptions.
    "calendar.create_event": "Create a calendar event with a participant",
    "calendar.delete_event": "Delete a calendar event by its id",
    "calendar.search_events": "Find calendar events, and their ids, by words and time",
    "calendar.update_event": "Change one field of a calendar event by its id",
    "customer_relationship_manager.add_customer": "Add a customer to the CRM",
    "customer_relationship_manager.delete_customer": "Delete a customer from the CRM by id",
    "customer_relationship_manager.search_customers": "Find customers in the CRM, and their ids, by name or other fields",
    "customer_relationship_manager.update_customer": "Change one field of a customer in the CRM by id",
    "company_directory.find_email_address": "Find the e-mail address of a colleague by name",
    "email.delete_email": "Delete an e-mail by its id",
    "email.forward_email": "Forward an e-mail, by its id, to an e-mail address",
    "email.reply_email": "Reply to an e-mail by its id",
    "email.search_emails": "Find e-mails, and their ids, by words and date",
    "email.send_email": "Send a new e-mail to an e-mail address",
    "project_management.create_task": "Create a task on a project board",
    "project_management.delete_task": "Delete a task from a project board by its id",
    "project_management.update_task": "Change one field of a task on a project board by its id",
}
OFFICE_HALVES = {
    "calendar": "transfer_val",
    "customer_relationship_manager": "transfer_val",
    "company_directory": "transfer_test",
    "email": "transfer_test",
    "project_management": "transfer_test",
}
NEVER_SPARE = re.compile(  # tools that a careful plan may well add: never on offer where the reference does not use them
    r"login|authenticate|^(cd|ls|pwd|find|cat|wc|get_user_id|list_users|get_symbol_by_name|get_current_time|get_account_info"
    r"|get_stock_info|get_flight_cost|get_nearest_airport_by_city|list_all_airports|get_all_credit_cards"
    r"|get_credit_card_balance|verify_traveler_information|get_budget_fiscal_year|set_budget_limit|compute_exchange_rate"
    r"|displayCarStatus|pressBrakePedal|activateParkingBrake|lockDoors|set_navigation|get_order_details|get_ticket|close_ticket"
    r"|filter_stocks_by_price|get_available_stocks|get_watchlist|mention|echo)$|\.(search_|find_)"
)
_HANGS_ON_EARLIER = re.compile(
    r"^\W*(also|after the|after sorting|upon|further|now that|once|post-|with the engine|in light|lastly|as i've|i've init)|"
    r"\b(previous file|this comparative|reached out to them)\b",
    re.IGNORECASE,
)
WRONG = {  # read one by one: what the reference has too much or too little
    "multi_turn_base_36-0": "the user may be in that folder already",
    "multi_turn_base_48-0": "a second look, which is asked for, is missing",
    "multi_turn_base_185-0": "a limit is set that was only mentioned",
    "multi_turn_base_196-4": "a ticket is read that is only to be resolved",
}
_MONEY = re.compile(r"\b(budget|under|afford|cost)\b", re.IGNORECASE)

Row = dict[str, Any]


class Turn(NamedTuple):
    """A turn that can stand alone: what the user says, the calls it takes, what else the talk's services offer."""

    id: str
    half: str
    goal: str
    tools: list[str]
    spare: list[str]


def build(raw: Path, own: Splits) -> dict[str, list[Row]]:
    """Draw both halves: BFCL's turns and WorkBench's tasks, mixed."""
    found = list(functions(raw / "actor/bfcl_v4/multi_turn_func_doc"))
    described = {name: description for name, _, description in found} | _OFFICE
    service_of = {name: service for name, service, _ in found}
    turns = [*_bfcl_turns(raw / "actor/bfcl_v4", service_of), *_workbench_turns(raw)]
    halves = {}
    for half in HALVES:
        mine = [turn for turn in turns if turn.half == half]
        random.Random(f"{SEED}-{half}").shuffle(mine)
        others = sorted({tool for turn in mine for tool in (*turn.tools, *turn.spare)})
        rows = unlike((as_row(turn, others, described) for turn in mine), own, lambda row: str(row["goal"]))
        halves[half] = most_of_each(rows, plan_of, _PER_PLAN)[:SIZE]
    return checked(halves, raw)


def plan_of(row: Row) -> tuple[str, ...]:
    return tuple(task["tool"] for task in row["tasks"])


def functions(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (function, its service, its description without that of the whole service)."""
    for service in SERVICES:
        for where, record in read_jsonl(folder / f"{service}.json"):
            try:
                yield record["name"], service, " ".join(record["description"].split("Tool description:")[-1].split())
            except (KeyError, TypeError, AttributeError) as error:
                raise DatasetError(f"{where}: not a function of BFCL: {error!r}") from error


def _bfcl_turns(folder: Path, service_of: Mapping[str, str]) -> Iterator[Turn]:
    for talk in talks(folder):
        for number, (goal, calls) in enumerate(talk.turns):
            id_ = f"{talk.id}-{number}"
            try:
                services = {service_of[name] for name, _ in calls}
            except KeyError as error:
                raise DatasetError(f"{folder}: {id_} calls {error}, which no file of multi_turn_func_doc has") from error
            if id_ not in WRONG and can_stand(number, goal, calls, services):
                spare = [name for name, service in service_of.items() if service in services and name not in talk.excluded]
                yield Turn(id_, SERVICES[services.pop()][0], goal, [name for name, _ in calls], spare)


def can_stand(number: int, goal: str, calls: Sequence[Call], services: set[str]) -> bool:
    """Return whether the goal alone says why each of the calls is there, and the plan is one that own rows could have."""
    names = [name for name, _ in calls]
    if not FEWEST_CALLS <= len(names) <= MOST_CALLS or len(set(names)) < len(names):
        return False
    if len({SERVICES[service][0] for service in services}) > 1 or _HANGS_ON_EARLIER.search(goal):
        return False
    if number and not all(SERVICES[service][1] for service in services):
        return False
    if (number or "gorilla_file_system" in services) and not _all_said(goal, calls):
        return False
    return not any(_unsaid(call, goal, names) for call in calls)


def _unsaid(call: Call, goal: str, names: Sequence[str]) -> bool:
    """Return whether a call is only due to the state of the simulated service, which neither goal nor descriptions tell."""
    match call[0]:
        case "lockDoors":
            return not re.search(r"\b(doors?|lock|secur)", goal, re.IGNORECASE)
        case "pressBrakePedal":  # the car does not start without, but no description says so
            return not re.search(r"\bbrake pedal\b", goal, re.IGNORECASE)
        case "send_message" | "post_tweet":
            return not any("login" in other or "authenticate" in other for other in names)
        case "book_flight":  # where money matters, most references look at the cost first and some do not
            return "get_flight_cost" not in names and bool(_MONEY.search(goal))
        case "place_order":
            return "market's operational status" in goal
    return False


def _all_said(goal: str, calls: Iterable[Call]) -> bool:
    text = goal.lower().replace(",", "")
    values = [value for _, given in calls for item in given.values() for value in (item if isinstance(item, list) else [item])]
    return all(isinstance(v, bool) or str(v).lower().removesuffix(".0").replace(",", "") in text for v in values)


def _workbench_turns(raw: Path) -> Iterator[Turn]:
    """Take templates that ask for one change, whatever the data; the plan is what most right runs of the template did."""
    changes: dict[str, set[int]] = {}
    for path in sorted((raw / "actor/workbench/processed/queries_and_answers").glob("*.csv")):
        for row in read_csv(path):
            changes.setdefault(row["base_template"], set()).add(len(ast.literal_eval(row["answer"])))
    runs: dict[str, list[Run]] = {}
    for run in workbench_runs(raw):
        tools = _tools_of(run)
        if run.went_right and changes[run.group] == {1} and len(set(tools)) == len(tools) >= FEWEST_CALLS:
            runs.setdefault(run.group, []).append(run)
    for _, found in sorted(runs.items()):
        (plan, _), *_ = Counter(_tools_of(run) for run in found).most_common(1)
        halves = {OFFICE_HALVES[tool.split(".")[0]] for tool in plan}
        goals = {run.goal: run for run in found if _tools_of(run) == plan}
        if len(halves) == 1 and set(plan) <= _OFFICE.keys():
            for goal, run in list(goals.items())[:_PER_TEMPLATE]:
                domains = {tool.split(".")[0] for tool in plan}
                spare = [tool for tool in _OFFICE if tool.split(".")[0] in domains]
                yield Turn(f"workbench_{run.id}", halves.copy().pop(), goal, list(plan), spare)


def _tools_of(run: Run) -> tuple[str, ...]:
    return tuple(turn["tool_name"] for turn in run.turns if turn["role"] == "tool")


def as_row(turn: Turn, others: Sequence[str], described: Mapping[str, str]) -> Row:
    """Offer eight tools as own rows do: those of the plan, and others of which half are of the same services.

    A title has no label, and may not be empty: it is the function's own name in words.
    """
    draw = random.Random(f"{SEED}-{turn.id}")
    near = sorted({name for name in turn.spare if name not in turn.tools and not NEVER_SPARE.search(name)})
    far = [name for name in others if name not in (*turn.tools, *turn.spare) and not NEVER_SPARE.search(name)]
    missing = TOOLS_OFFERED - len(turn.tools)
    offered = turn.tools + draw.sample(near, min(len(near), missing // 2))
    offered += draw.sample(far, TOOLS_OFFERED - len(offered))
    draw.shuffle(offered)
    return {
        "id": turn.id,
        "goal": turn.goal,
        "tools": [{"name": name, "description": described[name]} for name in offered],
        "progress": "",
        "tasks": [
            {"id": i, "tool": tool, "title": in_words(tool), "depends_on": [i - 1] if i > 1 else [], "success_criterion": ""}
            for i, tool in enumerate(turn.tools, 1)
        ],
    }


def in_words(tool: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.split(".")[-1]).replace("_", " ").lower()


TRANSFER = Transfer(("actor/bfcl_v4", "actor/workbench", "failure_judge/workbench_traces"), build)
