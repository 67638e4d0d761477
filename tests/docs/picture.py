"""python -m tests.docs.picture [--write]: docs/pictures/train.svg, a terminal with what a recorded training printed.

docs/pictures/train.txt is the output of README's first command into a file, the user's directory shortened. There the live
line is printed again every 15 seconds; in a terminal it is redrawn in place, so the picture shows one of them.
"""

import io
import re
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.docs.examples import ROOT
from tests.docs.generated import main_for

OUTPUT = ROOT / "docs" / "pictures" / "train.txt"
PICTURE = OUTPUT.with_suffix(".svg")
COMMAND = "python -m optimizers.train --module planner"
LIVE = re.compile(r"(first calls|searching|testing|done) \d")
LEFT_OUT = re.compile(r".*: reading|  (reflection|run|result) |search |  +ended|validation |look ")
COLUMNS = 100
THEME = TerminalTheme((28, 30, 38), (214, 217, 226), [(0, 0, 0)] * 8)
STYLES = (
    (r"^\$ .*", "bold rgb(255,255,255)"),
    (r"^candidate .*|^(seed|uncompiled): .*", "rgb(120,190,255)"),
    (r"beyond noise", "bold rgb(120,220,150)"),
)
FONT = re.compile(r"@font-face \{.*?\}\s*", re.S)  # from a server elsewhere, which an image does not load


def shown(output: str) -> Iterator[str]:
    """Yield the lines of the picture."""
    yield f"$ {COMMAND}"
    lines = [line for line in output.splitlines() if not LEFT_OUT.match(line)]
    last = max(number for number, line in enumerate(lines) if LIVE.match(line))
    yield from (line for number, line in enumerate(lines) if number == last or not LIVE.match(line))


def drawn() -> str:
    """Return the SVG: the same text, the same bytes."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in shown(OUTPUT.read_text(encoding="utf-8")):
        text = Text(
            line,
            style="dim" if LIVE.match(line) else "",
        )
        for pattern, style in STYLES:
            text.highlight_regex(pattern, style)
        console.print(text)
    return FONT.sub("", console.export_svg(title="dspy-programs", theme=THEME, unique_id="train")) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    return main_for(__doc__, {PICTURE: drawn}, argv)


if __name__ == "__main__":
    raise SystemExit(main())
