"""An answer told while the model still writes it.

Guarantees nothing is told that is withdrawn later for want of a quote: the model writes its quote first, and the answer is
           told from the moment the quote is found in the document and it says more than the question, up to a number that is
           not in the document. What is told begins the final answer, or, where a second try reads otherwise, is followed by
           nothing: `rest` says what is missing, None if the final answer is another one.
"""

import json
import re
from collections.abc import Callable

from dspy_programs.lm.replies import without_thoughts
from dspy_programs.programs.document_qa import foreign_number, only_asks, place_of

_QUOTE = re.compile(r'"quote"\s*:\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
_ANSWER = re.compile(r'"answer"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
_HALF_NUMBER = re.compile(r"\d[\d.,]*$")
_HALF_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}$|(?:\\u[dD][89abAB][0-9a-fA-F]{2})(?:\\(?:u[0-9a-fA-F]{0,3})?)?$")


class Spoken:
    """What of an answer was told already."""

    def __init__(self, told: Callable[[str], object]) -> None:
        self.told, self.text = told, ""

    def listener(self, document: str, question: str = "") -> Callable[[str], None]:
        """Return what hears one reply, in pieces."""
        heard = ""
        is_quoted: bool | None = None

        def hear(piece: str) -> None:
            nonlocal heard, is_quoted
            heard += piece
            answer = _answer_in(heard)
            if answer is None:
                return
            if is_quoted is None:
                is_quoted = place_of(answer[0], document) is not None
            if is_quoted and not only_asks(answer[1], question):
                self.say(_sure(answer[1], document))

        return hear

    def say(self, answer: str) -> None:
        """Tell what an answer goes on with. Space at its ends is not told: none is left of it in the end."""
        if rest := self.rest(answer.strip()):
            self.text += rest
            self.told(rest)

    def rest(self, answer: str) -> str | None:
        return answer[len(self.text) :] if answer.startswith(self.text) else None


def _sure(answer: str, document: str) -> str:
    """Return the beginning of an unfinished answer without a number that may not be the document's."""
    whole = _HALF_NUMBER.sub("", answer)
    return whole[: foreign_number(whole, document)]


def _answer_in(reply: str) -> tuple[str, str] | None:
    """Return the quote of a reply that is not complete yet, and what there is of the answer; None before it begins."""
    if '"answer"' not in reply:
        return None
    try:
        reply = without_thoughts(reply)
        quote = _QUOTE.search(reply)
        answer = _ANSWER.search(reply, quote.end()) if quote else None
        return (json.loads(quote[1], strict=False), _read(answer[1])) if quote and answer else None
    except ValueError:  # thoughts that have not ended, or no JSON
        return None


def _read(escaped: str) -> str:
    return str(json.loads(f'"{_HALF_ESCAPE.sub("", escaped)}"', strict=False))
