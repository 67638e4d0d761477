"""Which language a file is in, and where its definitions are in the syntax tree.

Python is read by Python itself. The grammars of all others are inside one wheel, ast-grep-py (the `code` extra).
"""

import re
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

Kind = Literal["class", "function"]
"""class: anything that has definitions of its own in it, such as an interface or a module; function: anything called."""

_SUFFIXES = {
    "python": ".py .pyi .pyw",
    "javascript": ".js .mjs .cjs .jsx",
    "typescript": ".ts .mts .cts",
    "tsx": ".tsx",
    "java": ".java",
    "c": ".c .h",
    "cpp": ".cpp .cc .cxx .c++ .hpp .hh .hxx .h++ .ipp .cu .cuh",
    "csharp": ".cs",
    "go": ".go",
    "rust": ".rs",
    "ruby": ".rb .rake .gemspec",
    "php": ".php",
    "kotlin": ".kt .kts",
    "swift": ".swift",
    "scala": ".scala .sc",
    "bash": ".sh .bash .zsh",
    "lua": ".lua",
}
LANGUAGES = tuple(_SUFFIXES)
_BY_SUFFIX = {suffix: language for language, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_CPP = re.compile(r"^[ \t]*(?:class \w+|namespace\b|template\s*<|public:|private:)", re.M)
_ALSO = {"js": "javascript", "ts": "typescript", "py": "python", "c++": "cpp", "cs": "csharp", "c#": "csharp", "sh": "bash"}
_ALSO |= {"golang": "go", "rs": "rust", "rb": "ruby", "kt": "kotlin", "jsx": "javascript", "shell": "bash"}


class Grammar(NamedTuple):
    """Kinds of nodes that define something."""

    classes: tuple[str, ...]
    functions: tuple[str, ...]


def _grammar(classes: str, functions: str) -> Grammar:
    return Grammar(tuple(classes.split()), tuple(functions.split()))


_JAVASCRIPT = _grammar(
    "class_declaration class",
    "function_declaration generator_function_declaration method_definition arrow_function function_expression",
)
_TYPESCRIPT = _grammar(
    "class_declaration class abstract_class_declaration interface_declaration enum_declaration internal_module "
    "type_alias_declaration module",
    " ".join((*_JAVASCRIPT.functions, "method_signature abstract_method_signature function_signature")),
)
_C = "struct_specifier union_specifier enum_specifier"
GRAMMARS = {
    "python": _grammar("class_definition", "function_definition"),  # for what Python itself refuses
    "javascript": _JAVASCRIPT,
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "java": _grammar(
        "class_declaration interface_declaration enum_declaration record_declaration annotation_type_declaration",
        "method_declaration constructor_declaration compact_constructor_declaration",
    ),
    "c": _grammar(f"{_C} type_definition", "function_definition preproc_function_def"),
    "cpp": _grammar(f"{_C} type_definition class_specifier namespace_definition", "function_definition preproc_function_def"),
    "csharp": _grammar(
        "namespace_declaration file_scoped_namespace_declaration class_declaration struct_declaration interface_declaration "
        "enum_declaration record_declaration",
        "method_declaration constructor_declaration property_declaration local_function_statement delegate_declaration",
    ),
    "go": _grammar("type_spec", "function_declaration method_declaration"),
    "rust": _grammar(
        "mod_item struct_item enum_item union_item trait_item impl_item type_item",
        "function_item function_signature_item macro_definition",
    ),
    "ruby": _grammar("module class", "method singleton_method"),
    "php": _grammar(
        "class_declaration interface_declaration trait_declaration enum_declaration", "function_definition method_declaration"
    ),
    "kotlin": _grammar("class_declaration object_declaration companion_object type_alias", "function_declaration"),
    "swift": _grammar(
        "class_declaration protocol_declaration", "function_declaration init_declaration protocol_function_declaration"
    ),
    "scala": _grammar(
        "object_definition class_definition trait_definition enum_definition", "function_definition function_declaration"
    ),
    "bash": _grammar("", "function_definition"),
    "lua": _grammar("", "function_declaration function_definition"),
}


def language_of(path: str, text: str = "") -> str:
    """Return the language that a file's name says; "" for any other text. A header of C with classes in it is C++."""
    language = _BY_SUFFIX.get(PurePosixPath(path).suffix.lower(), "")
    return "cpp" if language == "c" and path.endswith(".h") and _CPP.search(text) else language


def language_named(name: str) -> str | None:
    """Return the language that people call so: js is javascript. None if there is none."""
    name = name.lower()
    return name if name in _SUFFIXES else _ALSO.get(name)
