"""The planner's deterministic twin: what is one clause, what must stay whole, and that each plan is valid."""

import time

import pytest
from hypothesis import example, given, settings, strategies as st

from dspy_programs.programs.planner.goal_splitter import plan_by_rules, split_goal
from dspy_programs.types import Tool, plan_problems

# Clauses are written between bars here.
SEPARATED = [
    ("Book a hotel. Send me the bill!", "Book a hotel|Send me the bill"),
    ("Is it open? Check it; then call Ann", "Is it open|Check it|call Ann"),
    ("Open the door\nClose the window\r\n\r\nGo home", "Open the door|Close the window|Go home"),
    ("1. Fetch the list\n2. Sort it\n3) Print it", "Fetch the list|Sort it|Print it"),
    ("- buy milk\n* buy bread\n• buy tea", "buy milk|buy bread|buy tea"),
    ("Do this: 1. open it 2. read it 3. close it", "Do this|open it|read it|close it"),
    ("Step 1: open the lid. Step 2: press start", "open the lid|press start"),
    ("Download the data, then clean it", "Download the data|clean it"),
    ("Download the data then clean it", "Download the data|clean it"),
    ("Reboot the server and then defragment it", "Reboot the server|defragment it"),
    ("Find a room. After that, book it. Finally, tell Ann", "Find a room|book it|tell Ann"),
    ("Cook rice, after that I want to wash up, and finally rest", "Cook rice|I want to wash up|rest"),
    ("Write a draft. Next, send it. Afterwards delete it", "Write a draft|send it|delete it"),
    ("First, open the file. Second, read it", "open the file|read it"),
    ("Create a file, add a title, and save it", "Create a file|add a title|save it"),
    ("Create a file and save it", "Create a file|save it"),
    ("I want to rest, and I also need to buy a bed", "I want to rest|I also need to buy a bed"),
    ("Cancel the trip but keep the hotel, and please email Ann", "Cancel the trip but keep the hotel|please email Ann"),
    ("Check the weather and if it rains, cancel the trip", "Check the weather|if it rains, cancel the trip"),
    ("After booking the flight, send me the ticket", "booking the flight|send me the ticket"),
    ("打开灯。关上门！你好吗？睡觉；再见", "打开灯|关上门|你好吗|睡觉|再见"),
    ('Write "Done." Send it', 'Write "Done."|Send it'),
    ("Meet at 8 a.m. Then call Bob", "Meet at 8 a.m.|call Bob"),
    ("Use Python 3. Then run the tests", "Use Python 3|run the tests"),
    ("Play the '90s mix, then open the users' files", "Play the '90s mix|open the users' files"),
]
WHOLE = [
    "Convert README.md, src/app.v2.py and data.tar.gz",
    "Compare /etc/x.conf with C:\\dir\\f.txt",
    "Install v1.2.3 on Python 3.11",
    "Pay $1,000.50 on 2023-08-14 at 8:00 a.m. or 3.5 p.m. sharp",
    "Fetch https://x.com/a.b?c=d;e&f=g.h, or ask a.b@c.co.uk about it",
    'Write "Stop. And then go; send it!" on the wall',
    "Write 'Stop. And then go; it isn't over' on the wall",
    "Write “Stop. And then go” or ‘Stop. It’s over. Send it’ on it",
    "Write «Stop. And then go» or `rm x; send it. ok` on it",
    "Ask Mr. Book, Dr. Send and J. Smith of U.S. Steel Inc. about it",
    "Bring fruit, e.g. apples, i.e. red ones, etc. to No. 5, approx. 3 kg",
    "Think about it... slowly",
    "Fix the bug (see the log. Then send it) and the typo [a; b. c]",
    "Don't touch the users' files",
    "Invite Alice and Bob, red and blue",
    "Compare the price and order number",
    "Grant read and write permissions",
    "Search and book a flight",
    "If it rains, cancel the trip",
    "If it rains, then cancel the trip",
    "On Monday, book a table",
    "Show this and next week's weather",
    "Water the plants every now and then",
    "Put a book on my desk",
]
TOKENS = [
    "README.md", "src/app.v2.py", "/etc/x.conf", "C:\\dir\\f.txt", "v1.2.3", "Python 3.11", "$1,000.50", "2023-08-14",
    "8:00 a.m.", "3.5 p.m.", "https://x.com/a.b?c=d&e=f,g", "a.b@c.com", "e.g.", "i.e.", "etc.", "U.S.", "Inc.", "Dr.",
    "No. 5", "vs.", "approx.", "Wait...", "(see it. And then go [x; y])", "[a; b. c]",
]  # fmt: skip
WORDS = (
    "book the a flight hotel send it to Bob Alice and then finally, after that if rains, don't users' please I want "
    "check price order 3 on Monday My name is when next first before also open Paris. go! why? x;"
).split()
TOOLS = [
    Tool(name="flight_booking", description="Book a flight"),
    Tool(name="sendEmail", description="Send a message to a person"),
    Tool(name="hotel_reservation", description="Reserve a room in a hotel"),
]

goals = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
inner = st.text(st.sampled_from("ab .,;!?\n1"), max_size=20).map(lambda text: f"x{text}. And then send y")
quoted = st.builds(lambda q, text: q[0] + text + q[1], st.sampled_from(['""', "''", "“”", "‘’", "«»", "``"]), inner)
file_names = st.from_regex(r"[a-z]{1,6}(\.[a-z0-9]{1,4}){1,3}", fullmatch=True)
versions = st.from_regex(r"v[0-9]{1,2}(\.[0-9]{1,2}){1,3}", fullmatch=True)
texts = st.one_of(st.text(), st.text(st.characters()), st.text(st.sampled_from("ab1 .,;:!?'\"()[]-*\n“”‘’。")), goals)


@pytest.mark.parametrize(("goal", "clauses"), SEPARATED)
def test_split_goal_cuts_between_actions(goal: str, clauses: str) -> None:
    assert split_goal(goal) == clauses.split("|")


@pytest.mark.parametrize("clause", WHOLE)
def test_split_goal_keeps_one_clause_whole(clause: str) -> None:
    assert split_goal(clause) == [clause]
    assert split_goal(f"Go home. {clause}; then eat") == ["Go home", clause, "eat"]


@pytest.mark.parametrize("goal", ["", " \n\t", "...", "?!", "- \n* ", "、。"])
def test_split_goal_gives_nothing_without_words(goal: str) -> None:
    assert split_goal(goal) == []


@given(texts)
@settings(max_examples=100, deadline=None)
def test_split_goal_gives_pieces_in_order_for_any_text(goal: str) -> None:
    position = 0
    for clause in split_goal(goal):
        assert clause and clause == clause.strip()
        position = goal.index(clause, position) + len(clause)


@given(goals, goals, st.one_of(st.sampled_from(TOKENS), quoted, file_names, versions))
@settings(max_examples=100, deadline=None)
def test_split_goal_keeps_token_whole_wherever_it_stands(before: str, after: str, token: str) -> None:
    assert sum(token in clause for clause in split_goal(f"{before} {token} {after}")) == 1


@given(goals)
@settings(max_examples=100, deadline=None)
def test_split_goal_leaves_its_own_clause_alone(goal: str) -> None:
    for clause in split_goal(goal):
        assert split_goal(clause) == [clause]


@pytest.mark.parametrize(
    "unit",
    ["a", " ", ". ", '"', "'a ", "“", "(a", "((a)", "[a", "‘a", "1. ", "\r\n ", "then, ", ", and if ", " and send it"],
)
def test_split_goal_is_quick_for_huge_text(unit: str) -> None:
    start = time.process_time()
    split_goal(unit * (100_000 // len(unit)))
    assert time.process_time() - start < 3


def test_plan_by_rules_gives_each_clause_its_tool() -> None:
    tasks = plan_by_rules("Reserve two rooms, then book flights and email Ann", TOOLS)
    assert [task.tool for task in tasks] == ["hotel_reservation", "flight_booking", "sendEmail"]
    assert [task.title for task in tasks] == ["Reserve two rooms", "book flights", "email Ann"]
    assert [task.depends_on for task in tasks] == [[], [1], [2]]
    assert tasks[0].success_criterion == "done: Reserve two rooms"


def test_plan_by_rules_joins_clause_without_action_to_neighbour() -> None:
    tasks = plan_by_rules("My name is Ann. Book a flight. The flight is on Monday. Send an email", TOOLS)
    assert [task.title for task in tasks] == ["My name is Ann; Book a flight; The flight is on Monday", "Send an email"]


def test_plan_by_rules_joins_clause_without_tool_to_neighbour() -> None:
    tasks = plan_by_rules("Book a flight. Water the plants", TOOLS)
    assert [(task.tool, task.title) for task in tasks] == [("flight_booking", "Book a flight; Water the plants")]


def test_plan_by_rules_uses_first_tool_once_when_nothing_matches() -> None:
    tasks = plan_by_rules("Water the plants. Feed the cat", TOOLS)
    assert [(task.tool, task.title) for task in tasks] == [("flight_booking", "Water the plants; Feed the cat")]


def test_plan_by_rules_takes_first_of_equal_tools() -> None:
    tools = [Tool(name="mail_b"), Tool(name="mail_a"), Tool(name="mail_b")]
    assert plan_by_rules("Mail it", tools)[0].tool == "mail_b"


def test_plan_by_rules_prefers_rare_word_over_common_one() -> None:
    tools = [Tool(name="file_open"), Tool(name="file_close"), Tool(name="file_delete")]
    assert plan_by_rules("delete the file", tools)[0].tool == "file_delete"


@pytest.mark.parametrize(
    ("clause", "name"),
    [
        ("cancel my booking", "book_cancellation"),
        ("translate it", "textTranslation"),
        ("reserve it", "make-reservation"),
        ("query it", "run_queries"),
        ("预订酒店", "酒店"),
    ],
)
def test_plan_by_rules_matches_other_forms_of_a_word(clause: str, name: str) -> None:
    assert plan_by_rules(clause, [Tool(name="other"), Tool(name=name)])[0].tool == name


def test_plan_by_rules_uses_no_tool_when_none_is_offered() -> None:
    tasks = plan_by_rules("Book a flight, then defragment the disk", [])
    assert [(task.tool, task.title) for task in tasks] == [("", "Book a flight"), ("", "defragment the disk")]


def test_plan_by_rules_leaves_out_what_progress_says() -> None:
    goal = "Book a flight, then send an email to Ann"
    assert [task.title for task in plan_by_rules(goal, TOOLS, "flight booked")] == ["send an email to Ann"]


def test_plan_by_rules_keeps_all_when_all_is_done() -> None:
    assert len(plan_by_rules("Book a flight, then send an email", TOOLS, "booked flight, sent: send email")) == 2


def test_plan_by_rules_joins_the_rest_to_eighth_task() -> None:
    tasks = plan_by_rules("\n".join(f"Book flight {number}" for number in range(12)), TOOLS)
    assert len(tasks) == 8
    assert tasks[-1].title == "; ".join(f"Book flight {number}" for number in range(7, 12))


@pytest.mark.parametrize(("goal", "title"), [("go " * 200, "go " * 99 + "go"), ("g" * 999, "g" * 300)])
def test_plan_by_rules_cuts_long_title_at_a_word(goal: str, title: str) -> None:
    (task,) = plan_by_rules(goal, TOOLS)
    assert task.title == title
    assert len(task.success_criterion) <= 300


@given(
    texts,
    st.lists(st.builds(Tool, name=st.text(min_size=1, max_size=9), description=st.text(max_size=30)), max_size=4),
    texts,
)
@example("\ud800 book a flight", TOOLS, "")
@example("x", [Tool(name=" "), Tool(name=" ")], "x")
@settings(max_examples=100, deadline=None)
def test_plan_by_rules_gives_valid_plan_for_any_text(goal: str, tools: list[Tool], progress: str) -> None:
    tasks = plan_by_rules(goal, tools, progress)
    assert plan_problems(tasks, [tool.name for tool in tools]) == []
    assert len(tasks) <= 8
    assert bool(tasks) == bool(split_goal(goal))
