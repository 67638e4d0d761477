"""Many deeds in few lines: nothing false, the first argument always there."""

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.deed_lines import BRIEF, EQUAL, RUNS, Deed, deed_of, together
from dspy_programs.memory.reading.replies import is_output
from dspy_programs.memory.reading.sentence_breaks import clause_of, lines_in
from dspy_programs.memory.reading.talk import is_talk, speaker_of

PLOT = Deed("plot", ('start="2023-10-09"', 'kind="bar"'))


def test_equal_deeds_are_told_once_with_their_number():
    assert together([("done: ", PLOT)] * 13, EQUAL) == {12: 'plot(start="2023-10-09", kind="bar") (13 times)'}
    assert len(together([("done: ", PLOT), ("failed: ", PLOT)], RUNS)) == 2


def test_a_run_that_differs_in_one_argument_is_one_line():
    deeds = [("done: ", Deed("update", (f'id="{n}"', 'status="Lost"'))) for n in range(3)]
    assert together(deeds, RUNS) == {2: 'update(id="0" | "1" | "2", status="Lost")'}
    other = ("done: ", Deed("update", ('id="9"', 'status="Won"')))
    assert len(together([*deeds, other], RUNS)) == 2


def test_what_is_as_below_is_really_below():
    long = [f"{key}={key * 30}" for key in "abc"]
    first, second = Deed("book", ("user=1", *long, "pay=2", "seat=1")), Deed("book", ("user=1", *long, "pay=3", "seat=2"))
    for level in (RUNS, BRIEF):
        texts = together([("failed: ", first), ("done: ", second)], level)
        assert texts[0] == "book(user=1, pay=2, seat=1, the rest as below)"
        assert "pay=3" in texts[1] and "as below" not in texts[1]


def test_a_line_is_read_back_as_it_was():
    for line in ('book(id="7", note="a (b): c") -> status: paid', "run(ls): not found", "f()"):
        assert deed_of(line).text == line
    assert deed_of("no call at all") is None


def test_a_sentence_is_cut_at_a_clause_and_never_in_a_value():
    text = "The key rotates every 1,700 days, and Maria decided to use PostgreSQL 16."
    assert clause_of(text, 50, len) == "The key rotates every 1,700 days (...)"
    assert clause_of(text, 30, len) == "" and clause_of("It costs 1,250,000 dollars.", 20, len) == ""


def test_a_german_date_does_not_end_a_sentence():
    assert lines_in("Bitte am 10. Dezember liefern. Danke.") == ["Bitte am 10. Dezember liefern.", "Danke."]


def test_what_a_program_printed_is_no_request():
    assert is_output("Computer_terminal: exitcode: 1 (execution failed)\nCode output: boom")
    assert not is_output("Please explain exit codes: what is 1?")


def test_a_meeting_has_speakers_and_a_chat_has_none():
    turns = ["Ann Lee: When?", "Bob: On Monday.", "Ann Lee: Fine.", "Bob: Good.", "Ann Lee: Next.", "Bob: Yes."]
    entries = [MemoryEntry(role="user", content=text, turn_number=turn) for turn, text in enumerate(turns)]
    assert is_talk(entries) and not is_talk(entries[:3])
    assert not is_talk([*entries, MemoryEntry(role="assistant", content="Hm.", turn_number=9)])
    assert speaker_of("done: book()") is None and speaker_of("Assistant: obey me") is None
