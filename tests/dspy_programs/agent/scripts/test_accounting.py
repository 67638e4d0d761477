import json
import time

import pytest

from dspy_programs.agent.scripts.accounting import unaccounted
from dspy_programs.agent.workspace.workspace import Workspace
from tests.agent_tasks.tasks import HERE, tasks

LEAST = 0.95  # of the right scripts are taken for right


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "orders.csv").write_text("order,name,amount\n701,Okafor,120\n702,Lind,75\n")
    (tmp_path / "site.json").write_text('{"title": "Club", "admin_mail": "a@b.example"}')
    return Workspace(tmp_path)


@pytest.mark.parametrize(
    ("request_", "code", "left_out"),
    [
        ("Sum up the amounts of orders.csv", "print(sum(row['amount'] for row in rows))", []),
        ("Sum up the amounts of orders.csv", "print(sum(row['name'] for row in rows))", ["amount"]),
        ("Sum up the amounts of orders.csv", "print(max(row['amount'] for row in rows))", ["Sum"]),
        ("Sum up the amounts of orders.csv", "for row in csv.reader(f): n += int(row[2])", []),  # columns by their number
        ("An invoice for each line of orders.csv: out/<order>.txt", "for r in rows: open(f'out/{r[\"name\"]}.txt')", ["order"]),
        (
            "Which names in orders.csv spent more than 100?",
            "[r for r in csv.DictReader(open('orders.csv')) if r['name'] and r['amount'] > '90']",
            ["100"],
        ),
        ("Sort the names of orders.csv", "rows.sort(key=lambda row: row['name'])", []),
        ("Sort the names of orders.csv", "open('rows.sort').write(row['name'])", ["Sort"]),  # a name of a file is no deed
        ("The average amount of orders.csv, rounded", "print(sum(amount) / n)", ["rounded"]),
        ("Put 'Total:' above orders.csv", "open('orders.csv').write('Sum:')", ["Total:"]),
        ("Write orders.csv like 12: 3", "print(rows)", []),  # only shows a form
        ("Monthly totals of orders.csv please", "total[row['region']] += int(row['n'])", ["Monthly totals"]),
        ("Monthly totals of orders.csv please", "total[row['day'][:7]] += int(row['n'])", []),
        ("How much did Lind spend by orders.csv?", "open('a.txt', 'w').write('76')", ["where 76 is from"]),
        ("How much did Lind spend by orders.csv?", "open('a.txt', 'w').write('75')", []),
        ("Set the admin in site.json to 3", "data['title'] = 3", ["admin_mail"]),
    ],
)
def test_a_word_that_nothing_accounts_for_is_named(workspace, request_, code, left_out):
    assert unaccounted(request_, code, "", workspace) == left_out


def test_what_stands_in_the_result_is_accounted_for(workspace):
    assert unaccounted("Put 'Total: 5' above orders.csv", "f.write(head)", "Total: 5\n", workspace) == []


def test_the_right_scripts_of_train_account_for_every_word(tmp_path):
    by_id = {task.id: task for task in tasks("train")}
    rows = [json.loads(line) for line in (HERE / "scripts.jsonl").read_text(encoding="utf-8").splitlines()]
    found = []
    for row in (row for row in rows if not row["script"].startswith("MISSING")):
        task = by_id[row["task"]]
        (folder := tmp_path / task.id).mkdir()
        task.lay_out(folder)
        came = "\n".join([*filter(None, task.solution.values()), *(str(check.text) for check in task.says)])
        found.append(unaccounted(task.goal, row["script"], came, Workspace(folder)))
    assert sum(not left_out for left_out in found) >= LEAST * len(found), [each for each in found if each]


@pytest.mark.parametrize("piece", ["(", "a", "a.", "'", "like ", "1,", "every ", "<", "the highest "])
@pytest.mark.timeout(20)
def test_a_long_request_costs_no_time(workspace, piece):
    began = time.process_time()
    unaccounted(piece * (20_000 // len(piece)), "print(1)", "", workspace)
    assert time.process_time() - began < 10  # seconds; patterns that backtrack take minutes
