"""Removes a reasoning model's thoughts from its reply, in every known dialect.

Thoughts may contain drafts, so their end is never guessed: a reply whose reasoning does not end has no answer. A mark inside a
complete JSON object belongs to that object.

Source   chat templates and model cards of DeepSeek-R1 and Qwen3 (<think>), Magistral ([THINK]), Kimi (a think in triangles),
         Command A (<|START_THINKING|>), OpenThinker (<|begin_of_thought|>), Seed-OSS (<seed:think>); the harmony format of
         gpt-oss.
"""

import json
import re
from collections.abc import Iterator

_WORDS = "think|thinking|thought|thoughts|reasoning|reflection|seed:think"
_OPENING = re.compile(
    rf"(?i)<(?:{_WORDS})>|\[THINK\]|\u25c1think\u25b7|<\|START_THINKING\|>|<\|begin_of_thought\|>|<\|inner_prefix\|>"
)
_CLOSING = re.compile(
    rf"(?i)</(?:{_WORDS})>|\[/THINK\]|\u25c1/think\u25b7|<\|END_THINKING\|>|<\|end_of_thought\|>|<\|inner_suffix\|>"
)
_MOST = 50  # thoughts in one reply
_CHANNEL = re.compile(r"<\|channel\|>|\Aanalysis(?=[A-Z{\[\"'])")  # the second is what a server that drops such tokens leaves
_FINAL = re.compile(r"<\|channel\|>\s*final\b.*?<\|message\|>|assistantfinal", re.DOTALL)
_ENDS = re.compile(r"(?:\s*<\|(?:end|return|call)\|>)+\s*\Z")


class Unfinished(ValueError):
    """The text ends before its reasoning does."""


def without_thoughts(text: str) -> str:
    """Return the answer in a reply, or the reply itself if it has no thoughts. Raises Unfinished."""
    if _first_outside(_CHANNEL, text.lstrip()):
        return _final_channel(text)
    for _ in range(_MOST):
        opening, closing = _first_outside(_OPENING, text), _first_outside(_CLOSING, text)
        if closing is None and opening is None:
            return text
        if closing is None:
            raise Unfinished
        before = text[: opening.start()] if opening and opening.start() < closing.start() else ""
        text = before + text[closing.end() :]
    raise Unfinished  # it contains only thoughts


def has_thoughts(text: str) -> bool:
    """Return whether a text has any mark of reasoning, even if it only mentions one."""
    return any(_first_outside(mark, text.lstrip()) for mark in (_OPENING, _CLOSING, _CHANNEL))


def _final_channel(text: str) -> str:
    """Return gpt-oss's final channel, meant for the user."""
    said = _FINAL.split(text)
    if len(said) < 2:
        raise Unfinished
    return _ENDS.sub("", said[-1])


def _first_outside(mark: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the first mark that is not inside a JSON object."""
    found = list(mark.finditer(text))
    inside = list(objects_in(text)) if found else []
    return next((each for each in found if not any(start < each.start() < end for start, end in inside)), None)


def objects_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each complete top-level JSON object in a text."""
    decoder = json.JSONDecoder(strict=False)
    start = text.find("{")
    while start >= 0:
        try:
            _, end = decoder.raw_decode(text, start)
            yield start, end
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)
