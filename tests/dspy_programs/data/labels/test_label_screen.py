"""The screen, driven by keys as a person would."""

import asyncio

import pytest
from textual.widgets import Static, TextArea

from dspy_programs.data import DataFolder
from dspy_programs.data.labels.label import Label
from dspy_programs.data.labels.queue import Queue
from dspy_programs.data.labels.screen import LabelScreen
from dspy_programs.data.labels.store import LabelStore
from tests.dspy_programs.data.small_set import NAME, data_set, lines_of

SIZES = [(100, 30), (40, 12)]


class Labelling:
    """A data set, its labels, and the screen over them."""

    def __init__(self, root, **fields):
        self.pairs = data_set(root, 5, **fields)
        self.folder = DataFolder(root)
        self.file = self.folder.labels(NAME)

    def run(self, drive, size=SIZES[0]):
        async def at_work():
            screen = LabelScreen(Queue(self.folder.existing(NAME), LabelStore(self.file), "interactive"), NAME)
            async with screen.run_test(size=size) as pilot:
                await pilot.pause()
                await drive(screen, pilot)

        asyncio.run(at_work())

    def statuses(self):
        found = LabelStore(self.file)
        return [getattr(found.last(pair.id), "status", None) for pair in self.pairs]


def texts(screen):
    return "\n".join(str(each.render()) for each in screen.query("#pair Static").results(Static))


def progress(screen):
    return str(screen.query_one("#progress", Static).render())


@pytest.mark.parametrize("size", SIZES)
def test_keys_label_pairs_and_the_next_start_goes_on(tmp_path, size):
    labelling = Labelling(tmp_path)

    async def first(screen, pilot):
        assert "What is 0 + 0?" in texts(screen) and "1 of 5 · no labels" in progress(screen)
        await pilot.press("a", "r", "n", "s")
        await pilot.pause()
        assert "What is 4 + 4?" in texts(screen) and "1 approved, 1 needs_edit, 1 rejected, 1 skipped" in progress(screen)
        await pilot.press("q")

    async def second(screen, pilot):
        assert "What is 4 + 4?" in texts(screen) and "1 of 1" in progress(screen)
        await pilot.press("a", "a", "r")  # there is no other
        await pilot.pause()
        assert "No pair is left" in texts(screen)

    labelling.run(first, size)
    assert labelling.statuses() == ["approved", "rejected", "needs_edit", "skipped", None]
    labelling.run(second, size)
    assert labelling.statuses() == ["approved", "rejected", "needs_edit", "skipped", "approved"]
    assert len(lines_of(labelling.file)) == 5


def test_an_edit_is_a_revision_and_undo_takes_it_back(tmp_path):
    labelling = Labelling(tmp_path)

    async def drive(screen, pilot):
        await pilot.press("e")
        await pilot.pause()
        await pilot.press("a", "q", "u")  # letters, not commands
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert LabelStore(labelling.file).last(labelling.pairs[0].id).edit == {"output": "aqu0"}
        assert "What is 1 + 1?" in texts(screen)
        await pilot.press("u")
        await pilot.pause()
        assert "What is 0 + 0?" in texts(screen) and "aqu0" not in texts(screen)
        assert labelling.statuses()[0] is None
        await pilot.press("u", "s", "u")
        await pilot.pause()

    labelling.run(drive)
    assert [line["status"] for line in lines_of(labelling.file)] == ["approved", None, "skipped", None]


def test_escape_leaves_a_pair_as_it_was_and_an_empty_output_is_not_saved(tmp_path):
    labelling = Labelling(tmp_path, output="line\r\nline")

    async def drive(screen, pilot):
        await pilot.press("e")
        await pilot.pause()
        await pilot.press("X", "escape")
        await pilot.pause()
        await pilot.press("e")
        await pilot.pause()
        screen.screen.query_one("#output", TextArea).text = "  "
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert not labelling.file.exists() and "What is 0 + 0?" in texts(screen)
        await pilot.press("e")
        await pilot.pause()
        await pilot.press("tab", "Z", "ctrl+s")  # from the output to the instruction
        await pilot.pause()

    labelling.run(drive)
    assert LabelStore(labelling.file).last(labelling.pairs[0].id).edit == {"instruction": "ZWhat is 0 + 0?"}


def test_what_a_pair_says_is_no_markup(tmp_path):
    labelling = Labelling(tmp_path, output="[bold red]a[/] [@click=app.quit]b \x1b[31m[/nothing]")

    async def drive(screen, pilot):
        assert "[bold red]a[/] [@click=app.quit]b [31m[/nothing]" in texts(screen)

    labelling.run(drive)


def test_who_labels_at_the_same_time_is_not_asked_twice(tmp_path):
    labelling = Labelling(tmp_path)

    async def drive(screen, pilot):
        other = LabelStore(labelling.file)
        for pair in labelling.pairs[1:3]:
            other.append(Label(pair_id=pair.id, status="rejected", labeler="web"))
        await pilot.press("a")
        await pilot.pause()
        assert "What is 3 + 3?" in texts(screen)

    labelling.run(drive)
    assert labelling.statuses() == ["approved", "rejected", "rejected", None, None]


def test_a_label_that_cannot_be_written_is_said_and_the_pair_stays(tmp_path):
    labelling = Labelling(tmp_path)

    async def drive(screen, pilot):
        labelling.file.parent.parent.joinpath("labels").write_text("")  # a file where the folder has to be
        await pilot.press("a")
        await pilot.pause()
        assert "What is 0 + 0?" in texts(screen)
        assert any("not saved" in note.message for note in screen._notifications)

    labelling.run(drive)


def test_a_very_long_pair_is_shown_at_once(tmp_path):
    labelling = Labelling(tmp_path, output="word " * 400_000)

    async def drive(screen, pilot):
        assert "characters more)" in texts(screen)
        await pilot.press("a")

    labelling.run(drive)
    assert labelling.statuses()[0] == "approved"
