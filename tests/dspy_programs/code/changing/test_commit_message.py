"""Messages for what is staged: what the rules say of real kinds of commits, and when a model's is used."""

import dspy
import pytest

from dspy_programs.code import commit_message
from dspy_programs.errors import UsageError
from dspy_programs.lm import use
from tests.dspy_programs.code.changing.scripted import CART, git

PYPROJECT = '[project]\nname = "shop"\nversion = "1.2.0"\ndependencies = [\n    "typer>=0.15",\n    "rich>=13",\n]\n'


@pytest.fixture
def folder(tmp_path):
    top = tmp_path / "repo"
    (top / "docs").mkdir(parents=True)
    git(tmp_path, "init", "-q", str(top))
    for name, text in {
        "cart.py": CART,
        "pyproject.toml": PYPROJECT,
        "docs/use.md": "# Use\n",
        "gone.py": "x = 1\n" * 9,
    }.items():
        (top / name).write_text(text)
    git(top, "add", ".")
    git(top, "commit", "-qm", "first")
    return top


@pytest.mark.parametrize(
    ("files", "subject"),
    [
        ({"cart.py": CART.replace("sum(items)", "sum(items, 0)")}, "Change total in cart.py"),
        ({"cart.py": CART + "\n\ndef last(items):\n    return items[-1]\n"}, "Add last to cart.py"),
        ({"cart.py": CART.partition("\n\n\ndef count")[0]}, "Remove count from cart.py"),
        ({"cart.py": CART.replace("count", "number_of")}, "Rename count to number_of in cart.py"),
        ({"cart.py": f'"""Carts."""\n\n{CART}'}, "Update cart.py"),
        ({"shop/new.py": "class Shop:\n    def open(self):\n        pass\n"}, "Add shop/new.py: Shop"),
        ({"gone.py": None}, "Remove gone.py"),
        ({"gone.py": None, "kept.py": "x = 1\n" * 9}, "Rename gone.py to kept.py"),
        ({"gone.py": None, "old/gone.py": "x = 1\n" * 9}, "Move gone.py to old"),
        ({"pyproject.toml": PYPROJECT.replace("1.2.0", "1.3.0")}, "Bump version from 1.2.0 to 1.3.0"),
        ({"pyproject.toml": PYPROJECT.replace("typer>=0.15", "typer>=0.19")}, "Update typer to 0.19"),
        ({"pyproject.toml": PYPROJECT.replace('    "rich>=13",\n', '    "rich>=13",\n    "httpx>=0.28",\n')}, "Require httpx"),
        ({"docs/use.md": "# Use\n\n## Undo\n\nHow.\n"}, "Update docs/use.md: Undo"),
        ({"docs/use.md": "# Use it\n", "cart.py": CART.replace("sum(items)", "0")}, "Change total in cart.py"),
        ({"test_cart.py": "def test_a():\n    pass\n", "cart.py": CART.replace("sum(", "max(")}, "Change total in cart.py"),
        ({"a.py": "a = 1\n", "b.py": "b = 1\n"}, "Add a.py, b.py"),
        (
            {"cart.py": CART + "".join(f"\n\ndef {'long' * 14}_{n}():\n    pass\n" for n in range(9))},
            "Add 9 definitions to cart.py",
        ),
        ({"data.bin": b"\0\1"}, "Add data.bin"),
    ],
)
def test_rules_say_what_is_staged(folder, files, subject):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    git(folder, "add", "--all")
    message = commit_message(folder)
    assert message.subject == subject and message.answered_by == "rules"
    assert message.body.count("\n- ") + bool(message.body) == (len(files) if len(files) > 1 and "gone.py" not in files else 0)


def test_a_name_with_a_line_end_breaks_no_subject(folder):
    for name in ("new\nfile\x1b[31m.py", "other.py"):
        (folder / name).write_text("x = 1\n")
    git(folder, "add", ".")
    message = commit_message(folder)
    assert "\x1b" not in str(message) and "\n" not in message.subject
    assert len(message.body.splitlines()) == 2


def test_only_what_is_staged_counts(folder):
    (folder / "cart.py").write_text("x = 1\n")
    with pytest.raises(UsageError, match="nothing is staged; git add"):
        commit_message(folder)
    with pytest.raises(UsageError, match="no git repository"):
        commit_message(folder.parent)


def test_the_first_commit_of_a_repository_has_a_message(tmp_path):
    git(tmp_path, "init", "-q", "repo")
    (tmp_path / "repo/a.py").write_text("def f():\n    pass\n")
    git(tmp_path / "repo", "add", ".")
    assert commit_message(tmp_path / "repo").subject == "Add a.py: f"


class Writer(dspy.BaseLM):
    """Answers with one reply, and keeps what it was asked."""

    def __init__(self, subject):
        super().__init__(model="scripted/writer")
        self.subject, self.asked = subject, []

    def __call__(self, prompt=None, messages=None, **kwargs):
        self.asked.append(str(messages))
        return [f'[[ ## reply ## ]]\n{{"subject": "{self.subject}", "reason": "Tests said so."}}\n\n[[ ## completed ## ]]']


@pytest.mark.parametrize(
    ("said", "subject", "by"),
    [
        ("Sum items from zero.", "Sum items from zero", "model"),
        ("x" * 90, "Change total in cart.py", "rules"),
        ("I'm sorry, I cannot help with that.", "Change total in cart.py", "rules"),
        ("TODO", "Change total in cart.py", "rules"),
    ],
)
def test_a_models_subject_is_used_if_it_can_be(folder, said, subject, by):
    (folder / "cart.py").write_text(CART.replace("sum(items)", "sum(items, 0)  # token = 'ghp_" + "a1B2" * 9 + "'"))
    git(folder, "add", ".")
    model = Writer(said)
    with use(model):
        message = commit_message(folder)
    assert (message.subject, message.answered_by) == (subject, by)
    assert "return sum(items, 0)" in model.asked[0] and "ghp_a1B2" not in model.asked[0]


def test_the_filters_of_a_repository_are_asked_once_and_not_run(folder, tmp_path, monkeypatch):
    git(folder, "config", "filter.evil.clean", f"touch {tmp_path / 'ran'}; cat")
    (folder / ".gitattributes").write_text("*.txt filter=evil\n")
    for n in range(8):
        (folder / f"{n}.py").write_text(f"x = {n}\n")
    git(folder, "add", "*.py")
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    commit_message(folder)
    started = [line for line in (tmp_path / "trace").read_text().splitlines() if "built-in: git" in line]
    assert sum("git config" in line for line in started) in (1, 2) and 8 < len(started) <= 3 * 8 + 6
    assert not (tmp_path / "ran").exists()
