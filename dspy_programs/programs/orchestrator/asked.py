"""What a query about a repository names: quoted texts, identifiers, paths; and its words, with typing errors mended."""

import re
from functools import cached_property

from pydantic import JsonValue

from dspy_programs.programs.orchestrator.known_values import Place, written_paths
from dspy_programs.spelling import spelled_right

_QUOTED = re.compile(r"`([^`\n]+)`|\"([^\"\n]+)\"|(?<![\w'])'([^'\n]+)'(?!\w)")
_IDENTIFIER = re.compile(
    r"(?<![\w./$-])(?:[A-Za-z_]\w*\.)*(?:[A-Za-z]+_\w+|_\w+|[a-z]+[a-z0-9]*[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|[A-Z]{2,}[a-z]\w+)"
    r"(?:\.\w+)*|(?<![\w./$-])[A-Za-z_]\w*(?:\.[A-Za-z_]\w+)+|(?<![\w./$-])[A-Za-z_]\w*(?=\(\))"
)
_KIND = "function|method|class|def|struct|type|interface|trait|enum|fixture|decorator|constant|helper|func|fn|variable"
_AFTER_KIND = re.compile(
    rf"\b(?:{_KIND})\s+(?:called |named )?(?!(?:that|which|for|in|of|is|to|does|from|with|where|and|we|"
    rf"by)\b)([A-Za-z_]\w{{2,}})"
)
_BEFORE_KIND = re.compile(rf"\b(?:the|our|that|this|of|is|does|me)\s+([A-Za-z_]\w{{2,}})\s+(?:{_KIND})\b")
_DEFINED = re.compile(
    r"\b(?:where|how)(?:'s| is)\s+([A-Za-z_]\w{3,})\s+(?:defined|declared|implemented)\b"
    r"|\b(?:body|source|definition|implementation|source code) of\s+(?!the |this |that |a )([A-Za-z_]\w{2,})"
)
_CAPITAL = re.compile(r"(?<=[a-z,] )([A-Z][a-z]+[a-z0-9]*)\b(?!')")
_METHOD_OF = re.compile(
    r"\b([A-Za-z_]\w*)(?:\(\))?(?: method| function) (?:of|in|from|on) (?:the |class )*([A-Z]\w+)"
    r"|\bmethod ([A-Za-z_]\w*) (?:of|in|from|on) (?:the |class )*([A-Z]\w+)|\b([a-z]\w*_\w*) of (?:the |class )*([A-Z]\w+)"
)
_NO_NAMES = frozenset(
    "Python JavaScript TypeScript JSON YAML TOML HTML CSS README TODO FIXME English Git GitHub Docker Go Rust Java Windows "
    "Linux".split()
)
_NOT_ONE = frozenset(
    "the a an each every any this that our main new same which what one other test whole entire next first last all "
    "only".split()
)
_FOLDER = re.compile(
    r"\b([\w-]{2,}) (?:folder|directory|dir|package|module|subfolder)\b|\b(?:folder|directory|dir|package|module) ([\w-]{2,})"
    r"|\b(?:in|under|inside|below|within|from|of) (?:the |our |my )?([\w-]{2,})(?![\w./(-])|\b([\w-]{2,})$"
)
_FILE = re.compile(r"\b(?:summari[sz]e|explain|describe|file|module) (?:the )?([\w-]{3,})\b|\b([\w-]{3,}) (?:file|module)\b")
_VOCABULARY = (
    "where which function method class files folder directory structure tests command install summarize summarise explain "
    "overview traceback error crash crashed usages references rename remove delete refactor implement replace update "
    "convert create search index commit revert branch please layout definition coming"
).split()
_SUFFIX = re.compile(
    r"\.(?:py|pyi|js|ts|tsx|jsx|go|rs|md|rst|toml|json|ya?ml|log|patch|diff|txt|sh|cfg|ini|c|h|cpp|hpp|java|rb|html|css|"
    r"sql|err|out)$"
)


class Asked:
    """A query and the place that it is about."""

    def __init__(self, query: str, place: Place) -> None:
        self.query, self.place = query.strip(), place

    @cached_property
    def low(self) -> str:
        """The query in small letters, with the words that say what to do spelled right."""
        return spelled_right(self.query, _VOCABULARY, self._is_name)

    @cached_property
    def bare(self) -> str:
        """That without the quoted texts."""
        return " ".join(_QUOTED.sub(" ", self.low).split())

    def _is_name(self, word: str) -> bool:
        """Return whether the workspace has a word, too."""
        return word in self.place.names and self.query.casefold().count(word) < self.place.said.count(word)

    @cached_property
    def quoted(self) -> list[str]:
        return [next(filter(None, groups)) for groups in _QUOTED.findall(self.query)]

    @cached_property
    def paths(self) -> list[str]:
        """What is written as a path, or spoken of as a folder or a file that the workspace shows."""
        bare, named = _QUOTED.sub(" ", self.query), self.place.named
        texts = [text for text in written_paths(self.query) if f"{text}(" not in self.query and (named(text) or _is_path(text))]
        texts += [text for text in self.quoted if named(text)]
        texts += [text for groups in _FOLDER.findall(bare) for text in groups if f"{text.casefold()}/" in self._folders]
        texts += [text for groups in _FILE.findall(bare) for text in groups if text and named(text)]
        return list(dict.fromkeys(texts))

    @cached_property
    def _folders(self) -> set[str]:
        return {folder.casefold().rstrip("/").rpartition("/")[2] + "/" for folder in self.place.folders}

    @cached_property
    def identifiers(self) -> list[str]:
        """What is written like code: dotted, with a hump, with an underscore, or called."""
        return [name for name in _IDENTIFIER.findall(_QUOTED.sub(" ", self.query)) if not self._is_of_path(name)]

    @cached_property
    def names(self) -> list[str]:
        """The names of definitions: a method of a class, quoted ones, identifiers, what is called a function or a class."""
        bare = _QUOTED.sub(" ", self.query)
        found = [f"{groups[at + 1]}.{groups[at]}" for groups in _METHOD_OF.findall(bare) for at in (0, 2, 4) if groups[at]]
        found += [text.removesuffix("()") for text in self.quoted if re.fullmatch(r"[A-Za-z_][\w.]*(?:\(\))?", text)]
        found += self.identifiers
        spoken = [*_AFTER_KIND.findall(bare), *_BEFORE_KIND.findall(bare), *filter(None, sum(_DEFINED.findall(bare), ()))]
        found += [name for name in spoken if name.lower() not in _NOT_ONE]
        found += [name for name in _CAPITAL.findall(bare) if name not in _NO_NAMES]
        return [name for name in dict.fromkeys(found) if not self._is_of_path(name)]

    def _is_of_path(self, name: str) -> bool:
        return any(name in path for path in self.paths) or _is_path(name)

    @property
    def in_path(self) -> dict[str, JsonValue]:
        """The first path, as an argument."""
        return {"path": self.paths[0]} if self.paths else {}

    def is_folder(self, text: str) -> bool:
        return any(found.endswith("/") for found in self.place.named(text)) or text.endswith("/")


def _is_path(text: str) -> bool:
    return "/" in text.strip("/") or _SUFFIX.search(text) is not None
