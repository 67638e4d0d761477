"""A prompt as named sections: read from YAML or split from plain text, and joined again.

YAML       a list of sections, the same under the key `sections`, or a mapping from name to section (or to its text):
           {name, type: system|few_shot|context|instruction, content, priority: int, the lowest is dropped first}.
Text       split at its headings, tags or empty lines (plain_text.py).
Joined     contents in file order, each stripped, with one empty line between two. Nothing else is added: this is the text
           to send.
Raises     UsageError as "file:line: section 'name': field: why".
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from dspy_programs import strict_yaml
from dspy_programs.budget.prompts.plain_text import from_text
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.text_stream import text_in
from dspy_programs.types import Section

_LARGEST_FILE = 2_000_000  # bytes
SEPARATOR = "\n\n"
TEXT_SUFFIXES = {".md", ".markdown", ".txt", ".prompt"}


class SectionType(StrEnum):
    """The four types by name."""

    SYSTEM = "system"
    FEW_SHOT = "few_shot"
    CONTEXT = "context"
    INSTRUCTION = "instruction"


def PromptSection(name: str, content: str, section_type: str = "instruction", priority: int = 0) -> Section:
    """Return a Section; spelled as in other tools of this kind.

    Args:
        name: Its name, unique in the prompt.
        content: Its text.
        section_type: "system", "few_shot", "context" or "instruction".
        priority: The lowest is removed first.

    Returns:
        The section.

    Raises:
        UsageError: A field is invalid.
    """
    return checked({"name": name, "type": str(section_type), "content": content, "priority": priority}, "sections", name)


def joined(sections: Sequence[Section]) -> str:
    """Put a prompt together.

    Args:
        sections: Its parts, in order.

    Returns:
        The text as it is sent: contents with an empty line between two.
    """
    return SEPARATOR.join(content for section in sections if (content := section.content.strip()))


def read_prompt(path: Path | str) -> list[Section]:
    """Read a prompt file.

    Args:
        path: Text if its suffix is .md, .markdown, .txt or .prompt, split at its headings; else YAML or JSON.

    Returns:
        Its sections, in order.

    Raises:
        UsageError: The file cannot be read or has no text, as "file:line: section 'name': field: why".
    """
    path = Path(path)
    text = text_in(path, _LARGEST_FILE, "a prompt")
    sections = from_text(text) if path.suffix.lower() in TEXT_SUFFIXES else from_yaml(text, str(path))
    if not any(section.content.strip() for section in sections):
        raise UsageError(f"{path}: no section has any text; add some")
    return sections


def from_yaml(text: str, where: str = "prompt") -> list[Section]:
    """Return the sections of a YAML text; `where` is the file's name in errors."""
    try:
        found, node = strict_yaml.parse(text)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(
            f"{where}{line}: not YAML: {error.problem} (for plain text use a name ending in .md or .txt)"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not YAML: {' '.join(str(error).split())[:200]}") from error
    if isinstance(found, Mapping) and isinstance(found.get("sections"), (list, dict)):
        node = next(value for key, value in node.value if key.value == "sections")
        found = found["sections"]
    if not isinstance(found, (list, dict)) or not found:
        raise UsageError(f"{where}: give a list of sections, or a mapping from name to section")
    places = node.value if isinstance(found, list) else [key for key, _ in node.value]
    lines = [place.start_mark.line + 1 for place in places]
    records = found if isinstance(found, list) else [section_record(name, value) for name, value in found.items()]
    sections: dict[str, Section] = {}
    for line, record in zip(lines, records, strict=True):
        section = checked(record, f"{where}:{line}", "")
        if section.name in sections:
            raise UsageError(f"{where}:{line}: section {section.name!r}: name: appears twice; give each section its own")
        sections[section.name] = section
    return list(sections.values())


def section_record(name: Any, value: Any) -> Any:
    """Return one entry of a mapping as a record."""
    return {"name": name, **(value if isinstance(value, Mapping) else {"content": value})}


def checked(record: Any, where: str, name: str) -> Section:
    if not isinstance(record, Mapping):
        raise UsageError(f"{where}: a section must be a mapping with name, type, content and priority")
    if not name and record.keys() & {"role", "data", "parts", "kwargs"} and "name" not in record:
        raise UsageError(f"{where}: a chat message, not a section; put the text of the prompt into a .md or .txt file")
    name = name or str(record.get("name", ""))[:60]
    if "content" not in record:
        raise UsageError(f"{where}: section {name!r}: content: missing")
    try:
        return Section.model_validate(dict(record))
    except ValidationError as error:
        raise UsageError(f"{where}: section {name!r}: {first_fault(error, 'section')}") from error
    except TypeError as error:  # a key that is not a string
        raise UsageError(f"{where}: section {name!r}: {error}") from error


def as_yaml(sections: Sequence[Section]) -> str:
    """Return a prompt as the YAML that `read_prompt` reads, long texts as blocks."""
    return yaml.dump({"sections": [s.model_dump() for s in sections]}, Dumper=Blocks, sort_keys=False, allow_unicode=True)


class Blocks(yaml.SafeDumper):
    """YAML with multi-line texts as blocks."""


def block(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Blocks.add_representer(str, block)
