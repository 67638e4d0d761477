"""The page of a run: candidates as a tree, the Pareto front, the gate's decisions, what is spent and left.

Input      the folder of `optimizers.train`, `online` or `improve`, at work or finished.
Guarantees the page is one file, loads nothing and runs no script; texts are escaped.
Raises     UsageError for a folder of none of these.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment

from dspy_programs.data.reports import Bar, Chart, environment
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity
from optimizers.calls import clock
from optimizers.loop import Log
from optimizers.loop.report import SETTINGS, gates_in, page_of
from optimizers.training import CANDIDATES, PROGRESS, REPORT
from optimizers.watching.candidates import Node, tree_of

_HISTORY = "gepa_history.jsonl"


def page_of_run(folder: Path, refresh: int | None = None) -> bytes:
    """Return the page of a run. refresh: seconds after which a browser loads it anew."""
    if (folder / SETTINGS).is_file():
        every = [_json(path) or {} for path in sorted(folder.glob(f"loops/*/*/{PROGRESS}"))]
        newest = max(every, key=lambda found: str(found.get("at", "")), default={})
        return page_of(folder, refresh, list(_spent(newest)))
    candidates = _json(folder / CANDIDATES) or []
    lines = list(Log(folder / _HISTORY).lines())
    progress = _json(folder / PROGRESS) or {}
    if not (candidates or lines or progress):
        raise UsageError(f"{folder}: not the folder of a run, or nothing to show yet")
    report = _json(folder / REPORT) or {}
    nodes = list(tree_of(candidates))
    page = (
        _environment()
        .get_template("run.html")
        .render(
            name="/".join(folder.resolve().parts[-2:]),
            refresh=refresh,
            spent=list(_spent(progress)),
            charts=[_chart(nodes, report.get("winner"))] if nodes else [],
            dropped=[node for node in nodes if node.fell_out],
            front=[node for node in nodes if node.best_on],
            gates=list(gates_in(lines)),
            test=report.get("test") or {},
            now=datetime.now(UTC),
        )
    )
    return page.encode("utf-8", "replace")


def _json(path: Path) -> Any:
    """Return what a file holds, None if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UsageError(f"{path}: not what a run writes: {error}") from None


def _chart(nodes: list[Node], winner: int | None) -> Chart:
    bars = []
    for node in nodes:
        mark = ", kept" if node.number == winner else ", dropped" if node.fell_out else ""
        tone = "good" if node.number == winner else "bad" if node.fell_out else ""
        label = f"{'· ' * node.depth}{node.number} {node.what}{mark}"
        figure = f"{node.score:.3f} on {quantity(node.rows, 'row')}"
        bars.append(Bar(label, min(1.0, max(0.0, node.score)), figure, tone=tone))
    return Chart("Mean score on validation rows; each below the one it was made from", bars)


def _spent(progress: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is done, spent and left, each with its name."""
    if not progress:
        return
    expected, best = progress.get("expected_rows"), progress.get("best")
    yield "at work on", str(progress["phase"])
    yield "rows run", f"{progress['rows']:,}" + (f" of about {expected:,}" if expected else "")
    if best is not None:
        yield "best so far", f"{best:.3f}"
    yield "model calls", f"{progress['calls']:,}"
    for name, title, form in (("minutes", "minutes", "{:.1f}"), ("tokens", "tokens", "{:,}"), ("usd", "US dollars", "{:.4f}")):
        used, limit = progress["used"][name], progress["limits"].get(name)
        if used or limit is not None:
            yield title, form.format(used) + ("" if limit is None else f" of {form.format(limit)}")
    if progress.get("seconds_left"):
        yield "time left, about", clock(progress["seconds_left"])
    yield "as of", str(progress["at"])


@lru_cache(maxsize=1)
def _environment() -> Environment:
    style = (files("optimizers.loop.report") / "templates" / "report.css").read_text(encoding="utf-8")
    made = environment("optimizers.watching", style, "optimizers.loop.report")
    made.globals["quantity"] = quantity
    return made
