"""A kept prompt is restored as it was written or not at all; one that was not written whole is not kept."""

import pytest

from dspy_programs.errors import NotKept
from dspy_programs.lm import KeptPrompts, forget_prompts

NAME = "falk@0-0123456789abcdef.bin"


class WritingEngine:
    """Writes and reads the files of its slot itself, as an embedded llama.cpp does; writes: of the 90 bytes that it says."""

    url = None

    def __init__(self, folder, writes: int = 90) -> None:
        self.folder, self.writes = folder, writes

    def slot_action(self, action, file):
        if action == "save":
            (self.folder / file).write_bytes(b"s" * self.writes)
            return {"n_saved": 9, "n_written": 90}
        return {"n_restored": 9, "n_read": len((self.folder / file).read_bytes())}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_PROMPTS", str(tmp_path / "prompts"))
    return tmp_path / "prompts"


def test_what_is_kept_is_restored_and_only_its_owner_can_read_it(folder):
    kept = KeptPrompts(WritingEngine(folder))
    with kept.turn():
        assert kept.save(NAME).bytes == 90 and kept.restore(NAME).tokens == 9
    assert folder.stat().st_mode & 0o077 == 0 and (folder / NAME).stat().st_mode & 0o077 == 0
    forget_prompts("falk@")
    assert [file.name for file in folder.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"S" + file.read_bytes()[1:]),
        lambda file: file.write_bytes(file.read_bytes() + b"s"),
        lambda file: file.unlink(),
        lambda file: file.with_name(f"{NAME}.sum").unlink(),
        lambda file: file.with_name(f"{NAME}.sum").write_bytes(b"\xff\xfe"),
    ],
)
def test_damaged_file_is_never_given_to_the_engine(folder, damage):
    """llama.cpp ends the whole process at one."""
    kept = KeptPrompts(WritingEngine(folder))
    with kept.turn():
        kept.save(NAME)
        damage(folder / NAME)
        assert kept.restore(NAME) is None


def test_file_of_another_prompt_in_its_place_is_not_restored(folder):
    kept = KeptPrompts(WritingEngine(folder))
    with kept.turn():
        kept.save(NAME)
        (folder / NAME).write_bytes(b"o" * 90)
        assert kept.restore(NAME) is None


def test_half_written_file_is_not_kept_and_the_old_one_stays(folder):
    kept = KeptPrompts(WritingEngine(folder))
    with kept.turn():
        kept.save(NAME)
        kept.engine.writes = 40  # the disk is full
        with pytest.raises(NotKept, match="is the disk full"):
            kept.save(NAME)
        assert kept.restore(NAME).tokens == 9
    assert not list(folder.glob("*.part"))


def test_folder_that_is_gone_is_one_line(folder):
    kept = KeptPrompts(WritingEngine(folder))
    with kept.turn(), pytest.raises(NotKept, match="No such file"):
        kept.engine.slot_action = lambda action, file: {"n_saved": 9, "n_written": 90}
        kept.save(NAME)


def test_checksum_that_cannot_be_written_is_told_as_not_kept(folder):
    """So a question is answered all the same."""
    kept = KeptPrompts(WritingEngine(folder))
    with kept.turn(), pytest.raises(NotKept, match="sum: cannot be written"):
        (folder / f"{NAME}.sum").mkdir()
        kept.save(NAME)
