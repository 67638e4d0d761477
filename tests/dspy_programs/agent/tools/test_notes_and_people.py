from dspy_programs.agent.tools.notes import recall, remember, update_progress
from dspy_programs.agent.tools.people import ask_user, delegate
from tests.dspy_programs.agent.scopes import said, scope_in


def test_facts_are_kept_and_looked_up(tmp_path):
    scope = scope_in(tmp_path / "w")
    said(remember, scope, fact=" the port is 8080 ")
    said(update_progress, scope, note="read the file")
    assert said(recall, scope, query="port") == "- the port is 8080"
    assert said(recall, scope, query="zebra") == "[nothing about it was kept]"
    assert scope.ledger.notes == ["read the file"]
    assert "too many for a note" in said(remember, scope, fact="x" * 5000)
    assert "empty" in said(update_progress, scope, note="  ")


def test_a_question_is_answered_or_nobody_is_there(tmp_path):
    assert said(ask_user, scope_in(tmp_path / "w", ask=lambda question: "blue "), question="Which colour?") == "blue"
    assert "empty answer" in said(ask_user, scope_in(tmp_path / "w", ask=lambda question: ""), question="Which?")
    assert "nobody is there" in said(ask_user, scope_in(tmp_path / "w"), question="Which colour?")
    assert "empty" in said(ask_user, scope_in(tmp_path / "w"), question="")


def test_a_helper_gets_a_goal_and_reports(tmp_path):
    scope = scope_in(tmp_path / "w")
    assert said(delegate, scope, goal="count a.txt", tools=["read_file"]) == "did count a.txt with read_file"
    assert "empty" in said(delegate, scope, goal="")
