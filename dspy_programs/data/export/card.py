"""The data card of an export, in Markdown: what is in it, where it comes from, under which licences, and what was left out.

Source     the front matter is that of the Hugging Face hub's dataset cards.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dspy_programs.data.export.export import Exported
from dspy_programs.data.export.formats import FORMAT
from dspy_programs.data.folder import DataFolder
from dspy_programs.errors import UsageError
from dspy_programs.text import printable, quantity
from dspy_programs.text_stream import text_in

_LARGEST_META = 1_000_000  # bytes
_LONGEST_CHAIN = 20
_LONGEST = 200  # characters of one value
_SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M")]
_SPLITS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "eval": "validation"}


def card_of(exported: Exported, folder: DataFolder, mark: str, command: str, selection: str) -> str:
    """mark: says that this file may be replaced; command: that made it; selection: which pairs, in words."""
    columns = ", ".join(f"`{name}`" for name in FORMAT[exported.format].columns(exported.seen))
    return "\n".join(
        [
            *_front_matter(exported),
            mark,
            "",
            f"# {exported.dataset}",
            "",
            f"{quantity(exported.rows, 'row')} in the format {exported.format}, of {quantity(exported.pairs, 'pair')} of the "
            f"data set {exported.dataset}. Written {datetime.now(UTC).isoformat(timespec='seconds')} by",
            "",
            "```",
            *_lines(command),
            "```",
            "",
            f"Fields: {columns}.",
            "",
            "## Files",
            "",
            "| file | rows | bytes | sha256 |",
            "|---|---:|---:|---|",
            *(f"| {part.path.name} | {part.rows:,} | {part.bytes:,} | `{part.sha256}` |" for part in exported.parts),
            "",
            "## Selection",
            "",
            selection,
            "",
            *([f"- {count:,} left out: {why}" for why, count in exported.left_out.most_common()] or ["- nothing was left out"]),
            f"- {quantity(exported.edited, 'pair')} as edited by a person",
            "",
            "## Licences",
            "",
            "As the pairs' metadata say; `not said` means that nobody may rely on any.",
            "",
            *(f"- {_cell(licence)}: {quantity(count, 'row')}" for licence, count in exported.licences.most_common()),
            "",
            "## Lineage",
            "",
            *_lineage(folder, exported.dataset),
            "",
        ]
    )


def _front_matter(exported: Exported) -> Iterator[str]:
    said = {licence.lower() for licence in exported.licences}
    only = next(iter(said)) if len(said) == 1 else ""
    sound = only and only != "not said" and all(c.isalnum() or c in ".-" for c in only)
    yield "---"
    yield f"license: {only if sound else 'unknown' if said <= {'not said'} else 'other'}"
    yield f"size_categories: [{next((size for most, size in _SIZES if exported.rows < most), 'n>10M')!r}]"
    yield "configs:"
    yield "- config_name: default"
    yield "  data_files:"
    for part in exported.parts:
        yield f"  - split: {_SPLITS.get(part.name, part.name or 'train').replace('-', '_').replace('.', '_')}"
        yield f"    path: {json.dumps(part.path.name)}"
    yield "---"


def _lineage(folder: DataFolder, name: str) -> Iterator[str]:
    """Yield what is on file about a data set, and about those that it was made from."""
    waiting, seen = [name], set[str]()
    while waiting and len(seen) < _LONGEST_CHAIN:
        each = waiting.pop(0)
        if each in seen:
            continue
        seen.add(each)
        meta = _meta_of(folder, each)
        if meta is None:
            yield f"- {_cell(each)}: nothing is on file about where it comes from"
            continue
        facts = [f"{key} {_cell(value)}" for key, value in meta.items() if key != "name" and value not in (None, "", [], {})]
        yield f"- {_cell(each)}: {'; '.join(facts) or 'nothing is said'}"
        above = meta.get("parents") or meta.get("parent") or []
        waiting += [str(parent) for parent in ([above] if isinstance(above, str) else above if isinstance(above, list) else [])]


def _meta_of(folder: DataFolder, name: str) -> dict[str, Any] | None:
    try:
        path = folder.meta(name)
        found = json.loads(text_in(path, _LARGEST_META, "a data set's record")) if path.is_file() else None
    except (UsageError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _cell(value: Any) -> str:
    """Return a value as text that is no markup and no line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    plain = " ".join(printable(text).split())[:_LONGEST]
    return "".join(f"\\{c}" if c in "\\`*_<>[]|#" else c for c in plain)


def _lines(text: str) -> list[str]:
    return [line.replace("```", "'''") for line in printable(text).splitlines()]
