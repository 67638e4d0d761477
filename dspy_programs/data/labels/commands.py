"""python -m dspy_programs data label: by hand in the terminal or in a page, in bulk by a filter, or from a judge."""

import math
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from dspy_programs.data.options import DataOption, NameOption
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity

if TYPE_CHECKING:
    from dspy_programs.data.judging.judged import Judgments
    from dspy_programs.data.labels.many import Tally
    from dspy_programs.data.labels.queue import Queue

Mode = Literal["interactive", "web", "bulk", "auto-from-judge"]
JudgmentsOption = Annotated[str | None, typer.Option(help="Judgments: a file, or the tag that judge was given.")]


def label(
    dataset: NameOption,
    mode: Annotated[
        Mode, typer.Option(help="interactive: here; web: in a page; bulk: all that --where selects; auto-from-judge.")
    ] = "interactive",
    where: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Which pairs, such as: category == 'math' and length['output'] < 20")
    ] = None,
    set_status: Annotated[str | None, typer.Option(help="With bulk: approved, rejected, needs_edit or skipped.")] = None,
    tag: Annotated[str, typer.Option(help="Written to each label.")] = "",
    note: Annotated[str, typer.Option(help="With bulk and auto-from-judge: written to each label.")] = "",
    judgments: JudgmentsOption = None,
    reject_below: Annotated[
        float | None,
        typer.Option(min=0, help="With auto-from-judge: a failed pair with a lower score is rejected. Default: 3.5 of 10."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Write no label that a pair already has.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With web: the port; 0 is any free one.")] = 0,
    data: DataOption = Path("data"),
) -> None:
    """Say which pairs are good: approved, rejected, needs_edit or skipped. The last label of a pair counts.

    By hand, each answer is saved at once, and the next start goes on with the pairs that have no label; --where shows others.
    """
    from dspy_programs.cli import show_progress
    from dspy_programs.data.expressions import Expression
    from dspy_programs.data.folder import DataFolder
    from dspy_programs.data.judging.judged import Judgments
    from dspy_programs.data.judging.tags import judgments_at
    from dspy_programs.data.known_rows import filter_of
    from dspy_programs.data.labels.label import Status
    from dspy_programs.data.labels.many import by_filter, by_judge, label_many
    from dspy_programs.data.labels.queue import Queue
    from dspy_programs.data.labels.store import LabelStore

    folder = DataFolder(data)
    path = folder.existing(dataset)
    _require_fitting(mode, where, set_status, judgments, reject_below, note)
    judged = Judgments(judgments_at(folder, dataset, judgments).path) if judgments else None
    expression = filter_of(where, judged)
    store = LabelStore(folder.labels(dataset))
    if store.broken:
        print(f"{store.path}: {quantity(store.broken, 'broken line')} left out", file=sys.stderr)
    if mode == "interactive":
        _label_in_terminal(Queue(path, store, mode, expression, judged, tag), dataset)
    elif mode == "web":
        _label_in_page(Queue(path, store, mode, expression, judged, tag), dataset, port)
    else:
        if mode == "bulk":
            verdict = by_filter(cast(Expression, expression), cast(Status, set_status), tag)
        else:
            verdict = by_judge(_limit(reject_below, cast(Judgments, judged)), expression, tag)
        with show_progress("labelling") as progress:
            tally = label_many(path, store, judged, verdict, mode, note, resume, expression, progress)
        _tell(tally, store.path, judged)


def _require_fitting(
    mode: Mode, where: str | None, set_status: str | None, judgments: str | None, reject_below: float | None, note: str
) -> None:
    """Raise UsageError for options that are missing in this mode, or have no meaning in it."""
    from dspy_programs.data.labels.label import STATUSES

    if mode == "bulk" and (where is None or set_status is None):
        raise UsageError("bulk needs --where EXPR and --set-status STATUS")
    if mode == "auto-from-judge" and judgments is None:
        raise UsageError("auto-from-judge needs --judgments FILE or TAG")
    if set_status is not None and set_status not in STATUSES:
        raise UsageError(f"--set-status {set_status!r}: choose from {', '.join(STATUSES)}")
    wrong = {
        "--set-status": set_status is not None and mode != "bulk",
        "--reject-below": reject_below is not None and mode != "auto-from-judge",
        "--note": bool(note) and mode in ("interactive", "web"),
    }
    if used := [option for option, is_wrong in wrong.items() if is_wrong]:
        raise UsageError(f"{used[0]} has no meaning with --mode {mode}")


def _limit(given: float | None, judgments: "Judgments") -> float:
    """Return the limit on the judgments' scale, and say on standard error which that is."""
    from dspy_programs.data.labels.many import REJECT_BELOW

    limit, scale = REJECT_BELOW if given is None else given, judgments.scale
    if limit > 10 or not math.isfinite(limit):
        raise UsageError(f"--reject-below {limit:g}: scores end at 10")
    of_ten = scale <= 1 and (given is None or limit > 1)  # a limit above 1 can only be meant so
    on_scale = limit / 10 if of_ten else limit
    meant = f"{limit:g} of 10 is {on_scale:g} there" if of_ten else f"below {on_scale:g} is rejected"
    print(f"{judgments.described()}: {meant}", file=sys.stderr)
    return on_scale


def _tell(tally: "Tally", path: Path, judgments: "Judgments | None") -> None:
    written = ", ".join(f"{count:,} {status}" for status, count in sorted(tally.written.items()))
    print(f"{path}: {quantity(tally.written.total(), 'label')} of {quantity(tally.pairs, 'pair')}: {written or 'none'}")
    if judgments is not None and tally.unjudged:
        print(f"{quantity(tally.unjudged, 'pair')} without a judgment in {judgments.path}", file=sys.stderr)
    if tally.same:
        print(f"{quantity(tally.same, 'pair')} had that label already", file=sys.stderr)
    if tally.peoples:
        print(f"{quantity(tally.peoples, 'label')} of people replaced; theirs are still in the file, above", file=sys.stderr)


def _label_in_terminal(queue: "Queue", dataset: str) -> None:
    if not len(queue):
        print(_nothing(queue))
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        if find_spec("textual"):
            from dspy_programs.data.labels.screen import LabelScreen

            LabelScreen(queue, dataset).run()
            print(f"{quantity(queue.answered, 'answer')}; {queue.left:,} left")
            return
        print("for a screen: pip install 'dspy-programs[data]'", file=sys.stderr)
    from dspy_programs.data.labels.line_mode import label_by_lines

    label_by_lines(queue, sys.stdin, sys.stdout)


def _label_in_page(queue: "Queue", dataset: str, port: int) -> None:
    from dspy_programs.data.labels.web import serve

    if not len(queue):
        print(_nothing(queue))
        return
    serve(queue, dataset, port, lambda url: print(f"open {url}\nq in the page, or Ctrl-C here, ends it", flush=True))
    print(f"{quantity(queue.answered, 'answer')}; {queue.left:,} left")


def _nothing(queue: "Queue") -> str:
    return f"no pair is to be labelled; {queue.progress()}; --where shows others"
