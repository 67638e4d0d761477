"""Which of a user's messages still ask for something."""

import time

import pytest

from dspy_programs.memory.reading.note import note_frame
from dspy_programs.memory.reading.pieces import open_requests
from dspy_programs.memory.reading.replies import is_closing, is_consent
from tests.dspy_programs.memory.forms import called, said

ROLES = {"u": "user", "a": "assistant", "s": "system"}


def open_in(*told):
    """told: "u: text"; "> name" is a call with its result. Return the texts that are open."""
    entries = []
    for line in told:
        if line.startswith("> "):
            entries += called(line[2:], {}, "ok")
        else:
            entries.append(said(ROLES[line[0]], line[3:]))
    return [entries[index].content for index in sorted(open_requests(entries))]


def test_the_last_request_is_open_also_after_rounds_of_tools():
    assert open_in("s: Be kind.", "u: Delete my last mail.", "> search_mails", "> delete_mail") == ["Delete my last mail."]


def test_an_answer_closes_a_request_and_the_next_one_opens():
    told = ["u: What is the capital of Peru?", "a: Lima.", "u: Write a poem on rain."]
    assert open_in(*told) == ["Write a poem on rain."]


def test_a_question_back_keeps_the_request_open():
    told = ["u: I need to cancel my flight.", "a: Could you give me your user ID?", "u: It's mia_7."]
    assert open_in(*told) == ["I need to cancel my flight."]


def test_yes_is_no_request_and_what_it_agrees_to_stays():
    proposal = "The new flight is HAT136 at $260. Would you like to proceed?"
    told = ["u: Find me a flight to Boston.", f"a: {proposal}", "u: Yes, please proceed.", "> book_flight"]
    assert open_in(*told) == ["Find me a flight to Boston.", proposal]


def test_thanks_close_everything():
    told = ["u: Book it.", "a: Done: it is booked. Is there anything else?", "u: Thank you so much! That's all. ###STOP###"]
    assert open_in(*told) == []


def test_blanks_around_a_request_change_nothing():
    assert open_in("u: Move a.txt [1]. \n ", "> mv") == ["Move a.txt [1]. \n "]


def test_thanks_before_a_request_close_nothing_new():
    told = ["u: Book it.", "a: It is booked.", "u: Thank you! I'd also like to change the reservation M20IZO. You are kind."]
    assert open_in(*told)[-1] == told[-1][3:]


def test_a_request_that_refers_to_the_one_before_keeps_it():
    told = ["u: Email Anna the plan.", "a: Sent.", "u: Now do the same for Bob."]
    assert open_in(*told) == ["Email Anna the plan.", "Now do the same for Bob."]


def test_requests_without_an_answer_between_them_are_all_open():
    assert open_in("a: Hi!", "u: Sort the list.", "u: Add a header, too.") == ["Sort the list.", "Add a header, too."]


def test_a_question_meanwhile_leaves_the_request_open():
    told = [
        "u: Change my seat.",
        "a: Which seat?",
        "u: In the meantime, what does a bag cost?",
        "a: A bag costs $50.",
        "u: 12A.",
    ]
    assert open_in(*told)[0] == "Change my seat."


def test_silent_work_answers_when_the_user_speaks_next():
    assert open_in("u: Move a.txt to b.", "> mv", "u: Sort every line in c.txt.") == ["Sort every line in c.txt."]


def test_an_option_is_chosen_not_asked_for():
    options = "Here are the flights: 1. HAT136 at 07:00 for $152. 2. HAT039 at 10:00 for $103. " + "They all have seats. " * 9
    told = ["u: I want to fly to Boston.", f"a: {options}Which one do you want?", "u: The second one."]
    assert open_in(*told) == ["I want to fly to Boston.", options + "Which one do you want?"]


def test_would_you_like_or_anything_else_is_a_question():
    asked = "a: Seat 12A is gone. Would you like 12B, or is there anything else I can do?"
    assert open_in("u: Give me seat 12A.", asked, "u: What about 14C?") == ["Give me seat 12A.", "What about 14C?"]


def test_among_people_only_the_last_who_says_something_is_kept():
    assert open_in("u: Hi all.", "u: The budget is 5.", "u: Who writes the minutes?", "u: OK.") == ["Who writes the minutes?"]


@pytest.mark.parametrize(
    "told",
    [
        ["u: Ich möchte meinen Flug stornieren.", "a: Wie lautet Ihre Kundennummer?", "u: Sie ist K7."],
        ["u: Je voudrais annuler mon vol.", "a: Quel est votre numéro ?", "u: C'est le K7."],
        ["u: Quiero cancelar mi vuelo.", "a: ¿Cuál es su número?", "u: Es K7."],
        ["u: 予約をキャンセルしたいです。", "a: お客様番号を教えてください。", "u: K7です。"],
        ["u: 我想取消航班。", "a: 请提供您的编号。", "u: K7。"],
    ],
)
def test_other_languages(told):
    assert open_in(*told) == [told[0][3:]]


def test_a_note_with_an_open_request_is_open_until_it_is_answered():
    note = f"u: {note_frame(1, 4)}\nuser (still open): Book it.\ndone: pay(amount=3)"
    assert open_in(note, "> book") == [note[3:]]
    assert open_in(note, "a: It is booked.", "u: Sort the list by name.") == ["Sort the list by name."]
    assert open_in(f"u: {note_frame(1, 4)}\nuser: Hi.\n  x (still open): no", "u: Sort the list.") == ["Sort the list."]


def test_many_open_requests_are_bounded_and_fast():
    told = ["u: first, please", *(f"u: please do {number}" for number in range(30_000)), "a: Which one?"]
    start = time.process_time()
    found = open_in(*told)
    assert len(found) <= 8 and found[-1] == "please do 29999" and time.process_time() - start < 5


def test_what_was_done_closes_all_but_the_last_request():
    told = ["u: Find a room for Monday.", "a: Which size?", "u: Give me one for six people.", "> get_rooms", "> book_room"]
    assert open_in(*told[:-1]) == ["Find a room for Monday.", "Give me one for six people."]
    assert open_in(*told) == ["Give me one for six people."]


def test_a_request_after_a_deed_stands_for_itself_unless_it_goes_on():
    told = ["u: Move my mail to the archive.", "> move_mail"]
    assert open_in(*told, "u: Is it cold in Oslo? If so, tell me.") == ["Is it cold in Oslo? If so, tell me."]
    assert open_in(*told, "u: Do the same for my notes.") == ["Move my mail to the archive.", "Do the same for my notes."]


def test_a_long_first_request_holds_while_others_are_done():
    brief = "Please repair the import. " + "Do not touch the public functions, and add no dependency whatever it is. " * 4
    told = [f"u: {brief}", "> edit_file", "u: Use Python 3.10.", "> edit_file", "u: Commit the change."]
    assert open_in(*told)[0] == brief
    assert brief not in open_in(*told[:2], "a: The import has been fixed.", *told[2:])


def test_the_last_long_answer_is_open_and_a_short_one_is_not():
    asked = ["u: I need to cancel my flight.", "a: Why, and on which day do you fly?"]
    answer = "My mother is ill, I fly on Tuesday the 3rd with two bags, and I keep the insurance."
    assert open_in(*asked, f"u: {answer}") == [asked[0][3:], answer]
    assert open_in(*asked, f"u: {answer}", "a: Which bags?", "u: Both.") == [asked[0][3:]]


def test_who_speaks_before_a_meeting_asks_and_its_speakers_do_not():
    turns = [f"u: {'Ann Lee (Chair)' if turn % 2 else 'Bob'}: Why is it {turn}?" for turn in range(8)]
    assert open_in("u: Summarize what follows.", *turns) == ["Summarize what follows."]


def test_nothing_said_nothing_open():
    assert open_requests([]) == set() and open_in("s: Be kind.", "a: Hello.") == []


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "Yes, please.",
        "OK, go on",
        "sure, go ahead",
        "ja, bitte",
        "oui, merci",
        "sí, adelante",
        "はい、お願いします",
        "好的，继续",
    ],
)
def test_what_only_agrees(text):
    assert is_consent(text) and not is_closing(text)


@pytest.mark.parametrize(
    "text", ["thanks!", "Thank you, that's all.", "danke schön", "merci beaucoup", "gracias", "谢谢你", ""]
)
def test_what_only_ends(text):
    assert is_closing(text) and not is_consent(text)


@pytest.mark.parametrize(
    "text", ["yes, but use my other card", "thanks, now delete it", "Great! I'd like three bags", "no, cancel it"]
)
def test_what_asks_besides(text):
    assert not is_consent(text) and not is_closing(text)
