"""Pairs from rules: exercises on the seed's own text with computed answers, so they are right by construction.

Input      seed: Pair; template: one of the six of data_generator.py.
Output     pairs, in an order derived from the seed only; none if the text is too short, or in a script without spaces.
Guarantees nothing is invented: every word of an answer is computed from the text, and the text is in the pair.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from dspy_programs.text import WORD
from dspy_programs.types import Pair

_LONGEST_TEXT = 180  # characters of the text that a task is about
_FEWEST_WORDS = 3
_SENTENCE_END = re.compile(r"(?<=[a-z]{4}[.!?])\s+(?=[A-Z])")  # not after "Dr." or an initial
_NUMBER = re.compile(r"(?<![\w.,-])\d{1,6}(?!\w|[,.]\d)")
_LINE_OF_VERSE = 4  # words
TOOLS = {
    "count_words": "Call the tool that tells how many words there are.",
    "to_upper_case": "I want my text in capital letters. Which call does that?",
    "reverse_words": "Pick the right tool to turn the word order round, and call it.",
    "first_sentence": "Use a tool to get only the beginning, up to the first full stop.",
}

_Rule = Callable[[str], Pair | None]
"""A text of at least three words -> a task about it, None if the task makes no sense for that text."""


def pairs_by_rules(seed: Pair, template: str) -> Iterator[Pair]:
    """Yield every pair that the template's rules can make from the seed."""
    text = _text_of(seed)
    if len(WORD.findall(text)) < _FEWEST_WORDS:
        return
    rules = RULES[template]
    start = int(hashlib.sha256(f"{template}\n{text}".encode()).hexdigest(), 16) % len(rules)
    for rule in rules[start:] + rules[:start]:
        if pair := rule(text):
            yield pair


def _text_of(seed: Pair) -> str:
    """Choose what the tasks are about: the seed's input, else its output, else its instruction; whole sentences if it can."""
    candidates = [" ".join(text.replace("```", " ").split()) for text in (seed.input, seed.output, seed.instruction)]
    text = next((text for text in candidates if min(len(text.split()), len(WORD.findall(text))) >= _FEWEST_WORDS), "")
    if len(text) <= _LONGEST_TEXT:
        return text
    sentences = _SENTENCE_END.split(text[: _LONGEST_TEXT + 1])
    whole = " ".join(sentences[:-1])
    return whole if len(whole.split()) >= _FEWEST_WORDS else text[:_LONGEST_TEXT].rsplit(" ", 1)[0]


# INSTRUCTION


def count_words(text: str) -> Pair:
    return Pair(
        instruction="Count the words of this text; words are set apart by spaces.", input=text, output=str(len(text.split()))
    )


def _upper_case(text: str) -> Pair | None:
    return (
        Pair(instruction="Put this text in capital letters.", input=text, output=text.upper()) if text != text.upper() else None
    )


def reverse_words(text: str) -> Pair:
    return Pair(instruction="Write the words in reverse order.", input=text, output=" ".join(reversed(text.split())))


def _sort_words(text: str) -> Pair:
    found = sorted(set(WORD.findall(text.lower())))
    return Pair(
        instruction="List the different words in alphabetical order, in small letters, with commas between them.",
        input=text,
        output=", ".join(found),
    )


def first_sentence(text: str) -> Pair | None:
    sentences = _SENTENCE_END.split(text)
    return Pair(instruction="Copy only the first sentence.", input=text, output=sentences[0]) if len(sentences) > 1 else None


def _extract_numbers(text: str) -> Pair | None:
    found = _whole_numbers(text)
    return Pair(instruction="Extract every whole number.", input=text, output=", ".join(found)) if found else None


def _whole_numbers(text: str) -> list[str]:
    """Return the whole numbers of a text; none if it has other digits, of which nobody can say whether they count."""
    found = _NUMBER.findall(text)
    return found if sum(map(len, found)) == sum(letter.isdigit() for letter in text) else []


# QA


def _which_word_is_last(text: str) -> Pair:
    return Pair(instruction="What is the last word of the text?", input=text, output=WORD.findall(text)[-1])


def _how_many_words(text: str) -> Pair:
    return Pair(instruction="How many words, set apart by spaces, are there?", input=text, output=str(len(text.split())))


def _which_word_is_missing(text: str) -> Pair | None:
    """Hide the longest word that occurs once, and show it among the choices."""
    found = WORD.findall(text)
    small = [word.lower() for word in found]
    once = [word for word in found if small.count(word.lower()) == 1 and len(word) > 3]
    if len(once) < 3:
        return None
    hidden = max(once, key=len)
    choices = ", ".join(sorted({hidden, once[0], once[-1]}, key=str.lower))
    blank = re.sub(rf"\b{re.escape(hidden)}\b", "___", text, count=1)
    if len(f"{blank} ({choices})") > _LONGEST_TEXT + 40 or choices.count(",") < 1:
        return None
    return Pair(
        instruction="Which of the words in brackets fills the gap so that none is used twice?",
        input=f"{blank} ({choices})",
        output=hidden,
    )


def _which_word_follows(text: str) -> Pair | None:
    found = WORD.findall(text)
    small = [word.lower() for word in found]
    for before, after in pairwise(found):
        if small.count(before.lower()) == 1 and len(before) > 2:
            return Pair(instruction=f'Which word comes right after "{before}"?', input=text, output=after)
    return None


# REASONING


def _longer_word(text: str) -> Pair | None:
    found = WORD.findall(text)
    a, b = found[0], found[-1]
    if len(a) == len(b):
        return None
    answer = a if len(a) > len(b) else b
    return Pair(
        instruction="Which is longer, the first word of the text or the last one? Show your steps.",
        input=text,
        output=f'"{a}" has {len(a)} characters. "{b}" has {len(b)} characters. So the answer is "{answer}".',
    )


def _ends_together(text: str) -> Pair:
    found = WORD.findall(text)
    a, b = found[0], found[-1]
    return Pair(
        instruction="How many characters do the first and the last word have together? Write down the sum.",
        input=text,
        output=f'"{a}" has {len(a)} and "{b}" has {len(b)}: {len(a)} + {len(b)} = {len(a) + len(b)}.',
    )


def _reading_aloud(text: str) -> Pair:
    count = len(text.split())
    return Pair(
        instruction="Somebody reads this aloud three times. Work out step by step how many words are spoken.",
        input=text,
        output=f"Split at spaces, there are {count} words. Three times that is {count} * 3 = {count * 3}.",
    )


def _sum_of_numbers(text: str) -> Pair | None:
    found = [int(number) for number in _whole_numbers(text)]
    if len(found) < 2:
        return None
    return Pair(
        instruction="Add up all the whole numbers in the text and show the calculation.",
        input=text,
        output=f"{' + '.join(map(str, found))} = {sum(found)}. The sum is {sum(found)}.",
    )


# CREATIVE


def _free_verse(text: str) -> Pair | None:
    found = text.split()
    if len(found) <= _LINE_OF_VERSE:
        return None
    lines = [" ".join(found[i : i + _LINE_OF_VERSE]) for i in range(0, len(found), _LINE_OF_VERSE)]
    return Pair(instruction="Set this text as free verse, four words to a line.", input=text, output="\n".join(lines))


def _mirror(text: str) -> Pair:
    found = text.split()[:8]
    return Pair(
        instruction="Make a mirror poem: the words forwards on one line, then backwards on the next.",
        input=" ".join(found),
        output=f"{' '.join(found)}\n{' '.join(reversed(found))}",
    )


def _refrain(text: str) -> Pair:
    found = text.split()[:6]
    lines = [" ".join(found[:count]) for count in range(1, len(found) + 1)]
    return Pair(
        instruction="Write a growing poem: each line repeats the one before and adds the next word.",
        input=" ".join(found),
        output="\n".join(lines),
    )


# TOOL_USE


def _call_of(tool: str, request: str) -> _Rule:
    def rule(text: str) -> Pair:
        part = " ".join(text.split()[:16])
        offer = ", ".join(f"{name}(text)" for name in TOOLS)
        call = {"tool": tool, "arguments": {"text": part}}
        return Pair(instruction=request, input=f"Tools: {offer}\nText: {part}", output=json.dumps(call, ensure_ascii=False))

    return rule


# CODE


def _python_words(text: str) -> Pair:
    found = text.split()[:8]
    return Pair(instruction="Write the words as a Python list of strings.", input=" ".join(found), output=repr(found))


def _python_count(text: str) -> Pair:
    return Pair(
        instruction="Give one line of Python that prints how many words there are here, splitting at spaces.",
        input=text,
        output=f"print(len({text!r}.split()))",
    )


def _python_reverse(text: str) -> Pair:
    part = " ".join(text.split()[:10])
    return Pair(
        instruction="Define a Python function `backwards` that reverses the order of a string's words, and call it on this.",
        input=part,
        output=f'def backwards(text):\n    return " ".join(reversed(text.split()))\n\n\nprint(backwards({part!r}))',
    )


def _json_lengths(text: str) -> Pair:
    lengths = {word: len(word) for word in WORD.findall(text)[:6]}
    return Pair(
        instruction="Return a JSON object that maps each word to its number of characters.",
        input=" ".join(WORD.findall(text)[:6]),
        output=json.dumps(lengths, ensure_ascii=False),
    )


RULES: dict[str, list[_Rule]] = {
    "INSTRUCTION": [_sort_words, reverse_words, count_words, _extract_numbers, _upper_case, first_sentence],
    "QA": [_which_word_is_missing, _which_word_follows, _which_word_is_last, _how_many_words],
    "REASONING": [_sum_of_numbers, _longer_word, _ends_together, _reading_aloud],
    "CREATIVE": [_free_verse, _mirror, _refrain],
    "TOOL_USE": [_call_of(tool, request) for tool, request in TOOLS.items()],
    "CODE": [_python_words, _python_count, _python_reverse, _json_lengths],
}
