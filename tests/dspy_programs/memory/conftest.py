"""A session with something to say, and stores of it."""

import pytest

from dspy_programs.memory import MemoryStore


def line(number):
    return f"Part {number}: the host db{number}.internal listens on port {5000 + number}; I have no more to say about it today."


@pytest.fixture
def store():
    """A system prompt and sixty messages of about 25 tokens."""
    store = MemoryStore()
    store.add("system", "Never delete a table.", turn_number=0)
    for number in range(60):
        store.add("user" if number % 2 else "assistant", line(number))
    return store


@pytest.fixture
def messages():
    roles = ("assistant", "user")
    said = [{"role": roles[number % 2], "content": line(number)} for number in range(60)]
    return [{"role": "system", "content": "Never delete a table."}, *said]
