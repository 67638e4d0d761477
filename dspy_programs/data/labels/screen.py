"""Labelling on a terminal's screen, by keys only.

Needs      the extra `data` (textual).
Guarantees what a pair says is text: no markup, no control characters. An answer that cannot be saved is said, and the pair
           stays.
"""

from collections.abc import Callable
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Label as Line, Static, TextArea

from dspy_programs.data.labels.label import EDITABLE, Field, Status
from dspy_programs.data.labels.queue import Queue
from dspy_programs.data.labels.shown import clipped, parts_of
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import ProgramsError
from dspy_programs.text import printable

_LINES = {"instruction": 5, "input": 5, "output": 10}


class Editor(ModalScreen[dict[Field, str] | None]):
    """The fields of a pair to write anew; None if nothing is to be saved."""

    CSS = """
    Editor { align: center middle; }
    Editor > VerticalScroll { width: 92%; height: 92%; border: round $accent; padding: 0 1; background: $surface; }
    Editor TextArea { margin-bottom: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "save and approve", priority=True),
        Binding("escape", "cancel", "cancel", priority=True),
        Binding("tab", "app.focus_next", "next field", priority=True),
    ]

    def __init__(self, pair: DataPair) -> None:
        super().__init__()
        self._pair = pair

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            for name in EDITABLE:
                yield Line(name)
                area = TextArea(getattr(self._pair, name), id=name, soft_wrap=True, tab_behavior="focus")
                area.styles.height = _LINES[name]
                yield area
        yield Footer()

    def on_mount(self) -> None:
        self._before = self._texts()  # its line breaks may not be the pair's
        self.query_one("#output", TextArea).focus()

    def _texts(self) -> dict[Field, str]:
        return {name: self.query_one(f"#{name}", TextArea).text for name in EDITABLE}

    def action_save(self) -> None:
        same = {name for name, text in self._texts().items() if text == self._before[name]}
        self.dismiss({name: getattr(self._pair, name) if name in same else text for name, text in self._texts().items()})

    def action_cancel(self) -> None:
        self.dismiss(None)


class LabelScreen(App[None]):
    """One pair after the other."""

    CSS = """
    #progress { background: $panel; padding: 0 1; }
    #pair { padding: 0 1; }
    .name { color: $accent; text-style: bold; margin-top: 1; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "answer('approved')", "approve"),
        Binding("r", "answer('rejected')", "reject"),
        Binding("e", "edit", "edit"),
        Binding("n", "answer('needs_edit')", "needs an edit"),
        Binding("s", "answer('skipped')", "skip"),
        Binding("u", "undo", "undo"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, queue: Queue, dataset: str) -> None:
        super().__init__()
        self._queue = queue
        self.title = dataset

    def compose(self) -> ComposeResult:
        yield Static("", id="progress", markup=False)
        yield VerticalScroll(id="pair")
        yield Footer()

    async def on_mount(self) -> None:
        await self._show()

    async def action_answer(self, status: Status) -> None:
        await self._do(lambda: self._queue.answer(status))

    async def action_undo(self) -> None:
        await self._do(self._queue.undo)

    def action_edit(self) -> None:
        try:
            known = self._queue.current()
        except ProgramsError as error:
            return self._tell(error)
        if known is not None:
            self.push_screen(Editor(known.pair), self._save)

    async def _save(self, edit: dict[Field, str] | None) -> None:
        if edit is not None:
            await self._do(lambda: self._queue.answer("approved", edit))

    async def _do(self, act: Callable[[], object]) -> None:
        try:
            act()
        except ProgramsError as error:
            self._tell(error)
        await self._show()

    async def _show(self) -> None:
        try:
            known = self._queue.current()
        except ProgramsError as error:
            return self._tell(error)
        self.query_one("#progress", Static).update(f"{self.title} · {self._queue.progress()}")
        box = self.query_one("#pair", VerticalScroll)
        await box.remove_children()
        if known is None:
            await box.mount(Static("No pair is left. u takes the last answer back, q ends.", markup=False))
        else:
            for name, text in parts_of(known):
                await box.mount(Static(name, classes="name", markup=False), Static(clipped(text), markup=False))
        box.scroll_home(animate=False)
        box.focus()

    def _tell(self, error: ProgramsError) -> None:
        self.notify(f"not saved: {printable(str(error))}", severity="error", markup=False, timeout=10)
