"""What a reasoning model thinks before it answers is no answer: it is taken out, in every dialect that is known.

A thought may hold drafts, so it is never guessed where one ends: a reply whose reasoning has no end has no answer. A mark that
stands inside a whole JSON object belongs to that object.

Source   chat templates and model cards of DeepSeek-R1 and Qwen3 (<think>), Magistral ([THINK]), Kimi (a think in triangles),
         Command A (<|START_THINKING|>), OpenThinker (<|begin_of_thought|>), Seed-OSS (<seed:think>); the harmony format of
         gpt-oss.
"""

import json
import re
from collections.abc import Iterator

WORDS = "think|thinking|thought|thoughts|reasoning|reflection|seed:think"
OPENING = re.compile(
    rf"(?i)<(?:{WORDS})>|\[THINK\]|\u25c1think\u25b7|<\|START_THINKING\|>|<\|begin_of_thought\|>|<\|inner_prefix\|>"
)
CLOSING = re.compile(
    rf"(?i)</(?:{WORDS})>|\[/THINK\]|\u25c1/think\u25b7|<\|END_THINKING\|>|<\|end_of_thought\|>|<\|inner_suffix\|>"
)
MOST = 50  # thoughts in one reply
CHANNEL = re.compile(r"<\|channel\|>|\Aanalysis(?=[A-Z{\[\"'])")  # the second as a server leaves it that drops such tokens
FINAL = re.compile(r"<\|channel\|>\s*final\b.*?<\|message\|>|assistantfinal", re.DOTALL)
ENDS = re.compile(r"(?:\s*<\|(?:end|return|call)\|>)+\s*\Z")


class Unfinished(ValueError):
    """The text ends before its reasoning does."""


def without_thoughts(text: str) -> str:
    """Return the answer in a reply, the reply itself where it has no thoughts. Raises Unfinished."""
    if first_outside(CHANNEL, text.lstrip()):
        return final_channel(text)
    for _ in range(MOST):
        opening, closing = first_outside(OPENING, text), first_outside(CLOSING, text)
        if closing is None and opening is None:
            return text
        if closing is None:
            raise Unfinished
        before = text[: opening.start()] if opening and opening.start() < closing.start() else ""
        text = before + text[closing.end() :]
    raise Unfinished  # it only thinks


def has_thoughts(text: str) -> bool:
    """Tell whether a text has any mark of reasoning, be it only talk about one."""
    return any(first_outside(mark, text.lstrip()) for mark in (OPENING, CLOSING, CHANNEL))


def final_channel(text: str) -> str:
    """Return what a gpt-oss says for the user to read."""
    said = FINAL.split(text)
    if len(said) < 2:
        raise Unfinished
    return ENDS.sub("", said[-1])


def first_outside(mark: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the first of the marks that stands in no JSON object."""
    found = list(mark.finditer(text))
    inside = list(objects_in(text)) if found else []
    return next((each for each in found if not any(start < each.start() < end for start, end in inside)), None)


def objects_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each whole JSON object of a text starts and ends; none that is inside another."""
    decoder = json.JSONDecoder(strict=False)
    start = text.find("{")
    while start >= 0:
        try:
            _, end = decoder.raw_decode(text, start)
            yield start, end
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)
