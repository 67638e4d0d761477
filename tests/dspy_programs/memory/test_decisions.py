"""What settles something, in what people and assistants say."""

import pytest

from dspy_programs.memory.reading.decisions import looks_up, settles, stands


@pytest.mark.parametrize(
    "sentence",
    [
        "We decided to use PostgreSQL.",
        "I'd rather fly on Monday.",
        "No, not the aisle.",
        "Do not delete the branch.",
        "I prefer the train.",
        "At most $300.",
        "Let's go with option 2.",
        "Wir haben uns entschieden, am Montag zu fahren.",
        "Je préfère le train.",
        "Prefiero el tren.",
        "月曜日に決定しました。",
        "我们决定用火车。",
    ],
)
def test_people_settle(sentence):
    assert settles(sentence)


@pytest.mark.parametrize(
    "sentence", ["The sky is blue.", "It was a long day.", "Lima has ten million people.", "今日は雨です。"]
)
def test_people_tell(sentence):
    assert not settles(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Your flight has been booked.",
        "I cannot change a basic economy ticket.",
        "I'll send you the invoice on Friday.",
        "Unfortunately, the refund is not possible.",
        "Ihr Flug wurde storniert.",
    ],
)
def test_an_assistant_promises_refuses_and_reports(sentence):
    assert settles(sentence, assistant=True)


@pytest.mark.parametrize(
    "sentence",
    [
        "I'll check that for you now.",
        "I will now retrieve your details.",
        "If you need any further assistance, I will be here.",
        "Feel free to ask!",
        "The flight leaves at nine.",
    ],
)
def test_an_announcement_or_a_courtesy_settles_nothing(sentence):
    assert not settles(sentence, assistant=True)


@pytest.mark.parametrize(
    "sentence",
    [
        "Do not use SQLAlchemy, we decided on psycopg 3.",
        "And keep the names.",
        "And later, remind me to rotate the password.",
        "The export must still write semicolons.",
        "Verwende auf keinen Fall die alte Bibliothek.",
        "Erinnere mich an das Zertifikat.",
    ],
)
def test_orders_stand(sentence):
    assert stands(sentence) and not looks_up(sentence)


@pytest.mark.parametrize("sentence", ["Don't worry about it.", "I keep the receipt.", "Why do you always fail?", "Book it."])
def test_what_holds_for_nothing_later_does_not_stand(sentence):
    assert not stands(sentence)


@pytest.mark.parametrize("sentence", ["And what does module_1 do?", "Wie weit ist es?", "Is the seat free?"])
def test_questions_look_up(sentence):
    assert looks_up(sentence)


@pytest.mark.parametrize("sentence", ["Could you book it?", "How about Monday?", "What if we wait?", "Book it."])
def test_requests_and_proposals_look_nothing_up(sentence):
    assert not looks_up(sentence)
