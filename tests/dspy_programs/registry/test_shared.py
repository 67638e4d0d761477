"""Compiled programs that people share: data with hashes, the same tomorrow as today, and never code."""

import json
import os
import shutil

import pytest

from dspy_programs import load
from dspy_programs.errors import CompiledMissing, CompiledProgramError, UsageError
from dspy_programs.registry import MANIFEST, write_manifest
from dspy_programs.registry.compiled_store import shipped_directory
from dspy_programs.registry.shared import folder_of, read_pins, shared_file
from optimizers.export import main as export, upload
from optimizers.promotion.program_history import read_compiled

LM, SMALL = "local/qwen2.5-coder-1.5b", "local/qwen2.5-coder-0.5b"
PLANNER = shipped_directory() / "planner" / "qwen2.5-coder-1.5b.json"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", str(tmp_path / "compiled"))


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "ours"
    assert export(["--module", "planner", "--lm", LM, "--to", str(place)]) == 0
    return place


def test_a_folder_is_loaded_by_its_place_alone_or_with_the_programs_name(folder):
    for program in (load(str(folder), LM), load("planner", LM, path=str(folder))):
        assert program.plan.demos == load("planner", LM).plan.demos and program.loaded_from.parent == folder
    assert sorted(path.name for path in folder.iterdir()) == [MANIFEST, "qwen2.5-coder-1.5b.json", "qwen2.5-coder-1.5b.md"]


def test_several_models_share_a_folder_and_several_programs_do_not(folder):
    assert export(["--module", "planner", "--lm", SMALL, "--to", str(folder)]) == 0
    assert load(str(folder), SMALL).loaded_from.name == "qwen2.5-coder-0.5b.json"
    assert load(str(folder), LM).loaded_from.name == "qwen2.5-coder-1.5b.json"
    before = sorted(folder.iterdir())
    assert export(["--module", "failure_judge", "--lm", LM, "--to", str(folder)]) == 2
    assert sorted(folder.iterdir()) == before


def test_a_model_it_is_not_for_is_said(folder):
    with pytest.raises(CompiledMissing, match=r"only for local/qwen2\.5-coder-1\.5b"):
        load(str(folder), "openai/gpt-4.1-mini")


def change_a_byte(folder):
    path = folder / "qwen2.5-coder-1.5b.json"
    path.write_text(path.read_text(encoding="utf-8").replace("fewest", "latest", 1), encoding="utf-8")


def point_elsewhere(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"] = {f"../{name}": file for name, file in manifest["files"].items()}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    shutil.copy(folder / "qwen2.5-coder-1.5b.json", folder.parent)


def be_a_device(folder):
    (folder / "qwen2.5-coder-1.5b.json").unlink()
    (folder / "qwen2.5-coder-1.5b.json").symlink_to("/dev/zero")


def be_huge(folder):
    with (folder / MANIFEST).open("r+b") as file:
        file.truncate(20_000_000)


def have_a_null_in_a_name(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"] = {f"\0{name}": file for name, file in manifest["files"].items()}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def be_a_pipe(folder):
    (folder / "qwen2.5-coder-1.5b.json").unlink()
    os.mkfifo(folder / "qwen2.5-coder-1.5b.json")


def have_a_pipe_for_a_manifest(folder):
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)


def steer_the_terminal(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"program": "planner\x1b]0;owned\x07"}))


def changed_and_shared_again(folder, change):
    path = folder / "qwen2.5-coder-1.5b.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    change(state)
    path.write_text(json.dumps(state), encoding="utf-8")
    write_manifest(folder, "planner", [(path.name, LM)])


def describe_with_half_a_character(folder):
    def change(state):
        state["plan"]["signature"]["fields"][0]["description"] = "\ud83d"

    changed_and_shared_again(folder, change)


def describe_endlessly(folder):
    def change(state):
        state["plan"]["signature"]["fields"][0]["description"] = "x" * 1_000_000

    changed_and_shared_again(folder, change)


def lose_the_file(folder):
    (folder / "qwen2.5-coder-1.5b.json").unlink()


def empty(folder):
    (folder / MANIFEST).write_text("{}")


def come_from_the_future(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"format": 99}))


def have_no_manifest(folder):
    (folder / MANIFEST).unlink()


@pytest.mark.parametrize(
    "harm",
    [
        change_a_byte,
        point_elsewhere,
        be_a_device,
        be_a_pipe,
        have_a_pipe_for_a_manifest,
        steer_the_terminal,
        describe_with_half_a_character,
        describe_endlessly,
        be_huge,
        have_a_null_in_a_name,
        lose_the_file,
        empty,
        come_from_the_future,
        have_no_manifest,
    ],
)
def test_what_is_not_as_it_was_shared_is_refused(folder, harm):
    harm(folder)
    with pytest.raises(CompiledProgramError):
        load(str(folder), LM)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()])
def test_a_path_that_is_no_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "x.json")
    with pytest.raises(CompiledProgramError):
        load("planner", LM, path=tmp_path / "x.json")


def test_a_name_that_is_too_long_for_a_path_is_one_line():
    with pytest.raises(CompiledProgramError, match="cannot be read"):
        load("planner", LM, path="x" * 5000)


def test_what_a_folder_says_at_length_is_cut(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"] = {f"{n}.json": {"lm": f"openai/m{n}", "sha256": "x"} for n in range(50_000)}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(CompiledMissing) as told:
        load(str(folder), LM)
    assert len(str(told.value)) < 2000


def test_a_place_does_not_say_which_code_is_imported(folder, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"program": "evil:Thing"}))
    with pytest.raises(UsageError, match="load\\(YourProgram, path="):
        load(str(folder), LM)
    assert not (tmp_path / "ran").exists()


class Hub:
    """A hub in memory: commits, each a folder."""

    def __init__(self, room):
        self.room, self.commits, self.private = room, [], None

    def create_repo(self, repo_id, *, private, exist_ok):
        self.private = private

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        self.commits.append(self.room / f"commit{len(self.commits)}")
        shutil.copytree(folder_path, self.commits[-1])

    def snapshot(self, repo, revision):
        commit = revision if revision else self.commits[-1].name
        return commit, self.room / commit


@pytest.fixture
def hub(tmp_path):
    return Hub(tmp_path)


def put(hub, program="planner", newest=None):
    file = shipped_directory() / program / "qwen2.5-coder-1.5b.json"
    upload(file, read_compiled(file), "card", "me/ours", True, hub, lambda repo: newest)


def test_what_is_uploaded_is_private_and_is_read_back(hub):
    put(hub)
    assert hub.private and shared_file(str(folder_of("hf:me/ours", hub.snapshot)), LM).read_bytes() == PLANNER.read_bytes()


def test_a_name_stands_for_what_it_was_at_its_first_use(hub):
    put(hub)
    first = folder_of("hf:me/ours", hub.snapshot)
    put(hub)
    assert folder_of("hf:me/ours", hub.snapshot) == first
    assert folder_of("hf:me/ours@commit1", hub.snapshot) != first
    assert {place: pin.commit for place, pin in read_pins().items()} == {
        "hf:me/ours": "commit0",
        "hf:me/ours@commit1": "commit1",
    }


def test_a_hub_that_lies_about_a_commit_is_refused(hub):
    put(hub)
    folder = folder_of("hf:me/ours", hub.snapshot)
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text() + " ")
    with pytest.raises(CompiledProgramError, match="has changed since its first use"):
        folder_of("hf:me/ours", hub.snapshot)


@pytest.mark.parametrize("place", ["hf:", "hf:me", "hf:me/ours@", "hf:me/ours/file.json", "hf:../../etc", "hf:me/ours@a b"])
def test_what_is_no_repository_is_one_line(place):
    with pytest.raises(CompiledProgramError, match="write hf:OWNER/NAME"):
        folder_of(place)


def test_pins_that_cannot_be_read_are_never_passed_over(hub, tmp_path):
    put(hub)
    folder_of("hf:me/ours", hub.snapshot)
    (tmp_path / "compiled" / "shared.json").write_text("{")
    with pytest.raises(CompiledProgramError, match=r"shared\.json"):
        folder_of("hf:me/ours", hub.snapshot)
