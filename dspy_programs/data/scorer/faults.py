"""What can be wrong with a row by itself, each a bit, so that a million rows are a million small numbers.

Source     what a row asks and answers is read by view.py; fences, turns, refusals and placeholders are judged by the checks of
           `data validate`, so that the two never disagree.
"""

import re
from collections.abc import Callable

from dspy_programs.data.checks.fences import fences_findings
from dspy_programs.data.checks.turns import turns_findings
from dspy_programs.data.scorer.config import CheckName, ScorerConfig
from dspy_programs.data.scorer.view import View
from dspy_programs.no_answer import is_placeholder, is_refusal

_REFUSAL = 300  # characters in which a refusal begins
_ECHO = 12  # characters; shorter answers may well be the question


class RowFault:
    """A bit for each fault; plain numbers, since a flag of `enum` costs more than the checks."""

    DAMAGED = 1 << 0
    NO_REQUEST = 1 << 1
    NO_ANSWER = 1 << 2
    PLACEHOLDER = 1 << 3
    SHORT_REQUEST = 1 << 4
    LONG_TEXT = 1 << 5
    MANY_TOKENS = 1 << 6
    REFUSAL = 1 << 7
    ECHO = 1 << 8
    TURNS = 1 << 9
    OPEN_FENCE = 1 << 10
    WRAPPED = 1 << 11
    LEFTOVER = 1 << 12


SAID: dict[int, tuple[CheckName, str, str]] = {
    RowFault.DAMAGED: ("json", "damaged", "with characters that a wrong encoding left, or that no text has"),
    RowFault.PLACEHOLDER: ("missing", "placeholder", "with only a placeholder as request or answer"),
    RowFault.SHORT_REQUEST: ("text_length", "short_request", "with a request of fewer than {shortest_request} characters"),
    RowFault.LONG_TEXT: ("text_length", "long", "of more than {longest_text:,} characters"),
    RowFault.MANY_TOKENS: ("token_length", "many_tokens", "of more than {max_tokens:,} tokens, which training would cut"),
    RowFault.REFUSAL: ("instruction", "refusal", "whose answer refuses the request"),
    RowFault.ECHO: ("instruction", "echo", "whose answer only repeats the request"),
    RowFault.TURNS: ("instruction", "turns", "with turns in an order that a chat template does not take"),
    RowFault.OPEN_FENCE: ("instruction", "open_fence", "with a code fence that is not closed, as in a text that was cut"),
    RowFault.WRAPPED: ("instruction", "wrapped", "whose whole answer is in a code fence"),
    RowFault.LEFTOVER: ("instruction", "leftover", "with marks of a chat template in the text"),
}
"""Fault -> its check, its kind in a report, and what is said of the rows that have it."""

DAMAGED = re.compile(
    r"\ufffd|[\u00c2\u00c3][\u0080-\u00bf]|\u00e2\u20ac|\u00ef\u00bb\u00bf|[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]"
)
LEFTOVER = re.compile(
    r"<\|(?:im_start|im_end|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|user|assistant|system)\|>"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
)
_RUN_ON = re.compile(r"^#{2,3} ?(?:Instruction|Response|Human|Assistant|Input):?\s*$", re.MULTILINE)


def faults_of(view: View, config: ScorerConfig, tokens: Callable[[str], int]) -> int:
    """Return what is wrong with a row. tokens: counts those of a text; it is only asked where there may be too many."""
    whole = view.whole()
    found = 0
    if (not whole.isascii() and DAMAGED.search(whole)) or (not whole.isprintable() and DAMAGED.search(whole)):
        found |= RowFault.DAMAGED
    if len(whole) > config.longest_text:
        found |= RowFault.LONG_TEXT
    size = len(whole) if whole.isascii() else len(whole.encode("utf-8", "replace"))  # a token has at least one byte
    if size > config.max_tokens and tokens(whole) > config.max_tokens:
        found |= RowFault.MANY_TOKENS
    return found | _of_request(view, config) | _of_answer(view) | _of_form(view, whole)


def _of_request(view: View, config: ScorerConfig) -> int:
    asked = view.asked.strip()
    if not asked:
        return RowFault.NO_REQUEST
    if is_placeholder(asked):
        return RowFault.PLACEHOLDER
    return RowFault.SHORT_REQUEST if len(asked) < config.shortest_request and asked.isascii() else 0


def _of_answer(view: View) -> int:
    answered = view.answered.strip()
    if not answered:
        return 0 if view.turns and _calls(view.turns[-1]) else RowFault.NO_ANSWER
    if is_placeholder(answered):
        return RowFault.PLACEHOLDER
    last = _last_said(view) if view.turns else answered
    found = RowFault.REFUSAL if is_refusal(last[:_REFUSAL]) else 0
    if len(answered) >= _ECHO and " ".join(answered.lower().split()) == " ".join(view.asked.lower().split()):
        found |= RowFault.ECHO
    return found


def _of_form(view: View, whole: str) -> int:
    found = 0
    if "```" in whole:
        for finding in fences_findings(view._replace(more="").as_pair()):
            found |= RowFault.WRAPPED if finding.message.startswith("the whole") else RowFault.OPEN_FENCE
    if view.turns and any(turns_findings(view.as_pair())):
        found |= RowFault.TURNS
    if LEFTOVER.search(whole) or ("##" in view.answered and _RUN_ON.search(view.answered)):
        found |= RowFault.LEFTOVER
    return found


def _calls(turn: dict[str, object]) -> bool:
    return bool(turn.get("tool_calls") or turn.get("function_call"))


def _last_said(view: View) -> str:
    content = view.turns[-1].get("content") if view.turns else None
    return content.strip() if isinstance(content, str) else ""
