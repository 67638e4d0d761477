"""What a file in any language but Python imports, as it is written there.

Limits     read line by line: an import inside a comment of several lines counts as one.
"""

import re
from collections.abc import Iterator

_QUOTED = r"""[ \t]{0,9}\(?[ \t]{0,9}['"]([^'"\n]+)['"]"""
_JAVASCRIPT = rf"\b(?:from|import|require){_QUOTED}"
_JAVA = r"^[ \t]*import\s+(?:static\s+)?([\w.*]+)"
_C = r"""^[ \t]*#[ \t]*(?:include|import)[ \t]*[<"]([^>"\n]+)[>"]"""
_IMPORTS = {
    "javascript": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "tsx": _JAVASCRIPT,
    "java": _JAVA,
    "kotlin": _JAVA,
    "scala": _JAVA,
    "swift": r"^[ \t]*(?:@\w+\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?([\w.]+)",
    "c": _C,
    "cpp": _C,
    "csharp": r"^[ \t]*(?:global\s+)?using\s+(?:static\s+)?(?:\w+\s*=\s*)?([\w.]+)\s*;",
    "go": r"""^(?:import)?[ \t]+(?:[\w.]+[ \t]+)?"([^"\n]+)""",
    "rust": r"^[ \t]*(?:pub(?:\([\w ]+\))?\s+)?use\s+([\w:]*\w)",
    "ruby": rf"^[ \t]*(?:require|require_relative|load){_QUOTED}",
    "php": (
        r"^[ \t]*(?:use[ \t]+(?:(?:function|const)[ \t]+)?|(?:require|include)(?:_once)?[ \t]{0,9}\(?[ \t]{0,9}['\"])"
        r"([\w\\./-]+)"
    ),
    "bash": r"^[ \t]*(?:source|\.)[ \t]+(\S+)",
    "lua": rf"\brequire{_QUOTED}",
}
_COMPILED = {language: re.compile(pattern, re.M) for language, pattern in _IMPORTS.items()}
_LONGEST = 200  # characters


def imports_in(text: str, language: str) -> list[str]:
    """Return what a file imports, each once, in its order; [] for a language that is not known here."""
    wanted = _COMPILED.get(language)
    if wanted is None:
        return []
    if language == "go":  # other lines may hold nothing but a text, too
        text = "\n".join(_importing(text))
    return list(dict.fromkeys(name for name in wanted.findall(text) if len(name) <= _LONGEST))


def _importing(text: str) -> Iterator[str]:
    """Yield the lines of Go's imports, also those in brackets."""
    inside = False
    for line in text.split("\n"):
        if inside or line.startswith("import"):
            yield line
            inside = not line.startswith(")") if inside else line.rstrip().endswith("(")
