"""The charts of a data set as pictures, one PNG each: the bars that the page draws, for where no page can be shown.

Raises     MissingExtra if matplotlib is not installed.
"""

import io
import re
import warnings
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from dspy_programs.data.reports.charts import Bar, Chart, sections_of
from dspy_programs.data.reports.overview import Overview
from dspy_programs.errors import MissingExtra
from dspy_programs.text import printable, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"": "#4c78a8", "good": "#3a8f5c", "bad": "#c0483f", "warn": "#d9962f"}
_INTERVAL = "#222222"
_FEWEST_LINES = 3  # that a picture has room for
_LONGEST_LABEL, _LONGEST_NAME = 32, 60  # characters


def require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtra('pictures need matplotlib; install it: pip install "dspy-programs[benchmark]"') from error


def pictures_of(found: Overview) -> Iterator[tuple[str, bytes]]:
    """Yield the name of a file and the PNG in it, in the order of the page; no two have one name."""
    require_matplotlib()
    numbers = count(1)
    for section in sections_of(found):
        for chart in section.charts:
            title = f"{section.title}: {chart.title}"
            name = re.sub(r"[^a-z0-9]+", "-", title.partition(", ")[0].lower())[:_LONGEST_NAME].strip("-")
            yield f"{next(numbers):02}-{name}.png", _picture_of(title, chart)


def _picture_of(title: str, chart: Chart) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    lies = chart.kind == "bars"
    with matplotlib.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # scripts that its font lacks are boxes
        figure = Figure(figsize=(8, 0.8 + 0.36 * max(len(chart.bars), _FEWEST_LINES) if lies else 3.8), layout="constrained")
        axes = figure.subplots()
        (_draw_bars if lies else _draw_columns)(axes, chart.bars)
        axes.spines[["top", "right", "bottom" if lies else "left"]].set_visible(False)
        axes.set_title(_plain(title, 80), fontsize=11, loc="left")
        note, below = _plain(chart.note, 120), (0, -8 if lies else -24)
        axes.annotate(note, (0, 0), below, "axes fraction", "offset points", va="top", fontsize=8)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=120)
    return picture.getvalue()


def _draw_bars(axes: "Axes", bars: list[Bar]) -> None:
    places = range(len(bars))
    axes.barh(places, [bar.share for bar in bars], 0.66, color=[_COLOURS[bar.tone] for bar in bars])
    axes.set_yticks(places, [_plain(bar.label, _LONGEST_LABEL) for bar in bars], fontsize=9)
    axes.set_ylim(max(len(bars), _FEWEST_LINES) - 0.5, -0.5)  # the first on top, and one bar not as thick as three
    axes.set_xlim(0, 1.25)  # room for the figures
    axes.set_xticks([])
    for place, bar in enumerate(bars):
        end = max(bar.share, bar.high or 0)
        axes.annotate(bar.figure, (end, place), (5, 0), textcoords="offset points", va="center", fontsize=8)
        if bar.low is not None and bar.high is not None:
            axes.plot([bar.low, bar.high], [place, place], color=_INTERVAL, linewidth=1.2, marker="|")


def _draw_columns(axes: "Axes", bars: list[Bar]) -> None:
    places = range(len(bars))
    axes.bar(places, [bar.share for bar in bars], 0.82, color=[_COLOURS[bar.tone] for bar in bars])
    axes.set_xticks(places, [_plain(bar.label, 12) for bar in bars], fontsize=8)
    axes.set_ylim(0, 1.12)
    axes.set_yticks([])
    for place, bar in enumerate(bars):
        end = max(bar.share, bar.high or 0)
        axes.annotate(bar.figure, (place, end), (0, 3), textcoords="offset points", ha="center", fontsize=7)
        if bar.low is not None and bar.high is not None:
            axes.plot([place, place], [bar.low, bar.high], color=_INTERVAL, linewidth=1.2, marker="_")


def _plain(text: str, longest: int) -> str:
    return shortened(printable(" ".join(text.split())).encode("utf-8", "replace").decode(), longest)
