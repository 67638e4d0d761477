"""What is generated in README and docs is current, and figures in prose agree with the place that they come from."""

import re
from importlib import import_module

import pytest

from dspy_programs.failures.formats import FORMATS
from dspy_programs.lm.weights.catalog import CATALOG, DEFAULT_ID
from dspy_programs.registry import PROGRAMS
from dspy_programs.serve.limits import MAX_JUDGED, MAX_MESSAGES, MAX_PAIRS, MAX_SECTIONS, MAX_SEEDS, MAX_TRACES, Limits
from dspy_programs.serve.operations import OPERATIONS
from optimizers.training.budgets import MINUTES
from tests.docs import cli_reference, figures, picture
from tests.docs.examples import ROOT, pages
from tests.docs.generated import outdated

WORDS = "None One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen Fourteen Fifteen Sixteen".split()
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOME = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
SERVE = (ROOT / "docs" / "tools" / "serve.md").read_text(encoding="utf-8")
DATA = (ROOT / "docs" / "tools" / "data.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
SITE = [page.relative_to(ROOT / "docs") for page in pages() if page.is_relative_to(ROOT / "docs")]
API = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def page_of(program):
    return (ROOT / "docs" / "programs" / f"{program}.md").read_text(encoding="utf-8")


def test_reference_of_commands_is_current():
    assert outdated({cli_reference.PAGE: cli_reference.reference}) == [], "python -m tests.docs.cli_reference --write"


def test_every_command_is_in_the_reference():
    commands = {path.stem for path in (ROOT / "optimizers").glob("*.py") if "new_app(" in path.read_text(encoding="utf-8")}
    assert commands == {name for groups in cli_reference.APPS.values() for names in groups.values() for name in names}


@pytest.mark.parametrize("room", ["", ".failures", ".memory", ".budget", ".code", ".serve", "optimizers"])
def test_every_public_name_is_in_the_reference(room):
    door = f"dspy_programs{room}" if room != "optimizers" else room
    names, listed = import_module(door).__all__, re.findall(r"^::: (\S+)$", API, re.M)
    assert {name for name in names if f"{door}.{name}" not in listed} <= {name.rpartition(".")[2] for name in listed}
    here = [name.rpartition(".")[2] for name in listed if name.rpartition(".")[0] == door]
    assert [name for name in here if not hasattr(import_module(door), name)] == []


@pytest.mark.parametrize("page", figures.PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tables_of_figures_are_those_of_their_data(page):
    assert page.read_text(encoding="utf-8") == figures.with_tables(page), "python -m tests.docs.figures --write"


def test_picture_shows_what_the_recorded_run_printed():
    assert picture.PICTURE.read_text(encoding="utf-8") == picture.drawn(), "python -m tests.docs.picture --write"


def test_pages_say_how_many_programs_do_not_gain():
    found = figures.scored(DEFAULT_ID)
    without = f"{WORDS[sum(not each.gains for each in found)]} of the {WORDS[len(found)].lower()}"
    assert f"{without} show no gain" in README and f"{without.lower()} programs show no gain" in HOME
    assert f"{WORDS[sum(each.gains for each in found)]} programs gain, " in RESULTS
    assert {each.program for each in found} == PROGRAMS.keys()


@pytest.mark.parametrize("each", figures.scored(DEFAULT_ID), ids=lambda each: each.program)
def test_page_of_a_program_says_what_compiling_gave(each):
    page = page_of(each.program)
    if each.gains:
        assert f"{each.gain['mean']:.3f}" in page
    elif each.compiled:
        assert f"{each.written['mean']:.3f} uncompiled, {each.compiled['mean']:.3f} compiled" in page
    else:
        assert re.search(r"beats the uncompiled program on the (embedded )?1\.5B model, so that ships", page)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_page_of_a_program_says_how_many_rows_train_it(name):
    rows = (ROOT / "datasets" / name / "train.jsonl").read_bytes().count(b"\n")
    assert [int(said) for said in re.findall(r"(\d+) to train on", page_of(name))] in ([], [rows])


def test_every_page_of_the_site_is_in_its_menu():
    menu = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    assert [str(page) for page in SITE if f'"{page}"' not in menu] == []
    assert {f"programs/{name}.md" for name in PROGRAMS} <= {str(page) for page in SITE}


@pytest.mark.parametrize(
    "said",
    [
        f"{WORDS[len(PROGRAMS)]} typed",
        f"a {CATALOG[DEFAULT_ID].size / 1e9:.1f} GB model",
        f"takes about {MINUTES:g} minutes ({figures.first_command()['minutes']} on two cores)",
        f"from {len(FORMATS)} formats",
    ],
)
def test_readme_says_what_the_code_has(said):
    assert said in README


def test_page_of_the_servers_says_their_limits():
    limits = Limits()
    assert f"take {limits.seconds:g} seconds" in SERVE
    assert f"hold {limits.body_bytes >> 20} MiB" in SERVE
    assert f"{MAX_TRACES} traces, {MAX_MESSAGES:,} messages or {MAX_SECTIONS} sections" in SERVE
    assert f"{MAX_PAIRS:,} pairs, {MAX_JUDGED} to judge, or {MAX_SEEDS} seeds" in SERVE
    assert f"{MAX_PAIRS:,} pairs, {MAX_JUDGED} to judge, or {MAX_SEEDS} seeds" in DATA
    assert [each.name for each in OPERATIONS.values() if f"| `{each.name}` | `{each.path}` |" not in SERVE] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_of_pages_beside_the_site_lead_somewhere(page):
    links = LINK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_is_short_and_keeps_its_commands():
    assert len(re.sub(r"```.*?```", "", README, flags=re.S).split()) <= 700
    assert 'pip install -e ".[local]" && python -m optimizers.train --module planner' in README
    assert 'pip install -e ".[local,dev]" && pytest -n auto' in README
