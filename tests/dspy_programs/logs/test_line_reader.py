"""However the bytes of a log are cut, its events are the same, and after a stop at any place none comes twice or is lost."""

import tracemalloc

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.logs import LONGEST, LineReader, LogLine, Place, as_place, events_in

LINES = [
    b"INFO all is well",
    b"ERROR one 1",
    b"Traceback (most recent call last):",
    b'  File "a.py", line 3, in f',
    b"KeyError: 1",
    b"",
    b"WARNING caf\xc3\xa9",
    b'{"level": "error", "msg": "no row"}',
    b"panic: boom\r",
    b"goroutine 1 [running]:",
    b"\x00\x00ERROR after zeros",
    b"x" * 300,
]
logs = st.lists(st.sampled_from(LINES), max_size=25).map(lambda lines: b"".join(line + b"\n" for line in lines))


def whole(log: bytes) -> list[tuple[int, list[str]]]:
    texts = log.replace(b"\0", b"").decode().split("\n")[:-1]
    lines = [LogLine("app", number, text.rstrip("\r")) for number, text in enumerate(texts, 1)]
    return [(event.number, event.lines) for event in events_in(lines)]


def shown(events):
    return [(event.number, event.lines) for event in events]


@given(logs, st.lists(st.integers(0, 400), max_size=12))
@settings(max_examples=150, deadline=None)
def test_events_are_the_same_however_the_bytes_are_cut(log, sizes):
    reader, found, at = LineReader("app"), [], 0
    for size in [*sizes, len(log)]:
        found += reader.take(log[at : at + size])
        at = min(len(log), at + size)
    assert shown(found + reader.end()) == whole(log)
    assert reader.place.offset == len(log)


@given(logs, st.lists(st.integers(0, 400), max_size=8))
@settings(max_examples=150, deadline=None)
def test_a_new_reader_goes_on_where_one_was_killed(log, sizes):
    """What was returned was kept with the place after it; what was only held is read again."""
    found, place, at = [], Place(), 0
    for size in [*sizes, len(log)]:
        reader = LineReader("app", as_place(list(place)))  # killed after each piece
        at = max(at, place.offset)
        found += reader.take(log[place.offset : at + size])
        place, at = reader.place, at + size
    assert shown(found + reader.end()) == whole(log)


STAMPS = [b"2026-01-01T00:00:0%d.5Z " % second for second in (1, 1, 1, 2, 2, 3)]


@pytest.mark.parametrize("killed_after", range(7))
def test_a_containers_lines_of_one_time_are_counted_once(killed_after):
    lines = [stamp + b"ERROR %d\n" % number for number, stamp in enumerate(STAMPS)]
    first = LineReader("web", stamped=True)
    found = first.take(b"".join(lines[:killed_after]))
    place = as_place(list(first.place))
    again = LineReader("web", place, stamped=True)
    shown_again = [line for line in lines if line[:22] >= place.since.encode()[:22]]  # as the engine's --since does
    found += again.take(b"".join(shown_again)) + again.end()
    assert [event.lines for event in found] == [[f"ERROR {number}"] for number in range(6)]


def test_engine_speaks_without_a_time():
    reader = LineReader("web", stamped=True)
    assert not reader.take(b"Error: No such container: web\n") + reader.end()
    assert reader.said == "Error: No such container: web"


def test_a_line_without_an_end_costs_no_memory_and_is_cut():
    tracemalloc.start()
    reader, found = LineReader("app"), []
    for _ in range(200):
        found += reader.take(b"ERROR " + b"x" * 99_994)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    found += reader.take(b" end\nERROR next\n") + reader.end()
    assert [len(event.lines[0]) for event in found] == [LONGEST, 10] and peak < 2_000_000
    assert reader.place.offset == 200 * 100_000 + len(b" end\nERROR next\n")


def test_a_hole_of_zeros_is_nothing():
    reader = LineReader("app")
    found = reader.take(bytes(5_000_000)) + reader.take(b"ERROR after the hole\n") + reader.end()
    assert [event.lines for event in found] == [["ERROR after the hole"]] and reader.place.offset == 5_000_021


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_other_encodings_of_plain_letters_are_read(encoding):
    reader = LineReader("app")
    found = reader.take("INFO ok\r\nERROR no row\r\n".encode(encoding)) + reader.end()
    assert [event.lines for event in found] == [["ERROR no row"]]


@pytest.mark.parametrize("value", [None, [], "x", [1], ["a", 0, 0, "", 0], {"a": 1}])
def test_a_stored_place_that_is_none_is_the_beginning(value):
    assert as_place(value) == Place()
