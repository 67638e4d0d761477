"""What a piece of code does, by rules: its docstring's first sentence, what goes in and out, what it raises, calls and changes.

Guarantees one to four sentences; a name in backticks stands in the code. Python is read by its syntax tree, any other language
           by the comment that it begins with and the lines that look like definitions. Nothing is run.
"""

import ast
import re
import textwrap
import warnings
from collections.abc import Sequence
from typing import Literal

from dspy_programs.programs.code_summarizer.other_languages import said_of_other_language
from dspy_programs.programs.code_summarizer.python_facts import Facts, facts_of
from dspy_programs.programs.code_summarizer.wording import first_sentence, listed

MOST_SENTENCES = 4
Part = Literal["in and out", "raises", "effects", "calls", "members"]
_ASKED: tuple[tuple[Part, str], ...] = (
    ("raises", r"rais|exception|error|fail|throw|wrong"),
    ("effects", r"side.effect|chang|modif|writ|mutat|sets?\b|touch|stor|delet"),
    ("in and out", r"return|output|giv|yield|take|argument|parameter|input|accept|pass"),
    ("calls", r"call|uses?\b|depend|rel(?:y|ies)"),
    ("members", r"method|field|attribut|define|contain|offer"),
)


def summary_by_rules(code: str, ask: str = "", language: str = "") -> str:
    """Summarize a piece of code. language: "python", "go", ...; Python is tried if it is not said."""
    text = textwrap.dedent(code.expandtabs(4)).strip("\n")
    if not text.strip():
        return "There is no code."
    if language in ("", "python") and (facts := facts_in(text)) is not None:
        said = [each for each in (first_sentence(facts.doc), *facts_said(facts, ask)) if each]
        return " ".join(said[:MOST_SENTENCES]) or "It defines nothing."
    return " ".join(said_of_other_language(text)[:MOST_SENTENCES])


def facts_in(text: str) -> Facts | None:
    """Return what Python code does, None if it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read
            return facts_of(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


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
        return f"{listed(needed)}, and optionally {listed(optional)}"
    return listed(needed) or (f"{listed(optional)} ({'all ' if len(optional) > 1 else ''}optional)" if optional else "")


def _gives(facts: Facts) -> str:
    if facts.is_generator and facts.kind != "context manager":
        return f"yields {listed([f'`{each}`' for each in facts.yields], 2) or 'nothing'}"
    if facts.kind == "context manager":
        return f"hands its block {listed([f'`{each}`' for each in facts.yields if each != 'None'], 1) or 'nothing'}"
    results = [each for each in facts.results if each != "None"]
    of_type = f"a `{facts.returned_type}`" if facts.returned_type and facts.returned_type != "None" else ""
    if not results:
        return f"returns {of_type}" if of_type and facts.kind == "abstract method" else "returns nothing"
    if set(results) <= {"True", "False"}:
        return "returns true or false"
    shown = [f"`{each}`" for each in results if not each.endswith("...") and each not in ("True", "False")]
    said = listed(shown[-3:], 3, "or") or of_type or "a value"
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
    said = [f"{what} {listed([each for each in why if each], 3, 'or')}".strip() for what, why in reasons.items()]
    return f"It raises {listed(said, 3)}." if said else ""


def _effects(facts: Facts) -> str:
    said, others = [], facts.effects
    for verb in ("sets", "changes"):
        named = [each.removeprefix(f"{verb} ") for each in others if each.startswith(f"{verb} `") and each.endswith("`")]
        others = [each for each in others if f"{verb} " not in each or each.removeprefix(f"{verb} ") not in named]
        said += [f"{verb} {listed(named)}"] if named else []
    return f"It {listed([*said, *others])}." if said or others else ""


def _calls(facts: Facts) -> str:
    said = " ".join([*facts.results, *facts.yields, *(name for name, _ in facts.raises)])
    others = [f"`{name}`" for name in facts.calls if name not in said]
    return f"It calls {listed(others, 3)}." if others else ""


def _of_class(facts: Facts) -> dict[Part, str]:
    bases = f", a {listed([f'`{base}`' for base in facts.bases], 2)}," if facts.bases else ""
    takes = _takes(facts)
    made = f"The class `{facts.name}`{bases} is made from {takes}." if takes else ""
    members = [_members("field", facts.fields), _members("method", facts.functions)]
    has = (
        f"{'It' if made else f'The class `{facts.name}`{bases}'} has {listed([each for each in members if each])}."
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
    return f"the {plural if len(names) > 1 else kind} {listed([f'`{name}`' for name in names])}"


def _of_module(facts: Facts) -> dict[Part, str]:
    members = [_members("class", facts.classes), _members("function", facts.functions), _members("name", facts.fields)]
    return {
        "members": f"It defines {listed([each for each in members if each])}." if any(members) else "",
        "raises": _raises(facts),
        "effects": _effects(facts),
        "calls": _calls(facts),
    }
