"""What Python code does, as far as its syntax tree tells: what it takes and gives, raises, calls and changes.

Guarantees the code is never run. What a function inside of another does is not counted as the outer one's.
"""

import ast
from dataclasses import dataclass, field

from dspy_programs.programs.code_summarizer.python_code import Found, code_of, flat

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Facts:
    """raises: (exception, condition as code or ""); results: expressions, as code; effects: in words, what follows "it"."""

    name: str = ""
    kind: str = "function"
    doc: str = ""
    takes: list[str] = field(default_factory=list)
    optional: list[str] = field(default_factory=list)
    type_of: dict[str, str] = field(default_factory=dict)
    returned_type: str = ""
    results: list[str] = field(default_factory=list)
    yields: list[str] = field(default_factory=list)
    is_generator: bool = False
    raises: list[tuple[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)


def facts_of(tree: ast.Module) -> Facts:
    """Return the facts of the only definition there is, or of all the code."""
    body = [each for each in tree.body if not isinstance(each, (ast.Import, ast.ImportFrom)) and not _is_doc(each)]
    if len(body) == 1 and isinstance(body[0], Function):
        return function_facts(body[0])
    if len(body) == 1 and isinstance(body[0], ast.ClassDef):
        return _class_facts(body[0])
    found = Found(tree, [])
    facts = Facts(kind="module", doc=ast.get_docstring(tree) or "", effects=found.effects, calls=found.calls)
    facts.raises, facts.results = found.raises, found.results
    facts.classes = [each.name for each in body if isinstance(each, ast.ClassDef)]
    facts.functions = [each.name for each in body if isinstance(each, Function)]
    facts.fields = list(dict.fromkeys(name for each in body for name in _names_set(each)))
    return facts


def function_facts(node: Function) -> Facts:
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    needed = len(plain) - len(given.defaults)
    names = [each.arg for each in plain]
    by_name = {each.arg: default is None for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)}
    takes = [*names[:needed], *(name for name, is_needed in by_name.items() if is_needed)]
    optional = [*names[needed:], *(name for name, is_needed in by_name.items() if not is_needed)]
    takes += [f"*{each.arg}" for each in [given.vararg] if each] + [f"**{each.arg}" for each in [given.kwarg] if each]
    if takes and takes[0] in ("self", "cls", "mcs"):
        takes = takes[1:]
    types = {each.arg: code_of(each.annotation).strip("'") for each in (*plain, *given.kwonlyargs) if each.annotation}
    found = Found(node, [name.strip("*") for name in (*takes, *optional)])
    return Facts(
        name=node.name,
        kind=_kind_of(node),
        doc=ast.get_docstring(node) or "",
        takes=takes,
        optional=optional,
        type_of=types,
        returned_type=code_of(node.returns).strip("'") if node.returns else "",
        results=found.results,
        yields=found.yields,
        is_generator=found.is_generator,
        raises=found.raises,
        calls=found.calls,
        effects=found.effects,
    )


def _kind_of(node: Function) -> str:
    marks = {code_of(each).rpartition(".")[2].partition("(")[0] for each in node.decorator_list}
    for mark, kind in (
        ("property", "property"),
        ("cached_property", "property"),
        ("contextmanager", "context manager"),
        ("asynccontextmanager", "context manager"),
        ("abstractmethod", "abstract method"),
        ("overload", "overload"),
    ):
        if mark in marks:
            return kind
    return "coroutine" if isinstance(node, ast.AsyncFunctionDef) else "function"


def _class_facts(node: ast.ClassDef) -> Facts:
    methods = [each for each in node.body if isinstance(each, Function)]
    made = next((function_facts(each) for each in methods if each.name in ("__init__", "__new__")), Facts())
    fields = [each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
    fields += [name for each in node.body if isinstance(each, ast.Assign) for name in _names_set(each)]
    return Facts(
        name=node.name,
        kind="class",
        doc=ast.get_docstring(node) or "",
        takes=made.takes,
        optional=made.optional,
        bases=[code_of(base) for base in node.bases],
        fields=[name for name in fields if not name.startswith("__")],
        functions=[each.name for each in methods if not each.name.startswith("_")],
        raises=made.raises,
    )


def _names_set(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [each.id for target in targets for each in flat(target) if isinstance(each, ast.Name)]


def _is_doc(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
