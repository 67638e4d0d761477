"""A griffe extension for the site: aligned docstrings become Markdown lists, and a class lists its fields.

    lm      spec of the model; without it,        ->    - **lm** spec of the model; without it,
            the one in use                                the one in use

Docstrings in Google's style stay as they are.
"""

import re
from typing import Any

import griffe

ENTRY = re.compile(r"^(?P<name>[A-Za-z_][\w, ]{0,24}?) {2,}(?P<text>\S.*)$")


class ReadableDocstrings(griffe.Extension):
    """Rewrites the docstring of every function and class when it has been read."""

    def on_function_instance(self, *, func: griffe.Function, **_: Any) -> None:
        if func.docstring:
            func.docstring.value = as_markdown(func.docstring.value)

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        if cls.docstring:
            known = as_markdown(cls.docstring.value)
            fields = [field for field in fields_of(cls) if f"**{field.name}**" not in known]
            cls.docstring.value = "\n".join([known, "", *map(field_line, fields)]).rstrip()


def fields_of(cls: griffe.Class) -> list[griffe.Attribute]:
    """Return the annotated names of the class's body without a docstring; those with one have a place of their own.

    What `__init__` alone sets has a value there, and is no attribute of the class.
    """
    annotated = [each for each in cls.attributes.values() if each.annotation and each.is_public and not each.docstring]
    return [each for each in annotated if each.value is None or "class-attribute" in each.labels]


def field_line(field: griffe.Attribute) -> str:
    return f"- **{field.name}** `{field.annotation}`"


def as_markdown(docstring: str) -> str:
    """Turn aligned entries into a list with a blank line before it; lines further in belong to the entry above."""
    lines: list[str] = []
    in_list = False
    for line in docstring.splitlines():
        if entry := ENTRY.match(line):
            lines += [] if in_list else [""]
            lines.append(f"- **{entry['name']}** {entry['text']}")
            in_list = True
        elif in_list and line.startswith("   "):
            lines.append(f"  {line.strip()}")
        else:
            lines += [""] if in_list and line.strip() else []
            lines.append(line)
            in_list = False
    return "\n".join(lines)
