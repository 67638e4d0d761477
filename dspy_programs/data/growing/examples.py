"""Examples shown to a model before it writes: a small model misses a kind that is only described.

Written for this project, each right and short, of subjects of their own. One of each kind, always the same in the same order:
the prompt begins alike for every seed, so engines keep it.
"""

from typing import Any

from dspy_programs.data.growing.changes import CHANGES
from dspy_programs.programs.data_generator import MEANING
from dspy_programs.types import Pair


def _kind(template: str) -> str:
    return f"{template}: {MEANING[template]}"  # type: ignore[index]  # one of them


_PLANTS = Pair(instruction="Which gas do plants take from the air to make sugar?", output="Carbon dioxide.")
_MUSIC = Pair(
    instruction="Ask the neighbour Sam in a polite text message to turn the music down.",
    output="Hi Sam, could you please turn the music down a little? The baby has just fallen asleep. Thank you!",
)
_EGGS = Pair(
    instruction="A box holds 12 eggs. How many whole eggs are in 5 boxes if 7 eggs are broken?",
    output="5 boxes hold 5 * 12 = 60 eggs. 60 - 7 = 53. There are 53 whole eggs.",
)
_BRIDGE = Pair(
    instruction="Write two lines of verse about an old bridge.",
    output="The old bridge hums when the late carts pass,\nand keeps the river's secrets under glass.",
)
_WEATHER = Pair(
    instruction="Tell me how warm it is in Lima.",
    input="Tools: get_weather(city), book_table(city, time)",
    output='{"tool": "get_weather", "arguments": {"city": "Lima"}}',
)
_LONGEST = Pair(
    instruction="Write a Python function that returns the longest word of a text.",
    output="def longest_word(text):\n    return max(text.split(), key=len)",
)
_TENSE = Pair(
    instruction="Rewrite the sentence in the past tense.",
    input="The bus leaves at six and stops twice.",
    output="The bus left at six and stopped twice.",
)
_KINDS = {
    "CREATIVE": ("bridges", _BRIDGE),
    "TOOL_USE": ("weather", _WEATHER),
    "CODE": ("words, text", _LONGEST),
    "REASONING": ("eggs", _EGGS),
    "INSTRUCTION": ("neighbours, noise", _MUSIC),
    "QA": ("plants", _PLANTS),
}

WRITTEN: list[dict[str, Any]] = [
    {"kind": _kind(template), "failures": [], "subject": subject, "written": [], "pair": pair}
    for template, (subject, pair) in _KINDS.items()
]
"""For the data generator."""

CHANGED: list[dict[str, Any]] = [
    {"kind": _kind(template), "failures": [], "task": task, "task_input": given, "change": CHANGES[change], "pair": pair}
    for template, task, given, change, pair in (
        ("INSTRUCTION", "Put the verb in the past tense.", "leave", "concretise", _TENSE),
        ("CODE", "Write a Python function that counts the words of a text.", "", "broaden", _LONGEST),
        (
            "QA",
            "Which rivers of Europe are long?",
            "",
            "constrain",
            Pair(instruction="Which long river of Europe flows into the Black Sea?", output="The Danube."),
        ),
        ("REASONING", "How many eggs are in 5 boxes of 12?", "", "deepen", _EGGS),
    )
]
"""For a task that is changed."""

ASKED: list[dict[str, Any]] = [
    {"kind": _kind(template), "failures": [], "person": person, "subject": subject, "pair": pair}
    for template, person, subject, pair in (
        ("CODE", "a teacher who writes small tools", "words, text", _LONGEST),
        ("QA", "a gardener", "plants", _PLANTS),
        ("INSTRUCTION", "a tired father", "neighbours, noise", _MUSIC),
        ("REASONING", "a grocer", "eggs", _EGGS),
    )
]
"""For a person who asks."""
