"""What a piece of code does, by rules: its docstring's first sentence, what goes in and out, what it raises, calls and changes.

Guarantees one to four sentences; a name in backticks stands in the code. Python is read by its syntax tree, any other language
           by the comment that it begins with and the lines that look like definitions. Nothing is run.
"""

import ast
import keyword
import re
import textwrap
import warnings
from collections.abc import Sequence
from typing import Literal

from dspy_programs.programs.code_summarizer.python_facts import Facts, facts_of
from dspy_programs.text import quantity, sentences, shortened

MOST_SENTENCES = 4
Part = Literal["in and out", "raises", "effects", "calls", "members"]
_LONGEST_SENTENCE = 240  # characters of a docstring's first sentence
_MOST_NAMED = 4
_ASKED: tuple[tuple[Part, str], ...] = (
    ("raises", r"rais|exception|error|fail|throw|wrong"),
    ("effects", r"side.effect|chang|modif|writ|mutat|sets?\b|touch|stor|delet"),
    ("in and out", r"return|output|giv|yield|take|argument|parameter|input|accept|pass"),
    ("calls", r"call|uses?\b|depend|rel(?:y|ies)"),
    ("members", r"method|field|attribut|define|contain|offer"),
)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_QUOTED = re.compile(r"`([^`]+)`")
_LIKE_CODE = re.compile(r"\b[A-Za-z]\w*_\w+|\b[A-Za-z_]\w*(?=\(\))")
_COMMON = frozenset(
    (*keyword.kwlist, *"str int float bool bytes list dict set tuple object self null nil undefined true false".split())
)
_ROLE = re.compile(r":[\w:+-]+:`~?\.?([^`<]+?)(?:\s*<[^`>]*>)?`")
_COMMENT = re.compile(r"^\s*(?://[/!]?|#+(?=\s|$)|--|/?\*+)\s?(.*?)(?:\*/)?\s*$")
_NO_COMMENT = re.compile(r"copyright|licen[cs]e|spdx|eslint|-\*-", re.IGNORECASE)
_LONGEST_LINE = 200
_DEFINED = re.compile(
    r"\s*(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\(\w+\))?|override|open|data)\s+)*"
    r"(?:(?:function\*?|func|fn|fun|class|struct|interface|enum|trait|impl|object|module|def|sub|type|namespace)\s+"
    r"(?:\([^)]*\)\s*)?"
    r"|(?:const|let)\s+(?=\w+\s*=\s*(?:async\s*)?(?:\(|\w+\s*=>))"
    r"|(?!return|else|new|await|throw|case|if|for|while|switch|catch)"
    r"[A-Za-z_][\w<>\[\],*&:. ]*\s+[*&]?(?=\w+\([^;]*\{\s*$))(\w+)"
)
_THROWN = re.compile(r"\b(?:throw new ([A-Z]\w+)|(?:throw|raise|throws) ([A-Z]\w*(?:Error|Exception)))\b")


def summary_by_rules(code: str, ask: str = "", language: str = "") -> str:
    """Summarize a piece of code. language: "python", "go", ...; Python is tried if it is not said."""
    text = textwrap.dedent(code.expandtabs(4)).strip("\n")
    if not text.strip():
        return "There is no code."
    if language in ("", "python") and (facts := facts_in(text)) is not None:
        said = [each for each in (first_sentence(facts.doc), *facts_said(facts, ask)) if each]
        return " ".join(said[:MOST_SENTENCES]) or "It defines nothing."
    return " ".join(_of_other_language(text)[:MOST_SENTENCES])


def facts_in(text: str) -> Facts | None:
    """Return what Python code does, None if it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read
            return facts_of(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def first_sentence(doc: str) -> str:
    """Return the first sentence of a docstring with names in single backticks, "" if it has none."""
    paragraph = " ".join(doc.strip().split("\n\n")[0].split())
    text = _ROLE.sub(lambda role: f"`{role[1].split('.')[-1]}`", paragraph.replace("``", "`")).replace("*", "")
    found = sentences(text)
    if not found or not re.search(r"[A-Za-z]{2}", found[0]):
        return ""
    sentence = shortened(found[0].rstrip(".:; "), _LONGEST_SENTENCE)
    if sentence.count("`") % 2:
        sentence = sentence.replace("`", "")
    return sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith(("?", "!")) else ".")


def facts_said(facts: Facts, ask: str = "") -> list[str]:
    """Return sentences on what the syntax tree tells; those that the question asks for, if it asks for some."""
    of_kind = {"class": _of_class, "module": _of_module}.get(facts.kind, _of_function)
    said = {part: sentence for part, sentence in of_kind(facts).items() if sentence}
    low = ask.lower()
    asked: list[Part] = [part for part, words in _ASKED if part in of_kind(facts) and re.search(rf"\b(?:{words})", low)]
    if not asked:
        return list(said.values())
    return [said.get(part) or _none_of(part) for part in asked]


def _none_of(part: Part) -> str:
    return {"raises": "It raises nothing itself.", "effects": "It changes nothing itself."}.get(part, "It has none.")


def _of_function(facts: Facts) -> dict[Part, str]:
    subject = f"`{facts.name}`" if facts.kind == "function" else f"The {facts.kind} `{facts.name}`"
    takes, gives = _takes(facts), _gives(facts)
    in_out = f"{subject} takes {takes}, and {gives}." if takes else f"{subject} {gives}."
    return {"in and out": in_out, "raises": _raises(facts), "effects": _effects(facts), "calls": _calls(facts)}


def _takes(facts: Facts) -> str:
    needed = [f"`{name}` (`{facts.type_of[name]}`)" if name in facts.type_of else f"`{name}`" for name in facts.takes]
    optional = [f"`{name}`" for name in facts.optional]
    if needed and optional:
        return f"{_listed(needed)}, and optionally {_listed(optional)}"
    return _listed(needed) or (f"{_listed(optional)} ({'all ' if len(optional) > 1 else ''}optional)" if optional else "")


def _gives(facts: Facts) -> str:
    if facts.is_generator and facts.kind != "context manager":
        return f"yields {_listed([f'`{each}`' for each in facts.yields], 2) or 'nothing'}"
    if facts.kind == "context manager":
        return f"hands its block {_listed([f'`{each}`' for each in facts.yields if each != 'None'], 1) or 'nothing'}"
    results = [each for each in facts.results if each != "None"]
    of_type = f"a `{facts.returned_type}`" if facts.returned_type and facts.returned_type != "None" else ""
    if not results:
        return f"returns {of_type}" if of_type and facts.kind == "abstract method" else "returns nothing"
    if set(results) <= {"True", "False"}:
        return "returns true or false"
    shown = [f"`{each}`" for each in results if not each.endswith("...") and each not in ("True", "False")]
    said = _listed(shown[-3:], 3, "or") or of_type or "a value"
    return f"returns {said}{' or `None`' if 'None' in facts.results else ''}"


def _raises(facts: Facts) -> str:
    reasons: dict[str, list[str]] = {}
    for name, condition in facts.raises:
        what = f"`{name}`" if name else "what it caught"
        caught = condition.removeprefix("except").strip()
        if condition.startswith("except"):
            reasons.setdefault(what if name or not caught else f"`{caught}` again", []).append(
                f"after `{caught}`" if name and caught else ""
            )
        else:
            reasons.setdefault(what, []).append(f"if `{condition}`" if condition and not condition.endswith("...") else "")
    said = [f"{what} {_listed([each for each in why if each], 3, 'or')}".strip() for what, why in reasons.items()]
    return f"It raises {_listed(said, 3)}." if said else ""


def _effects(facts: Facts) -> str:
    said, others = [], facts.effects
    for verb in ("sets", "changes"):
        named = [each.removeprefix(f"{verb} ") for each in others if each.startswith(f"{verb} `") and each.endswith("`")]
        others = [each for each in others if f"{verb} " not in each or each.removeprefix(f"{verb} ") not in named]
        said += [f"{verb} {_listed(named)}"] if named else []
    return f"It {_listed([*said, *others])}." if said or others else ""


def _calls(facts: Facts) -> str:
    said = " ".join([*facts.results, *facts.yields, *(name for name, _ in facts.raises)])
    others = [f"`{name}`" for name in facts.calls if name not in said]
    return f"It calls {_listed(others, 3)}." if others else ""


def _of_class(facts: Facts) -> dict[Part, str]:
    bases = f", a {_listed([f'`{base}`' for base in facts.bases], 2)}," if facts.bases else ""
    takes = _takes(facts)
    made = f"The class `{facts.name}`{bases} is made from {takes}." if takes else ""
    members = [_members("field", facts.fields), _members("method", facts.functions)]
    has = (
        f"{'It' if made else f'The class `{facts.name}`{bases}'} has {_listed([each for each in members if each])}."
        if any(members)
        else ""
    )
    return {
        "in and out": made or ("" if has else f"The class `{facts.name}`{bases} adds nothing."),
        "members": has,
        "raises": _raises(facts),
    }


def _members(kind: str, names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))  # overloads share one
    if not names:
        return ""
    plural = "classes" if kind == "class" else f"{kind}s"
    return f"the {plural if len(names) > 1 else kind} {_listed([f'`{name}`' for name in names])}"


def _of_module(facts: Facts) -> dict[Part, str]:
    members = [_members("class", facts.classes), _members("function", facts.functions), _members("name", facts.fields)]
    return {
        "members": f"It defines {_listed([each for each in members if each])}." if any(members) else "",
        "raises": _raises(facts),
        "effects": _effects(facts),
        "calls": _calls(facts),
    }


def _of_other_language(text: str) -> list[str]:
    lines = text.split("\n")
    said = [doc] if (doc := first_sentence(comment_of(lines))) else []
    defined = [(line, found[1]) for line in lines if (found := _DEFINED.match(line[:_LONGEST_LINE]))]
    if defined:
        head, others = defined[0][0].split("{")[0].strip().replace("`", "'"), [f"`{name}`" for _, name in defined[1:]]
        inside = f", with {_listed(list(dict.fromkeys(others)))}" if others else ""
        said.append(f"It defines `{head}`{inside}.")
    if thrown := list(dict.fromkeys(one or other for one, other in _THROWN.findall(text))):
        said.append(f"It raises {_listed([f'`{name}`' for name in thrown], 3)}.")
    return said or [f"These are {quantity(len(lines), 'line')} that no rule here can read."]


def comment_of(lines: Sequence[str]) -> str:
    """Return the text of the comment that the code begins with."""
    found = []
    for line in lines[1:] if lines and lines[0].startswith("#!") else lines:
        if (match := _COMMENT.match(line)) is None:
            break
        found.append(match[1])
    text = "\n".join(found).strip()
    return "" if _NO_COMMENT.search(text) else text


def _listed(names: Sequence[str], most: int = _MOST_NAMED, last: str = "and") -> str:
    """Return "a, b and c", with how many more there are."""
    if len(names) > most + 1:
        names = [*names[:most], f"{len(names) - most} more"]
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


def foreign_names(text: str, code: str, *others: str) -> list[str]:
    """Return what a text names, in backticks or as code is written, that stands in neither the code nor the other texts."""
    known = _COMMON.union(*(_NAME.findall(each) for each in (code, *others)))
    said = [name for span in _QUOTED.findall(text) for name in _NAME.findall(span)] + _LIKE_CODE.findall(_QUOTED.sub(" ", text))
    return [name for name in dict.fromkeys(said) if name not in known]
