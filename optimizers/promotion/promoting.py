"""Put a compiled program into use, list earlier ones, return to one, and export it. For the files see program_history.py.

Guarantees at any moment, even after kill -9, either the old file or the new one is in use, complete; no compiled program is
           ever deleted; processes that change the same program and model wait for each other.
Raises     CompiledProgramError for a file that `load` would refuse, UsageError for an unwritable place or a wrong choice,
           RunLocked if another process does not finish. Then nothing has changed.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dspy
import filelock

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import CompiledProgramError, RunLocked, UsageError
from dspy_programs.registry import Compiled, in_use as in_use, read_compiled, require_known
from optimizers.promotion.card import card_of, loop_card
from optimizers.promotion.program_history import (
    STAMP,
    Entry,
    Lying,
    Place,
    changed_at,
    checked_place,
    current,
    date_of,
    dated_files,
    digest_of,
    entries,
    entry_of,
    lying,
    require_fit,
    where,
)

SHIPPED = "shipped"  # what `rollback` calls the program shipped with the package
_PATIENCE = 30.0  # seconds to wait for another process; a change takes a few hundredths of one
_ANYTHING = ""  # instead of a digest
_NEW_FILE = 0o644  # mode of a file that replaces none


@dataclass(frozen=True)
class _Promoted:
    """What is in use now and what was before; None is the uncompiled program."""

    now: Entry | None
    before: Entry | None
    changed: bool


class Superseded(UsageError):
    """The program in use is not the one that the new program was compared with."""


def promote(source: Path, program: str, lm: str, target: Path | None = None, over: str | None = _ANYTHING) -> _Promoted:
    """Put `source` into use for `program` on `lm`; the previous file stays in the history. The same bytes again change nothing.

    target: a file instead of the one in the user's directory; its history lies next to it. over: digest of the program
    that `source` was compared with, None for none; Superseded is raised if another one is in use.
    """
    place = checked_place(program, lm, target)
    data, compiled = _read_fitting(source, program, lm)
    card = card_for(compiled)
    with _locked(place):
        before = current(place)
        if over not in (_ANYTHING, before.digest if before else None):
            raise Superseded(
                "another program was put into use while this run was finishing; compare with it by running again with --fresh"
            )
        if before and before.digest == digest_of(data):
            if not before.shipped:
                _replace_all(
                    [(place.card, card.encode(), _mode_of(place.target))]
                )  # a kill may have left another program's card
            return _Promoted(before, before, changed=False)
        _settle(place)
        file = record(place, data, card, datetime.now(UTC))
        try:
            _put_to_use(place, file)
        except BaseException:
            if where(place) != file:  # it was never in use, and the source still exists
                file.unlink()
                file.with_suffix(".md").unlink()
            raise
        return _Promoted(current(place), moved(before, place), changed=True)


def rollback(program: str, lm: str, to: str | None = None) -> _Promoted:
    """Return to the previous program, and finally to the shipped one; the program you leave stays in the history.

    to: start of a digest, even of one that was rolled back, or "shipped".
    """
    place = checked_place(program, lm)
    with _locked(place) if place.target.is_file() or place.history.is_dir() else contextlib.nullcontext():
        before = current(place)
        _settle(place)
        goal = _chosen(place, to) if to else _one_before(place)
        if goal.in_use if goal else before is None:
            return _Promoted(before, before, changed=False)
        _go_to(place, goal)
        _settle(place)
        return _Promoted(current(place), moved(before, place), changed=True)


def history(program: str, lm: str) -> list[Entry]:
    """Return all programs that are or were in use, newest first, the shipped one last. Writes nothing."""
    return entries(checked_place(program, lm))


def look_at(source: Path, module: str | None = None) -> Entry:
    """Return what a compiled file says about itself before it is put into use; it must fit the current code.

    module: the name of the user's own program; the name in the file alone is not trusted.
    """
    compiled = read_compiled(source)
    require_known(compiled.provenance.program, source, module)
    require_fit(compiled, source)
    saved = compiled.provenance
    entry = entry_of(Lying(source, None, in_use=False), checked_place(saved.program, saved.lm))
    assert entry is not None
    return entry


def doubts(source: Entry, now: Entry | None) -> list[str]:
    """Return the objections to replacing `now` with `source`; empty if there are none."""
    found = []
    if source.kept == "seed":
        found.append("it is the uncompiled program: no candidate beat that in its run")
    if not source.tested:
        found.append("it has no test score" + (f" ({source.status})" if source.status else ""))
    for name, other in (("difference", "the uncompiled program"), ("gain", "the program then in use")):
        if (interval := source.test.get(name, {})).get("high", 0.0) < 0:
            found.append(f"on the test rows it is worse than {other}, by {-interval['mean']:.3f}")
    return found if now and now.fault else [*found, *_defeats(source, now)]  # anything beats a file that `load` refuses


def _defeats(source: Entry, now: Entry | None) -> Iterator[str]:
    """Compare on the same validation rows: with the program in use during training, and with the one in use now."""
    rivals = {"the program then in use": source.validation.get("in_use"), "the program in use": _score_of_now(source, now)}
    if source.score is None or rivals["the program in use"] is None:
        yield "unknown whether it beats the program in use: they have not been scored on the same validation rows"
    for name, rival in rivals.items():
        if source.score is not None and rival is not None and not source.score > rival:
            yield f"it does not beat {name}: {source.score:.3f} against {rival:.3f} on the same validation rows"


def _score_of_now(source: Entry, now: Entry | None) -> float | None:
    """Return the score of `now` on the validation rows of `source`; None if no file has it."""
    if now is None:
        return source.validation.get("seed")
    if now.judged_on and now.judged_on == source.judged_on:
        return now.score
    unchanged = source.parent == (None if now.shipped else now.digest)
    return source.validation.get("in_use") if unchanged else None


def export_stock(path: Path, to: Path, program: dspy.Module) -> None:
    """Write what stock `dspy.Module.load` of this program reads: the state without our own metadata.

    It also wants what has a state and is no predictor, and of a program that is itself a predictor the bare state.
    """
    read_compiled(path)
    if to.exists() and to.samefile(path):
        raise UsageError(f"{to} is the compiled program itself; give another file")
    state = json.loads(path.read_bytes())
    del state["metadata"]["app"]
    state = {name: each.dump_state() for name, each in program.named_parameters() if name not in state} | state
    if isinstance(program, dspy.Predict):
        state |= state.pop("self")
    write_atomically(to, json.dumps(state, indent=2, ensure_ascii=False) + "\n")


def _read_fitting(path: Path, program: str, lm: str) -> tuple[bytes, Compiled]:
    """Read a file that `load` would accept, as bytes and as data: the same bytes that were checked."""
    compiled = read_compiled(path, program, lm)
    require_fit(compiled, path)
    data = path.read_bytes()
    if read_compiled(path, program, lm) != compiled:
        raise CompiledProgramError(f"{path} changed while it was being read; try again")
    return data, compiled


def card_for(compiled: Compiled) -> str:
    """Return the card; a short one if the file does not say how it was made."""
    try:
        return loop_card(compiled) if "online" in compiled.provenance.training else card_of(compiled)
    except (KeyError, IndexError, TypeError, ValueError):
        saved = compiled.provenance
        return f"# {saved.program} for {saved.lm}\n\nKept: {saved.kept}. The file does not say how it was made.\n"


def _one_before(place: Place) -> Lying | None:
    """Return the previous program: a file of the history, the shipped one, or None for the uncompiled program."""
    found = lying(place)
    users = [each for each in found if not (each.shipped or each.set_aside)]
    here = next((number for number, each in enumerate(users) if each.in_use), None)
    if here is None:
        what = "the shipped program" if place.shipped else "the uncompiled program"
        raise UsageError(f"{place.program} for {place.lm}: {what} is in use; there is nothing before it")
    older = [*users[here + 1 :], *(each for each in found if each.shipped)]
    return older[0] if older else None


def _chosen(place: Place, to: str) -> Lying | None:
    """Return the file whose digest starts like this: of equal ones the one in use, else the newest not set aside."""
    found = lying(place)
    if to == SHIPPED:
        return next((each for each in found if each.shipped), None)
    digests = {each: digest_of(each.path.read_bytes()) for each in found}
    named = [each for each in found if digests[each].startswith(to.lower())]
    different = sorted({digests[each] for each in named})
    if len(different) > 1:
        raise UsageError(f"{to!r} matches more than one digest: {', '.join(each[:16] for each in different)}; give more digits")
    if not named:
        there = ", ".join(dict.fromkeys(each[:8] for each in digests.values()))
        raise UsageError(f"no {place.program} for {place.lm} has the digest {to!r}; choose from {there or 'none'}")
    return min(named, key=lambda each: (not each.in_use, each.set_aside))


def _go_to(place: Place, goal: Lying | None) -> None:
    """Put an entry into use. Without a user's file, that is the shipped or the uncompiled program."""
    if goal is None or goal.shipped:
        with _writing(place.target):
            place.target.unlink(missing_ok=True)
            place.card.unlink(missing_ok=True)
        return
    file = goal.path
    try:
        data, compiled = _read_fitting(file, place.program, place.lm)
    except CompiledProgramError as error:
        raise UsageError(f"{error}. Or choose another with --to: {SHIPPED}, or a digest of the history") from error
    if goal.set_aside:
        file = record(place, data, card_for(compiled), datetime.now(UTC))
    _put_to_use(place, file)


def moved(before: Entry | None, place: Place) -> Entry | None:
    """Return the entry of the previous program, with its current path."""
    if before is None or before.shipped:
        return before and replace(before, in_use=False)
    ending = f"-{before.digest[:8]}.json"
    now = next(each for each in lying(place) if not each.in_use and each.path.name.endswith(ending))
    return replace(before, **vars(now))


@contextlib.contextmanager
def _locked(place: Place) -> Iterator[None]:
    """Lock the history of one program and model for this process."""
    lock = filelock.FileLock(place.history / "lock")
    try:
        place.history.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_PATIENCE)
    except filelock.Timeout as error:
        raise RunLocked(f"{place.target}: another process has been changing it for {_PATIENCE:g} seconds; try again") from error
    except OSError as error:
        raise UsageError(f"{place.history}: cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def _settle(place: Place) -> None:
    """Make the program in use the top of the history: copy it there if it was placed by hand, set aside newer entries."""
    here = where(place)
    if place.target.is_file() and here is None:
        card = place.card.read_text(encoding="utf-8", errors="replace") if place.card.is_file() else None
        record(place, place.target.read_bytes(), card, changed_at(place.target))
        return
    for path in dated_files(place.history):
        if here is None or path.name > here.name:
            with _writing(place.set_aside):
                place.set_aside.mkdir(exist_ok=True)
                for file in (path.with_suffix(".md"), path):  # the program last: after a kill, the next change finishes it
                    if file.is_file():
                        os.replace(file, place.set_aside / file.name)


def record(place: Place, data: bytes, card: str | None, when: datetime) -> Path:
    """Write a new top of the history and return it. Its time is later than all others, whatever the clock says."""
    others = [date_of(path) for path in [*dated_files(place.history), *dated_files(place.set_aside)]]
    date = max([when, *(other + timedelta(microseconds=1) for other in others)])
    file = place.history / f"{date.strftime(STAMP)}-{digest_of(data)[:8]}.json"
    mode = _mode_of(place.target)
    cards = [(file.with_suffix(".md"), card.encode(), mode)] if card is not None else []
    _replace_all([*cards, (file, data, mode)])
    return file


def _put_to_use(place: Place, file: Path) -> None:
    """Replace the file in use with one from the history, and its card likewise."""
    card = file.with_suffix(".md")
    goals = [(place.target, file), *([(place.card, card)] if card.is_file() else [])]
    _replace_all([(Path(os.path.realpath(goal)), source.read_bytes(), _mode_of(source)) for goal, source in goals])
    if not card.is_file():
        place.card.unlink(missing_ok=True)  # it describes the other program, and is in the history with it


def _replace_all(files: Sequence[tuple[Path, bytes, int]]) -> None:
    """Write each path with content and mode: all are complete and on disk before the first one is put in place."""
    with contextlib.ExitStack() as block:
        staged = [(block.enter_context(beside(path, data, mode)), path) for path, data, mode in files]
        for temporary, path in staged:
            with _writing(path):
                os.replace(temporary, path)


@contextlib.contextmanager
def beside(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """Write a temporary file in the folder of `path`, never more permissive than its mode; leftovers are removed."""
    temporary = None
    try:
        with _writing(path):
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            os.chmod(temporary, mode)
        yield Path(temporary)
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error


def _mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777 if path.is_file() else _NEW_FILE
