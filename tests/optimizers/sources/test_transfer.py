"""Transfer rows: what ships shares nothing with a program's own rows or with its other half, and the build makes it again."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dspy_programs.text import jaccard, words
from optimizers.build import main
from optimizers.data import SPLITS, as_jsonl, data_directory, read_split, sha256
from optimizers.recipes import RECIPES
from optimizers.sources import BUILDERS, Transfer, data_generator_transfer
from optimizers.sources.planner_transfer import OFFICE_HALVES
from optimizers.sources.transfer import HALVES, LARGEST_OVERLAP, checked, most_of_each, unlike
from tests.optimizers.data.test_data import write_raw as write_ultratool
from tests.optimizers.sources.test_data_generator import embed
from tests.optimizers.sources.transfer_raw import write_raw

NAMES = sorted(name for name, builder in BUILDERS.items() if builder.transfer)
TEXTS: dict[str, Callable] = {  # what must not be alike: a talk's or task's own words
    "actor": lambda row: f"{row.context} {row.task}",
    "data_generator": lambda row: row.seed.instruction,
    "failure_judge": lambda row: row.goal,
    "memory_summarizer": lambda row: " ".join(entry.content for entry in row.entries),
    "planner": lambda row: row.goal,
    "quality_judge": lambda row: f"{row.instruction} {row.input}",
    "section_scorer": lambda row: next(section.content for section in row.sections if section.name == "task"),
}
GROUPS: dict[str, Callable] = {  # what a half has to itself
    "actor": lambda row: {call.tool.split("_")[0] for call in row.calls},
    "data_generator": lambda row: {row.seed.instruction},
    "failure_judge": lambda row: {row.id},
    "memory_summarizer": lambda row: {row.id.rsplit("-", 1)[0]},
    "planner": lambda row: {task.tool for task in row.tasks},
    "quality_judge": lambda row: {row.instruction},
    "section_scorer": lambda row: {row.group},
}


def shipped(name: str, split: str) -> list:
    recipe = RECIPES[name]
    return read_split(data_directory(name) / f"{split}.jsonl", recipe.program, recipe.labels)


def transfer_of(name: str) -> Transfer:
    """The builder's, with vectors that need no table of words."""
    found = BUILDERS[name].transfer
    if name != "data_generator":
        return found
    return found._replace(build=lambda raw, own: data_generator_transfer.build(raw, own, embed))


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raw(tmp_path_factory.mktemp("raw"))


@pytest.mark.parametrize("name", NAMES)
def test_shipped_halves_share_nothing_with_own_rows_or_each_other(name):
    own, (val, test) = [row for split in SPLITS for row in shipped(name, split)], [shipped(name, half) for half in HALVES]
    assert min(len(val), len(test)) >= 20
    ids = [row.id for row in (*val, *test)]
    assert len(ids) == len(set(ids)) and not {row.id for row in own} & set(ids)
    bags = {id(row): frozenset(words(TEXTS[name](row))) for row in (*own, *val, *test)}
    mine = {bags[id(row)] for row in own}
    assert not [row.id for row in (*val, *test) if any(jaccard(bags[id(row)], bag) > LARGEST_OVERLAP for bag in mine)]
    groups = [set().union(*map(GROUPS[name], rows)) for rows in (val, test)]
    assert not groups[0] & groups[1]


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"memory_summarizer"}))  # whose talks have common turns
def test_shipped_halves_are_not_alike(name):
    bags = [{frozenset(words(TEXTS[name](row))) for row in shipped(name, half)} for half in HALVES]
    assert all(jaccard(a, b) <= LARGEST_OVERLAP for a in bags[0] for b in bags[1])


def test_shipped_actor_rows_offer_no_function_of_own_rows():
    own = {tool.name for split in SPLITS for row in shipped("actor", split) for tool in row.tools}
    assert not own & {tool.name for half in HALVES for row in shipped("actor", half) for tool in row.tools}


def test_shipped_planner_rows_are_chains_over_eight_tools_without_made_up_labels():
    for row in [row for half in HALVES for row in shipped("planner", half)]:
        names = {tool.name for tool in row.tools}
        assert len(names) == len(row.tools) == 8 and {task.tool for task in row.tasks} <= names
        assert 2 <= len(row.tasks) <= 6 and not row.progress
        assert [task.depends_on for task in row.tasks] == [[], *([task.id] for task in row.tasks[:-1])]
        assert not any(task.success_criterion for task in row.tasks)


def test_shipped_planner_halves_offer_no_common_function():
    val, test = ({tool.name for row in shipped("planner", half) for tool in row.tools} for half in HALVES)
    assert not val & test and {name.split(".")[0] for name in val | test if "." in name} <= OFFICE_HALVES.keys()


def test_shipped_failure_rows_are_of_a_source_that_train_and_val_have_not():
    assert {row.source for half in HALVES for row in shipped("failure_judge", half)} == {"who-and-when"}
    assert "who-and-when" not in {row.source for split in ("train", "val") for row in shipped("failure_judge", split)}


@pytest.mark.parametrize("name", NAMES)
def test_card_has_the_hash_and_the_licence_of_the_transfer_rows(name):
    card = (data_directory(name) / "CARD.md").read_text(encoding="utf-8")
    section = card.partition("\n## Transfer\n")[2].partition("\n## ")[0]
    for half in HALVES:
        assert f"{sha256((data_directory(name) / f'{half}.jsonl').read_bytes())}  {half}.jsonl" in section
        assert f"| {half} | {len(shipped(name, half))} |" in section
    assert re.search(r"\*\*Source and licence\.\*\*.*(MIT|Apache-2\.0|CC BY 4\.0)", section, re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_build_gives_the_same_rows_every_time_and_they_can_be_read(name, raw, tmp_path):
    first, again = (transfer_of(name).build(raw, {}) for _ in range(2))
    assert first.keys() == set(HALVES) and {k: as_jsonl(v) for k, v in first.items()} == {
        k: as_jsonl(v) for k, v in again.items()
    }
    for half, rows in first.items():
        file = tmp_path / f"{half}.jsonl"
        file.write_bytes(as_jsonl(rows))
        assert len(read_split(file, RECIPES[name].program, RECIPES[name].labels)) == len(rows) > 0


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"memory_summarizer"}))  # whose own rows are of other sources
def test_build_leaves_out_what_is_in_own_rows(name, raw):
    made = transfer_of(name).build(raw, {})
    taken = made["transfer_test"][:1]
    kept = transfer_of(name).build(raw, {"train": taken})
    assert taken[0]["id"] not in {row["id"] for rows in kept.values() for row in rows}


def test_build_command_writes_all_five_splits(raw, tmp_path, capsys):
    both = tmp_path / "raw"
    both.mkdir()
    for folder in ("actor", "failure_judge"):
        (both / folder).symlink_to(raw / folder)
    (both / "planner").mkdir()
    write_ultratool(both / "planner" / "ultratool")
    assert main(["planner", "--raw", str(both), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    for split in (*SPLITS, *HALVES):
        assert f"{sha256((tmp_path / 'out' / f'{split}.jsonl').read_bytes())}" in printed


def test_build_command_says_what_is_missing_and_writes_own_splits(tmp_path, capsys):
    ultratool = write_ultratool(tmp_path / "ultratool")
    assert main(["planner", "--raw", str(ultratool), "--out", str(tmp_path / "out")]) == 0
    assert sorted(file.stem for file in (tmp_path / "out").iterdir()) == sorted(SPLITS)
    assert f"transfer_val and transfer_test are not built: {ultratool} has no actor/bfcl_v4" in capsys.readouterr().err


def test_unlike_keeps_the_first_of_those_alike():
    rows = [{"t": "a b c d"}, {"t": "a b c e"}, {"t": "x y"}, {"t": "p q"}]
    assert unlike(rows, {"train": [{"t": "p q r"}]}, lambda row: row["t"]) == [rows[0], rows[2]]


def test_most_of_each_counts_by_key():
    rows = [{"k": key, "n": n} for n, key in enumerate("aabab")]
    assert [row["n"] for row in most_of_each(rows, lambda row: row["k"], 2)] == [0, 1, 2, 4]


def test_checked_refuses_an_empty_half(tmp_path):
    with pytest.raises(Exception, match="no rows for transfer_test"):
        checked({"transfer_val": [{}], "transfer_test": []}, tmp_path)
