"""Examples in a prompt, found by their structure: what shows and does not tell.

Shapes     <example>...</example>, or any tag that repeats where examples are announced; headers that repeat ("Example 1",
           "### Beispiel 2:"); pairs of labels that repeat (User: ... Assistant: ..., Input: ... Output: ...).
Input      the text of a section; told: it is said to hold examples, so that any labels that repeat count.
Output     example_spans: (start, end) of each, in order. statement_runs: the same as numbers of the section's statements.
Guarantees a last one that is still to be filled in ("User: {question}") is none, and so is a paragraph between two or behind
           the last that has none of their labels: it may be an order. Questions and answers that no one announces are facts,
           not examples. Linear in the text.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dspy_programs.budget.prompts.literals import placeholders
from dspy_programs.budget.prompts.statements import Statement, outside_fences

EXAMPLE_HEADING = re.compile(
    r"\b(?:examples?|samples?|demonstrations?|few.?shots?|beispiele?|exemples?|ejemplos?|esemp[io]+|exemplos?|"
    r"voorbeeld\w*)\b|пример\w*|例|示例|예시|예제",
    re.IGNORECASE,
)
_WORD = (
    r"(?:examples?|samples?|shots?|demonstrations?|beispiel|exemple|ejemplo|esempio|exemplo|voorbeeld|пример|例|示例|예시|예제)"
)
_TAG = re.compile(r"<(/?)([^\W\d][\w.:-]{0,60})(?:\s[^<>\n]{0,200})?>")
_EXAMPLE_TAG = re.compile(rf"(?:{_WORD[:-1]}|ex)[_-]?\d*)", re.IGNORECASE)
_HEADER = re.compile(
    rf"[ \t]*(?:#{{1,6}}[ \t]+|[*_\[(]{{1,2}})?(?:few.?shot[ \t]+)?{_WORD}[ \t]*"
    r"(?:(?:n[ro]?\.?|#)?[ \t]*(?:\d{1,3}|[A-Z])(?!\w)[\])*_]*[ \t]*(?:[:：.)–—-].*)?|[*_]*[:：][*_ \t]*)",
    re.IGNORECASE,
)
_BREAK = re.compile(r"[ \t]*(?:</?[^\W\d]|#{1,6}[ \t]|[-=*_]{3,}[ \t]*$)")
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]")
_HEADER_ALONE = re.compile(r"[^:：]*+[:：.)]?[*_\]) \t]*")
_LABEL = re.compile(
    r"[ \t>*_#-]*([^\W\d_][\w ]{0,30}?(?=[ \t\d]*[:：])|[^\W\d_](?=\d*\.))[ \t]*+\d{0,3}[ \t]*+[:.：]"
    r"|[ \t]*<([A-Za-z][\w-]*)[^<>\n]*>"
)
_ASKS = re.compile(
    r"user|human|customer|input|utilisateur|entrée|nutzer|benutzer|kunde|eingabe|usuario|usuário|cliente?|entrada|utente|"
    r"gebruiker|invoer|пользователь|клиент|ввод|ユーザー|入力|用户|用戶|输入|輸入|사용자|입력",
    re.IGNORECASE,
)
_ANSWERS = re.compile(
    r"assistant|ai|bot|model|agent|output|assistante?|sortie|réponse|assistent|ausgabe|antwort|asistente|salida|respuesta|"
    r"assistente|uscita|risposta|saída|resposta|uitvoer|antwoord|ассистент|ответ|вывод|アシスタント|出力|回答|助手|输出|輸出|"
    r"어시스턴트|출력",
    re.IGNORECASE,
)


class _Line(NamedTuple):
    """start, end: without the line break; label: in small letters, "" for none and in code; begins: a blank line is before."""

    start: int
    end: int
    text: str
    label: str
    begins: bool


def example_spans(content: str, told: bool = False) -> list[tuple[int, int]]:
    """Return where the examples of a section stand."""
    found = _tagged(content, told)
    if not found:
        lines = _lines(content)
        headers = _headers(lines)
        found = list(_spans(lines, headers or _openers(lines, told), bool(headers), told))
    return [(start, end) for start, end in found if not _is_unfilled(content[start:end])]


def statement_runs(said: Sequence[Statement], content: str, told: bool) -> list[range]:
    """Return the statements of each example; one that reaches beyond an example is in none."""
    runs, at = [], 0
    for start, end in example_spans(content, told):
        while at < len(said) and said[at].start < start:
            at += 1
        first = at
        while at < len(said) and said[at].start + len(content[said[at].start : said[at].end].rstrip()) <= end:
            at += 1
        if at > first:
            runs.append(range(first, at))
    return runs


def _is_unfilled(text: str) -> bool:
    return bool(placeholders(text)) or text.rstrip("*_ \t\n").endswith((":", "："))


def _tagged(content: str, told: bool) -> list[tuple[int, int]]:
    tags = list(_TAG.finditer(content))
    opened = Counter(tag[2] for tag in tags if not tag[1])
    names = {name for name in opened if _EXAMPLE_TAG.fullmatch(name) and not name.lower().endswith("s")}
    if told and not names:
        names = {next((name for name in opened if opened[name] > 1), "")}
    found, name, start, depth = [], "", 0, 0
    for tag in tags:
        if not name and tag[2] in names and not tag[1]:
            name, start, depth = tag[2], tag.start(), 0
        if tag[2] == name:
            depth += -1 if tag[1] else 1
            if not depth:
                found.append((start, tag.end()))
                name = ""
    return found


def _lines(content: str) -> list[_Line]:
    texts = content.split("\n")
    is_open = set(outside_fences(texts))
    found: list[_Line] = []
    at, begins = 0, True
    for number, text in enumerate(texts):
        label = _LABEL.match(text) if number in is_open else None
        if text.strip():
            found.append(_Line(at, at + len(text), text, "".join(label.groups("")).casefold() if label else "", begins))
        begins = not text.strip() and number in is_open
        at += len(text) + 1
    return found


def _headers(lines: Sequence[_Line]) -> list[int]:
    found = [number for number, line in enumerate(lines) if _HEADER.fullmatch(line.text)]
    return found if len(found) > 1 else []


def _openers(lines: Sequence[_Line], told: bool) -> list[int]:
    """Return the lines with the label that opens each example: one that asks and is answered; if told, any that repeats."""
    labels = Counter(line.label for line in lines if line.label)
    if told:
        opener = next((label for label in labels if labels[label] > 1), next(iter(labels), ""))
        is_answered = len(labels) > 1
    else:
        opener = next((label for label in labels if _ASKS.fullmatch(label) and labels[label] > 1), "")
        is_answered = any(_ANSWERS.fullmatch(label) for label in labels if labels[label] > 1)
    return [number for number, line in enumerate(lines) if line.label == opener] if opener and is_answered else []


def _spans(lines: Sequence[_Line], starts: Sequence[int], headed: bool, told: bool) -> Iterator[tuple[int, int]]:
    """Yield the example at each start: its paragraph, and those behind it that begin with a label of the examples."""
    if not starts:
        return
    labels = Counter(line.label for line in lines[starts[0] :])
    seen = {label for label, times in labels.items() if times > 1}
    if told:  # the first one's paragraph shows all labels
        first = lines[starts[0] : starts[1] if len(starts) > 1 else None]
        seen |= {line.label for line in itertools.takewhile(lambda line: line is first[0] or not line.begins, first)}
    seen.discard("")
    for start, after in itertools.zip_longest(starts, starts[1:], fillvalue=len(lines)):
        last = start
        for number in range(start + 1, after):
            line = lines[number]
            is_first = headed and number == start + 1 and bool(_HEADER_ALONE.fullmatch(lines[start].text))
            stops = _BREAK.match(line.text) or (headed and not seen and _ITEM.match(line.text))
            is_part = is_first or (line.label in seen if line.begins or line.label else not stops)
            if not is_part:
                break
            last = number
        yield lines[start].start, lines[last].end
