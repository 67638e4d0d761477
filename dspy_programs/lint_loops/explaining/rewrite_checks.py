"""What is wrong with a rewrite of a loop, as far as reading it tells; it is not run.

Input      the code and its rewrite, both whole statements at the left margin; the pattern and what is known (context.py).
Output     a few words: why the rewrite is not to be shown; "" if nothing is wrong.
Guarantees a rewrite without a fault is Python, does not have the pattern, takes nothing from outside that the code does not
           take and all that it takes, gives no value to what it takes from outside, gives one to all that is read afterwards,
           and names and calls nothing that the code does not but a few functions and methods of Python's own that only build
           values. No operator and no statement that changes the flow is new, and nothing in it steers a terminal.
"""

import ast
import builtins
from collections.abc import Mapping, Sequence

from dspy_programs.lint_loops.code.paths import path_of
from dspy_programs.lint_loops.explaining.context import all_placed, bound_names, outside_names, parsed
from dspy_programs.lint_loops.patterns import NESTED, Pattern
from dspy_programs.text import printable

BUILDING = frozenset(
    "len set frozenset list dict tuple str bytes sorted reversed enumerate zip range min max sum any all map filter iter next "
    "bool int isinstance".split()
)
"""Python's own that a mend may call."""
_METHODS = frozenset(
    "append extend add update join get setdefault items keys values pop popleft appendleft extendleft reverse compile match "
    "search fullmatch sub subn findall finditer split combinations from_iterable union intersection difference".split()
)
_CHANGING = frozenset("append extend add update setdefault pop popleft appendleft extendleft reverse".split())
_MODULES = frozenset("itertools collections functools operator re bisect heapq".split())
_FLOW: dict[type[ast.AST], str] = {
    ast.Return: "return",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.Await: "await",
    ast.Global: "global",
    ast.Nonlocal: "nonlocal",
    ast.Raise: "raise",
    ast.Delete: "del",
    ast.ClassDef: "class",
    ast.Try: "try",
    ast.TryStar: "try",
    ast.With: "with",
    ast.AsyncWith: "async with",
    ast.AsyncFor: "async for",
    ast.Assert: "assert",
    ast.Match: "match",
}
_MORE: dict[type[ast.AST], str] = {
    ast.While: "while",
    ast.Break: "break",
    ast.FunctionDef: "def",
    ast.AsyncFunctionDef: "async def",
    ast.Lambda: "lambda",
}
"""What a mend may take away, but not add."""
_OPERATORS = (ast.operator, ast.cmpop, ast.unaryop)
_BUILT_IN = frozenset(dir(builtins))
_MOST = 3  # times as many lines as the code, and a few more


def fault_of(
    rewrite: str, code: str, pattern: Pattern, suggestion: str, types: Mapping[str, str], keeps: Sequence[str] = ()
) -> str:
    """Say what is wrong with a rewrite, "" for nothing."""
    old, new = parsed(code), parsed(rewrite)
    if old is None:
        return "the code itself is not Python"
    if new is None:
        return "it is not Python"
    if not new.body:
        return "it is empty"
    if ast.dump(old) == ast.dump(new):
        return "it is the same code"
    if printable(rewrite) != rewrite:
        return "it has characters that steer a terminal"
    if rewrite.count("\n") > _MOST * code.count("\n") + 10:
        return "it is much longer than the code"
    return (
        _fault_of_names(old, new, keeps)
        or _fault_of_flow(old, new)
        or _still_there(rewrite, code, pattern, suggestion, types, keeps)
        or _fault_of_operators(old, new, pattern)
    )


def new_names(rewrite: str, code: str) -> set[str]:
    """Return the names that a rewrite gives a value and the code does not."""
    old, new = parsed(code), parsed(rewrite)
    return bound_names(new) - bound_names(old) if old is not None and new is not None else set()


def _still_there(
    rewrite: str, code: str, pattern: Pattern, suggestion: str, types: Mapping[str, str], keeps: Sequence[str]
) -> str:
    before, after = ([each.hit.mend for each in all_placed(text, pattern, types, keeps)] for text in (code, rewrite))
    same = before.count(suggestion), after.count(suggestion)
    is_there = same[1] >= same[0] if same[0] else len(after) >= len(before)
    return f"it still has {pattern.name}" if after and is_there else ""


def _fault_of_names(old: ast.Module, new: ast.Module, keeps: Sequence[str]) -> str:
    outside, needed = outside_names(old), outside_names(new)
    made, had = bound_names(new), bound_names(old)
    imported = {alias.asname or alias.name for alias in _imports(new)} - {alias.asname or alias.name for alias in _imports(old)}
    if foreign := [name for name in needed if name not in outside and name not in had]:
        return f"it uses {foreign[0]}, which this code does not have"
    if lost := [name for name in outside if name not in needed and name not in made]:
        return f"it does nothing with {lost[0]}"
    if unset := [name for name in needed if name in had and name not in outside]:
        return f"it reads {unset[0]} before it has a value"
    if changed := sorted((made & set(outside)) - had):
        return f"it gives {changed[0]} another value, which is used outside of the loop"
    if lost := [name for name in keeps if name in had and name not in made]:
        return f"it leaves {lost[0]} without a value, which is used afterwards"
    if foreign_modules := sorted(_modules(new) - _modules(old) - _MODULES):
        return f"it imports {foreign_modules[0]}"
    if stored := sorted(_stored(new) - _stored(old)):
        return f"it changes {stored[0]}, which the code does not"
    if changed := sorted(_changed(new) - _changed(old) - _written(old) - _own_holders(new)):
        return f"it changes {changed[0]}, which the code does not"
    if called := sorted(_called(new) - _called(old) - BUILDING - imported - _METHODS):
        return f"it calls {called[0]}, which the code does not"
    if named := sorted(_built_in(new) - _built_in(old) - BUILDING):
        return f"it uses {named[0]}, which the code does not"
    return ""


def _fault_of_flow(old: ast.Module, new: ast.Module) -> str:
    had, has = _flow(old, _FLOW), _flow(new, _FLOW)
    if more := sorted(has - had) or sorted(_flow(new, _MORE) - _flow(old, _MORE)):
        return f"it has {more[0]}, and the code has none"
    if less := sorted(had - has):
        return f"it has no {less[0]}, and the code has one"
    return ""


def _flow(module: ast.Module, kinds: Mapping[type[ast.AST], str]) -> set[str]:
    return {kinds[type(each)] for each in ast.walk(module) if type(each) in kinds}


def _fault_of_operators(old: ast.Module, new: ast.Module, pattern: Pattern) -> str:
    """A search for equals may become a look-up or a count, and `if ...: continue` the contrary; nothing else is new."""
    if pattern is NESTED:
        return ""
    had, has = ({type(each) for each in ast.walk(one) if isinstance(each, _OPERATORS)} for one in (old, new))
    turned = any(isinstance(each, ast.Continue) for each in ast.walk(old))
    more = sorted(each.__name__ for each in has - had if not (turned and issubclass(each, ast.cmpop | ast.Not)))
    return f"it has the operator {more[0]}, and the code has none" if more else ""


def _imports(module: ast.Module) -> list[ast.alias]:
    return [each for each in ast.walk(module) if isinstance(each, ast.alias)]


def _modules(module: ast.Module) -> set[str]:
    """Return the modules that code imports, or imports from; a relative one with its dots."""
    found = {alias.name for each in ast.walk(module) if isinstance(each, ast.Import) for alias in each.names}
    return found | {"." * each.level + (each.module or "") for each in ast.walk(module) if isinstance(each, ast.ImportFrom)}


def _stored(module: ast.Module) -> set[str]:
    """Return the attributes and items that code assigns."""
    return {
        ast.unparse(each.value) if isinstance(each, ast.Subscript) else path_of(each) or ast.unparse(each)
        for each in ast.walk(module)
        if isinstance(each, ast.Attribute | ast.Subscript) and not isinstance(each.ctx, ast.Load)
    } - _own_holders(module)


def _changed(module: ast.Module) -> set[str]:
    """Return whose contents code changes by a method; of what is reached from a name, the name."""
    calls = (each.func for each in ast.walk(module) if isinstance(each, ast.Call))
    return {_root(each.value) for each in calls if isinstance(each, ast.Attribute) and each.attr in _CHANGING}


def _written(module: ast.Module) -> set[str]:
    """Return what code gives a value, or items."""
    targets = (
        each
        for each in ast.walk(module)
        if isinstance(each, ast.expr) and not isinstance(getattr(each, "ctx", ast.Load()), ast.Load)
    )
    return {_root(each) for each in targets}


def _root(node: ast.expr) -> str:
    """Return the name that a value is reached from; of self, the attribute."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute) and path_of(node) == f"self.{node.attr}":
            return f"self.{node.attr}"
        inner = node.func if isinstance(node, ast.Call) else getattr(node, "value", None)
        if not isinstance(inner, ast.expr):
            return ast.unparse(node)
        node = inner
    return node.id


def _own_holders(module: ast.Module) -> set[str]:
    """Return the names that code itself gives a value: their items may change."""
    outside = set(outside_names(module))
    return {name for name in bound_names(module) if name not in outside}


def _built_in(module: ast.Module) -> set[str]:
    return {each.id for each in ast.walk(module) if isinstance(each, ast.Name) and each.id in _BUILT_IN}


def _called(module: ast.Module) -> set[str]:
    """Return the names of the functions and methods that code calls; a name that it gives a value itself is its own matter."""
    found = set()
    own = bound_names(module)
    for each in ast.walk(module):
        if isinstance(each, ast.Call):
            if isinstance(each.func, ast.Name) and (each.func.id in _BUILT_IN or each.func.id not in own):
                found.add(each.func.id)
            elif isinstance(each.func, ast.Attribute):
                found.add(each.func.attr)
    return found
